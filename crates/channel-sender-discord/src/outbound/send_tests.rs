//! What is sent, and what becomes of it.

use super::*;
use crate::fake::{self, CHANNEL, FakeDiscord, part};
use channel_testkit::{refuse_connections, speak_once};
use std::time::Duration;
use wiremock::{Mock, ResponseTemplate, matchers::method};

const ID: &str = "1300000000000000001";

fn messages() -> String {
    format!("channels/{CHANNEL}/messages")
}

fn answering(text: &str) -> OutboundPart {
    let mut part = part(text);
    part.reply_to = Some(json!({"message": "1200000000000000001"}));
    part.content.extra = Some(json!({"first": true}));
    part
}

#[tokio::test]
async fn a_part_goes_to_its_channel_once_and_pings_nobody_but_who_is_answered() {
    let fake = FakeDiscord::start().await;
    fake.answers("POST", &messages(), fake::message(ID, "x")).await;
    let mut part = answering("We open at **nine** @everyone <@&5> 👋");
    part.content.buttons = vec![Button {
        title: "Thanks".to_owned(),
        value: "thanks".to_owned(),
    }];

    let sent = send(&fake.discord(), &part, &fake::credentials()).await.unwrap();

    assert_eq!((sent.platform_message_id.as_str(), sent.segments), (ID, None));
    let call = fake.calls().await.remove(0);
    assert!(call.is_bots);
    assert_eq!(
        call.body,
        json!({
            "content": "We open at **nine** @everyone <@&5> 👋",
            "nonce": nonce(&part), "enforce_nonce": true,
            "allowed_mentions": {"parse": [], "replied_user": true},
            "message_reference": {"message_id": "1200000000000000001", "fail_if_not_exists": false},
            "components": [{"type": 1, "components": [{"type": 2, "style": 2, "label": "Thanks", "custom_id": "b0:thanks"}]}],
        })
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn only_the_first_part_says_whom_it_answers() {
    let fake = FakeDiscord::start().await;
    fake.answers("POST", &messages(), fake::message(ID, "x")).await;
    let mut later = answering("And more");
    later.content.extra = None;

    send(&fake.discord(), &later, &fake::credentials()).await.unwrap();
    send(
        &fake.discord(),
        &part("To nobody's message"),
        &fake::credentials(),
    )
    .await
    .unwrap();

    assert!(
        fake.calls()
            .await
            .iter()
            .all(|call| call.body.get("message_reference").is_none())
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn a_bot_that_may_not_read_the_history_answers_without_saying_whom() {
    let fake = FakeDiscord::start().await;
    fake.refuses_once(
        "POST",
        &messages(),
        400,
        160_002,
        "Cannot reply without permission to read message history",
    )
    .await;
    fake.answers("POST", &messages(), fake::message(ID, "x")).await;

    send(&fake.discord(), &answering("hi"), &fake::credentials())
        .await
        .unwrap();

    let calls = fake.calls().await;
    assert!(calls[1].body.get("message_reference").is_none());
    assert_eq!(calls[0].body["nonce"], calls[1].body["nonce"]);
}

#[tokio::test]
async fn the_simulated_application_goes_to_the_simulator_and_never_to_discord() {
    let (fake, simulator) = (FakeDiscord::start().await, FakeDiscord::start().await);
    simulator
        .answers("POST", &messages(), fake::message(ID, "x"))
        .await;
    let credentials = fake::credentials_with(json!({"application_id": crate::SIMULATED_APPLICATION}));
    let mut discord = fake.discord();

    let without = send(&discord, &part("hi"), &credentials).await.unwrap_err();
    discord.addresses.simulator = simulator.server.uri().parse().ok();
    send(&discord, &part("hi"), &credentials).await.unwrap();

    assert!(matches!(without, SendError::BadCredentials(_)), "{without:?}");
    assert!(fake.calls().await.is_empty(), "Discord was asked");
    simulator.check_requests().await;
}

#[tokio::test]
async fn a_conversation_that_is_no_channel_is_not_sent_to() {
    let fake = FakeDiscord::start().await;
    let mut part = part("hi");
    part.conversation = "../../users/@me".to_owned();

    let error = send(&fake.discord(), &part, &fake::credentials())
        .await
        .unwrap_err();

    assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    assert!(fake.calls().await.is_empty());
}

#[derive(Debug, PartialEq)]
enum Next {
    Later,
    SlowDown,
    Reconnect,
    GiveUp,
    Unknown,
}

fn next(error: &SendError) -> Next {
    match error {
        SendError::Retry {
            rate_limited: false, ..
        } => Next::Later,
        SendError::Retry {
            rate_limited: true, ..
        } => Next::SlowDown,
        SendError::Unauthorized { .. } => Next::Reconnect,
        SendError::Rejected { .. } => Next::GiveUp,
        SendError::Ambiguous { .. } => Next::Unknown,
        SendError::BadCredentials(_) => panic!("{error}"),
    }
}

#[tokio::test]
async fn every_error_says_what_to_do_next() {
    for (status, code, expected) in [
        (401, 0, Next::Reconnect),
        (401, 40001, Next::Reconnect),
        (403, 50014, Next::Reconnect),
        (404, 10003, Next::GiveUp),
        (404, 10004, Next::GiveUp),
        (404, 10008, Next::GiveUp),
        (403, 40004, Next::GiveUp),
        (413, 40005, Next::GiveUp),
        (403, 40333, Next::GiveUp),
        (403, 50001, Next::GiveUp),
        (400, 50006, Next::GiveUp),
        (403, 50007, Next::GiveUp),
        (400, 50008, Next::GiveUp),
        (403, 50013, Next::GiveUp),
        (400, 50024, Next::GiveUp),
        (400, 50035, Next::GiveUp),
        (400, 50083, Next::GiveUp),
        (403, 50278, Next::GiveUp),
        (400, 160_005, Next::GiveUp),
        (400, 200_000, Next::GiveUp),
        (403, 0, Next::GiveUp),
        (400, 999_999, Next::GiveUp),
        (429, 0, Next::SlowDown),
        (429, 20016, Next::Later),
        (429, 20028, Next::Later),
        (403, 20016, Next::Later),
        (400, 110_000, Next::Later),
        (503, 130_000, Next::Later),
        (408, 0, Next::Later),
        (500, 0, Next::Later),
        (502, 0, Next::Later),
        (504, 0, Next::Unknown),
        (520, 0, Next::Unknown),
        (524, 0, Next::Unknown),
    ] {
        let fake = FakeDiscord::start().await;
        fake.refuses("POST", &messages(), status, code, "no").await;

        let error = send(&fake.discord(), &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert_eq!(next(&error), expected, "{status} {code} gave {error:?}");
        if let SendError::Rejected { code: given, .. } = &error {
            let expected = if code == 0 { u32::from(status) } else { code };
            assert_eq!(given.as_deref(), Some(expected.to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn too_many_messages_wait_as_long_as_discord_asks() {
    for (body, headers, expected, limited) in [
        (
            json!({"message": "x", "retry_after": 64.57, "global": false}),
            [("retry-after", "65"), ("x-ratelimit-scope", "user")],
            64.57,
            true,
        ),
        (
            json!({"message": "x", "retry_after": 0.3, "global": true}),
            [("retry-after", "1"), ("x-ratelimit-scope", "global")],
            0.3,
            true,
        ),
        (
            json!({"message": "x", "retry_after": 2}),
            [("retry-after", "2"), ("x-ratelimit-scope", "shared")],
            2.0,
            false,
        ),
        (
            json!({"message": "x"}),
            [("retry-after", "7"), ("x-ratelimit-scope", "user")],
            7.0,
            true,
        ),
        (
            json!({"message": "x", "retry_after": -1}),
            [("retry-after", "3"), ("x-ratelimit-scope", "user")],
            3.0,
            true,
        ),
    ] {
        let fake = FakeDiscord::start().await;
        let mut answer = ResponseTemplate::new(429).set_body_json(&body);
        for (name, value) in headers {
            answer = answer.insert_header(name, value);
        }
        Mock::given(method("POST"))
            .respond_with(answer)
            .mount(&fake.server)
            .await;

        let error = send(&fake.discord(), &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        let SendError::Retry {
            after, rate_limited, ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(
            (after, rate_limited),
            (Some(Duration::from_secs_f64(expected)), limited),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_discords_proxy_says_in_html_is_not_taken_for_discords_word() {
    let html = "<!DOCTYPE html><title>Access denied</title><p>error code: 1015</p>";
    for (status, expected) in [
        (429, Next::SlowDown),
        (403, Next::Later),
        (404, Next::Later),
        (401, Next::Later),
        (502, Next::Later),
        (521, Next::Later),
        (504, Next::Unknown),
    ] {
        let fake = FakeDiscord::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(html, "text/html");
        Mock::given(method("POST"))
            .respond_with(answer)
            .mount(&fake.server)
            .await;

        let error = send(&fake.discord(), &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert_eq!(next(&error), expected, "{status} gave {error:?}");
        assert!(!error.to_string().contains("<p>"), "{error}");
        if let SendError::Retry {
            after,
            rate_limited: true,
            ..
        } = error
        {
            assert_eq!(
                after,
                Some(Duration::from_secs(60)),
                "whoever goes on calling stays shut out"
            );
        }
    }
}

#[tokio::test]
async fn what_discord_may_have_taken_is_never_reported_as_not_sent() {
    let part = part("hi");
    for (answer, expected) in [
        ("", Next::Unknown),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"id\":",
            Next::Unknown,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Next::Unknown),
        (
            "HTTP/1.1 500 Oops\r\ncontent-length: 50\r\n\r\n{\"mess",
            Next::Unknown,
        ),
    ] {
        let discord = fake::discord_at(&speak_once(answer).await);

        let error = send(&discord, &part, &fake::credentials()).await.unwrap_err();

        assert_eq!(next(&error), expected, "{answer:?} gave {error:?}");
    }
    let discord = fake::discord_at(&refuse_connections());
    let error = send(&discord, &part, &fake::credentials()).await.unwrap_err();
    assert_eq!(next(&error), Next::Later, "{error:?}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}
