use super::*;

#[sqlx::test(migrations = "../store/migrations")]
async fn a_lead_is_found_in_any_workspace_and_forgotten_with_a_note_there(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let (shop, other) = (world.shop().await, world.shop().await);
    let talk = talk(&world, &shop).await;
    super::super::conversations::talk(&world, &other).await;
    let ada = store::leads::Lead {
        email: Some("ada@example.test".to_owned()),
        fields: [("company".to_owned(), "Fern".to_owned())].into(),
        ..Default::default()
    };
    store::leads::keep(
        &world.db,
        shop.integration.into(),
        "+14155550111",
        &ada,
        true,
        chrono::Utc::now(),
    )
    .await
    .unwrap();
    let search = async |query: &str| {
        let path = format!("/api/administration/leads?{query}");
        world.get(&path, &root).await.ok(200)
    };

    let all = search("").await;
    assert_eq!(each(&all, "email"), ["ada@example.test"]);
    let lead = &all["items"][0];
    assert_eq!(lead["conversation_id"], json!(talk.conversation));
    assert_eq!(
        (&lead["workspace_id"], &lead["platforms"]),
        (&json!(shop.workspace), &json!(["twilio"]))
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

    // Whom a workspace brought in itself is a lead like any other.
    let grace = json!({"name": "Grace", "email": "grace@example.test"});
    let leads = format!("/api/workspaces/{}/leads", other.workspace);
    world.post(&leads, &other.owner, grace).await.ok(201);
    let all = search("").await;
    assert_eq!(each(&all, "email"), ["grace@example.test", "ada@example.test"]);
    let grace = &all["items"][0];
    assert_eq!(
        (&grace["chatbot_id"], &grace["platforms"]),
        (&Value::Null, &json!([]))
    );

    let erase = format!("/api/administration/leads/{}/erase", lead["id"].as_str().unwrap());
    world.post(&erase, &root, json!({})).await.ok(204);

    world.post(&erase, &root, json!({})).await.problem(404);
    assert_eq!(each(&search("").await, "email"), ["grace@example.test"]);
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
