//! What Messenger hears, and what comes of what it says.

use super::*;
use crate::fake::{self, FakeMessenger, PAGE, part};
use channel::{Button, Channel, OutboundContent, Reply};
use channel_testkit::{refuse_connections, speak_once};
use serde_json::Value;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{header, method, path},
};

fn taken(id: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"recipient_id": "7392015648120394", "message_id": id}))
}

/// What is heard of this part.
async fn heard(part: &OutboundPart) -> Value {
    let fake = FakeMessenger::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/v25.0/{PAGE}/messages")))
        .and(header("authorization", "Bearer canary-token"))
        .respond_with(taken("m_1"))
        .mount(&fake.server)
        .await;

    let sent = send(&fake.messenger(), part, &fake::credentials()).await.unwrap();

    assert_eq!(sent.platform_message_id, "m_1");
    fake.check_requests().await;
    fake.bodies().await.remove(0)
}

#[tokio::test]
async fn a_text_answers_the_person_and_carries_our_id_of_the_part() {
    let part = part("We open at nine & close at 5 € 👋");

    assert_eq!(
        heard(&part).await,
        json!({"recipient": {"id": "7392015648120394"}, "messaging_type": "RESPONSE",
            "message": {"text": "We open at nine & close at 5 € 👋", "metadata": part.id.to_string()}})
    );
}

#[tokio::test]
async fn quick_replies_and_media_are_messages_too() {
    let mut asked = part("Which?");
    asked.content.buttons = vec![Button {
        title: "Red".to_owned(),
        value: "r".to_owned(),
    }];
    let mut shown = part("");
    shown.content.media = vec!["https://acme.com/a.png".to_owned()];

    let (asked, shown) = (heard(&asked).await, heard(&shown).await);

    assert_eq!(
        asked["message"]["quick_replies"],
        json!([{"content_type": "text", "title": "Red", "payload": "r"}])
    );
    assert_eq!(
        shown["message"]["attachment"],
        json!({"type": "image", "payload": {"url": "https://acme.com/a.png", "is_reusable": false}})
    );
    assert!(shown["message"].get("text").is_none());
}

#[test]
fn a_reply_is_plain_and_cut_at_two_thousand_units() {
    let messenger = fake::messenger_at("http://127.0.0.1:1");
    let compose = |text: &str| -> Vec<OutboundContent> {
        messenger.compose(&Reply {
            text: text.to_owned(),
            ..Reply::default()
        })
    };

    assert_eq!(
        compose("**Open** [here](https://acme.com)")[0].text,
        "Open here (https://acme.com)"
    );
    let parts = compose(&"👋".repeat(1_001));
    assert_eq!(parts.len(), 2);
    assert_eq!(text::utf16(&parts[0].text), 2_000);
}

#[tokio::test]
async fn writing_is_shown_to_the_person() {
    let fake = FakeMessenger::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"recipient_id": "7392015648120394"})))
        .mount(&fake.server)
        .await;
    let target = Target {
        contact: "7392015648120394".to_owned(),
        conversation: format!("{PAGE}/7392015648120394"),
        reply_to: None,
    };

    show_typing(&fake.messenger(), &target, &fake::credentials())
        .await
        .unwrap();

    assert_eq!(
        fake.bodies().await,
        [json!({"recipient": {"id": "7392015648120394"}, "sender_action": "typing_on"})]
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn the_simulated_page_goes_to_the_simulator_and_never_to_meta() {
    let (fake, simulator) = (FakeMessenger::start().await, FakeMessenger::start().await);
    Mock::given(method("POST"))
        .respond_with(taken("m_1"))
        .mount(&simulator.server)
        .await;
    let credentials = fake::credentials_with(json!({"page_id": crate::SIMULATED_ACCOUNT}));
    let mut messenger = fake.messenger();

    let without = send(&messenger, &part("hi"), &credentials).await.unwrap_err();
    messenger.addresses.simulator = simulator.server.uri().parse().ok();
    send(&messenger, &part("hi"), &credentials).await.unwrap();

    assert!(matches!(without, SendError::BadCredentials(_)), "{without:?}");
    assert!(fake.bodies().await.is_empty(), "Meta was asked");
    simulator.check_requests().await;
}

async fn error_for(status: u16, body: Value) -> SendError {
    let fake = FakeMessenger::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&fake.server)
        .await;
    send(&fake.messenger(), &part("hi"), &fake::credentials())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn every_error_says_what_to_do_next() {
    for (code, subcode, expected) in [
        (10, Some(2018278), "give up"),
        (10, Some(2018065), "give up"),
        (10, Some(2018108), "give up"),
        (10, Some(2018300), "give up"),
        (551, None, "give up"),
        (551, Some(1545041), "give up"),
        (200, Some(1545041), "give up"),
        (100, Some(2018001), "give up"),
        (100, Some(2018109), "give up"),
        (100, None, "give up"),
        (230, None, "give up"),
        (99999, None, "give up"),
        (10, None, "reconnect"),
        (200, None, "reconnect"),
        (190, None, "reconnect"),
        (190, Some(460), "reconnect"),
        (190, Some(463), "reconnect"),
        (190, Some(467), "reconnect"),
        (4, None, "slow down"),
        (17, None, "slow down"),
        (32, None, "slow down"),
        (613, None, "slow down"),
        (613, Some(1893016), "slow down"),
        (80001, None, "slow down"),
        (80006, None, "slow down"),
        (368, None, "slow down"),
        (1, None, "retry"),
        (2, None, "retry"),
        (2, Some(1545133), "retry"),
        (-1, Some(2018012), "retry"),
        (1200, None, "retry"),
    ] {
        let error = error_for(
            400,
            json!({"error": {"message": "(#1) no", "type": "OAuthException", "code": code, "error_subcode": subcode}}),
        )
        .await;

        let next = match &error {
            SendError::Retry {
                rate_limited: false, ..
            } => "retry",
            SendError::Retry {
                rate_limited: true, ..
            } => "slow down",
            SendError::Unauthorized { .. } => "reconnect",
            SendError::Rejected { .. } => "give up",
            other => panic!("{code}/{subcode:?} gave {other:?}"),
        };
        assert_eq!(next, expected, "{code}/{subcode:?}: {error}");
    }
}

#[tokio::test]
async fn a_closed_window_is_refused_with_what_to_do() {
    let body = json!({"error": {"message": "(#10) This message is sent outside of allowed window.", "type": "OAuthException",
        "code": 10, "error_subcode": 2018278, "fbtrace_id": "x"}});

    let error = error_for(403, body).await;

    assert!(
        matches!(&error, SendError::Rejected { code: Some(code), reason } if code == "10/2018278"
            && reason.ends_with("the 24-hour window is closed: the person must write first")),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_may_have_been_accepted_is_told_from_what_was_not() {
    let unread = error_for(200, json!({"recipient_id": "1"})).await;
    let refused = fake::messenger_at(&refuse_connections());
    let refused = send(&refused, &part("canary-text"), &fake::credentials())
        .await
        .unwrap_err();

    assert!(matches!(unread, SendError::Ambiguous { .. }), "{unread:?}");
    assert!(
        matches!(
            refused,
            SendError::Retry {
                rate_limited: false,
                ..
            }
        ),
        "{refused:?}"
    );
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message_id\": \"m",
    ] {
        let cut = fake::messenger_at(&speak_once(answer).await);

        let error = send(&cut, &part("canary-text"), &fake::credentials())
            .await
            .unwrap_err();

        assert!(
            matches!(error, SendError::Ambiguous { .. }),
            "{answer:?} gave {error:?}"
        );
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary") && !shown.contains("http"), "{shown}");
    }
}
