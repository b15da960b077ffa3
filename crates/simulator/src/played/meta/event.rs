//! Webhooks, as Meta posts them.

use super::{ACCOUNT, envelope};
use crate::played::{Outgoing, Person, Play, Report};
use chrono::Utc;
use serde_json::{Value, json};

/// A person's message on WhatsApp.
pub(super) fn whatsapp(play: &dyn Play, person: &Person, _base: &str) -> Value {
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
        message[kind] = json!({"id": media.key, "mime_type": media.content_type});
        if kind == "document" {
            message[kind]["filename"] = media.name.clone().into();
        }
        if kind != "audio" && !person.text.is_empty() {
            message[kind]["caption"] = person.text.clone().into();
        }
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
pub(super) fn whatsapp_report(_play: &dyn Play, message: &Outgoing, report: &Report) -> Option<Value> {
    let mut status = json!({
        "id": message.id,
        "status": report.status,
        "timestamp": Utc::now().timestamp().to_string(),
        "recipient_id": message.conversation,
        "recipient_user_id": format!("US.{}", message.conversation),
    });
    if let Some(ours) = message.raw.get("biz_opaque_callback_data") {
        status["biz_opaque_callback_data"] = ours.clone();
    }
    if let Some(code) = report.code {
        let title = match code {
            131_026 => "Message undeliverable",
            131_047 => "Re-engagement message",
            _ => "Simulated failure",
        };
        status["errors"] =
            json!([{"code": code, "title": title, "message": title, "error_data": {"details": title}}]);
    }
    Some(change(json!({"statuses": [status]})))
}

/// A person's message on Messenger or Instagram.
pub(super) fn messaging(play: &dyn Play, person: &Person, base: &str) -> Value {
    let mut message = json!({"mid": play.message_id(person)});
    if !person.text.is_empty() {
        message["text"] = person.text.clone().into();
    }
    if let Some(payload) = &person.choice {
        message["quick_reply"] = json!({"payload": payload});
    }
    if let Some(media) = &person.media {
        let kind = match media.family() {
            family @ ("image" | "audio" | "video") => family,
            _ => "file",
        };
        // Files lie where everybody may fetch them who knows the address.
        let url = format!("{base}/cdn/{}", media.key);
        message["attachments"] = json!([{"type": kind, "payload": {"url": url}}]);
    }
    if let Some(about) = person.about.as_ref().filter(|_| person.choice.is_none()) {
        message["reply_to"] = json!({"mid": about});
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

/// What the account wrote itself, as it hears of it: sender and recipient are swapped.
fn echo(play: &dyn Play, message: &Outgoing) -> Value {
    let mut echo = json!({"mid": message.id, "is_echo": true, "text": message.text});
    if play.name() == "messenger" {
        echo["app_id"] = 1.into();
        echo["metadata"] = message.raw["message"]["metadata"].clone();
    }
    let mut event = item(
        play.name(),
        &message.conversation,
        json!({"timestamp": message.at.timestamp_millis(), "message": echo}),
    );
    let item = &mut event["entry"][0]["messaging"][0];
    (item["sender"], item["recipient"]) = (item["recipient"].clone(), item["sender"].clone());
    event
}

/// News of messages on Messenger: an echo, and up to when they were delivered and read.
pub(super) fn messenger_report(play: &dyn Play, message: &Outgoing, report: &Report) -> Option<Value> {
    // The watermark is inclusive, and of Meta's clock, by which the message was taken.
    let watermark = Utc::now().timestamp_millis();
    let news = match report.status.as_str() {
        "sent" => return Some(echo(play, message)),
        "delivered" => {
            json!({"timestamp": watermark, "delivery": {"mids": [message.id], "watermark": watermark}})
        }
        "read" => json!({"timestamp": watermark, "read": {"watermark": watermark}}),
        _ => return None,
    };
    Some(item(play.name(), &message.conversation, news))
}

/// News of a message on Instagram: an echo, and that it was read.
pub(super) fn instagram_report(play: &dyn Play, message: &Outgoing, report: &Report) -> Option<Value> {
    let news = match report.status.as_str() {
        "sent" => return Some(echo(play, message)),
        "read" => json!({"timestamp": Utc::now().timestamp_millis(), "read": {"mid": message.id}}),
        _ => return None,
    };
    Some(item(play.name(), &message.conversation, news))
}
