//! Idempotency-Key.

use super::{As, World};
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

async fn post(world: &World, who: &As, path: &str, key: &str, body: Value) -> super::Answer {
    world
        .send(
            world
                .request(Method::POST, path, who)
                .header("idempotency-key", key)
                .json(&body),
        )
        .await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_repeated_post_hears_the_first_answer_and_does_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);

    let first = post(&world, &shop.owner, &path, "k1", json!({"name": "One"})).await;
    let repeat = post(&world, &shop.owner, &path, "k1", json!({"name": "One"})).await;
    let other = post(&world, &shop.owner, &path, "k1", json!({"name": "Two"})).await;
    let elsewhere = post(
        &world,
        &shop.owner,
        &format!("/api/chatbots/{}/archive", shop.chatbot),
        "k1",
        json!({}),
    )
    .await;
    let next = post(&world, &shop.owner, &path, "k2", json!({"name": "One"})).await;

    assert_eq!(first.status, 201);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!((repeat.status, &repeat.text), (first.status, &first.text));
    assert_eq!(repeat.headers["idempotency-replayed"], "true");
    assert_eq!(repeat.headers["content-type"], "application/json");
    other.problem(422);
    elsewhere.problem(422);
    assert_ne!(next.ok(201)["id"], first.json()["id"]);
    let listed = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_request_that_was_refused_may_be_mended_under_the_same_key(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);

    post(&world, &shop.owner, &path, "k1", json!({"name": ""}))
        .await
        .problem(422);

    post(&world, &shop.owner, &path, "k1", json!({"name": "Mended"}))
        .await
        .ok(201);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn of_many_at_once_one_does_the_work(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);

    let sent = (0..12).map(|_| post(&world, &shop.owner, &path, "k1", json!({"name": "Once"})));
    let answers = futures_util::future::join_all(sent).await;

    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty() && made.iter().all(|answer| answer.text == made[0].text));
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 || answer.status == 409)
    );
    let listed = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn keys_of_different_callers_do_not_meet(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (key, _) = world.key(shop.workspace, Role::Admin).await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);

    let ours = post(&world, &shop.owner, &path, "k1", json!({"name": "One"}))
        .await
        .ok(201);
    let theirs = post(&world, &key, &path, "k1", json!({"name": "One"}))
        .await
        .ok(201);

    assert_ne!(ours["id"], theirs["id"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s20_a_secret_that_is_shown_once_is_kept_sealed_and_replayed_to_its_caller(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/api-keys", shop.workspace);
    let body = json!({"name": "ci", "role": "viewer"});

    let first = post(&world, &shop.owner, &path, "k1", body.clone()).await.ok(201);
    let repeat = post(&world, &shop.owner, &path, "k1", body).await.ok(201);

    assert_eq!(first["key"], repeat["key"]);
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select body from idempotency_keys")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    let key = first["key"].as_str().unwrap().as_bytes();
    assert_eq!(stored.len(), 1);
    assert!(
        !stored[0].windows(key.len()).any(|window| window == key),
        "the key lies there in clear"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_workspace_is_made_once_too_and_bad_keys_are_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;

    let first = post(&world, &root, "/api/workspaces", "k1", json!({"name": "Acme"}))
        .await
        .ok(201);
    let repeat = post(&world, &root, "/api/workspaces", "k1", json!({"name": "Acme"}))
        .await
        .ok(201);
    let long = post(
        &world,
        &root,
        "/api/workspaces",
        &"k".repeat(201),
        json!({"name": "Acme"}),
    )
    .await;
    let blank = post(&world, &root, "/api/workspaces", "a b", json!({"name": "Acme"})).await;

    assert_eq!(first["id"], repeat["id"]);
    long.problem(400);
    blank.problem(400);
}
