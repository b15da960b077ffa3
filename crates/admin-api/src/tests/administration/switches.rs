//! What administrators allow, and what they tell everybody.

use crate::tests::World;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::PgPool;

const SWITCHES: &str = "/api/administration/switches";
const NOTICE: &str = "/api/administration/notice";

fn switches(change: &Value) -> Value {
    let mut all = json!({
        "everybody_makes_workspaces": true, "tools": true, "mcp_servers": true, "chatbots_per_workspace": null,
    });
    all.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    all
}

#[sqlx::test(migrations = "../store/migrations")]
async fn who_may_make_workspaces_is_switched(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let make = json!({"name": "New"});

    world
        .post("/api/workspaces", &shop.owner, make.clone())
        .await
        .ok(201);
    let off = switches(&json!({"everybody_makes_workspaces": false}));
    world.put(SWITCHES, &root, off).await.ok(200);
    let refused = world.post("/api/workspaces", &shop.owner, make.clone()).await;
    assert!(refused.problem(403).contains("administrators"));
    world.post("/api/workspaces", &root, make).await.ok(201);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_workspace_takes_no_more_chatbots_than_it_may_have(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);
    let bot = format!("/api/chatbots/{}", shop.chatbot);
    let two = switches(&json!({"chatbots_per_workspace": 2}));
    let set = world.put(SWITCHES, &root, two).await.ok(200);
    assert_eq!(set["chatbots_per_workspace"], 2);

    world
        .post(&path, &shop.owner, json!({"name": "Second"}))
        .await
        .ok(201);
    let third = world.post(&path, &shop.owner, json!({"name": "Third"})).await;
    assert!(third.problem(409).contains("2 chatbots at most"));
    let file = json!({"botsmith": 1, "chatbot": {"name": "Third"}});
    world
        .post(&format!("{path}/import"), &shop.owner, file)
        .await
        .problem(409);
    world
        .post(&format!("{bot}/archive"), &shop.owner, json!({}))
        .await
        .ok(200);
    world
        .post(&path, &shop.owner, json!({"name": "Third"}))
        .await
        .ok(201);
    world
        .post(&format!("{bot}/restore"), &shop.owner, json!({}))
        .await
        .problem(409);
    // Another workspace has its own.
    let other = world.shop().await;
    let other_path = format!("/api/workspaces/{}/chatbots", other.workspace);
    world
        .post(&other_path, &other.owner, json!({"name": "Second"}))
        .await
        .ok(201);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn of_many_that_ask_at_once_one_gets_the_last_place(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);
    let two = switches(&json!({"chatbots_per_workspace": 2}));
    world.put(SWITCHES, &root, two).await.ok(200);

    let asked = (0..4).map(|at| world.post(&path, &shop.owner, json!({"name": format!("Bot {at}")})));
    let answers = futures_util::future::join_all(asked).await;

    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn limits_of_the_configuration_file_are_shown_with_whether_they_were_set(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;

    let shown = world.get(SWITCHES, &root).await.ok(200);

    assert_eq!(
        shown["limits"][0],
        json!({"setting": "admin_api.max_upload_bytes", "bytes": 128 * 1024, "is_default": false})
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn everybody_reads_a_notice_while_it_is_due_and_nobody_else_sets_one(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let now = world.api.now();
    let at = |hours: i64| (now + TimeDelta::hours(hours)).to_rfc3339();
    let text = async || world.get("/api/notice", &shop.owner).await.ok(200)["text_de"].clone();
    let planned = |from: i64, until: i64| json!({"text_en": "We are away.", "text_de": "Wir sind weg.", "from": at(from), "until": at(until)});

    assert_eq!(text().await, "");
    world.put(NOTICE, &root, planned(1, 2)).await.ok(200);
    assert_eq!(text().await, "", "it is shown too early");
    world.put(NOTICE, &root, planned(-1, 2)).await.ok(200);
    assert_eq!(text().await, "Wir sind weg.");
    world.put(NOTICE, &root, planned(-2, -1)).await.ok(200);
    assert_eq!(text().await, "", "it is shown too late");
    world.put(NOTICE, &root, planned(2, 1)).await.problem(422);
    world
        .put(NOTICE, &root, json!({"text_en": "", "text_de": "Nur deutsch"}))
        .await
        .problem(422);
    world.put(NOTICE, &shop.owner, planned(-1, 1)).await.problem(404);
    world.put(NOTICE, &root, json!({"text_en": ""})).await.ok(200);
    assert_eq!(world.get(NOTICE, &root).await.ok(200)["text_en"], "");
}
