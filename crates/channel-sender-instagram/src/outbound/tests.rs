//! What Instagram hears, and what comes of what it says.

use super::*;
use crate::fake::{self, ACCOUNT, FakeInstagram, part};
use channel::{Button, Channel, OutboundContent, Reply};
use channel_testkit::{refuse_connections, speak_once};
use serde_json::Value;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{header, method, path},
};

fn taken(id: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"recipient_id": "6841100000000000", "message_id": id}))
}

/// What is heard of this part.
async fn heard(part: &OutboundPart) -> Value {
    let fake = FakeInstagram::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/v25.0/{ACCOUNT}/messages")))
        .and(header("authorization", "Bearer canary-token"))
        .respond_with(taken("m_1"))
        .mount(&fake.server)
        .await;

    let sent = send(&fake.instagram(), part, &fake::credentials()).await.unwrap();

    assert_eq!(sent.platform_message_id, "m_1");
    fake.check_requests().await;
    fake.bodies().await.remove(0)
}

#[tokio::test]
async fn a_text_answers_the_person() {
    let part = part("We open at nine & close at 5 € 👋");

    assert_eq!(
        heard(&part).await,
        json!({"recipient": {"id": "6841100000000000"}, "message": {"text": "We open at nine & close at 5 € 👋"}})
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
fn a_reply_is_plain_and_cut_at_a_thousand_bytes() {
    let instagram = fake::instagram_at("http://127.0.0.1:1");
    let compose = |text: &str| -> Vec<OutboundContent> {
        instagram.compose(&Reply {
            text: text.to_owned(),
            ..Reply::default()
        })
    };

    assert_eq!(
        compose("**Open** [here](https://acme.com)")[0].text,
        "Open here (https://acme.com)"
    );
    let parts = compose(&"👋".repeat(251));
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].text.len(), 1_000);
}

#[tokio::test]
async fn with_facebook_login_the_page_sends() {
    let fake = FakeInstagram::start().await;
    Mock::given(path(format!("/v25.0/{}/messages", fake::PAGE)))
        .respond_with(taken("m_1"))
        .mount(&fake.server)
        .await;

    send(&fake.instagram(), &part("hi"), &fake::with_page())
        .await
        .unwrap();

    fake.check_requests().await;
}

#[tokio::test]
async fn writing_is_shown_to_the_person() {
    let fake = FakeInstagram::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"recipient_id": "6841100000000000"})))
        .mount(&fake.server)
        .await;
    let target = Target {
        contact: "6841100000000000".to_owned(),
        conversation: format!("{ACCOUNT}/6841100000000000"),
        reply_to: None,
    };

    show_typing(&fake.instagram(), &target, &fake::credentials())
        .await
        .unwrap();

    assert_eq!(
        fake.bodies().await,
        [json!({"recipient": {"id": "6841100000000000"}, "sender_action": "typing_on"})]
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn the_simulated_account_goes_to_the_simulator_and_never_to_meta() {
    let (fake, simulator) = (FakeInstagram::start().await, FakeInstagram::start().await);
    Mock::given(method("POST"))
        .respond_with(taken("m_1"))
        .mount(&simulator.server)
        .await;
    let credentials = fake::credentials_with(json!({"account_id": crate::SIMULATED_ACCOUNT}));
    let mut instagram = fake.instagram();

    let without = send(&instagram, &part("hi"), &credentials).await.unwrap_err();
    instagram.addresses.simulator = simulator.server.uri().parse().ok();
    send(&instagram, &part("hi"), &credentials).await.unwrap();

    assert!(matches!(without, SendError::BadCredentials(_)), "{without:?}");
    assert!(fake.bodies().await.is_empty(), "Meta was asked");
    simulator.check_requests().await;
}

async fn error_for(status: u16, body: Value) -> SendError {
    let fake = FakeInstagram::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&fake.server)
        .await;
    send(&fake.instagram(), &part("hi"), &fake::credentials())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn every_error_says_what_to_do_next() {
    for (code, subcode, expected) in [
        (10, Some(2534022), "give up"),
        (100, Some(2534014), "give up"),
        (100, Some(2534015), "give up"),
        (100, Some(2534025), "give up"),
        (551, None, "give up"),
        (230, None, "give up"),
        (9010, None, "give up"),
        (99999, None, "give up"),
        (3, None, "reconnect"),
        (10, None, "reconnect"),
        (190, None, "reconnect"),
        (200, None, "reconnect"),
        (4, None, "slow down"),
        (17, None, "slow down"),
        (613, None, "slow down"),
        (80002, None, "slow down"),
        (1, None, "retry"),
        (2, None, "retry"),
        (2, Some(1545133), "retry"),
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
        "code": 10, "error_subcode": 2534022, "fbtrace_id": "x"}});

    let error = error_for(403, body).await;

    assert!(
        matches!(&error, SendError::Rejected { code: Some(code), reason } if code == "10/2534022"
            && reason.ends_with("the 24-hour window is closed: the person must write first")),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_may_have_been_accepted_is_told_from_what_was_not() {
    let unread = error_for(200, json!({"recipient_id": "1"})).await;
    let refused = fake::instagram_at(&refuse_connections());
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
        let cut = fake::instagram_at(&speak_once(answer).await);

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
