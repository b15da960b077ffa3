//! Files that are uploaded to be sent.

use super::{Answer, As, Shop, World, settings};
use crate::Settings;
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand more";

async fn upload(world: &World, shop: &Shop, who: &As, name: &str, bytes: &[u8]) -> Answer {
    let path = format!("/api/chatbots/{}/files?name={name}", shop.chatbot);
    let request = world.request(Method::POST, &path, who);
    world.send(request.body(bytes.to_vec())).await
}

async fn send(world: &World, shop: &Shop, file: &Value) -> Answer {
    let path = format!("/api/twilio/{}/send", shop.chatbot);
    let body = json!({"to": "+14155550123", "media": [{ "file": file }]});
    world.post(&path, &shop.owner, body).await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_uploaded_file_is_sent_by_its_id_and_no_address_of_it_is_stored(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (agent, _) = world.key(shop.workspace, Role::Agent).await;

    let file = upload(&world, &shop, &agent, "menu", PNG).await.ok(201);
    let sent = send(&world, &shop, &file["id"]).await.ok(202);

    assert_eq!(
        (&file["name"], &file["content_type"], &file["bytes"]),
        (&json!("menu.png"), &json!("image/png"), &json!(PNG.len()))
    );
    let content: Value = sqlx::query_scalar("select content from parts")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let reference = format!("blob:{}/menu.png", file["id"].as_str().unwrap());
    assert_eq!(content["media"], json!([reference]));
    let path = format!(
        "/api/conversations/{}/messages",
        sent["conversation_id"].as_str().unwrap()
    );
    assert!(!world.get(&path, &agent).await.text.contains("/files/"));
    let done: Vec<String> = sqlx::query_scalar("select action from activity_log where action like 'file.%'")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(done, ["file.upload"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn nobody_can_send_or_bring_a_file_of_another_tenants(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (world.shop().await, world.shop().await);
    let file = upload(&world, &theirs, &theirs.owner, "a.png", PNG).await.ok(201);

    let refused = send(&world, &ours, &file["id"]).await;
    let brought = upload(&world, &theirs, &ours.owner, "a.png", PNG).await;

    assert!(refused.problem(422).contains("is no file of this chatbot"));
    assert_eq!(refused.json()["field"], "media");
    brought.problem(404);
    let referenced: i64 =
        sqlx::query_scalar("select count(*) from outbound_files where referenced_at is not null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(referenced, 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_the_platform_does_not_take_is_refused_in_words(pool: PgPool) {
    let mut settings = settings();
    settings.max_upload_bytes = 2 * 1024 * 1024;
    let world = World::with(pool, settings).await;
    let shop = world.shop().await;
    let mut large = PNG.to_vec();
    large.resize(1024 * 1024 + 1, 0);

    for (name, bytes, expected) in [
        ("a.png", large.as_slice(), "of up to 1 MiB"),
        ("a.pdf", b"%PDF-1.7", "it takes any image, text/plain"),
    ] {
        let file = upload(&world, &shop, &shop.owner, name, bytes).await.ok(201);
        let detail = send(&world, &shop, &file["id"]).await.problem(422);
        assert!(
            detail.contains(name) && detail.contains("Pigeon") && detail.contains(expected),
            "{detail}"
        );
    }
    let program = upload(&world, &shop, &shop.owner, "a.png", b"\x7fELF\x02").await;
    assert!(program.problem(415).contains("a picture"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_installation_that_platforms_cannot_reach_says_what_to_do(pool: PgPool) {
    let local = Settings {
        public_url: "https://10.0.0.5".parse().unwrap(),
        ..settings()
    };
    let world = World::with(pool, local).await;
    let shop = world.shop().await;
    let (key, _) = world.key(shop.workspace, Role::Agent).await;
    let file = upload(&world, &shop, &key, "a.png", PNG).await.ok(201);

    let path = format!("/api/twilio/{}/send", shop.chatbot);
    let body = json!({"to": "+14155550123", "media": [{ "file": file["id"] }]});
    let refused = world.post(&path, &key, body).await;

    assert!(refused.status.is_client_error(), "{}", refused.text);
    assert!(
        refused
            .text
            .contains("Set gateway.public_url to a public https address"),
        "{}",
        refused.text
    );
}
