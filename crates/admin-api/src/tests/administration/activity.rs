use super::*;
use std::time::Duration;

#[sqlx::test(migrations = "../store/migrations")]
async fn the_whole_log_is_found_by_who_what_where_and_when(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, own) = world.administrator().await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}", shop.workspace);
    world.clock.advance(Duration::from_secs(3600));
    let later = world.api.now();
    world
        .patch(&path, &shop.owner, json!({"name": "Fern & Kettle"}))
        .await
        .ok(200);
    let search = async |query: &str| {
        let path = format!("/api/administration/activity?{query}");
        world.get(&path, &root).await.ok(200)
    };

    let all = search("").await;
    assert_eq!(
        each(&all, "action"),
        [
            "workspace.rename",
            "integration.create",
            "chatbot.create",
            "installation.setup"
        ]
    );
    assert_eq!(each(&all, "position"), [4, 3, 2, 1]);
    let renamed = &all["items"][0];
    assert_eq!(renamed["workspace_name"], "Fern & Kettle");
    assert_eq!(
        renamed["details"],
        json!({"before": {"name": "Shop"}, "after": {"name": "Fern & Kettle"}})
    );
    assert!(renamed["ip"].is_string() && renamed["request_id"].is_string());
    let user = renamed["user_id"].as_str().unwrap();

    let since = later.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    for (query, expected) in [
        (format!("user_id={user}"), 3),
        ("email=ROOT%40".to_owned(), 1),
        ("action=chatbot".to_owned(), 1),
        ("action=chatbot.create".to_owned(), 1),
        ("action=chat".to_owned(), 0),
        (format!("target={}", shop.chatbot), 1),
        (format!("workspace_id={own}"), 1),
        (format!("since={since}"), 1),
        (format!("until={since}"), 3),
        (format!("until={since}&action=integration"), 1),
    ] {
        let found = search(&query).await;
        assert_eq!(
            found["items"].as_array().unwrap().len(),
            expected,
            "{query}: {found}"
        );
    }
    let first = search("limit=3").await;
    let rest = search(&format!("limit=3&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!(each(&rest, "action"), ["installation.setup"]);
    assert!(rest["next"].is_null());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_log_is_taken_away_as_a_table_in_which_nothing_is_a_formula_and_that_is_noted(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let invite = json!({"email": "a@example.test", "role": "agent"});
    let invitations = format!("/api/workspaces/{}/invitations", shop.workspace);
    world.post(&invitations, &shop.owner, invite).await.ok(201);
    run(
        &world,
        "insert into activity_log (id, action, target) values (gen_random_uuid(), 'x', '=HYPERLINK(1)')"
            .to_owned(),
    )
    .await;

    let answer = world.get("/api/administration/activity.csv", &root).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let mut table = csv::Reader::from_reader(answer.text.as_bytes());
    let header = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().any(|row| &row[column("target")] == "'=HYPERLINK(1)"));
    assert!(rows.iter().any(
        |row| &row[column("action")] == "activity.export" && &row[column("user")] == "root@example.test"
    ));
    let some = world
        .get("/api/administration/activity.csv?action=member&limit=1", &root)
        .await;
    assert_eq!(some.text.lines().count(), 2);
    let none = world
        .get("/api/administration/activity.csv?action=nothing", &root)
        .await;
    assert_eq!(none.text.lines().count(), 1, "{}", none.text);
}
