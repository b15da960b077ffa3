//! Where the answer to an interaction goes.

use super::*;
use crate::{
    fake::{self, APPLICATION, CHANNEL, FakeDiscord, TOKEN_OF_INTERACTION, answer_to_interaction},
    outbound::send,
};
use channel_testkit::speak_once;
use serde_json::{Value, json};

const ID: &str = "1300000000000000001";

fn original_path() -> String {
    format!("webhooks/{APPLICATION}/{TOKEN_OF_INTERACTION}/messages/@original")
}

fn webhook() -> String {
    format!("webhooks/{APPLICATION}/{TOKEN_OF_INTERACTION}")
}

fn channel() -> String {
    format!("channels/{CHANNEL}/messages")
}

fn thinking() -> Value {
    let mut message = fake::message(ID, "");
    message["flags"] = json!(LOADING);
    message
}

/// What was called, without the question what stands there now.
async fn calls(fake: &FakeDiscord) -> Vec<(String, String)> {
    let calls = fake.calls().await.into_iter();
    calls
        .filter(|call| call.method != "GET")
        .map(|call| (call.method, call.path))
        .collect()
}

#[tokio::test]
async fn the_first_part_takes_the_place_of_thinking_and_the_others_stand_below() {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", &original_path(), thinking()).await;
    fake.answers("PATCH", &original_path(), fake::message(ID, "One"))
        .await;
    fake.answers("POST", &webhook(), fake::message("1300000000000000002", "Two"))
        .await;

    let first = send(
        &fake.discord(),
        &answer_to_interaction("One", true),
        &fake::credentials(),
    )
    .await
    .unwrap();
    let second = send(
        &fake.discord(),
        &answer_to_interaction("Two", false),
        &fake::credentials(),
    )
    .await
    .unwrap();

    assert_eq!(first.platform_message_id, ID);
    assert_eq!(second.platform_message_id, "1300000000000000002");
    let expected = [
        ("PATCH".to_owned(), original_path()),
        ("POST".to_owned(), webhook()),
    ];
    assert_eq!(calls(&fake).await, expected);
    let bodies: Vec<Value> = fake.calls().await.into_iter().map(|call| call.body).collect();
    assert_eq!(bodies[1]["content"], "One");
    assert!(
        bodies.iter().all(|body| body.get("nonce").is_none()),
        "these calls have no nonce"
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn an_answer_that_stands_there_is_not_written_over() {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", &original_path(), fake::message(ID, "The bot's answer"))
        .await;
    fake.answers("POST", &webhook(), fake::message("1300000000000000002", "x"))
        .await;

    let again = send(
        &fake.discord(),
        &answer_to_interaction("The bot's answer", true),
        &fake::credentials(),
    )
    .await
    .unwrap();
    let another = send(
        &fake.discord(),
        &answer_to_interaction("A colleague's answer", true),
        &fake::credentials(),
    )
    .await
    .unwrap();

    assert_eq!(again.platform_message_id, ID, "it was there already");
    assert_eq!(another.platform_message_id, "1300000000000000002");
    assert_eq!(calls(&fake).await, [("POST".to_owned(), webhook())]);
}

#[tokio::test]
async fn an_interaction_that_is_over_is_answered_in_its_channel() {
    for (status, code) in [
        (404, 10062),
        (404, 10015),
        (404, 10008),
        (401, 50027),
        (404, 0),
        (400, 40094),
    ] {
        for when in ["GET", "PATCH"] {
            let fake = FakeDiscord::start().await;
            fake.refuses(when, &original_path(), status, code, "over").await;
            fake.answers("GET", &original_path(), thinking()).await;
            fake.answers("POST", &channel(), fake::message("1300000000000000003", "x"))
                .await;

            let sent = send(
                &fake.discord(),
                &answer_to_interaction("One", true),
                &fake::credentials(),
            )
            .await
            .unwrap();

            assert_eq!(
                sent.platform_message_id, "1300000000000000003",
                "{when} {status} {code}"
            );
            fake.check_requests().await;
        }
        let fake = FakeDiscord::start().await;
        fake.refuses("POST", &webhook(), status, code, "over").await;
        fake.answers("POST", &channel(), fake::message("1300000000000000003", "x"))
            .await;
        send(
            &fake.discord(),
            &answer_to_interaction("Two", false),
            &fake::credentials(),
        )
        .await
        .unwrap();
        assert_eq!(calls(&fake).await[1].1, channel());
    }
}

#[tokio::test]
async fn after_fifteen_minutes_the_token_is_not_tried_any_more() {
    let fake = FakeDiscord::start().await;
    fake.answers("POST", &channel(), fake::message(ID, "x")).await;
    let mut part = answer_to_interaction("One", true);
    part.reply_to.as_mut().unwrap()["interaction"]["id"] = json!("1200000000000000001");

    send(&fake.discord(), &part, &fake::credentials()).await.unwrap();

    assert_eq!(calls(&fake).await, [("POST".to_owned(), channel())]);
    assert!(fake.calls().await[0].body["nonce"].is_string());
}

#[tokio::test]
async fn taking_the_place_of_thinking_can_be_done_again_and_a_message_below_cannot() {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", &original_path(), thinking()).await;
    fake.answers_with("PATCH", &original_path(), 504, json!({"message": "timeout"}))
        .await;
    fake.answers_with("POST", &webhook(), 504, json!({"message": "timeout"}))
        .await;

    let first = send(
        &fake.discord(),
        &answer_to_interaction("One", true),
        &fake::credentials(),
    )
    .await
    .unwrap_err();
    let second = send(
        &fake.discord(),
        &answer_to_interaction("Two", false),
        &fake::credentials(),
    )
    .await
    .unwrap_err();

    assert!(matches!(first, SendError::Retry { .. }), "{first:?}");
    assert!(matches!(second, SendError::Ambiguous { .. }), "{second:?}");
}

#[tokio::test]
async fn a_question_without_an_answer_has_sent_nothing_and_shows_no_token() {
    let discord = fake::discord_at(&speak_once("").await);

    let error = send(
        &discord,
        &answer_to_interaction("One", true),
        &fake::credentials(),
    )
    .await
    .unwrap_err();

    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}
