//! Chats, users and messages, as Telegram shows them.

use super::{BOT_ID, Telegram, USERNAME};
use crate::played::{Outgoing, Person, Play};
use serde_json::{Value, json};

/// The bot, as `getMe` shows it.
pub(super) fn bot() -> Value {
    json!({
        "id": number(BOT_ID),
        "is_bot": true,
        "first_name": "Simulated bot",
        "username": USERNAME,
    })
}

/// A person as `from`.
pub(super) fn user(person: &Person) -> Value {
    let (first, last) = person.name().split_once(' ').unwrap_or((person.name(), ""));
    let mut user = json!({
        "id": number(&person.from),
        "is_bot": false,
        "first_name": first,
        "language_code": "en",
    });
    if !last.is_empty() {
        user["last_name"] = last.into();
    }
    user
}

/// The chat that somebody wrote in. Groups have negative ids.
pub(super) fn chat(person: &Person) -> Value {
    let id = Telegram.conversation(person);
    if id.starts_with("-100") {
        json!({"id": number(&id), "type": "supergroup", "title": "Simulated group"})
    } else if id.starts_with('-') {
        json!({"id": number(&id), "type": "group", "title": "Simulated group"})
    } else {
        let mut chat = user(person);
        chat["type"] = "private".into();
        if let Some(fields) = chat.as_object_mut() {
            fields.remove("is_bot");
            fields.remove("language_code");
        }
        chat
    }
}

/// A message of the bot.
pub(super) fn message(outgoing: &Outgoing, writer: &Person) -> Value {
    let mut message = json!({
        "message_id": number(&outgoing.id),
        "from": bot(),
        "chat": chat(writer),
        "date": outgoing.at.timestamp(),
    });
    let key = if outgoing.media.is_empty() {
        "text"
    } else {
        "caption"
    };
    if !outgoing.text.is_empty() {
        message[key] = outgoing.text.clone().into();
    }
    if let Some(thread) = &outgoing.thread {
        message["message_thread_id"] = number(thread);
        message["is_topic_message"] = true.into();
    }
    if let Some(markup) = outgoing
        .raw
        .get("reply_markup")
        .filter(|markup| markup.is_object())
    {
        message["reply_markup"] = markup.clone();
    }
    message
}

/// A number where it is one.
pub(super) fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}
