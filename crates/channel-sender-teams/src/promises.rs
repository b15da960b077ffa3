//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, Teams,
    card::MAX_BUTTONS,
    fake::{self, APP, FOREIGN, KNOWN},
    outbound::MAX_TEXT,
    token::HEADER,
};
use channel::{ChannelHandle, OutboundContent, WebhookRequest, text};
use channel_testkit::{Expected, Recording, SECRET, promises};
use serde_json::{Value, json};

struct Message;

impl Recording for Message {
    type Channel = Teams;

    fn channel(&self) -> Teams {
        fake::teams_with_keys()
    }

    /// The secret proves nothing here, but without it the app cannot be used at all.
    fn credentials(&self, secret: &str) -> Credentials {
        fake::credentials_with(json!({"app_secret": secret}))
    }

    fn request(&self) -> WebhookRequest {
        fake::request(&fake::message(json!({})))
    }

    fn expected(&self) -> Expected {
        Expected {
            account: APP.to_owned(),
            dedupe_key: "19:abc@thread.tacv2;messageid=1763799000000/1763800000123".to_owned(),
            contact: "7faf8ab2-0000-0000-0000-000000000001".to_owned(),
            text: "opening hours?".to_owned(),
        }
    }

    fn sign(&self, request: WebhookRequest, secret: &str) -> WebhookRequest {
        fake::signed(request, if secret == SECRET { KNOWN } else { FOREIGN })
    }

    fn proof(&self) -> &'static str {
        HEADER
    }

    fn with_unknown_field(&self, mut request: WebhookRequest) -> WebhookRequest {
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        body["sentiment"] = json!({"is": "curious"});
        body["from"]["aura"] = json!(7);
        body["entities"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "hologram", "text": 7}));
        request.body = body.to_string().into();
        request
    }

    fn unknown_event(&self) -> WebhookRequest {
        fake::request(&fake::message(json!({"type": "teleport"})))
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        None
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        text::utf16(&content.text) <= MAX_TEXT
            && content.media.len() <= 1
            && content.buttons.len() <= MAX_BUTTONS
            && (content.text.is_empty() || content.media.is_empty())
    }
}

promises!(Message);

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Message.channel());
    let mut json = json!({"app_id": APP, "app_secret": "x", "tenant_id": fake::TENANT});
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 3, "a field of the form is no credential");
}

#[test]
fn what_the_platform_says_it_can_do_it_can() {
    let handle = ChannelHandle::new(Message.channel());
    let features = handle.setup().features;

    assert_eq!(features.typing, handle.typing_lasts().is_some());
    assert!(!handle.has_backfill() && !handle.listens() && handle.shared_webhook().is_none());
}

#[test]
fn nothing_that_is_shown_of_a_message_tells_who_wrote_what() {
    let handle = ChannelHandle::new(Message.channel());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let credentials = handle
        .open(&json!({"app_id": APP, "app_secret": "x"}).to_string().into())
        .unwrap();

    let received = runtime
        .block_on(handle.receive(&Message.sign(Message.request(), SECRET), &credentials))
        .unwrap();

    let shown = format!("{received:?}");
    assert!(
        !shown.contains("opening") && !shown.contains("Ann") && !shown.contains("7faf8ab2"),
        "{shown}"
    );
}
