//! Webhooks, as Meta posts them.

use super::{ACCOUNT, envelope};
use crate::played::{Outgoing, Person, Play, Report};
use chrono::Utc;
use serde_json::{Value, json};

/// A person's message on WhatsApp.
pub(super) fn whatsapp(play: &dyn Play, person: &Person) -> Value {
    let mut message = json!({
        "from": person.from,
        "id": play.message_id(person),
        "timestamp": person.at.timestamp().to_string(),
    });
    if let Some(value) = &person.choice {
        message["type"] = "interactive".into();
        message["interactive"] =
            json!({"type": "button_reply", "button_reply": {"id": value, "title": person.text}});
    } else if let Some(media) = &person.media {
        let kind = match media.family() {
            family @ ("image" | "audio" | "video") => family,
            _ => "document",
        };
        message["type"] = kind.into();
        message[kind] = json!({"id": media.key, "mime_type": media.content_type, "caption": person.text});
    } else {
        message["type"] = "text".into();
        message["text"] = json!({"body": person.text});
    }
    if let Some(about) = &person.about {
        message["context"] = json!({"from": ACCOUNT, "id": about});
    }
    change(json!({
        "contacts": [{"profile": {"name": person.name()}, "wa_id": person.from, "user_id": format!("US.{}", person.from)}],
        "messages": [message],
    }))
}

fn change(mut value: Value) -> Value {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = json!({"display_phone_number": "15550100000", "phone_number_id": ACCOUNT});
    envelope(
        "whatsapp_business_account",
        json!({"id": ACCOUNT, "changes": [{"field": "messages", "value": value}]}),
    )
}

/// News of a message on WhatsApp.
pub(super) fn whatsapp_report(message: &Outgoing, report: &Report) -> Option<Value> {
    let mut status = json!({
        "id": message.id,
        "status": report.status,
        "timestamp": Utc::now().timestamp().to_string(),
        "recipient_id": message.conversation,
    });
    if let Some(ours) = message.raw.get("biz_opaque_callback_data") {
        status["biz_opaque_callback_data"] = ours.clone();
    }
    if let Some(code) = report.code {
        status["errors"] =
            json!([{"code": code, "title": "Simulated failure", "message": "Simulated failure"}]);
    }
    Some(change(json!({"statuses": [status]})))
}

/// A person's message on Messenger or Instagram.
pub(super) fn messaging(play: &dyn Play, person: &Person) -> Value {
    let mut message = json!({"mid": play.message_id(person)});
    if !person.text.is_empty() {
        message["text"] = person.text.clone().into();
    }
    if let Some(payload) = &person.choice {
        message["quick_reply"] = json!({"payload": payload});
    }
    item(
        play.name(),
        &person.from,
        json!({"timestamp": person.at.timestamp_millis(), "message": message}),
    )
}

fn item(platform: &str, person: &str, mut item: Value) -> Value {
    item["sender"] = json!({"id": person});
    item["recipient"] = json!({"id": ACCOUNT});
    let object = if platform == "messenger" {
        "page"
    } else {
        "instagram"
    };
    envelope(
        object,
        json!({"id": ACCOUNT, "time": Utc::now().timestamp_millis(), "messaging": [item]}),
    )
}

/// News of messages on Messenger: up to when.
pub(super) fn messenger_report(message: &Outgoing, report: &Report) -> Option<Value> {
    let watermark = Utc::now().timestamp_millis();
    let news = match report.status.as_str() {
        "delivered" => json!({"delivery": {"mids": [message.id], "watermark": watermark}}),
        "read" => json!({"read": {"watermark": watermark}}),
        _ => return None,
    };
    Some(item("messenger", &message.conversation, news))
}

/// News of a message on Instagram, which tells only that it was read.
pub(super) fn instagram_report(message: &Outgoing, report: &Report) -> Option<Value> {
    (report.status == "read").then(|| {
        item(
            "instagram",
            &message.conversation,
            json!({"timestamp": Utc::now().timestamp_millis(), "read": {"mid": message.id}}),
        )
    })
}
