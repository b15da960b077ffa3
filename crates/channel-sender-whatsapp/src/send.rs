//! Hands messages to WhatsApp.
//!
//! A success means no more than that WhatsApp took the message: that it cannot be delivered, or that the window is
//! closed, is reported later, with our id of the part (`biz_opaque_callback_data`).

use crate::{
    WhatsApp,
    credentials::Credentials,
    inbound::group_of,
    outbound::{Kind, Shown, shown},
};
use channel::{OutboundContent, OutboundPart, SendError, Sent, Target, TemplateUse};
use meta_graph::media::file_name;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long WhatsApp shows that somebody is writing, unless the message comes before.
pub(crate) const TYPING_LASTS: Duration = Duration::from_secs(25);
/// The label of the button that opens a list; the language of the conversation is not known here.
const OPEN_LIST: &str = "☰";

/// A message as WhatsApp took it.
#[derive(Deserialize)]
struct Taken {
    #[serde(default)]
    messages: Vec<TakenMessage>,
}

#[derive(Deserialize)]
struct TakenMessage {
    id: String,
}

pub(crate) async fn send(
    whatsapp: &WhatsApp,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let graph = whatsapp.graph(credentials)?;
    let request = graph
        .post(&format!("{}/messages", credentials.phone_number_id))
        .json(&message(part));
    let taken: Taken = graph.deliver(request).await?;
    let message = taken
        .messages
        .into_iter()
        .next()
        .ok_or_else(|| SendError::Ambiguous {
            reason: "WhatsApp took the request and named no message".to_owned(),
        })?;
    Ok(Sent {
        platform_message_id: message.id,
        segments: None,
    })
}

/// Shows that an answer is being written, and marks what the person wrote as read: WhatsApp does not do one without the
/// other.
pub(crate) async fn show_typing(
    whatsapp: &WhatsApp,
    to: &Target,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let answered = to
        .reply_to
        .as_ref()
        .and_then(|reply_to| reply_to["message_id"].as_str());
    // Without a message of theirs there is nothing to show it below.
    let Some(answered) = answered else {
        return Ok(());
    };
    let graph = whatsapp.graph(credentials)?;
    let request = graph
        .post(&format!("{}/messages", credentials.phone_number_id))
        .json(&json!({
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": answered,
            "typing_indicator": {"type": "text"},
        }));
    graph.answer(request).await.map(drop)
}

/// The body of a call.
fn message(part: &OutboundPart) -> Value {
    let mut message = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": part.id.to_string(),
    });
    match group_of(&part.conversation) {
        Some(group) => {
            message["recipient_type"] = json!("group");
            message["to"] = json!(group);
        }
        None if part.contact.bytes().all(|b| b.is_ascii_digit()) => message["to"] = json!(part.contact),
        // Somebody whose number is hidden.
        None => message["recipient"] = json!(part.contact),
    }
    let (kind, content) = content(&part.content);
    message["type"] = json!(kind);
    message[kind] = content;
    message
}

fn content(content: &OutboundContent) -> (&'static str, Value) {
    if let Some(template) = &content.template {
        return ("template", filled_in(template));
    }
    if let Some(address) = content.media.first() {
        let kind = Kind::of(address);
        let mut media = json!({ "link": address });
        if !content.text.is_empty() {
            media["caption"] = json!(content.text);
        }
        if kind == Kind::Document
            && let Some(name) = file_name(address)
        {
            media["filename"] = json!(name);
        }
        return (kind.as_str(), media);
    }
    match shown(&content.buttons) {
        None => ("text", json!({ "body": content.text })),
        Some(shown) => ("interactive", interactive(content, shown)),
    }
}

fn interactive(content: &OutboundContent, shown: Shown) -> Value {
    let body = json!({ "text": content.text });
    let each = content
        .buttons
        .iter()
        .map(|button| json!({"id": button.value, "title": button.title}));
    match shown {
        Shown::Buttons => {
            let buttons: Vec<Value> = each
                .map(|reply| json!({"type": "reply", "reply": reply}))
                .collect();
            json!({"type": "button", "body": body, "action": {"buttons": buttons}})
        }
        Shown::List => {
            let rows: Vec<Value> = each.collect();
            json!({"type": "list", "body": body, "action": {"button": OPEN_LIST, "sections": [{"rows": rows}]}})
        }
    }
}

fn filled_in(template: &TemplateUse) -> Value {
    let mut filled = json!({
        "name": template.name,
        "language": {"policy": "deterministic", "code": template.language},
    });
    if !template.parameters.is_empty() {
        let parameters: Vec<Value> = template
            .parameters
            .iter()
            .map(|value| json!({"type": "text", "text": value}))
            .collect();
        filled["components"] = json!([{"type": "body", "parameters": parameters}]);
    }
    filled
}

#[cfg(test)]
mod tests;
