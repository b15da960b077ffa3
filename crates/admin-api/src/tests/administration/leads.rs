use super::*;

#[sqlx::test(migrations = "../store/migrations")]
async fn a_lead_is_found_in_any_workspace_and_forgotten_with_a_note_there(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let (shop, other) = (world.shop().await, world.shop().await);
    let talk = talk(&world, &shop).await;
    super::super::conversations::talk(&world, &other).await;
    run(
        &world,
        format!(
            "update contacts set email = 'ada@example.test', fields = '{{\"company\": \"Fern\"}}', lead_at = now()
             where integration_id = '{}'",
            shop.integration
        ),
    )
    .await;
    let search = async |query: &str| {
        let path = format!("/api/administration/leads?{query}");
        world.get(&path, &root).await.ok(200)
    };

    let all = search("").await;
    assert_eq!(each(&all, "email"), ["ada@example.test"]);
    let lead = &all["items"][0];
    assert_eq!(lead["conversation_id"], json!(talk.conversation));
    assert_eq!(
        (&lead["workspace_id"], &lead["platform"]),
        (&json!(shop.workspace), &json!("twilio"))
    );
    for (query, expected) in [
        ("q=ADA".to_owned(), 1),
        ("q=nobody".to_owned(), 0),
        ("consented=true".to_owned(), 0),
        ("consented=false".to_owned(), 1),
        (format!("workspace_id={}", other.workspace), 0),
        (format!("chatbot_id={}", shop.chatbot), 1),
        (format!("after={}", lead["id"].as_str().unwrap()), 0),
    ] {
        let found = search(&query).await;
        assert_eq!(
            found["items"].as_array().unwrap().len(),
            expected,
            "{query}: {found}"
        );
    }

    let erase = format!("/api/administration/leads/{}/erase", lead["id"].as_str().unwrap());
    world.post(&erase, &root, json!({})).await.ok(204);

    world.post(&erase, &root, json!({})).await.problem(404);
    assert_eq!(search("").await["items"], json!([]));
    let left: String =
        sqlx::query_scalar("select to_jsonb(c)::text from contacts c where integration_id = $1")
            .bind(shop.integration)
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert!(
        !left.contains("ada@example.test") && !left.contains("Fern") && !left.contains("Ada"),
        "{left}"
    );
    assert_eq!(activity_of(&world, &shop).await[0]["action"], "lead.erase");
}
