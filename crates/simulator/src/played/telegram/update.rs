//! Updates, as Telegram posts them: one a request.

use super::chat;
use crate::played::{Attachment, Person};
use anyhow::Context;
use serde_json::{Value, json};

/// The update for what a person wrote or pressed.
pub(super) fn update(person: &Person) -> anyhow::Result<Value> {
    person.from.parse::<u64>().with_context(|| {
        format!(
            "{:?} is no Telegram user: their ids are positive numbers",
            person.from
        )
    })?;
    if let Some(chat) = &person.conversation {
        chat.parse::<i64>().with_context(|| {
            format!("{chat:?} is no Telegram chat: their ids are numbers, a group's negative")
        })?;
    }
    let mut update = json!({"update_id": person.number});
    match &person.choice {
        Some(data) => {
            anyhow::ensure!(
                (1..=64).contains(&data.len()),
                "a Telegram button carries 1 to 64 bytes, not {}",
                data.len()
            );
            update["callback_query"] = pressed(person, data);
        }
        None => update["message"] = message(person)?,
    }
    Ok(update)
}

fn pressed(person: &Person, data: &str) -> Value {
    let id = person.about.as_deref().map_or_else(|| json!(1), chat::number);
    json!({
        "id": person.number.to_string(),
        "from": chat::user(person),
        "chat_instance": "1",
        "data": data,
        "message": {
            "message_id": id,
            "from": chat::bot(),
            "chat": chat::chat(person),
            "date": person.at.timestamp(),
            "text": "Please choose",
        },
    })
}

fn message(person: &Person) -> anyhow::Result<Value> {
    let mut message = json!({
        "message_id": person.number,
        "from": chat::user(person),
        "chat": chat::chat(person),
        "date": person.at.timestamp(),
    });
    if let Some(thread) = &person.thread {
        anyhow::ensure!(
            thread.parse::<u64>().is_ok(),
            "{thread:?} is no Telegram topic: their ids are numbers"
        );
        message["message_thread_id"] = chat::number(thread);
        message["is_topic_message"] = true.into();
    }
    let (text, entities) = match &person.media {
        Some(media) => {
            let (kind, shown) = file(media);
            message[kind] = shown;
            ("caption", "caption_entities")
        }
        None => ("text", "entities"),
    };
    if !person.text.is_empty() {
        message[text] = person.text.clone().into();
        if person.text.starts_with('/') {
            let command = person.text.split_whitespace().next().unwrap_or_default();
            message[entities] =
                json!([{"type": "bot_command", "offset": 0, "length": command.encode_utf16().count()}]);
        }
    }
    if let Some(about) = &person.about {
        message["reply_to_message"] = json!({
            "message_id": chat::number(about),
            "from": chat::bot(),
            "chat": chat::chat(person),
            "date": person.at.timestamp(),
        });
    }
    Ok(message)
}

fn file(media: &Attachment) -> (&'static str, Value) {
    let file = json!({
        "file_id": media.key,
        "file_unique_id": media.key,
        "file_size": media.size,
        "file_name": media.name,
        "mime_type": media.content_type,
    });
    match media.family() {
        "image" => {
            let size = |side: u32| {
                json!({"file_id": media.key, "file_unique_id": format!("{}-{side}", media.key), "width": side,
                       "height": side, "file_size": media.size})
            };
            ("photo", json!([size(90), size(320)]))
        }
        "audio" => {
            let mut voice = file;
            voice["duration"] = 1.into();
            ("voice", voice)
        }
        "video" => {
            let mut video = file;
            for field in ["duration", "width", "height"] {
                video[field] = 1.into();
            }
            ("video", video)
        }
        _ => ("document", file),
    }
}
