//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, Instagram,
    fake::{self, ACCOUNT},
    outbound::SENDING,
};
use bytes::Bytes;
use channel::{ChannelHandle, OutboundContent, WebhookKind, WebhookRequest};
use channel_testkit::{Expected, Recording, promises};
use http::{HeaderMap, HeaderValue, Method};
use meta_graph::{messaging, signature};
use serde_json::{Value, json};

pub(crate) struct Direct;

fn request(events: Value) -> WebhookRequest {
    let body = json!({"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1763800000871_i64, "messaging": events}]});
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bot.acme.com/api/instagram/webhook/1".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
        received_at: chrono::Utc::now(),
    }
}

fn event(what: &str, content: Value) -> Value {
    json!({"sender": {"id": "6841100000000000"}, "recipient": {"id": ACCOUNT}, "timestamp": 1763800000523_i64, what: content})
}

fn text_message() -> Value {
    event(
        "message",
        json!({"mid": "aWdfZG1f", "text": "Where is my order?"}),
    )
}

impl Recording for Direct {
    type Channel = Instagram;

    fn channel(&self) -> Instagram {
        fake::instagram_at("http://127.0.0.1:1")
    }

    fn credentials(&self, secret: &str) -> Credentials {
        fake::credentials_with(json!({ "app_secret": secret }))
    }

    fn request(&self) -> WebhookRequest {
        request(json!([text_message()]))
    }

    fn expected(&self) -> Expected {
        Expected {
            account: ACCOUNT.to_owned(),
            dedupe_key: "aWdfZG1f".to_owned(),
            contact: "6841100000000000".to_owned(),
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
        body["entry"][0]["messaging"][0]["mood"] = json!("curious");
        body["entry"][0]["messaging"][0]["message"]["nlp"] = json!({"traits": []});
        WebhookRequest {
            body: Bytes::from(body.to_string()),
            ..request
        }
    }

    fn unknown_event(&self) -> WebhookRequest {
        request(json!([event("teleport", json!({"to": "the moon"}))]))
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        Some(request(json!([
            event("message", json!({"mid": 17, "text": "x"})),
            text_message()
        ])))
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        messaging::is_fit(content, &SENDING)
    }
}

promises!(Direct);

#[tokio::test]
async fn a_handshake_is_answered_at_ones_own_address_and_at_the_shared_one() {
    let handle = ChannelHandle::new(Direct.channel());
    let credentials = handle.open(&fake::credentials_json().to_string().into()).unwrap();
    let mut get = Direct.request();
    get.method = Method::GET;
    get.url += "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=canary-verify";
    let mut wrong = get.clone();
    wrong.url = wrong.url.replace("canary-verify", "canary");

    let own = handle.receive(&get, &credentials).await.unwrap();
    let shared = handle.shared_webhook().unwrap();

    assert_eq!(own.response.body, "1158201444");
    assert!(handle.receive(&wrong, &credentials).await.is_err());
    assert_eq!(
        shared.handshake(&get, &"canary-verify".into()).unwrap().body,
        "1158201444"
    );
    assert!(shared.handshake(&get, &"another".into()).is_none());
    assert!(
        shared
            .handshake(&Direct.request(), &"canary-verify".into())
            .is_none()
    );
    assert_eq!(shared.accounts(&Direct.request()), [ACCOUNT]);
}

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Direct.channel());
    let mut json = fake::credentials_json();
    json["login"] = json!("facebook");
    json["page_id"] = json!("102938475610293");
    json["app_id"] = json!("77");
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 7, "a field of the form is no credential");
}
