//! S14, S15 and S16: coming in and going out.

use super::{As, PASSWORD, World, token_of};
use crate::setup;
use domain::Role;
use proptest::{prelude::*, strategy::ValueTree};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use store::Db;

async fn sign_in(world: &World, email: &str, password: &str) -> super::Answer {
    world
        .post(
            "/api/session",
            &As::Nobody,
            json!({"email": email, "password": password}),
        )
        .await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_set_up_link_makes_the_administrator_once(pool: PgPool) {
    let world = World::new(pool).await;
    let url = &world.api.settings().public_url;
    let link = setup::setup_link(&world.db, url, world.api.now())
        .await
        .unwrap()
        .unwrap();
    let other = setup::setup_link(&world.db, url, world.api.now())
        .await
        .unwrap()
        .unwrap();
    let body = json!({
        "token": token_of(&link.url), "email": "root@example.test", "name": "Root", "password": PASSWORD,
        "workspace_name": "Acme"
    });
    assert_eq!(
        world.get("/api/setup", &As::Nobody).await.ok(200),
        json!({"needed": true, "mail": false})
    );

    let made = world.post("/api/setup", &As::Nobody, body.clone()).await;
    let again = world.post("/api/setup", &As::Nobody, body.clone()).await;
    let with_other = world.post("/api/setup", &As::Nobody, {
        let mut body = body.clone();
        body["token"] = token_of(&other.url).into();
        body
    });

    assert_eq!(made.status, 201, "{}", made.text);
    let me = world
        .get("/api/session", &As::Cookie(made.cookie().unwrap()))
        .await
        .ok(200);
    assert_eq!(me["user"]["is_administrator"], true);
    assert_eq!(me["workspaces"][0]["name"], "Acme");
    assert_eq!(me["workspaces"][0]["role"], "owner");
    assert!(again.problem(409).contains("set up already"));
    with_other.await.problem(409);
    assert_eq!(
        world.get("/api/setup", &As::Nobody).await.ok(200),
        json!({"needed": false, "mail": false})
    );
    assert!(
        setup::setup_link(&world.db, url, world.api.now())
            .await
            .unwrap()
            .is_none()
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s14_the_session_cookie_is_bound_to_the_host_and_kept_from_scripts(pool: PgPool) {
    let world = World::new(pool).await;
    world.administrator().await;

    let answer = sign_in(&world, "ROOT@example.test", PASSWORD).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let token = pair.strip_prefix("__Host-botsmith=").unwrap();
    assert_eq!(token.len(), 43, "256 bits in base64url");
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(attribute), "{cookie}");
    }
    assert!(!attributes.contains("Domain"), "{cookie}");
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select token_hash from sessions")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert!(
        stored
            .iter()
            .all(|hash| hash.len() == 32 && hash != token.as_bytes())
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s14_signing_in_again_gives_a_new_session_and_ends_the_old(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, _) = world.administrator().await;

    let request = world.request(Method::POST, "/api/session", &first);
    let second = world
        .send(request.json(&json!({"email": "root@example.test", "password": PASSWORD})))
        .await;

    let new = As::Cookie(second.cookie().unwrap());
    world.get("/api/session", &first).await.problem(401);
    world.get("/api/session", &new).await.ok(200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s14_signing_out_a_new_password_and_a_disabled_account_end_sessions_at_once(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let elsewhere = As::Cookie(
        sign_in(&world, "root@example.test", PASSWORD)
            .await
            .cookie()
            .unwrap(),
    );
    let (agent, agent_id) = world.person(workspace, Role::Agent).await;

    // A new password ends every session, this one included; a new one is opened here.
    let next = "staple battery horse";
    let request = world.request(Method::PUT, "/api/session/password", &root);
    let changed = world
        .send(request.json(&json!({"current_password": PASSWORD, "new_password": next})))
        .await;
    assert_eq!(changed.status, 204, "{}", changed.text);
    let here = As::Cookie(changed.cookie().unwrap());
    world.get("/api/session", &root).await.problem(401);
    world.get("/api/session", &elsewhere).await.problem(401);
    sign_in(&world, "root@example.test", PASSWORD).await.problem(401);

    // Disabling.
    world.get("/api/session", &agent).await.ok(200);
    world
        .post(
            &format!("/api/administration/users/{agent_id}/disable"),
            &here,
            json!({}),
        )
        .await
        .ok(204);
    world.get("/api/session", &agent).await.problem(401);

    // Signing out.
    world.delete("/api/session", &here).await.ok(204);
    world.get("/api/session", &here).await.problem(401);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s14_a_session_ends_when_it_is_not_used_and_after_a_month_in_any_case(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let day = Duration::from_secs(24 * 3600);

    for _ in 0..5 {
        world.clock.advance(6 * day - Duration::from_secs(60));
        if world.get("/api/session", &root).await.status == 401 {
            break;
        }
    }
    world.clock.advance(day);
    world.get("/api/session", &root).await.problem(401);

    let again = As::Cookie(
        sign_in(&world, "root@example.test", PASSWORD)
            .await
            .cookie()
            .unwrap(),
    );
    world.clock.advance(6 * day);
    world.get("/api/session", &again).await.ok(200);
    world.clock.advance(8 * day);
    world.get("/api/session", &again).await.problem(401);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s15_an_unknown_address_and_a_wrong_password_hear_the_same_after_the_same_work(pool: PgPool) {
    let world = World::new(pool).await;
    let (_, workspace) = world.administrator().await;
    let (_, without_password) = world.person(workspace, Role::Viewer).await;
    let email: String = sqlx::query_scalar("select email from users where id = $1")
        .bind(without_password.as_uuid())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let without_id = |answer: &super::Answer| {
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        (answer.status, body)
    };

    let mut answers = Vec::new();
    let mut work = Vec::new();
    for address in [
        "root@example.test",
        "nobody@example.test",
        email.as_str(),
        "not an address",
    ] {
        let before = world.api.passwords().computed();
        answers.push(without_id(&sign_in(&world, address, "wrong horse battery").await));
        work.push(world.api.passwords().computed() - before);
    }

    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(work, [1, 1, 1, 1]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s15_after_ten_failures_even_the_right_password_has_to_wait_known_or_not(pool: PgPool) {
    let mut settings = super::settings();
    settings.trusted_proxies = 1;
    let world = World::with(pool, settings).await;
    world.administrator().await;
    // From another address each time, so that only the account counts.
    let attempt = async |email: &str, password: &str, n: usize| {
        let request = world
            .request(Method::POST, "/api/session", &As::Nobody)
            .header("x-forwarded-for", format!("203.0.113.99, 198.51.100.{n}"));
        world
            .send(request.json(&json!({"email": email, "password": password})))
            .await
    };
    for email in ["root@example.test", "nobody@example.test"] {
        for n in 0..10 {
            attempt(email, "wrong horse battery", n).await.problem(401);
        }
        let before = world.api.passwords().computed();

        let refused = attempt(email, PASSWORD, 11).await;

        assert_eq!(refused.problem(429), "too many failed tries; wait 1 seconds");
        assert_eq!(refused.headers["retry-after"], "1");
        assert_eq!(
            world.api.passwords().computed(),
            before,
            "a refused try costs nothing"
        );
    }

    world.clock.advance(Duration::from_secs(1));
    assert_eq!(attempt("root@example.test", PASSWORD, 12).await.status, 200);
    // The right password starts the account from nothing.
    attempt("root@example.test", "wrong horse battery", 13)
        .await
        .problem(401);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s15_ten_failures_from_an_address_make_it_wait_for_every_account(pool: PgPool) {
    let world = World::new(pool).await;
    world.administrator().await;
    for n in 0..10 {
        sign_in(&world, &format!("guess{n}@example.test"), "wrong horse battery")
            .await
            .problem(401);
    }

    sign_in(&world, "root@example.test", PASSWORD).await.problem(429);

    world.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&world, "root@example.test", PASSWORD).await.status, 200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s16_a_reset_link_works_once_for_half_an_hour_and_ends_all_sessions(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let url = &world.api.settings().public_url;
    let reset = async |token: &str, password: &str| {
        world
            .post(
                "/api/password-reset",
                &As::Nobody,
                json!({"token": token, "password": password}),
            )
            .await
    };
    let old = setup::reset_link(&world.db, url, None, world.api.now())
        .await
        .unwrap();
    let link = setup::reset_link(&world.db, url, Some("root@example.test"), world.api.now())
        .await
        .unwrap();
    assert_eq!(link.email.as_deref(), Some("root@example.test"));

    let replaced = reset(&token_of(&old.url), "staple battery horse").await;
    let weak = reset(&token_of(&link.url), "short").await;
    let done = reset(&token_of(&link.url), "staple battery horse").await;
    let again = reset(&token_of(&link.url), "staple battery horse").await;

    assert!(replaced.problem(422).contains("this link does not work"));
    assert!(weak.problem(422).contains("10 characters"));
    assert_eq!(
        done.status, 204,
        "a refused password must not use the link up: {}",
        done.text
    );
    again.problem(422);
    world.get("/api/session", &root).await.problem(401);
    assert_eq!(
        sign_in(&world, "root@example.test", "staple battery horse")
            .await
            .status,
        200
    );

    let late = setup::reset_link(&world.db, url, None, world.api.now())
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(30 * 60));
    reset(&token_of(&late.url), "another battery horse")
        .await
        .problem(422);
    // Tokens are for one purpose.
    let reset_token = setup::reset_link(&world.db, url, None, world.api.now())
        .await
        .unwrap();
    world
        .post(
            "/api/invitations/accept",
            &As::Nobody,
            json!({"token": token_of(&reset_token.url), "password": PASSWORD}),
        )
        .await
        .problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s16_one_time_tokens_are_stored_as_hashes_only(pool: PgPool) {
    let db = Db::of_pool(&pool);
    let url = "https://bots.example.com".parse().unwrap();

    let link = setup::setup_link(&db, &url, chrono::Utc::now())
        .await
        .unwrap()
        .unwrap();

    let token = token_of(&link.url);
    let row: String = sqlx::query_scalar("select to_jsonb(t)::text from one_time_tokens t")
        .fetch_one(&pool)
        .await
        .unwrap();
    let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!row.contains(&token) && !row.contains(&hex), "{row}");
    assert!(
        !format!("{link:?}").contains(&token),
        "a debug print shows the token"
    );
}

/// Whatever comes in place of a token that is not the token: refused, and nobody's password changes.
#[sqlx::test(migrations = "../store/migrations")]
async fn s16_nothing_but_the_token_is_taken_for_it(pool: PgPool) {
    let world = World::new(pool).await;
    world.administrator().await;
    let url = &world.api.settings().public_url;
    let link = setup::reset_link(&world.db, url, None, world.api.now())
        .await
        .unwrap();
    let token = token_of(&link.url);
    let mut wrong: Vec<Value> = vec![
        Value::Null,
        json!(""),
        json!(" "),
        json!([]),
        json!([token]),
        json!({}),
        json!({"token": token}),
        json!(0),
        json!(true),
        json!(format!("{token} ")),
        json!(token.to_lowercase()),
        json!(&token[..42]),
        json!("%"),
        json!("' or 1=1 --"),
        json!("\u{0}"),
    ];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let any = prop_oneof![
        any::<Option<i64>>().prop_map(|n| json!(n)),
        ".{0,200}".prop_map(|text| json!(text)),
        proptest::collection::vec("[A-Za-z0-9_-]{43}", 0..3).prop_map(|list| json!(list)),
        "[A-Za-z0-9_-]{43}".prop_map(|text| json!(text)),
    ];
    for _ in 0..40 {
        wrong.push(any.new_tree(&mut runner).unwrap().current());
    }

    for path in ["/api/password-reset", "/api/setup", "/api/invitations/accept"] {
        for given in &wrong {
            let mut body = json!({"token": given, "password": "staple battery horse"});
            if path == "/api/setup" {
                body["email"] = "evil@example.test".into();
            }
            let answer = world.post(path, &As::Nobody, body).await;
            assert!(
                [400, 409, 422].contains(&answer.status.as_u16()),
                "{path} {given}: {}",
                answer.text
            );
        }
        let missing = world
            .post(path, &As::Nobody, json!({"password": "staple battery horse"}))
            .await;
        missing.problem(422);
    }

    assert_eq!(sign_in(&world, "root@example.test", PASSWORD).await.status, 200);
    let people: i64 = sqlx::query_scalar("select count(*) from users")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(people, 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_reset_link_asks_for_the_address_when_it_cannot_know(pool: PgPool) {
    let world = World::new(pool).await;
    let url = &world.api.settings().public_url;

    let nobody = setup::reset_link(&world.db, url, None, world.api.now())
        .await
        .unwrap_err();
    world.administrator().await;
    let unknown = setup::reset_link(&world.db, url, Some("x@example.test"), world.api.now())
        .await
        .unwrap_err();

    assert_eq!(
        nobody.to_string(),
        "there is no administrator yet; use the set-up link"
    );
    assert_eq!(unknown.to_string(), "no account has the address x@example.test");
}
