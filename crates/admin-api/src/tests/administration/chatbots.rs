use super::*;

#[sqlx::test(migrations = "../store/migrations")]
async fn chatbots_of_all_workspaces_are_found_with_how_they_do_and_never_what_they_are_told(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, own) = world.administrator().await;
    let shop = world.shop().await;
    talk(&world, &shop).await;
    let (w, chatbot, integration) = (shop.workspace, shop.chatbot, shop.integration);
    run(
        &world,
        format!(
            "update answers set cost_micros = 250000;
             update chatbots set instructions = 'canary', model = '{{\"base_url\": \"u\", \"model\": \"gpt-x\", \"time_limit_seconds\": 1}}'
                 where id = '{chatbot}';
             insert into integration_logs (id, workspace_id, integration_id, level, event, message)
                 values (gen_random_uuid(), '{w}', '{integration}', 'error', 'send.rejected', 'no such number');
             insert into chatbots (id, workspace_id, name, fallback_text, archived_at)
                 values (gen_random_uuid(), '{own}', 'Old', '', now())"
        ),
    )
    .await;
    let search = async |query: &str| {
        let path = format!("/api/administration/chatbots?{query}");
        world.get(&path, &root).await
    };

    let all = search("").await;
    assert!(!all.text.contains("canary"));
    assert_eq!(all.ok(200)["items"].as_array().unwrap().len(), 2);
    for (query, expected) in [
        ("q=help", 1),
        ("q=shop", 1),
        ("q=owner.", 1),
        ("q=root%40", 1),
        ("q=nobody", 0),
        ("state=archived", 1),
        ("state=active", 1),
        ("state=paused", 0),
        ("platform=twilio", 1),
        ("platform=slack", 0),
        (format!("workspace_id={own}").as_str(), 1),
    ] {
        let found = search(query).await.ok(200);
        assert_eq!(
            found["items"].as_array().unwrap().len(),
            expected,
            "{query}: {found}"
        );
    }
    let found = search("q=help").await.ok(200);
    let bot = &found["items"][0];
    assert_eq!(
        (&bot["workspace_name"], &bot["model"]),
        (&json!("Shop"), &json!("gpt-x"))
    );
    assert_eq!(bot["channels"][0]["platform"], "twilio");
    assert_eq!(bot["last_error"]["event"], "send.rejected");
    assert_eq!((&bot["conversations"], &bot["answers"]), (&json!(1), &json!(1)));
    assert_eq!(bot["cost_usd"], 0.25);
    assert!(bot["last_event_at"].is_string() && bot["owners"][0].as_str().unwrap().starts_with("owner."));
    search("state=asleep").await.problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_chatbot_is_stopped_with_a_reason_that_its_workspace_sees_and_goes_on_with_what_waits(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    run(
        &world,
        format!(
            "update conversations set due_at = now() + interval '1 year' where id = '{}'",
            talk.conversation
        ),
    )
    .await;
    let path = |what: &str| format!("/api/administration/chatbots/{}/{what}", shop.chatbot);
    world.post(&path("resume"), &root, json!({})).await.problem(409);

    let reason = json!({"reason": "it sends advertising"});
    let paused = world.post(&path("pause"), &root, reason.clone()).await.ok(200);
    world.post(&path("pause"), &root, reason).await.problem(409);

    assert_eq!(
        (&paused["state"], &paused["pause_reason"]),
        (&json!("paused"), &json!("it sends advertising"))
    );
    let seen = world
        .get(&format!("/api/chatbots/{}", shop.chatbot), &shop.owner)
        .await
        .ok(200);
    assert_eq!(seen["pause_reason"], "it sends advertising");
    let resumed = world.post(&path("resume"), &root, json!({})).await.ok(200);
    assert_eq!(
        (&resumed["chatbot"]["state"], &resumed["waiting"]),
        (&json!("active"), &json!(1))
    );
    let due: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select due_at from conversations")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(due, world.api.now());
    let activity = activity_of(&world, &shop).await;
    let actions: Vec<_> = activity.iter().take(2).map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["chatbot.resume", "chatbot.pause"]);
    let elsewhere = format!("/api/administration/chatbots/{}/pause", uuid::Uuid::now_v7());
    world
        .post(&elsewhere, &root, json!({"reason": "r"}))
        .await
        .problem(404);
}
