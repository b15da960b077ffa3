//! The widget's settings.

use super::World;
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn put(world: &World, path: &str, who: &super::As, body: &Value) -> super::Answer {
    world.send(world.request(Method::PUT, path, who).json(body)).await
}

async fn bring(world: &World, path: &str, who: &super::As, bytes: &[u8]) -> super::Answer {
    world
        .send(world.request(Method::PUT, path, who).body(bytes.to_vec()))
        .await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn settings_are_kept_read_back_and_can_be_sent_again_as_they_were_read(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/widget", shop.chatbot);

    let first = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(
        (&first["colour"], &first["position"], &first["logo"]),
        (&json!("#0b6b4f"), &json!("right"), &Value::Null)
    );
    let settings = json!({"name": "Fern & Kettle", "colour": "#102030", "position": "left",
        "pre_chat": [{"name": "email", "type": "email", "required": true}], "consent": "I agree.",
        "texts": {"de": {"title": "Frag uns"}}});
    let set = put(&world, &path, &shop.owner, &settings).await.ok(200);
    assert_eq!(set["texts"], json!({"de": {"title": "Frag uns"}}));
    assert_eq!(put(&world, &path, &shop.owner, &set).await.ok(200), set);
    assert_eq!(world.get(&path, &shop.owner).await.ok(200), set);
    let logged: i64 = sqlx::query_scalar("select count(*) from activity_log where action = 'widget.update'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(logged, 2);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_setting_that_does_not_fit_is_named_and_a_viewer_changes_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/widget", shop.chatbot);

    for (body, says) in [
        (json!({"color": "#102030"}), "color: unknown field"),
        (json!({"colour": "red"}), "colour: has to be"),
        (json!({"position": "top"}), "position: unknown variant"),
        (
            json!({"texts": {"de": {"onload": "x"}}}),
            "texts.de.onload: is no text",
        ),
        (
            json!({"pre_chat": [{"name": "E-Mail"}]}),
            "pre_chat[0].name: has to be",
        ),
    ] {
        let refused = put(&world, &path, &shop.owner, &body).await.problem(422);
        assert!(refused.contains(says), "{body}: {refused}");
    }
    let (agent, _) = world.person(shop.workspace, Role::Agent).await;
    put(&world, &path, &agent, &json!({})).await.problem(403);
    bring(&world, &format!("{path}/logo"), &agent, PNG)
        .await
        .problem(403);
    world.get(&path, &agent).await.ok(200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_logo_is_a_picture_and_its_address_changes_with_it(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/widget", shop.chatbot);
    let logo = format!("{path}/logo");

    let first = bring(&world, &logo, &shop.owner, PNG).await.ok(200);
    let second = bring(&world, &logo, &shop.owner, b"\xff\xd8\xff\xe0")
        .await
        .ok(200);

    let begins = format!(
        "https://bots.example.com/api/chat/{}/widget/logo?v=",
        shop.chatbot
    );
    assert!(first["logo"].as_str().unwrap().starts_with(&begins), "{first}");
    assert_ne!(first["logo"], second["logo"]);
    for markup in [&b"<svg onload=alert(1)>"[..], b"GIF89a", b"<!doctype html>"] {
        bring(&world, &logo, &shop.owner, markup).await.problem(415);
    }
    put(&world, &path, &shop.owner, &json!({"colour": "#102030"}))
        .await
        .ok(200);
    let kept = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(kept["logo"], second["logo"], "new settings took the logo away");
    world.delete(&logo, &shop.owner).await.ok(204);
    assert_eq!(world.get(&path, &shop.owner).await.ok(200)["logo"], Value::Null);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_line_for_a_page_names_this_installation_and_the_chatbot(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;

    let path = format!("/api/chatbots/{}/widget/snippet", shop.chatbot);
    let snippet = world.get(&path, &shop.owner).await.ok(200);

    let html = snippet["html"].as_str().unwrap();
    assert!(
        html.contains("src=\"https://bots.example.com/widget.js\""),
        "{html}"
    );
    assert!(html.contains(&format!("data-bot=\"{}\"", shop.chatbot)), "{html}");
}
