//! What is sent, and what an error means.

use super::*;
use crate::fake::{self, BOT_ID, FakeTelegram, part};
use channel_testkit::{refuse_connections, speak_once};
use std::time::Duration;

fn message(chat: i64) -> Value {
    json!({"message_id": 42, "date": 1_763_800_000, "chat": {"id": chat, "type": "private"}})
}

fn composed(reply: &Reply) -> OutboundPart {
    OutboundPart {
        content: compose(reply).remove(0),
        ..part("")
    }
}

fn with_text(text: &str) -> OutboundPart {
    composed(&Reply {
        text: text.to_owned(),
        ..Reply::default()
    })
}

fn with_media(url: &str, text: &str) -> OutboundPart {
    composed(&Reply {
        text: text.to_owned(),
        media: vec![url.to_owned()],
        ..Reply::default()
    })
}

#[tokio::test]
async fn a_part_is_sent_with_how_it_looks() {
    let fake = FakeTelegram::start().await;
    fake.answers("sendMessage", message(5_550_001)).await;
    let reply = Reply {
        text: "We **open** < 9 & > 5".to_owned(),
        buttons: vec![Button {
            title: "Book".to_owned(),
            value: "book".to_owned(),
        }],
        ..Reply::default()
    };

    let sent = send(&fake.telegram(), &composed(&reply), &fake::credentials())
        .await
        .unwrap();

    assert_eq!(
        (sent.platform_message_id.as_str(), sent.segments),
        ("5550001/42", None)
    );
    let expected = json!({
        "chat_id": 5_550_001, "text": "We open < 9 & > 5", "entities": [{"type": "bold", "offset": 3, "length": 4}],
        "reply_markup": {"inline_keyboard": [[{"text": "Book", "callback_data": "book"}]]},
    });
    assert_eq!(fake.calls().await, [("sendMessage".to_owned(), expected)]);
    fake.check_requests().await;
}

#[tokio::test]
async fn in_a_group_the_first_part_answers_the_message_in_its_topic() {
    let fake = FakeTelegram::start().await;
    fake.answers("sendMessage", message(-1_001)).await;
    let first = OutboundPart {
        conversation: "-1001/7".to_owned(),
        reply_to: Some(json!({"message_id": 41})),
        ..with_text("hi")
    };
    let mut second = first.clone();
    second.content.extra = None;

    for part in [first, second] {
        send(&fake.telegram(), &part, &fake::credentials()).await.unwrap();
    }

    let calls = fake.calls().await;
    let answers = json!({"message_id": 41, "allow_sending_without_reply": true});
    assert_eq!(calls[0].1["reply_parameters"], answers);
    assert_eq!(
        (&calls[0].1["chat_id"], &calls[0].1["message_thread_id"]),
        (&json!(-1_001), &json!(7))
    );
    assert!(calls[1].1.get("reply_parameters").is_none());
    fake.check_requests().await;
}

#[tokio::test]
async fn media_are_sent_by_their_kind_with_the_text_below() {
    for (url, method, field) in [
        ("https://acme.com/a.png", "sendPhoto", "photo"),
        ("https://acme.com/a.mp4", "sendVideo", "video"),
        ("https://acme.com/a.mp3", "sendAudio", "audio"),
        ("https://acme.com/a.pdf", "sendDocument", "document"),
    ] {
        let fake = FakeTelegram::start().await;
        fake.answers(method, message(5_550_001)).await;

        send(&fake.telegram(), &with_media(url, "*Look*"), &fake::credentials())
            .await
            .unwrap();

        let expected = json!({
            "chat_id": 5_550_001, field: url, "caption": "Look",
            "caption_entities": [{"type": "italic", "offset": 0, "length": 4}],
        });
        assert_eq!(fake.calls().await, [(method.to_owned(), expected)]);
        fake.check_requests().await;
    }
}

#[tokio::test]
async fn media_that_telegram_cannot_fetch_are_sent_as_a_link() {
    for words in [
        "Bad Request: failed to get HTTP URL content",
        "Bad Request: wrong type of the web page content",
        "Bad Request: wrong file identifier/HTTP URL specified",
    ] {
        let fake = FakeTelegram::start().await;
        fake.refuses("sendPhoto", 400, words, json!({})).await;
        fake.answers("sendMessage", message(5_550_001)).await;

        send(
            &fake.telegram(),
            &with_media("https://acme.com/a.png", "*Look*"),
            &fake::credentials(),
        )
        .await
        .unwrap();

        let calls = fake.calls().await;
        let expected = json!({
            "chat_id": 5_550_001, "text": "Look\n\nhttps://acme.com/a.png",
            "entities": [{"type": "italic", "offset": 0, "length": 4}],
        });
        assert_eq!(calls[1], ("sendMessage".to_owned(), expected));
        fake.check_requests().await;
    }
}

