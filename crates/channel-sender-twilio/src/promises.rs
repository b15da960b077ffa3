//! The promises that every channel makes, made by this one.

use crate::{
    Credentials, Twilio, fake,
    outbound::{MAX_MEDIA, MAX_TEXT},
    signature::{self, tests::request},
};
use bytes::Bytes;
use channel::{ChannelHandle, OutboundContent, WebhookRequest, text};
use channel_testkit::{Expected, Recording, promises};
use http::Method;
use serde_json::json;

/// As Twilio's own console shows it.
const BODY: &str = "ToCountry=US&ToState=CA&SmsMessageSid=SM00000000000000000000000000000001&NumMedia=0&ToCity=SAN+FRANCISCO\
    &FromZip=&SmsSid=SM00000000000000000000000000000001&FromState=&SmsStatus=received&FromCity=&Body=Where+is+my+order%3F\
    &FromCountry=US&To=%2B14155550100&ToZip=94105&NumSegments=1&MessageSid=SM00000000000000000000000000000001\
    &AccountSid=AC00000000000000000000000000000001&From=%2B14155550123&ApiVersion=2010-04-01";

struct Sms;

impl Recording for Sms {
    type Channel = Twilio;

    fn channel(&self) -> Twilio {
        fake::twilio_at("http://127.0.0.1:1")
    }

    fn credentials(&self, secret: &str) -> Credentials {
        fake::credentials_with(json!({"auth_token": secret}))
    }

    fn request(&self) -> WebhookRequest {
        request(
            Method::POST,
            "https://bot.acme.com/api/twilio/webhook/1",
            BODY.as_bytes(),
            &[],
        )
    }

    fn expected(&self) -> Expected {
        Expected {
            account: fake::ACCOUNT.to_owned(),
            dedupe_key: "SM00000000000000000000000000000001".to_owned(),
            contact: "+14155550123".to_owned(),
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
        request.body = Bytes::from(format!("{BODY}&Sentiment=curious&AddOns=%7B%7D"));
        request
    }

    fn unknown_event(&self) -> WebhookRequest {
        let body = "AccountSid=AC00000000000000000000000000000001&MessageSid=SM1&MessageStatus=teleported";
        request(
            Method::POST,
            "https://bot.acme.com/api/twilio/webhook/1",
            body.as_bytes(),
            &[],
        )
    }

    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest> {
        None
    }

    fn fits(&self, content: &OutboundContent) -> bool {
        text::utf16(&content.text) <= MAX_TEXT && content.media.len() <= MAX_MEDIA
    }
}

promises!(Sms);

#[test]
fn whoever_is_written_to_first_answers_into_the_same_conversation() {
    let handle = ChannelHandle::new(Sms.channel());
    let open = |changes: serde_json::Value| {
        let mut json =
            json!({"account_sid": fake::ACCOUNT, "auth_token": "x", "phone_number": "+14155550100"});
        json.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        handle.open(&json.to_string().into()).unwrap()
    };
    for credentials in [
        open(json!({})),
        open(json!({"messaging_service_sid": "MG00000000000000000000000000000001"})),
    ] {
        let address = handle.address("+14155550123", &credentials).unwrap().unwrap();
        let webhook = Sms.sign(Sms.request(), "x");

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answered = runtime.block_on(handle.receive(&webhook, &credentials)).unwrap();

        assert_eq!(answered.messages[0].conversation, address.conversation);
        assert_eq!(answered.messages[0].contact, address.contact);
    }
}

#[test]
fn a_number_that_is_not_e164_is_refused_with_what_is_expected() {
    let handle = ChannelHandle::new(Sms.channel());
    let credentials = handle
        .open(
            &json!({"account_sid": fake::ACCOUNT, "auth_token": "x", "phone_number": "+14155550100"})
                .to_string()
                .into(),
        )
        .unwrap();

    let error = handle
        .address("0415 555", &credentials)
        .unwrap()
        .unwrap_err()
        .to_string();

    assert!(
        error.starts_with("to: \"0415 555\" is not a phone number in E.164: it does not begin with +"),
        "{error}"
    );
}

#[test]
fn the_form_and_the_credentials_have_the_same_fields() {
    let handle = ChannelHandle::new(Sms.channel());
    let mut json = json!({
        "account_sid": fake::ACCOUNT, "auth_token": "x", "secondary_auth_token": "x", "phone_number": "+14155550100",
        "messaging_service_sid": "MG00000000000000000000000000000001",
        "api_key_sid": "SK00000000000000000000000000000001", "api_key_secret": "x",
    });
    let fields: Vec<_> = handle.setup().fields.iter().map(|field| field.name).collect();

    handle.open(&json.to_string().into()).unwrap();
    for field in &fields {
        json.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(json, json!({}), "a credential has no field in the form");
    assert_eq!(fields.len(), 7, "a field of the form is no credential");
}
