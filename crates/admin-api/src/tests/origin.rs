//! S17, as far as the API goes: what another site makes a browser send is refused.

use super::{As, PASSWORD, World};
use domain::Role;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn s17_a_request_with_a_cookie_must_come_from_our_own_pages(pool: PgPool) {
    let world = World::new(pool).await;
    let workspace = world.workspace("Acme").await;
    let (As::Cookie(cookie), _) = world.person(workspace, Role::Owner).await else {
        panic!("no cookie")
    };
    let (key, _) = world.key(workspace, Role::Owner).await;
    let path = format!("/api/workspaces/{workspace}/chatbots");
    let send = async |headers: &[(&str, &str)]| {
        let mut request = world
            .request(Method::POST, &path, &As::Nobody)
            .header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world
            .send(request.json(&json!({"name": "Help"})))
            .await
            .status
            .as_u16()
    };

    for (headers, expected) in [
        (vec![("origin", "https://bots.example.com")], 201),
        (vec![("x-requested-with", "botsmith")], 201),
        (vec![], 403),
        (vec![("x-requested-with", "")], 403),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "http://bots.example.com")], 403),
        (vec![("origin", "https://bots.example.com.evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", "null"), ("x-requested-with", "botsmith")], 403),
        (
            vec![
                ("origin", "https://bots.example.com"),
                ("sec-fetch-site", "cross-site"),
            ],
            403,
        ),
        (
            vec![
                ("origin", "https://bots.example.com"),
                ("sec-fetch-site", "same-origin"),
            ],
            201,
        ),
    ] {
        assert_eq!(send(&headers).await, expected, "{headers:?}");
    }
    // A key is sent by no browser on its own.
    let by_key = world
        .request(Method::POST, &path, &key)
        .header("origin", "https://elsewhere.example");
    assert_eq!(
        world.send(by_key.json(&json!({"name": "Help"}))).await.status,
        201
    );
    // Reading needs no proof: no other site can read the answer.
    let read = world
        .request(Method::GET, &path, &As::Nobody)
        .header("cookie", &cookie)
        .header("origin", "https://evil.example");
    let read = world.send(read).await;
    assert_eq!(read.status, 200);
    assert!(!read.headers.contains_key("access-control-allow-origin"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s17_another_site_cannot_sign_a_browser_in(pool: PgPool) {
    let world = World::new(pool).await;
    world.administrator().await;
    let body = json!({"email": "root@example.test", "password": PASSWORD});
    let foreign = world
        .request(Method::POST, "/api/session", &As::Nobody)
        .header("origin", "https://evil.example");
    let own = world
        .request(Method::POST, "/api/session", &As::Nobody)
        .header("origin", "https://bots.example.com");

    world.send(foreign.json(&body)).await.problem(403);
    assert_eq!(world.send(own.json(&body)).await.status, 200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn every_answer_carries_its_request_id_and_is_kept_from_caches_and_frames(pool: PgPool) {
    let world = World::new(pool).await;
    let named = world
        .request(Method::GET, "/api/session", &As::Nobody)
        .header("x-request-id", "my-request.1");
    let hostile = world
        .request(Method::GET, "/api/session", &As::Nobody)
        .header("x-request-id", "a b<script>");

    let named = world.send(named).await;
    let hostile = world.send(hostile).await;

    assert_eq!(named.headers["x-request-id"], "my-request.1");
    assert_eq!(named.json()["request_id"], "my-request.1");
    assert!(
        hostile.headers["x-request-id"]
            .to_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
    for answer in [named, world.get("/api/setup", &As::Nobody).await] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
        assert_eq!(
            answer.headers["content-security-policy"],
            "default-src 'none'; frame-ancestors 'none'"
        );
    }
}
