//! S28: with the database away nobody is let through.

use super::{As, World};
use domain::Role;
use reqwest::Method;
use sqlx::PgPool;
use std::time::Duration;
use store::Db;

#[sqlx::test(migrations = "../store/migrations")]
async fn s28_with_the_database_away_every_login_and_key_is_answered_503(pool: PgPool) {
    let address = "postgres://nobody@127.0.0.1:1/nothing";
    let away = Db::open(&store::Settings {
        url: address.into(),
        max_connections: 8,
        acquire_timeout_seconds: 1,
    })
    .unwrap();
    let world = World::over(pool, away, super::settings()).await;
    let id = uuid::Uuid::now_v7();
    let cookie = As::Cookie("__Host-botsmith=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());
    let key = As::Key("bsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());

    let mut requests = tokio::task::JoinSet::new();
    for (method, path, who, expected) in [
        (Method::GET, format!("/api/chatbots/{id}"), &cookie, 503),
        (Method::GET, format!("/api/chatbots/{id}"), &key, 503),
        (Method::POST, format!("/api/twilio/{id}/send-sms"), &key, 503),
        (
            Method::POST,
            format!("/api/integrations/{id}/quarantine/{id}/replay"),
            &key,
            503,
        ),
        (
            Method::DELETE,
            format!("/api/integrations/{id}/{id}"),
            &cookie,
            503,
        ),
        (Method::GET, "/api/administration/users".to_owned(), &cookie, 503),
        (Method::GET, "/api/session".to_owned(), &cookie, 503),
        (Method::GET, "/api/setup".to_owned(), &As::Nobody, 503),
        (Method::GET, "/readyz".to_owned(), &As::Nobody, 503),
        // Nobody is nobody, whatever the database says.
        (Method::GET, format!("/api/chatbots/{id}"), &As::Nobody, 401),
        (Method::GET, "/healthz".to_owned(), &As::Nobody, 200),
        (Method::GET, "/api/openapi.json".to_owned(), &As::Nobody, 200),
    ] {
        let request = world
            .request(method.clone(), &path, who)
            .timeout(Duration::from_secs(20));
        requests.spawn(async move {
            let response = request.send().await.unwrap();
            let status = response.status();
            (method, path, expected, status, response.text().await.unwrap())
        });
    }
    let sign_in = world
        .post(
            "/api/session",
            &As::Nobody,
            serde_json::json!({"email": "root@example.test", "password": "x"}),
        )
        .await;

    for (method, path, expected, status, text) in requests.join_all().await {
        assert_eq!(status, expected, "{method} {path}: {text}");
        assert!(
            path == "/readyz" || !text.contains("127.0.0.1"),
            "{path} tells where the database is: {text}"
        );
    }
    sign_in.problem(503);
    assert!(sign_in.headers.contains_key("retry-after"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s28_a_member_who_was_removed_is_out_at_the_next_request(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (agent, agent_id) = world.person(shop.workspace, Role::Agent).await;
    let path = format!("/api/chatbots/{}", shop.chatbot);
    world.get(&path, &agent).await.ok(200);

    world
        .delete(
            &format!("/api/workspaces/{}/members/{agent_id}", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(204);

    world.get(&path, &agent).await.problem(404);
}
