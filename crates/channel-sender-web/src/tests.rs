use crate::{Credentials, Web};
use channel::{
    Button, Channel, ChannelHandle, Connected, OutboundContent, OutboundPart, ReceiveError, Reply,
    WebhookKind, WebhookRequest,
};
use chrono::Utc;
use domain::{PartId, Platform};
use http::{HeaderMap, Method};
use secrecy::ExposeSecret;
use serde_json::json;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn credentials(origins: &str) -> Credentials {
    serde_json::from_value(json!({"identity_secret": SECRET, "allowed_origins": origins})).unwrap()
}

#[test]
fn origins_are_read_as_browsers_send_them() {
    let given =
        "https://Shop.example, https://www.shop.example:443/\n http://localhost:3000 https://bücher.example";

    let handle = ChannelHandle::new(Web::new());
    let json = json!({"identity_secret": SECRET, "allowed_origins": given}).to_string();
    let opened = handle.open(&json.into()).unwrap();
    let hosting = handle.hosting(&opened).unwrap().unwrap();

    assert_eq!(
        hosting.allowed_origins,
        [
            "https://shop.example",
            "https://www.shop.example",
            "http://localhost:3000",
            "https://xn--bcher-kva.example"
        ]
    );
    assert_eq!(hosting.identity_secret.expose_secret(), SECRET);
}

#[test]
fn what_is_no_origin_is_refused_by_name() {
    for given in [
        "*",
        "https://*.shop.example",
        "null",
        "shop.example",
        "https://shop.example/chat",
        "https://a@shop.example",
        "file:///x",
        "ftp://shop.example",
    ] {
        let refused = Web::new().validate(&credentials(given)).unwrap_err();

        assert_eq!(refused.field, "allowed_origins", "{given}");
        assert!(refused.problem.contains(given), "{refused}");
    }
}

#[test]
fn a_secret_that_could_be_guessed_is_refused_and_none_is_shown() {
    let short: Credentials = serde_json::from_value(json!({"identity_secret": "short"})).unwrap();

    assert!(Web::new().validate(&short).is_err());
    assert!(serde_json::from_value::<Credentials>(json!({})).is_err());
    assert!(!format!("{:?}", credentials("")).contains(SECRET));
}

#[tokio::test]
async fn nothing_comes_by_webhook_and_nobody_is_called() {
    let request = WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bots.example/api/web/webhook/x".to_owned(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::from_static(b"{}"),
        received_at: Utc::now(),
    };
    let part = OutboundPart {
        id: PartId::new(),
        platform: Platform::WEB,
        contact: "visitor:1".to_owned(),
        conversation: "visitor:1/1".to_owned(),
        content: OutboundContent::default(),
        reply_to: None,
        status_callback: None,
    };

    let received = Web::new().receive(&request, &credentials("")).await;
    let sent = Web::new().send(&part, &credentials("")).await.unwrap();

    assert!(matches!(received, Err(ReceiveError::Malformed(words)) if words.contains("/api/chat/")));
    assert_eq!(sent.platform_message_id, part.id.to_string());
}

#[tokio::test]
async fn connecting_shows_the_line_for_the_pages() {
    let webhook = "https://bots.example/below/api/web/webhook/0198".parse().unwrap();

    let connected = Web::new().connect(&webhook, &credentials("")).await.unwrap();

    let Connected::Manual { instructions } = connected else {
        panic!("{connected:?}")
    };
    assert!(
        instructions.contains(r#"src="https://bots.example/below/widget.js" data-bot="0198""#),
        "{instructions}"
    );
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

    let contents = Web::new().compose(&reply);

    assert_eq!(contents.len(), 1);
    assert_eq!(contents[0].text, reply.text.trim());
    assert_eq!(contents[0].buttons, reply.buttons);
    assert!(Web::new().compose(&Reply::default()).is_empty());
}
