//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, WhatsApp,
    fake::{self, NUMBER, WABA},
    outbound::{MAX_BODY, MAX_TEXT},
};
use bytes::Bytes;
use channel::{ChannelHandle, OutboundContent, WebhookKind, WebhookRequest, text};
use channel_testkit::{Expected, Recording, SECRET, promises};
use http::{HeaderMap, HeaderValue, Method};
use meta_graph::signature;
use serde_json::{Value, json};

pub(crate) struct Cloud;

fn request(body: &Value) -> WebhookRequest {
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bot.acme.com/api/whatsapp/webhook/1".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
        received_at: chrono::Utc::now(),
    }
}

fn text_message() -> Value {
    json!({"from": "16505551234", "from_user_id": "US.13491208655302741918", "id": "wamid.HBgL1", "timestamp": "1763800000",
        "type": "text", "text": {"body": "Where is my order?"}})
}

/// As Meta's documentation shows it.
fn body(field: &str, messages: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [{"field": field, "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100000", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": "16505551234", "user_id": "US.13491208655302741918"}],
        "messages": messages,
    }}]}]})
}

impl Recording for Cloud {
    type Channel = WhatsApp;

    fn channel(&self) -> WhatsApp {
        fake::whatsapp_at("http://127.0.0.1:1")
    }

    fn credentials(&self, secret: &str) -> Credentials {
        fake::credentials_with(json!({ "app_secret": secret }))
    }

    fn request(&self) -> WebhookRequest {
        request(&body("messages", &json!([text_message()])))
    }

    fn expected(&self) -> Expected {
        Expected {
            account: NUMBER.to_owned(),
            dedupe_key: "wamid.HBgL1".to_owned(),
            contact: "16505551234".to_owned(),
            text: "Where is my order?".to_owned(),
        }
    }

    fn sign(&self, mut request: WebhookRequest, secret: &str) -> WebhookRequest {
        let signature = signature::sign(&secret.into(), &request.body);
        request
            .headers
            .insert(signature::HEADER, HeaderValue::from_str(&signature).unwrap());
        request
    }

    fn proof(&self) -> &'static str {
        signature::HEADER
    }

    fn with_unknown_field(&self, request: WebhookRequest) -> WebhookRequest {
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        body["tomorrow"] = json!({});
        body["entry"][0]["time"] = json!(1);
        body["entry"][0]["changes"][0]["value"]["messages"][0]["mood"] = json!("curious");
        WebhookRequest {
            body: Bytes::from(body.to_string()),
            ..request
        }
    }

    fn unknown_event(&self) -> WebhookRequest {
        request(&body("teleports", &json!([{"id": "1"}])))
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        Some(request(&body(
            "messages",
            &json!([{"id": "wamid.0", "type": "text", "text": 17}, text_message()]),
        )))
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        let limit = if content.buttons.is_empty() && content.media.is_empty() {
            MAX_TEXT
        } else {
            MAX_BODY
        };
        text::utf16(&content.text) <= limit && content.media.len() <= 1
    }
}

promises!(Cloud);

#[tokio::test]
async fn whoever_is_written_to_first_answers_into_the_same_conversation() {
    let handle = ChannelHandle::new(Cloud.channel());
    let credentials = handle.open(&fake::credentials_json().to_string().into()).unwrap();

    let address = handle.address("+16505551234", &credentials).unwrap().unwrap();
    let answered = handle
        .receive(&Cloud.sign(Cloud.request(), SECRET), &credentials)
        .await
        .unwrap();

    assert_eq!(answered.messages[0].conversation, address.conversation);
    assert_eq!(answered.messages[0].contact, address.contact);
    assert!(handle.address("0650 555", &credentials).unwrap().is_err());
}

#[tokio::test]
async fn a_handshake_is_answered_at_ones_own_address_and_at_the_shared_one() {
    let handle = ChannelHandle::new(Cloud.channel());
    let credentials = handle.open(&fake::credentials_json().to_string().into()).unwrap();
    let mut get = Cloud.request();
    get.method = Method::GET;
    get.url += "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=canary-verify";
    let mut wrong = get.clone();
    wrong.url = wrong.url.replace("canary-verify", "canary");

    let own = handle.receive(&get, &credentials).await.unwrap();
    let shared = handle.shared_webhook().unwrap();

    assert_eq!(own.response.body, "1158201444");
    assert!(own.messages.is_empty());
    assert!(handle.receive(&wrong, &credentials).await.is_err());
    assert_eq!(
        shared.handshake(&get, &"canary-verify".into()).unwrap().body,
        "1158201444"
    );
    assert!(shared.handshake(&get, &"another".into()).is_none());
    assert!(
        shared
            .handshake(&Cloud.request(), &"canary-verify".into())
            .is_none()
    );
    assert_eq!(shared.accounts(&Cloud.request()), [NUMBER]);
}

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Cloud.channel());
    let mut json = fake::credentials_json();
    json["app_id"] = json!("77");
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 6, "a field of the form is no credential");
}
