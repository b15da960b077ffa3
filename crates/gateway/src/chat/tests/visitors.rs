//! Visitors' browsers.

use super::world::{FALLBACK, IDENTITY_SECRET, SITE, World, read};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::PgPool;

fn jwt(claims: &Value) -> String {
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let said = format!(
        "{}.{}",
        part(&json!({"alg": "HS256", "typ": "JWT"})),
        part(claims)
    );
    let mac = Hmac::<Sha256>::new_from_slice(IDENTITY_SECRET.as_bytes())
        .unwrap()
        .chain_update(said.as_bytes());
    format!(
        "{said}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

fn soon() -> i64 {
    chrono::Utc::now().timestamp() + 600
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_visitors_token_opens_their_conversation_and_no_other(pool: PgPool) {
    let world = World::new(pool).await;
    let (bot, other) = (world.bot("Shop").await, world.bot("Other").await);
    let (ada, eve) = (world.visitor(&bot).await, world.visitor(&bot).await);
    let (_, answered) = world.write(&bot, &ada, json!({"text": "My secret"})).await;
    let conversation = answered["conversation"].as_str().unwrap();

    let (_, own) = world.list(&bot, &ada, "").await;
    assert_eq!(own["items"].as_array().unwrap().len(), 2);
    let (status, nothing) = world.list(&bot, &eve, "").await;
    assert_eq!((status, nothing["items"].as_array().unwrap().len()), (200, 0));
    let by_name = world
        .list(&bot, &eve, &format!("conversation={conversation}"))
        .await;
    assert_eq!(by_name.0, 404);
    let written = world.write(&bot, &eve, json!({"text": "x", "conversation": conversation}));
    assert_eq!(written.await.0, 404);
    assert_eq!(
        world
            .write(&bot, &eve, json!({"text": "x", "user": "ada"}))
            .await
            .0,
        404
    );
    assert_eq!(
        world.list(&other, &ada, "").await.0,
        401,
        "the token is of another chatbot"
    );
    let forged = format!("{}x", &ada[..ada.len() - 1]);
    assert_eq!(world.list(&bot, &forged, "").await.0, 401);
    let path = format!("/api/chat/{}/stream?conversation={conversation}", bot.chatbot);
    assert_eq!(read(world.request(Method::GET, &path, &eve)).await.0, 404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s17_pages_of_other_sites_are_refused_and_the_owners_may_read(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let token = world.visitor(&bot).await;
    let base = format!("/api/chat/{}", bot.chatbot);
    let addresses = [
        (Method::POST, "sessions", Some(json!({}))),
        (
            Method::POST,
            "messages",
            Some(json!({"text": "x", "wait": "none"})),
        ),
        (Method::GET, "messages", None),
        (Method::OPTIONS, "messages", None),
        (Method::OPTIONS, "sessions", None),
        (Method::OPTIONS, "files", None),
        (
            Method::OPTIONS,
            "messages/0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55/feedback",
            None,
        ),
        (Method::OPTIONS, "stream", None),
    ];

    for (method, path, body) in addresses {
        for (origin, allowed) in [
            (SITE, true),
            ("https://bots.example", true),
            ("null", false),
            ("https://evil.example", false),
            ("http://shop.example", false),
            ("https://shop.example.evil.example", false),
            ("https://shop.example:8443", false),
        ] {
            let mut request = world
                .request(method.clone(), &format!("{base}/{path}"), &token)
                .header("origin", origin);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let response = request.send().await.unwrap();

            let may_read = response.headers().get("access-control-allow-origin");
            assert_eq!(may_read.is_some(), allowed, "{method} {path} {origin}");
            assert!(
                may_read.is_none_or(|given| given == origin),
                "{method} {path} {origin}"
            );
            assert!(
                !response
                    .headers()
                    .contains_key("access-control-allow-credentials")
            );
            assert_eq!(response.headers()["vary"], "Origin");
            assert_eq!(
                response.status().as_u16() == 403,
                !allowed,
                "{method} {path} {origin}"
            );
        }
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_page_may_read_why_it_was_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let path = format!("/api/chat/{}/messages", bot.chatbot);

    let response = world
        .request(Method::GET, &path, "bsv_ended.x")
        .header("origin", SITE)
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["access-control-allow-origin"], SITE);
    let problem: Value = response.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("another session"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whom_the_owner_vouches_for_finds_their_conversation_again(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let identity = jwt(&json!({"sub": "42", "name": "Ada", "exp": soon()}));
    let session = async |body: Value| world.post(&bot, "sessions", "", body).await;

    let (status, first) = session(json!({"identity": identity})).await;
    let first_token = first["token"].as_str().unwrap();
    world.write(&bot, first_token, json!({"text": "Hello?"})).await;
    let (_, second) = session(json!({"identity": identity})).await;
    let (_, list) = world.list(&bot, second["token"].as_str().unwrap(), "").await;

    assert_eq!((status, &first["user"]), (201, &json!("42")));
    assert_eq!(list["items"][1]["text"], FALLBACK);
    let name: Option<String> = sqlx::query_scalar("select name from contacts where key = 'user:42'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("Ada"));
    for forged in [
        json!({"identity": format!("{identity}x")}),
        json!({"identity": jwt(&json!({"sub": "42"}))}),
        json!({"user": "42", "user_hash": "00"}),
    ] {
        assert_eq!(session(forged.clone()).await.0, 401, "{forged}");
    }
    assert_eq!(session(json!({"user": "42"})).await.0, 422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_anonymous_visitor_who_shows_their_token_keeps_their_conversation(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let (_, first) = world.post(&bot, "sessions", "", json!({})).await;

    let token = first["token"].as_str().unwrap();
    let (_, renewed) = world.post(&bot, "sessions", token, json!({})).await;
    let (_, other) = world.post(&bot, "sessions", "", json!({})).await;

    assert_eq!(first["conversation"], renewed["conversation"]);
    assert_ne!(first["conversation"], other["conversation"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s22_a_visitor_writes_so_much_in_a_minute_and_no_more(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let (ada, eve) = (world.visitor(&bot).await, world.visitor(&bot).await);
    let write = async |token: &str| {
        let body = json!({"text": "x", "wait": "none"});
        world.write(&bot, token, body).await.0
    };

    let (too_long, _) = world.write(&bot, &ada, json!({"text": "ä".repeat(4_001)})).await;
    // On a slow machine what may be written comes back meanwhile.
    let mut statuses = Vec::new();
    while statuses.len() < 100 && statuses.last() != Some(&429) {
        statuses.push(write(&ada).await);
    }

    assert_eq!(too_long, 422);
    assert!(statuses[..20].iter().all(|status| *status == 202), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert_eq!(write(&eve).await, 202);
    let path = format!("/api/chat/{}/messages", bot.chatbot);
    let response = world
        .request(Method::POST, &path, &ada)
        .json(&json!({"text": "x"}))
        .send()
        .await
        .unwrap();
    assert!(
        response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
}
