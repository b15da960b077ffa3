//! The promises that every channel makes, made by this one.

use crate::{Credentials, Pager, inbound::HEADER, outbound::MAX_TEXT};
use bytes::Bytes;
use channel::{OutboundContent, WebhookKind, WebhookRequest, text};
use channel_testkit::{Expected, Recording, promises};
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use sha2::Sha256;

struct Recorded;

fn request(body: &Value) -> WebhookRequest {
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bots.example/api/pager/webhook/1".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
        received_at: Utc::now(),
    }
}

fn body() -> Value {
    let page = json!({"id": "p1", "from": "77", "text": "Where is my order?", "at": 1_763_800_000});
    json!({"pager": "4711", "pages": [page]})
}

impl Recording for Recorded {
    type Channel = Pager;

    fn channel(&self) -> Pager {
        Pager::new(channel_testkit::client(), "http://127.0.0.1:1".parse().unwrap())
    }

    fn credentials(&self, secret: &str) -> Credentials {
        serde_json::from_value(json!({"pager": "4711", "token": "t0ken", "secret": secret})).unwrap()
    }

    fn request(&self) -> WebhookRequest {
        request(&body())
    }

    fn expected(&self) -> Expected {
        Expected {
            account: "4711".to_owned(),
            dedupe_key: "p1".to_owned(),
            contact: "77".to_owned(),
            text: "Where is my order?".to_owned(),
        }
    }

    fn sign(&self, mut request: WebhookRequest, secret: &str) -> WebhookRequest {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let mac = mac.chain_update(&request.body).finalize().into_bytes();
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        request
            .headers
            .insert(HEADER, HeaderValue::from_str(&hex).unwrap());
        request
    }

    fn proof(&self) -> &'static str {
        HEADER
    }

    fn with_unknown_field(&self, _: WebhookRequest) -> WebhookRequest {
        let mut body = body();
        body["mood"] = json!({"of": "day"});
        body["pages"][0]["mood"] = json!(7);
        request(&body)
    }

    fn unknown_event(&self) -> WebhookRequest {
        request(&json!({"pager": "4711", "telepathy": [{"from": "77", "text": "hi"}]}))
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        let mut body = body();
        let pages = body["pages"].as_array_mut().unwrap();
        pages.insert(0, json!({"id": 7}));
        Some(request(&body))
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        text::utf16(&content.text) <= MAX_TEXT && content.media.len() <= 1
    }
}

promises!(Recorded);
