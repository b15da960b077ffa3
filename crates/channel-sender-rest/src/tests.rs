//! A receiver that checks signatures in its own way, and everything that it may answer.

use crate::{Credentials, Rest};
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::{
    Button, Channel, ChannelHandle, OutboundContent, OutboundPart, ReceiveError, Reply, SendError,
    WebhookKind, WebhookRequest,
};
use chrono::Utc;
use domain::{PartId, Platform};
use egress::{Guard, Timeouts};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const IDENTITY: &str = "0123456789abcdef0123456789abcdef";

fn rest(allowed: &[ipnet::IpNet]) -> Rest {
    let guard = Guard::new(allowed);
    let timeouts = Timeouts {
        connect: Duration::from_millis(300),
        total: Duration::from_millis(500),
    };
    let client = guard.client(timeouts).unwrap();
    Rest::new(guard, client)
}

fn here() -> Rest {
    rest(&["127.0.0.0/8".parse().unwrap()])
}

fn credentials(reply_url: &str) -> Credentials {
    serde_json::from_value(
        json!({"identity_secret": IDENTITY, "reply_url": reply_url, "signing_secret": SECRET}),
    )
    .unwrap()
}

fn part() -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::REST,
        contact: "user:ada".to_owned(),
        conversation: "user:ada/c1".to_owned(),
        content: OutboundContent {
            text: "We are **open** 🕘".to_owned(),
            ..OutboundContent::default()
        },
        reply_to: None,
        status_callback: None,
    }
}

async fn answered_with(template: ResponseTemplate) -> (MockServer, Result<channel::Sent, SendError>) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    let sent = here().send(&part(), &credentials(&server.uri())).await;
    (server, sent)
}

#[tokio::test]
async fn a_pushed_answer_carries_a_signature_that_its_receiver_can_check() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let part = part();

    here()
        .send(&part, &credentials(&format!("{}/hook", server.uri())))
        .await
        .unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &request.body].concat();
    let key = BASE64_STANDARD.decode(&SECRET[6..]).unwrap();
    let given = BASE64_STANDARD
        .decode(header("webhook-signature").strip_prefix("v1,").unwrap())
        .unwrap();
    Hmac::<Sha256>::new_from_slice(&key)
        .unwrap()
        .chain_update(&signed)
        .verify_slice(&given)
        .unwrap();
    assert_eq!(id, part.id.to_string());
    assert!(timestamp.parse::<i64>().unwrap().abs_diff(Utc::now().timestamp()) < 5);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["type"], "message.created");
    assert_eq!(
        body["data"],
        json!({"conversation": "c1", "user": "ada", "part_id": part.id, "text": "We are **open** 🕘", "media": [], "buttons": []})
    );
}

#[tokio::test]
async fn what_the_receiver_answers_decides_what_happens_next() {
    let slow = ResponseTemplate::new(503).insert_header("retry-after", "17");
    let (_server, sent) = answered_with(slow).await;
    assert!(
        matches!(sent, Err(SendError::Retry { after: Some(after), rate_limited: false, .. }) if after.as_secs() == 17)
    );
    let (_server, sent) = answered_with(ResponseTemplate::new(429)).await;
    assert!(matches!(
        sent,
        Err(SendError::Retry {
            rate_limited: true,
            ..
        })
    ));
    for status in [500, 502, 504, 408] {
        let (_server, sent) = answered_with(ResponseTemplate::new(status)).await;
        assert!(matches!(sent, Err(SendError::Retry { .. })), "{status}");
    }
    for status in [410, 400, 404, 302] {
        let (_server, sent) = answered_with(ResponseTemplate::new(status)).await;
        let Err(SendError::Rejected { code, .. }) = sent else {
            panic!("{status}: {sent:?}")
        };
        assert_eq!(code, Some(status.to_string()));
    }
}

