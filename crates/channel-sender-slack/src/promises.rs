//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, SIMULATED_ACCOUNT, Slack, blocks, fake,
    outbound::{MAX_MEDIA, MAX_TEXT},
    signature::{self, tests::request},
};
use bytes::Bytes;
use channel::{ChannelHandle, OutboundContent, WebhookRequest, text};
use channel_testkit::{Expected, Recording, promises};
use serde_json::{Value, json};

/// As Slack sends it.
const BODY: &str = r#"{"token":"x","team_id":"T0001","context_team_id":"T0001","api_app_id":"A0001","type":"event_callback",
    "event_id":"Ev0001","event_time":1763800000,"is_ext_shared_channel":false,"event_context":"4-x",
    "authorizations":[{"enterprise_id":null,"team_id":"T0001","user_id":"U0BOT","is_bot":true,"is_enterprise_install":false}],
    "event":{"type":"message","channel":"D0001","channel_type":"im","user":"U0001","text":"Where is my order?",
    "ts":"1763800000.000100","event_ts":"1763800000.000100","client_msg_id":"7c3b1c9e","team":"T0001",
    "blocks":[{"type":"rich_text","block_id":"x","elements":[]}]}}"#;

struct Bot;

fn body() -> Value {
    serde_json::from_str(BODY).unwrap()
}

impl Recording for Bot {
    type Channel = Slack;

    fn channel(&self) -> Slack {
        fake::slack_at("http://127.0.0.1:1")
    }

    fn credentials(&self, secret: &str) -> Credentials {
        fake::credentials_with(json!({"signing_secret": secret}))
    }

    fn request(&self) -> WebhookRequest {
        request(BODY)
    }

    fn expected(&self) -> Expected {
        Expected {
            account: fake::TEAM.to_owned(),
            dedupe_key: "D0001:1763800000.000100".to_owned(),
            contact: "U0001".to_owned(),
            text: "Where is my order?".to_owned(),
        }
    }

    fn sign(&self, request: WebhookRequest, secret: &str) -> WebhookRequest {
        signature::tests::signed(request, secret)
    }

    fn proof(&self) -> &'static str {
        signature::HEADER
    }

    fn with_unknown_field(&self, mut request: WebhookRequest) -> WebhookRequest {
        let mut body = body();
        body["mood"] = json!({"of": "day"});
        body["event"]["mood"] = json!(7);
        body["authorizations"][0]["mood"] = json!(null);
        request.body = Bytes::from(body.to_string());
        request
    }

    fn unknown_event(&self) -> WebhookRequest {
        let mut body = body();
        body["event"]["type"] = json!("telepathy");
        request(body.to_string())
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        None
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        let limit = if content.media.is_empty() && content.buttons.is_empty() {
            MAX_TEXT
        } else {
            blocks::MAX_TEXT
        };
        text::utf16(&content.text) <= limit
            && content.media.len() <= MAX_MEDIA
            && content.buttons.len() <= blocks::MAX_BUTTONS
    }
}

promises!(Bot);

#[test]
fn whoever_is_written_to_first_answers_into_the_same_conversation() {
    let handle = ChannelHandle::new(Bot.channel());
    let json = fake::credentials_json(json!({"signing_secret": "x"})).to_string();
    let credentials = handle.open(&json.into()).unwrap();
    let address = handle.address(" U0001", &credentials).unwrap().unwrap();
    let webhook = Bot.sign(Bot.request(), "x");

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answered = runtime.block_on(handle.receive(&webhook, &credentials)).unwrap();

    assert_eq!(answered.messages[0].conversation, address.conversation);
    assert_eq!(answered.messages[0].contact, address.contact);
}

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Bot.channel());
    let mut json = fake::credentials_json(json!({"app_token": "xapp-1", "app_id": "A0001"}));
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 5, "a field of the form is no credential");
}

#[test]
fn what_the_form_promises_can_be_done() {
    let handle = ChannelHandle::new(Bot.channel());
    let features = handle.setup().features;

    assert_eq!(features.typing, handle.typing_lasts().is_some());
    assert_eq!(features.connection, handle.listens());
    assert!(features.webhook && features.media_in && features.media_out && features.buttons > 0);
    assert!(!features.delivered && !features.read && !features.templates);
    assert!(handle.has_backfill() && handle.shared_webhook().is_some());
}

#[test]
fn the_account_is_the_workspace() {
    let handle = ChannelHandle::new(Bot.channel());
    let json = fake::credentials_json(json!({"team_id": SIMULATED_ACCOUNT})).to_string();

    let credentials = handle.open(&json.into()).unwrap();

    assert_eq!(handle.account(&credentials).unwrap(), SIMULATED_ACCOUNT);
}
