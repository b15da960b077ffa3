//! What a message says, within Discord's limits. From docs.discord.com/developers/resources/message.

use super::refusal;
use crate::played::{Answer, Button, Call, Outgoing, utf16};
use serde_json::{Value, json};

/// In UTF-16 units.
const TEXT: usize = 2_000;

/// A form's fault, where Discord says that it is.
fn invalid(field: &str, code: &str, message: &str) -> Answer {
    let mut errors = json!({"_errors": [{"code": code, "message": message}]});
    for name in field.rsplit('.') {
        errors = json!({ name: errors });
    }
    Answer::json(
        400,
        json!({"message": "Invalid Form Body", "code": 50_035, "errors": errors}),
    )
}

/// The body of a call that makes or changes a message.
pub(super) fn read(call: &Call) -> Result<Value, Answer> {
    if call.content_type() != "application/json" {
        return Err(invalid(
            "content",
            "CONTENT_TYPE_INVALID",
            "Expected \"Content-Type\" header to be one of {'application/json'}.",
        ));
    }
    call.json()
        .filter(Value::is_object)
        .ok_or_else(|| refusal(400, 50_109, "The request body contains invalid JSON."))
}

/// Fills text, buttons and media in.
pub(super) fn fill(body: &Value, outgoing: &mut Outgoing) -> Result<(), Answer> {
    outgoing.text = body["content"].as_str().unwrap_or_default().to_owned();
    let embeds = body["embeds"].as_array().map(Vec::as_slice).unwrap_or_default();
    if embeds.len() > 10 {
        return Err(invalid(
            "embeds",
            "BASE_TYPE_BAD_LENGTH",
            "Must be 10 or fewer in length.",
        ));
    }
    if outgoing.text.trim().is_empty() && embeds.is_empty() {
        return Err(refusal(400, 50_006, "Cannot send an empty message"));
    }
    if utf16(&outgoing.text) > TEXT {
        return Err(invalid(
            "content",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 2000 or fewer in length.",
        ));
    }
    let images = embeds.iter().filter_map(|embed| embed["image"]["url"].as_str());
    outgoing.media = images.map(str::to_owned).collect();
    outgoing.buttons = buttons(&body["components"])?;
    if let Some(nonce) = body["nonce"].as_str()
        && nonce.len() > 25
    {
        return Err(invalid(
            "nonce",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        ));
    }
    outgoing.reply_to = body["message_reference"]["message_id"]
        .as_str()
        .map(str::to_owned);
    outgoing.raw = body.clone();
    Ok(())
}

fn buttons(components: &Value) -> Result<Vec<Button>, Answer> {
    let rows = components.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.len() > 5 {
        return Err(invalid(
            "components",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        ));
    }
    let mut buttons: Vec<Button> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let within = row["components"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if row["type"] != 1 || !(1..=5).contains(&within.len()) {
            let field = format!("components.{at}.components");
            return Err(invalid(
                &field,
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 5 in length.",
            ));
        }
        for (position, button) in within.iter().enumerate() {
            let field = |name: &str| format!("components.{at}.components.{position}.{name}");
            let title = button["label"].as_str().unwrap_or_default();
            let value = button["custom_id"]
                .as_str()
                .or_else(|| button["url"].as_str())
                .unwrap_or_default();
            if utf16(title) > 80 {
                return Err(invalid(
                    &field("label"),
                    "BASE_TYPE_BAD_LENGTH",
                    "Must be between 1 and 80 in length.",
                ));
            }
            if !(1..=100).contains(&utf16(value)) && button["url"].is_null() {
                return Err(invalid(
                    &field("custom_id"),
                    "BASE_TYPE_BAD_LENGTH",
                    "Must be between 1 and 100 in length.",
                ));
            }
            if buttons.iter().any(|known| known.value == value) {
                return Err(invalid(
                    &field("custom_id"),
                    "COMPONENT_CUSTOM_ID_DUPLICATED",
                    "Component custom id cannot be duplicated",
                ));
            }
            buttons.push(Button {
                title: title.to_owned(),
                value: value.to_owned(),
            });
        }
    }
    Ok(buttons)
}
