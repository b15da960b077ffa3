//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, Telegram, fake,
    outbound::{MAX_CAPTION, MAX_TEXT},
    token::{self, tests::request},
};
use bytes::Bytes;
use channel::{ChannelHandle, OutboundContent, WebhookRequest, text};
use channel_testkit::{Expected, Recording, promises};
use http::HeaderValue;
use serde_json::{Value, json};

/// As the Bot API's server sends it.
const BODY: &str = r#"{"update_id":900000001,"message":{"message_id":41,"from":{"id":5550001,"is_bot":false,
    "first_name":"Ann","username":"ann","language_code":"en"},"chat":{"id":5550001,"type":"private","first_name":"Ann",
    "username":"ann"},"date":1763800000,"text":"Where is my order?"}}"#;

struct Bot;

fn body() -> Value {
    serde_json::from_str(BODY).unwrap()
}

impl Recording for Bot {
    type Channel = Telegram;

    fn channel(&self) -> Telegram {
        fake::telegram_at("http://127.0.0.1:1")
    }

    fn credentials(&self, secret: &str) -> Credentials {
        fake::credentials_with(json!({"webhook_secret": secret}))
    }

    fn request(&self) -> WebhookRequest {
        request(BODY.as_bytes())
    }

    fn expected(&self) -> Expected {
        Expected {
            account: fake::BOT_ID.to_owned(),
            dedupe_key: "900000001".to_owned(),
            contact: "5550001".to_owned(),
            text: "Where is my order?".to_owned(),
        }
    }

    fn sign(&self, mut request: WebhookRequest, secret: &str) -> WebhookRequest {
        request
            .headers
            .insert(token::HEADER, HeaderValue::from_str(secret).unwrap());
        request
    }

    fn proof(&self) -> &'static str {
        token::HEADER
    }

    fn with_unknown_field(&self, mut request: WebhookRequest) -> WebhookRequest {
        let mut body = body();
        body["mood"] = json!({"of": "day"});
        body["message"]["mood"] = json!(7);
        body["message"]["from"]["mood"] = json!(null);
        request.body = Bytes::from(body.to_string());
        request
    }

    fn unknown_event(&self) -> WebhookRequest {
        request(br#"{"update_id":900000002,"telepathy":{"from":{"id":5550001},"text":"hi"}}"#)
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        None
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        let limit = if content.media.is_empty() {
            MAX_TEXT
        } else {
            MAX_CAPTION
        };
        text::utf16(&content.text) <= limit && content.media.len() <= 1
    }
}

promises!(Bot);

#[test]
fn whoever_is_written_to_first_answers_into_the_same_conversation() {
    let handle = ChannelHandle::new(Bot.channel());
    let json = json!({"bot_token": fake::TOKEN, "webhook_secret": "x"}).to_string();
    let credentials = handle.open(&json.into()).unwrap();
    let address = handle.address(" 5550001", &credentials).unwrap().unwrap();
    let webhook = Bot.sign(Bot.request(), "x");

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answered = runtime.block_on(handle.receive(&webhook, &credentials)).unwrap();

    assert_eq!(answered.messages[0].conversation, address.conversation);
    assert_eq!(answered.messages[0].contact, address.contact);
}

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Bot.channel());
    let mut json = json!({"bot_token": fake::TOKEN, "webhook_secret": "x"});
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 2, "a field of the form is no credential");
}

#[test]
fn what_the_form_promises_can_be_done() {
    let handle = ChannelHandle::new(Bot.channel());
    let features = handle.setup().features;

    assert_eq!(features.typing, handle.typing_lasts().is_some());
    assert_eq!(features.connection, handle.listens());
    assert!(features.webhook && features.media_in && features.media_out && features.buttons > 0);
    assert!(!features.delivered && !features.read && !features.templates);
}
