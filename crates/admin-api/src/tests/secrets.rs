//! S20: secrets go in and are never seen again: in no answer, no log, no table.

use super::{As, World, pigeon};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing_subscriber::fmt::MakeWriter;

/// Collects everything that is logged while it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const CANARIES: &[&str] = &[
    pigeon::CANARY,
    "canary-model-key-8f2e",
    "canary password of root",
    "canary-wrong-token-in-a-number-field",
    "canary text of a message",
    "canary knowledge of the owner",
    "canary-next-token-41c7",
];

#[sqlx::test(migrations = "../store/migrations")]
async fn s20_no_canary_is_found_in_any_answer_log_or_table(pool: PgPool) {
    let log = Log::default();
    // Of this test's process: the API's threads log here too. Whoever was first stays; then only answers and tables count.
    let logging = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .try_init()
        .is_ok();
    let world = World::new(pool).await;
    let mut answers = Vec::new();
    let shop = world.shop().await;
    let url = &world.api.settings().public_url;
    let link = crate::setup::setup_link(&world.db, url, world.api.now())
        .await
        .unwrap()
        .unwrap();
    let setup_token = super::token_of(&link.url);
    let set_up = json!({"token": setup_token, "email": "root@example.test", "password": CANARIES[2]});
    let root = world.post("/api/setup", &As::Nobody, set_up).await;
    let session = root.cookie().unwrap();
    let root_as = As::Cookie(session.clone());
    answers.push(root);

    let bot = format!("/api/chatbots/{}", shop.chatbot);
    let base = format!("/api/integrations/{}", shop.chatbot);
    let one = format!("{base}/{}", shop.integration);
    let sms = format!("/api/twilio/{}/send-sms", shop.chatbot);
    let credentials = |token: &str| json!({"platform": "twilio", "credentials": {"auth_token": token}});
    let model = json!({"base_url": "https://m.example/v1", "model": "m", "api_key": CANARIES[1]});
    let requests = [
        (
            "POST",
            "/api/session",
            &As::Nobody,
            json!({"email": "root@example.test", "password": CANARIES[2]}),
        ),
        (
            "POST",
            "/api/session",
            &As::Nobody,
            json!({"email": CANARIES[2], "password": [CANARIES[2]]}),
        ),
        (
            "POST",
            "/api/password-reset",
            &As::Nobody,
            json!({"token": CANARIES[3], "password": CANARIES[2]}),
        ),
        ("PATCH", &bot, &shop.owner, json!({"model": model})),
        (
            "PATCH",
            &bot,
            &shop.owner,
            json!({"max_answer_age_seconds": CANARIES[3]}),
        ),
        ("GET", &bot, &shop.owner, json!({})),
        (
            "POST",
            &format!("{bot}/sources"),
            &shop.owner,
            json!({"title": "T", "text": CANARIES[5]}),
        ),
        ("GET", &base, &shop.owner, json!({})),
        ("POST", &base, &shop.owner, credentials(CANARIES[6])),
        (
            "POST",
            &base,
            &shop.owner,
            json!({"platform": "twilio", "credentials": {"phone": CANARIES[3]}}),
        ),
        (
            "POST",
            &base,
            &shop.owner,
            json!({"platform": "twilio", "credentials": CANARIES[3]}),
        ),
        (
            "POST",
            &base,
            &shop.owner,
            json!({"platform": "twilio", "credentials": {"account_sid": "SK1"}}),
        ),
        ("POST", &format!("{one}/test"), &shop.owner, json!({})),
        ("POST", &format!("{one}/connect"), &shop.owner, json!({})),
        ("GET", &format!("{one}/webhook"), &shop.owner, json!({})),
        ("GET", &format!("{one}/stats"), &shop.owner, json!({})),
        ("GET", &format!("{base}/logs"), &shop.owner, json!({})),
        (
            "POST",
            &sms,
            &shop.owner,
            json!({"to": "+14155550123", "text": CANARIES[4]}),
        ),
        (
            "GET",
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
            json!({}),
        ),
        ("GET", "/api/administration/users", &root_as, json!({})),
        ("GET", "/metrics", &As::Nobody, json!({})),
        ("GET", "/readyz", &As::Nobody, json!({})),
    ];
    for (method, path, who, body) in requests {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = world.request(method.clone(), path, who);
        if method != reqwest::Method::GET {
            request = request
                .json(&body)
                .header("idempotency-key", uuid::Uuid::now_v7().to_string());
        }
        answers.push(world.send(request).await);
    }
    let key = world
        .post(
            &format!("/api/workspaces/{}/api-keys", shop.workspace),
            &shop.owner,
            json!({"name": "k", "role": "viewer"}),
        )
        .await
        .ok(201)["key"]
        .as_str()
        .unwrap()
        .to_owned();
    world.get(&bot, &As::Key(key.clone())).await.ok(200);

    // What a message says and what an owner knows is stored, and read by those who may; it is in no log and no error.
    for canary in CANARIES.iter().chain([&setup_token.as_str()]) {
        for answer in &answers {
            assert!(!answer.text.contains(canary), "{canary} in {}", answer.text);
        }
    }
    let session_token = session.split_once('=').unwrap().1;
    let secrets = [
        pigeon::CANARY,
        CANARIES[1],
        CANARIES[2],
        CANARIES[3],
        CANARIES[6],
        &setup_token,
        session_token,
        &key,
    ];
    for (table, row) in everything(&world).await {
        for secret in secrets {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(
                !row.contains(secret) && !row.contains(&hex),
                "{secret} lies in {table}"
            );
        }
    }
    if logging {
        let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
        assert!(log.contains("request"), "nothing was logged");
        for secret in secrets.iter().chain([&CANARIES[4], &CANARIES[5]]) {
            assert!(!log.contains(secret), "{secret} was logged");
        }
    }
}

async fn everything(world: &World) -> Vec<(String, String)> {
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "select to_jsonb(t)::text as row from {table} t"
        )))
        .fetch_all(&world.pool)
        .await
        .unwrap();
        found.extend(
            rows.iter()
                .map(|row| (table.clone(), row.get::<String, _>("row"))),
        );
    }
    assert!(found.iter().any(|(table, _)| table == "integrations"));
    found
}
