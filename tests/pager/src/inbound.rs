//! Webhooks: proven over the raw body, then read.

use crate::Credentials;
use channel::{
    ConversationKey, InboundMessage, MalformedPart, ReceiveError, Received, WebhookRequest, WebhookResponse,
    text,
};
use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

pub(crate) const HEADER: &str = "x-pager-signature";

pub(crate) fn verify(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    credentials.validate()?;
    let refused = |reason: &str| ReceiveError::BadSignature {
        reason: reason.to_owned(),
    };
    let given = request.only_header(HEADER);
    let given = given.ok_or_else(|| refused("X-Pager-Signature is not there once"))?;
    let given = bytes(given).ok_or_else(|| refused("X-Pager-Signature is not hexadecimal"))?;
    let mac = Hmac::<Sha256>::new_from_slice(credentials.secret.expose_secret().as_bytes());
    let mac = mac.map_err(|_| refused("the secret is no key"))?;
    mac.chain_update(&request.body)
        .verify_slice(&given)
        .map_err(|_| refused("X-Pager-Signature is not of this secret and this body"))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    pager: String,
    #[serde(default)]
    pages: Vec<Value>,
}

#[derive(Deserialize)]
struct Page {
    id: String,
    from: String,
    text: String,
    /// Seconds since 1970.
    at: i64,
}

pub(crate) fn read(request: &WebhookRequest, credentials: &Credentials) -> Result<Received, ReceiveError> {
    let body: Body =
        serde_json::from_slice(&request.body).map_err(|error| ReceiveError::Malformed(error.to_string()))?;
    if body.pager != credentials.pager {
        return Err(ReceiveError::ForeignAccount { given: body.pager });
    }
    let mut received = Received::nothing(WebhookResponse::empty());
    for (position, page) in body.pages.into_iter().enumerate() {
        match serde_json::from_value::<Page>(page) {
            Ok(page) => received.messages.push(message(page, &body.pager)),
            Err(error) => received.malformed.push(MalformedPart {
                position: format!("pages[{position}]"),
                problem: error.to_string(),
            }),
        }
    }
    Ok(received)
}

fn message(page: Page, pager: &str) -> InboundMessage {
    InboundMessage {
        account: pager.to_owned(),
        dedupe_key: page.id,
        conversation: ConversationKey(page.from.clone()),
        contact: page.from,
        contact_name: None,
        text: text::without_nul(&page.text),
        choice: None,
        media: Vec::new(),
        order_key: None,
        sent_at: DateTime::from_timestamp(page.at, 0),
        reply_to: None,
        consent: None,
    }
}
