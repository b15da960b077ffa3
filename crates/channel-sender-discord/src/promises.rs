//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, Discord, fake,
    outbound::{MAX_BUTTONS, MAX_TEXT, written},
    signature::{self, tests},
};
use bytes::Bytes;
use channel::{ChannelHandle, OutboundContent, WebhookRequest, text};
use channel_testkit::{Expected, Recording, promises};
use serde_json::{Value, json};

struct Command;

fn body(changes: &Value) -> WebhookRequest {
    let mut body = json!({
        "id": "1200000000000000001", "application_id": fake::APPLICATION, "type": 2, "token": "aW50ZXI", "version": 1,
        "guild_id": "1000000000000000001", "channel_id": fake::CHANNEL, "context": 0, "locale": "en-US",
        "member": {"user": {"id": fake::PERSON, "username": "ann", "global_name": "Ann"}, "permissions": "0"},
        "data": {"id": "1", "name": "ask", "type": 1, "options": [{"name": "question", "type": 3, "value": "Opening hours?"}]},
    });
    body.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    tests::request(Bytes::from(body.to_string()))
}

impl Recording for Command {
    type Channel = Discord;

    fn channel(&self) -> Discord {
        fake::discord_at("http://127.0.0.1:1")
    }

    fn credentials(&self, secret: &str) -> Credentials {
        fake::with_key_of(secret)
    }

    fn request(&self) -> WebhookRequest {
        body(&json!({}))
    }

    fn expected(&self) -> Expected {
        Expected {
            account: fake::APPLICATION.to_owned(),
            dedupe_key: "1200000000000000001".to_owned(),
            contact: fake::PERSON.to_owned(),
            text: "Opening hours?".to_owned(),
        }
    }

    fn sign(&self, request: WebhookRequest, secret: &str) -> WebhookRequest {
        tests::signed(request, secret)
    }

    fn proof(&self) -> &'static str {
        signature::HEADER
    }

    fn with_unknown_field(&self, _request: WebhookRequest) -> WebhookRequest {
        body(&json!({"mood": {"curious": true}, "entitlements": [1, null]}))
    }

    fn unknown_event(&self) -> WebhookRequest {
        body(&json!({"type": 42, "data": "teleport"}))
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        None
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        text::utf16(&written(content)) <= MAX_TEXT
            && content.buttons.len() <= MAX_BUTTONS
            && content
                .buttons
                .iter()
                .all(|button| (1..=80).contains(&text::utf16(&button.title)))
    }
}

promises!(Command);

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Command.channel());
    let mut json =
        json!({"bot_token": "x", "public_key": fake::PUBLIC_KEY, "application_id": fake::APPLICATION});
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 3, "a field of the form is no credential");
}
