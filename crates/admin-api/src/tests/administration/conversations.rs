use super::*;

#[sqlx::test(migrations = "../store/migrations")]
async fn conversations_of_all_workspaces_are_listed_with_whose_they_are_and_without_what_was_said(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let (one, two) = (world.shop().await, world.shop().await);
    let (first, second) = (talk(&world, &one).await, talk(&world, &two).await);
    let search = async |query: &str| {
        let path = format!("/api/administration/conversations?{query}");
        world.get(&path, &root).await
    };

    let all = search("").await;
    assert!(!all.text.contains("At nine."), "{}", all.text);
    let all = all.ok(200);
    assert_eq!(
        each(&all, "id"),
        [&json!(second.conversation), &json!(first.conversation)]
    );
    assert_eq!(
        each(&all, "workspace_id"),
        [&json!(two.workspace), &json!(one.workspace)]
    );
    assert_eq!(all["items"][0]["workspace_name"], "Shop");
    for (query, expected) in [
        (format!("workspace_id={}", one.workspace), 1),
        (format!("chatbot_id={}", two.chatbot), 1),
        (format!("integration_id={}", two.integration), 1),
        ("platform=twilio".to_owned(), 2),
        ("platform=slack".to_owned(), 0),
        ("handler=human".to_owned(), 0),
        ("handler=bot&contact=ada".to_owned(), 2),
        ("contact=nobody".to_owned(), 0),
        ("handoff_reason=agent".to_owned(), 0),
    ] {
        let found = search(&query).await.ok(200);
        assert_eq!(
            found["items"].as_array().unwrap().len(),
            expected,
            "{query}: {found}"
        );
    }
    let page = search("limit=1").await.ok(200);
    let rest = search(&format!("limit=1&after={}", page["next"].as_str().unwrap()))
        .await
        .ok(200);
    assert_eq!(each(&rest, "id"), [&json!(first.conversation)]);
    assert!(
        activity_of(&world, &one)
            .await
            .iter()
            .all(|entry| entry["action"] != "conversation.read")
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whoever_reads_a_conversation_is_named_in_its_workspaces_activity_and_in_no_others(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let (one, two) = (world.shop().await, world.shop().await);
    let talk = talk(&world, &one).await;
    let path = format!("/api/administration/conversations/{}", talk.conversation);

    let read = world.get(&path, &root).await.ok(200);

    assert_eq!(read["workspace_id"], json!(one.workspace));
    assert_eq!(read["conversation"]["contact"]["name"], "Ada");
    assert_eq!(each(&read["messages"], "text"), ["At nine.", "When do you open?"]);
    let entry = activity_of(&world, &one).await.remove(0);
    assert_eq!(
        (&entry["action"], &entry["target"]),
        (&json!("conversation.read"), &json!(talk.conversation))
    );
    assert_eq!(entry["details"]["messages"], 2);
    assert!(entry["user_id"].is_string());
    assert!(
        activity_of(&world, &two)
            .await
            .iter()
            .all(|entry| entry["action"] != "conversation.read")
    );
    let nowhere = format!("/api/administration/conversations/{}", uuid::Uuid::now_v7());
    world.get(&nowhere, &root).await.problem(404);
    world.get(&path, &one.owner).await.problem(404);
}
