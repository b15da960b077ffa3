//! Asking for work on a person's data, keeping conversations for a while, and deleting chatbots.

use super::World;
use domain::Role;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn only_an_archived_chatbot_is_deleted_by_its_name_and_then_nobody_brings_it_back(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/chatbots/{}", shop.chatbot);
    let name = world.get(&at, &shop.owner).await.ok(200)["name"].clone();
    let (admin, _) = world.person(shop.workspace, Role::Admin).await;

    world
        .post(&format!("{at}/delete"), &shop.owner, json!({"name": name}))
        .await
        .problem(409);
    world
        .post(&format!("{at}/archive"), &shop.owner, json!({}))
        .await
        .ok(200);
    world
        .post(&format!("{at}/delete"), &shop.owner, json!({"name": "another"}))
        .await
        .problem(422);
    world
        .post(&format!("{at}/delete"), &admin, json!({"name": name}))
        .await
        .problem(403);
    let before = world.get(&at, &shop.owner).await.ok(200);
    let job = world
        .post(&format!("{at}/delete"), &shop.owner, json!({"name": name}))
        .await
        .ok(202);
    let again = world
        .post(&format!("{at}/delete"), &shop.owner, json!({"name": name}))
        .await
        .ok(202);

    assert!(before["deleting_at"].is_null(), "a wrong name has begun it");
    assert_eq!(
        (&job["kind"], &job["state"]),
        (&json!("delete_chatbot"), &json!("due"))
    );
    assert_eq!(again["id"], job["id"]);
    world
        .post(&format!("{at}/restore"), &shop.owner, json!({}))
        .await
        .problem(409);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn how_long_conversations_are_kept_is_set_and_shown(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/chatbots/{}", shop.chatbot);

    let set = world
        .put(&format!("{at}/retention"), &shop.owner, json!({"days": 90}))
        .await
        .ok(200);
    let shown = world.get(&at, &shop.owner).await.ok(200);
    world
        .put(&format!("{at}/retention"), &shop.owner, json!({"days": 0}))
        .await
        .problem(422);
    world
        .put(&format!("{at}/retention"), &shop.owner, json!({"days": null}))
        .await
        .ok(200);
    let kept = world.get(&at, &shop.owner).await.ok(200);

    assert_eq!((&set["days"], &shown["retention_days"]), (&json!(90), &json!(90)));
    assert!(kept["retention_days"].is_null());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_lead_is_erased_once_however_often_it_is_asked_and_by_administrators_only(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/workspaces/{}", shop.workspace);
    let made = world
        .post(&format!("{at}/leads"), &shop.owner, json!({"name": "Ada"}))
        .await
        .ok(201);
    let lead = format!("{at}/leads/{}", made["lead"]["id"].as_str().unwrap());
    let (agent, _) = world.person(shop.workspace, Role::Agent).await;

    world
        .post(&format!("{lead}/erase"), &agent, json!({}))
        .await
        .problem(403);
    let first = world
        .post(&format!("{lead}/erase"), &shop.owner, json!({}))
        .await
        .ok(202);
    let second = world
        .post(&format!("{lead}/erase"), &shop.owner, json!({}))
        .await
        .ok(202);
    let export = world
        .post(&format!("{lead}/export"), &shop.owner, json!({}))
        .await
        .ok(202);
    let jobs = world.get(&format!("{at}/data-jobs"), &shop.owner).await.ok(200);

    assert_eq!(first["id"], second["id"]);
    assert_eq!(jobs["items"].as_array().unwrap().len(), 2);
    assert!(!jobs.to_string().contains("Ada"), "a receipt names the person");
    let file = format!("{at}/data-jobs/{}/file", export["id"].as_str().unwrap());
    world.get(&file, &shop.owner).await.problem(404);
}