#[tokio::test]
async fn a_receiver_that_says_nothing_may_have_the_webhook_and_may_get_it_again() {
    let (_server, sent) = answered_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(3))).await;

    assert!(matches!(sent, Err(SendError::Ambiguous { .. })), "{sent:?}");
    let handle = ChannelHandle::new(here());
    let json = json!({"identity_secret": IDENTITY}).to_string().into();
    let credentials = handle.open(&json).unwrap();
    let found = handle.candidates(&part(), Utc::now(), &credentials).await;
    assert!(matches!(found, Some(Ok(found)) if found.is_empty()));
}

#[tokio::test]
async fn a_receiver_that_is_away_gets_it_later() {
    let address = channel_testkit::refuse_connections();

    let sent = here().send(&part(), &credentials(&address)).await;

    assert!(matches!(sent, Err(SendError::Retry { .. })), "{sent:?}");
}

#[tokio::test]
async fn without_an_address_the_answer_is_read_and_nobody_is_called() {
    let part = part();

    let sent = rest(&[]).send(&part, &credentials("")).await.unwrap();

    assert_eq!(sent.platform_message_id, part.id.to_string());
}

#[tokio::test]
async fn an_address_inside_is_refused_when_it_is_typed_in_and_when_it_is_called() {
    let guarded = rest(&[]);
    for inside in [
        "http://127.0.0.1/hook",
        "http://10.0.0.7/",
        "http://[::1]/",
        "http://localhost:9/",
    ] {
        let credentials = credentials(inside);

        let refused = guarded.validate(&credentials).unwrap_err();
        let sent = guarded.send(&part(), &credentials).await;

        assert_eq!(refused.field, "reply_url");
        assert!(
            refused.problem.contains("rest_allowed_private_cidrs"),
            "{refused}"
        );
        assert!(matches!(sent, Err(SendError::BadCredentials(_))), "{sent:?}");
    }
    assert!(here().validate(&credentials("http://127.0.0.1/hook")).is_ok());
}

#[test]
fn secrets_are_of_their_form_and_never_shown() {
    let open = |json: Value| serde_json::from_value::<Credentials>(json).map(|c| rest(&[]).validate(&c));
    let url = "https://shop.example/hook";

    assert!(open(json!({})).is_err());
    assert!(open(json!({"identity_secret": "short"})).unwrap().is_err());
    assert!(open(json!({"identity_secret": IDENTITY})).unwrap().is_ok());
    assert!(
        open(json!({"identity_secret": IDENTITY, "reply_url": url}))
            .unwrap()
            .is_err(),
        "pushed unsigned"
    );
    assert!(
        open(json!({"identity_secret": IDENTITY, "reply_url": url, "signing_secret": "secret"}))
            .unwrap()
            .is_err()
    );
    let shown = format!("{:?}", credentials(url));
    assert!(!shown.contains(IDENTITY) && !shown.contains(SECRET), "{shown}");
}

#[tokio::test]
async fn nothing_comes_by_webhook() {
    let request = WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bots.example/api/rest/webhook/x".to_owned(),
        headers: HeaderMap::new(),
        body: "{}".into(),
        received_at: Utc::now(),
    };

    let received = here().receive(&request, &credentials("")).await;

    assert!(matches!(received, Err(ReceiveError::Malformed(words)) if words.contains("/api/chat/")));
}

#[test]
fn a_reply_stays_whole_with_its_markup_and_its_buttons() {
    let reply = Reply {
        text: format!("# Title\n\n{}", "**word** ".repeat(5_000)),
        buttons: vec![Button {
            title: "Yes".to_owned(),
            value: "yes".to_owned(),
        }],
        ..Reply::default()
    };

    let contents = here().compose(&reply);

    assert_eq!(contents.len(), 1);
    assert_eq!(contents[0].text, reply.text.trim());
    assert_eq!(contents[0].buttons, reply.buttons);
    assert!(here().compose(&Reply::default()).is_empty());
}

#[test]
fn it_describes_itself() {
    let setup = here().setup();

    assert!(!setup.steps.is_empty());
    assert!(
        setup
            .fields
            .iter()
            .all(|field| !field.label.is_empty() && !field.help.is_empty())
    );
}