#[tokio::test]
async fn a_pressed_button_is_answered_before_the_part_and_its_failure_is_of_no_consequence() {
    let fake = FakeTelegram::start().await;
    fake.refuses(
        "answerCallbackQuery",
        400,
        "Bad Request: query is too old",
        json!({}),
    )
    .await;
    fake.answers("sendMessage", message(5_550_001)).await;
    let part = OutboundPart {
        reply_to: Some(json!({"callback_query_id": "77"})),
        ..with_text("hi")
    };

    send(&fake.telegram(), &part, &fake::credentials()).await.unwrap();

    let calls: Vec<String> = fake.calls().await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(calls, ["answerCallbackQuery", "sendMessage"]);
    fake.check_requests().await;
}

#[tokio::test]
async fn a_group_that_has_another_number_is_written_to_there_once() {
    let fake = FakeTelegram::start().await;
    let words = "Bad Request: group chat was upgraded to a supergroup chat";
    let moved = json!({"migrate_to_chat_id": -1_001_234});
    fake.refuses_once("sendMessage", 400, words, moved.clone()).await;
    fake.answers_once("sendMessage", message(-1_001_234)).await;
    fake.refuses("sendMessage", 400, words, moved).await;
    let part = OutboundPart {
        conversation: "-55".to_owned(),
        reply_to: Some(json!({"message_id": 41})),
        ..with_text("hi")
    };

    let sent = send(&fake.telegram(), &part, &fake::credentials()).await.unwrap();
    let again = send(&fake.telegram(), &part, &fake::credentials())
        .await
        .unwrap_err();

    assert_eq!(sent.platform_message_id, "-1001234/42");
    let calls = fake.calls().await;
    assert_eq!(calls[1].1, json!({"chat_id": -1_001_234, "text": "hi"}));
    assert_eq!(calls.len(), 4, "a second move is not followed");
    assert!(matches!(again, SendError::Rejected { .. }), "{again:?}");
    fake.check_requests().await;
}

#[tokio::test]
async fn a_text_whose_looks_telegram_does_not_take_is_sent_plain() {
    let fake = FakeTelegram::start().await;
    fake.refuses_once(
        "sendMessage",
        400,
        "Bad Request: can't parse entities: wrong offset",
        json!({}),
    )
    .await;
    fake.answers("sendMessage", message(5_550_001)).await;

    send(&fake.telegram(), &with_text("**hi**"), &fake::credentials())
        .await
        .unwrap();

    assert_eq!(
        fake.calls().await[1].1,
        json!({"chat_id": 5_550_001, "text": "hi"})
    );
}

#[tokio::test]
async fn extra_that_cannot_be_read_costs_the_looks_and_not_the_message() {
    let fake = FakeTelegram::start().await;
    fake.answers("sendMessage", message(5_550_001)).await;
    let mut part = with_text("**hi**");
    part.content.extra = Some(json!({"entities": "x"}));

    send(&fake.telegram(), &part, &fake::credentials()).await.unwrap();

    assert_eq!(
        fake.calls().await[0].1,
        json!({"chat_id": 5_550_001, "text": "hi"})
    );
}

#[tokio::test]
async fn the_simulated_bot_never_goes_to_telegram() {
    let (fake, simulator) = (FakeTelegram::start().await, FakeTelegram::start().await);
    wiremock::Mock::given(wiremock::matchers::path(format!(
        "/bot{}/sendMessage",
        crate::SIMULATED_TOKEN
    )))
    .respond_with(
        wiremock::ResponseTemplate::new(200).set_body_json(json!({"ok": true, "result": message(5_550_001)})),
    )
    .mount(&simulator.server)
    .await;
    let credentials = fake::credentials_with(json!({"bot_token": crate::SIMULATED_TOKEN}));
    let mut telegram = fake.telegram();

    let without = send(&telegram, &part("hi"), &credentials).await.unwrap_err();
    telegram.addresses.simulator = simulator.server.uri().parse().ok();
    send(&telegram, &part("hi"), &credentials).await.unwrap();

    assert!(matches!(without, SendError::BadCredentials(_)), "{without:?}");
    assert!(fake.calls().await.is_empty(), "Telegram was asked");
    simulator.check_requests().await;
}

#[tokio::test]
async fn a_token_that_is_none_never_stands_in_an_address() {
    let fake = FakeTelegram::start().await;
    let credentials = fake::credentials_with(json!({"bot_token": "../x?"}));

    let error = send(&fake.telegram(), &part("hi"), &credentials)
        .await
        .unwrap_err();

    assert!(matches!(error, SendError::BadCredentials(_)), "{error:?}");
    assert!(fake.calls().await.is_empty());
}

#[tokio::test]
async fn a_conversation_that_is_not_telegrams_is_refused() {
    let fake = FakeTelegram::start().await;
    let part = OutboundPart {
        conversation: "+14155550100/x".to_owned(),
        ..part("hi")
    };

    let error = send(&fake.telegram(), &part, &fake::credentials())
        .await
        .unwrap_err();

    assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    assert!(fake.calls().await.is_empty());
}

