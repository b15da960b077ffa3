//! Sending by programs.

use super::{Shop, World};
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

fn sms(shop: &Shop) -> String {
    format!("/api/twilio/{}/send-sms", shop.chatbot)
}

async fn parts(world: &World) -> Vec<(i64, Value, String, String)> {
    sqlx::query_as("select position, content, sender, state from parts order by position")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_message_is_stored_with_its_parts_before_it_is_answered_202(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (key, _) = world.key(shop.workspace, Role::Agent).await;

    let body =
        json!({"to": "+14155550123", "text": "hello dear world", "media": ["https://example.com/a.png"]});
    let sent = world.post(&sms(&shop), &key, body).await.ok(202);
    let generic = world
        .post(
            &format!("/api/twilio/{}/send", shop.chatbot),
            &key,
            json!({"to": "+14155550123", "text": "again"}),
        )
        .await
        .ok(202);

    assert_eq!(sent["parts"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&sent["parts"][0]["segments"], &sent["segments"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(sent["conversation_id"], generic["conversation_id"]);
    let stored = parts(&world).await;
    let contents: Vec<&Value> = stored.iter().map(|(_, content, _, _)| content).collect();
    assert_eq!(
        contents,
        [
            &json!({"text": "hello dear"}),
            &json!({"text": "world"}),
            &json!({"text": "", "media": ["https://example.com/a.png"]}),
            &json!({"text": "again"})
        ]
    );
    assert!(
        stored
            .iter()
            .all(|(_, _, sender, state)| ["agent", "api"].contains(&sender.as_str()) && state == "queued")
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_number_that_is_not_e164_is_refused_with_what_was_given_and_what_is_expected(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;

    for (to, problem) in [
        ("4155550123", "does not begin with +"),
        ("+1 415 555", "not a digit"),
        ("+123", "fewer than 8"),
    ] {
        let refused = world
            .post(&sms(&shop), &shop.owner, json!({"to": to, "text": "x"}))
            .await;
        let detail = refused.problem(422);
        assert!(
            detail.contains(to) && detail.contains(problem) && detail.contains("+14155550123"),
            "{detail}"
        );
        assert_eq!(refused.json()["field"], "to");
    }
    for body in [
        json!({"to": "+14155550123"}),
        json!({"to": "+14155550123", "text": "  "}),
        json!({"to": "+14155550123", "text": "x", "media": ["http://example.com/a"]}),
        json!({"to": "+14155550123", "text": "x", "expires_in_seconds": 0}),
        json!({"to": "", "text": "x"}),
    ] {
        world.post(&sms(&shop), &shop.owner, body).await.problem(422);
    }
    assert!(parts(&world).await.is_empty());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn somebody_who_opted_out_gets_nothing_until_they_send_start(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let body = json!({"to": "+14155550123", "text": "hello"});
    world.post(&sms(&shop), &shop.owner, body.clone()).await.ok(202);
    let opt = async |at: &str| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "set role botsmith_system; update contacts set opted_out_at = {at}; reset role"
        )))
        .execute(&world.pool)
        .await
        .unwrap();
    };

    opt("now()").await;
    let refused = world.post(&sms(&shop), &shop.owner, body.clone()).await;

    assert!(refused.problem(409).contains("must send START"));
    assert_eq!(refused.json()["type"], "urn:botsmith:problem:opted-out");
    assert_eq!(parts(&world).await.len(), 1);
    opt("null").await;
    world.post(&sms(&shop), &shop.owner, body).await.ok(202);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_integration_that_cannot_deliver_says_why_and_what_to_do(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let body = json!({"to": "+14155550123", "text": "hello"});
    let integration = format!("/api/integrations/{}/{}", shop.chatbot, shop.integration);
    let send = async || world.post(&sms(&shop), &shop.owner, body.clone()).await;

    world
        .post(
            &format!("{integration}/toggle"),
            &shop.owner,
            json!({"enabled": false}),
        )
        .await
        .ok(200);
    assert!(send().await.problem(409).contains("switched off"));

    world
        .post(
            &format!("{integration}/toggle"),
            &shop.owner,
            json!({"enabled": true}),
        )
        .await
        .ok(200);
    let refused = json!({"platform": "twilio", "credentials": {"auth_token": "refused-by-the-platform"}});
    world
        .post(
            &format!("/api/integrations/{}", shop.chatbot),
            &shop.owner,
            refused,
        )
        .await
        .ok(200);
    world
        .post(&format!("{integration}/test"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert!(send().await.problem(409).contains("has to be reconnected"));

    world.delete(&integration, &shop.owner).await.ok(204);
    assert!(send().await.problem(409).contains("no twilio integration"));

    world
        .post(
            &format!("/api/chatbots/{}/archive", shop.chatbot),
            &shop.owner,
            json!({}),
        )
        .await
        .ok(200);
    assert!(send().await.problem(409).contains("archived"));
    let elsewhere = format!("/api/fax/{}/send", shop.chatbot);
    world
        .post(&elsewhere, &shop.owner, body.clone())
        .await
        .problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_repeated_send_sends_once(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let send = async || {
        let request = world
            .request(Method::POST, &sms(&shop), &shop.owner)
            .header("idempotency-key", "order-17");
        world
            .send(request.json(&json!({"to": "+14155550123", "text": "hello"})))
            .await
            .ok(202)
    };

    let (first, second) = (send().await, send().await);

    assert_eq!(first, second);
    assert_eq!(parts(&world).await.len(), 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_preview_tells_messages_segments_and_alphabet(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/twilio/{}/preview", shop.chatbot);

    let plain = world
        .post(&path, &shop.owner, json!({"text": "hello dear world"}))
        .await
        .ok(200);
    let wide = world
        .post(&path, &shop.owner, json!({"text": "hello dear wörld"}))
        .await
        .ok(200);

    assert_eq!(
        plain,
        json!({"messages": ["hello dear", "world"], "segments": 2, "encoding": "GSM-7"})
    );
    assert_eq!(wide["encoding"], "UCS-2");
    world
        .post(&path, &shop.owner, json!({"text": ""}))
        .await
        .problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_template_stands_for_the_whole_message_and_its_parameters_are_shown(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;

    let listed = world
        .get(&format!("/api/twilio/{}/templates", shop.chatbot), &shop.owner)
        .await
        .ok(200);
    let template = json!({"name": "hello", "language": "en", "parameters": ["Ann"]});
    world
        .post(
            &sms(&shop),
            &shop.owner,
            json!({"to": "+14155550123", "template": template}),
        )
        .await
        .ok(202);

    assert_eq!(listed["items"][0]["text"], "Hello {{1}}");
    assert_eq!(parts(&world).await[0].1["template"], template);
    let shown: String = sqlx::query_scalar("select text from messages")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(shown, "[hello: Ann]");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn buttons_are_kept_with_the_message_so_that_a_typed_number_is_understood(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;

    let body = json!({"to": "+14155550123", "text": "Which?", "buttons": [{"title": "Tea"}, {"title": "Cake", "value": "c"}]});
    world.post(&sms(&shop), &shop.owner, body).await.ok(202);
    let untitled = json!({"to": "+14155550123", "text": "Which?", "buttons": [{"title": " "}]});
    let refused = world.post(&sms(&shop), &shop.owner, untitled).await.problem(422);

    let kept: Value = sqlx::query_scalar("select buttons from messages")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(
        kept,
        json!([{"title": "Tea", "value": "Tea"}, {"title": "Cake", "value": "c"}])
    );
    assert!(refused.contains("buttons"), "{refused}");
}
