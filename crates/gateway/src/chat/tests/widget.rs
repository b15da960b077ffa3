//! The widget's settings as pages hear them, and what visitors say of themselves.

use super::world::{Bot, IDENTITY_SECRET, SITE, World, read};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::PgPool;
use store::widgets::{self, Logo};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn set(world: &World, bot: &Bot, settings: Value) {
    let settings = serde_json::from_value(settings).unwrap();
    let mut tx = world.db.tenant(bot.workspace).await.unwrap();
    assert!(
        widgets::save(&mut tx, bot.chatbot, &settings, chrono::Utc::now())
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
}

fn form() -> Value {
    json!({
        "pre_chat": [{"name": "name"}, {"name": "email", "type": "email", "required": true}, {"name": "company"}],
        "consent": "I agree."
    })
}

type Known = (Option<String>, Option<String>, Value, bool);

async fn known(world: &World, bot: &Bot, key: &str) -> Option<Known> {
    sqlx::query_as(
        "select name, email, fields, consented_at is not null from contacts where workspace_id = $1 and key = $2",
    )
    .bind(bot.workspace.as_uuid())
    .bind(key)
    .fetch_optional(&world.pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_page_hears_what_its_owner_set_and_nothing_of_another_chatbot(pool: PgPool) {
    let world = World::new(pool).await;
    let (bot, other) = (world.bot("Shop").await, world.bot("Other").await);
    set(&world, &bot, json!({"welcome": "Hi!", "colour": "#102030"})).await;
    let ask = |bot: &Bot, origin: &'static str| {
        let path = format!("/api/chat/{}/widget", bot.chatbot);
        world.request(Method::GET, &path, "").header("origin", origin)
    };

    let answer = ask(&bot, SITE).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "public, max-age=60");
    assert_eq!(answer.headers()["access-control-allow-origin"], SITE);
    let shown: Value = answer.json().await.unwrap();
    let fields: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "citations",
            "colour",
            "consent",
            "feedback",
            "files",
            "language",
            "logo",
            "max_characters",
            "max_file_megabytes",
            "name",
            "position",
            "pre_chat",
            "suggestions",
            "texts",
            "theme",
            "welcome"
        ]
    );
    assert_eq!(
        (&shown["name"], &shown["welcome"], &shown["colour"]),
        (&json!("Shop"), &json!("Hi!"), &json!("#102030"))
    );
    let (_, others) = read(ask(&other, SITE)).await;
    assert_eq!(
        (&others["name"], &others["welcome"]),
        (&json!("Other"), &Value::Null)
    );
    assert_eq!(read(ask(&bot, "https://evil.example")).await.0, 403);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_logo_is_served_as_what_it_is_and_kept_for_good_under_its_version(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let path = format!("/api/chat/{}/widget", bot.chatbot);
    let get = |path: String| world.request(Method::GET, &path, "");
    assert_eq!(read(get(format!("{path}/logo"))).await.0, 404);
    let logo = Logo {
        content_type: "image/png".to_owned(),
        bytes: PNG.to_vec(),
        hash: "abc".to_owned(),
    };
    let mut tx = world.db.tenant(bot.workspace).await.unwrap();
    widgets::save_logo(&mut tx, bot.chatbot, Some(&logo), chrono::Utc::now())
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let (_, shown) = read(get(path.clone())).await;
    let address = shown["logo"].as_str().unwrap();
    assert_eq!(address, format!("https://bots.example{path}/logo?v=abc"));
    let picture = get(format!("{path}/logo?v=abc")).send().await.unwrap();
    let header = |name: &str| picture.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("cache-control").contains("immutable"));
    assert_eq!(picture.bytes().await.unwrap(), PNG);
    let old = get(format!("{path}/logo?v=old")).send().await.unwrap();
    assert_eq!(old.headers()["cache-control"], "public, max-age=60");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_a_visitor_said_is_on_their_contact_and_a_reopened_session_keeps_it(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    set(&world, &bot, form()).await;
    let lead =
        json!({"lead": {"name": "Ada", "email": "ada@example.com", "company": "F&K", "consent": true}});

    let (status, first) = world.post(&bot, "sessions", "", lead).await;
    assert_eq!(status, 201, "{first}");
    let token = first["token"].as_str().unwrap();
    world.write(&bot, token, json!({"text": "Hello?"})).await;
    let (status, again) = world.post(&bot, "sessions", token, json!({})).await;

    assert_eq!((status, &again["conversation"]), (201, &first["conversation"]));
    let key = format!("visitor:{}", first["conversation"].as_str().unwrap());
    let expected = (
        Some("Ada".to_owned()),
        Some("ada@example.com".to_owned()),
        json!({"company": "F&K"}),
        true,
    );
    assert_eq!(known(&world, &bot, &key).await, Some(expected));
    for (said, names) in [
        (json!({}), "email"),
        (json!({"lead": {"email": "ada", "consent": true}}), "email"),
        (json!({"lead": {"email": "ada@example.com"}}), "consent"),
        (
            json!({"lead": {"email": "ada@example.com", "role": "x", "consent": true}}),
            "role",
        ),
    ] {
        let (status, refused) = world.post(&bot, "sessions", "", said).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(names), "{refused}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn nothing_that_a_visitor_says_replaces_what_is_known_of_somebody_vouched_for(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    set(&world, &bot, form()).await;
    let mac = Hmac::<Sha256>::new_from_slice(IDENTITY_SECRET.as_bytes())
        .unwrap()
        .chain_update(b"42");
    let hash: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let say = async |lead: Value| {
        let body = json!({"user": "42", "user_hash": hash, "lead": lead});
        world.post(&bot, "sessions", "", body).await.0
    };

    assert_eq!(
        say(json!({"name": "Ada", "email": "ada@example.com", "consent": true})).await,
        201
    );
    assert_eq!(
        say(json!({"name": "Eve", "email": "eve@example.com", "company": "E", "consent": true})).await,
        201
    );
    let expected = (
        Some("Ada".to_owned()),
        Some("ada@example.com".to_owned()),
        json!({"company": "E"}),
        true,
    );
    assert_eq!(known(&world, &bot, "user:42").await, Some(expected));
    let unproven =
        json!({"user": "42", "user_hash": "00", "lead": {"email": "eve@example.com", "consent": true}});
    assert_eq!(world.post(&bot, "sessions", "", unproven).await.0, 401);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_owner_who_wants_no_files_gets_none_whatever_the_page_sends(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let visitor = world.visitor(&bot).await;
    let upload = async || world.upload(&bot, &visitor, "", "a.txt", b"hello").await;

    assert_eq!(upload().await.0, 201);
    set(&world, &bot, json!({"files": false})).await;
    let (status, refused) = upload().await;

    assert_eq!(status, 403, "{refused}");
    assert!(
        refused["detail"].as_str().unwrap().contains("takes no files"),
        "{refused}"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_browser_that_has_the_script_is_not_sent_it_again(pool: PgPool) {
    let world = World::new(pool).await;
    let first = world.request(Method::GET, "/widget.js", "").send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    let ask = async |known: &str| {
        let request = world.request(Method::GET, "/widget.js", "");
        request.header("if-none-match", known).send().await.unwrap()
    };

    let again = ask(&format!("\"other\", W/{}", tag.to_str().unwrap())).await;
    let other = ask("\"other\"").await;

    assert_eq!(
        (again.status().as_u16(), again.headers()["etag"] == tag),
        (304, true)
    );
    assert!(again.text().await.unwrap().is_empty());
    assert_eq!(
        (other.status().as_u16(), other.text().await.unwrap()),
        (200, ::widget::SCRIPT.to_owned())
    );
}