async fn error_for(status: u16, words: &str, parameters: Value) -> SendError {
    let fake = FakeTelegram::start().await;
    fake.refuses("sendMessage", status, words, parameters).await;
    send(&fake.telegram(), &with_text("hi"), &fake::credentials())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn what_telegram_will_never_take_is_rejected_with_what_to_do() {
    for (status, words, advice) in [
        (
            403,
            "Forbidden: bot was blocked by the user",
            "by starting the bot again",
        ),
        (403, "Forbidden: user is deactivated", "account is deleted"),
        (
            403,
            "Forbidden: bot was kicked from the supergroup chat",
            "add the bot to the group again",
        ),
        (
            403,
            "Forbidden: bot is not a member of the channel chat",
            "add the bot to the group again",
        ),
        (
            403,
            "Forbidden: the group chat was deleted",
            "does not exist any more",
        ),
        (
            403,
            "Forbidden: bot can't initiate conversation with a user",
            "has to write to the bot first",
        ),
        (
            400,
            "Bad Request: chat not found",
            "has to write to the bot first",
        ),
        (
            400,
            "Bad Request: message thread not found",
            "the topic was deleted",
        ),
        (
            400,
            "Bad Request: message is too long",
            "longer than Telegram takes",
        ),
        (
            400,
            "Bad Request: not enough rights to send text messages to the chat",
            "in the group's permissions",
        ),
        (400, "Bad Request: BUTTON_DATA_INVALID", "64 bytes"),
        (
            400,
            "Bad Request: PEER_ID_INVALID",
            "has to write to the bot first",
        ),
        (406, "Not Acceptable: FROZEN_METHOD_INVALID", ""),
        (400, "Bad Request: something new", ""),
    ] {
        let error = error_for(status, words, json!({})).await;

        let SendError::Rejected { code, reason } = &error else {
            panic!("{words} gave {error:?}");
        };
        assert_eq!(code.as_deref(), Some(status.to_string().as_str()));
        assert!(reason.starts_with(words) && reason.contains(advice), "{reason}");
    }
}

#[tokio::test]
async fn a_token_that_telegram_does_not_take_breaks_the_integration() {
    for (status, words) in [(401, "Unauthorized"), (404, "Not Found")] {
        let error = error_for(status, words, json!({})).await;

        assert!(
            matches!(&error, SendError::Unauthorized { reason } if reason.contains(words)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn too_fast_is_told_with_the_time_to_wait() {
    let error = error_for(
        429,
        "Too Many Requests: retry after 17",
        json!({"retry_after": 17}),
    )
    .await;

    let SendError::Retry {
        after,
        rate_limited: true,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn what_telegram_did_not_process_is_sent_again() {
    for (status, words) in [
        (500, "Internal Server Error: restart"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (408, "Request Timeout"),
        (302, "Found"),
    ] {
        let error = error_for(status, words, json!({})).await;

        assert!(
            matches!(
                error,
                SendError::Retry {
                    rate_limited: false,
                    ..
                }
            ),
            "{status} gave {error:?}"
        );
    }
}

async fn error_from(answer: &str) -> SendError {
    let telegram = fake::telegram_at(&speak_once(answer).await);
    send(&telegram, &with_text("hi"), &fake::credentials())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_proxy_that_objects_does_not_break_the_integration() {
    for status in [
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "400 Bad Request",
    ] {
        let error = error_from(&format!("HTTP/1.1 {status}\r\nContent-Length: 6\r\n\r\n<html>")).await;

        assert!(
            matches!(&error, SendError::Retry { rate_limited: false, reason, .. } if reason.contains("proxy")),
            "{status} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn whether_it_arrived_is_never_guessed() {
    for answer in [
        // Hung up after it was asked.
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"ok\":true,\"result\":{\"mess",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"ok\":true,\"result\":true}",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 500\r\n\r\n{\"ok\":fal",
        "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n",
    ] {
        let error = error_from(answer).await;

        assert!(
            matches!(error, SendError::Ambiguous { .. }),
            "{answer:?} gave {error:?}"
        );
    }
    let unreached = send(
        &fake::telegram_at(&refuse_connections()),
        &part("hi"),
        &fake::credentials(),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            unreached,
            SendError::Retry {
                rate_limited: false,
                ..
            }
        ),
        "{unreached:?}"
    );
}

#[tokio::test]
async fn no_error_shows_the_token() {
    let unreached = send(
        &fake::telegram_at(&refuse_connections()),
        &part("hi"),
        &fake::credentials(),
    )
    .await
    .unwrap_err();
    for error in [
        unreached,
        error_from("").await,
        error_from("nonsense").await,
        error_for(401, "Unauthorized", json!({})).await,
    ] {
        let shown = format!("{error} {error:?}");

        assert!(!shown.contains("canary") && !shown.contains(BOT_ID), "{shown}");
    }
}
