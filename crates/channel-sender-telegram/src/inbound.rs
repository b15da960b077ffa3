//! Reads updates that are proven: messages from people, and buttons that they pressed.
//!
//! Invariants: what is genuine is always acknowledged, read or not, because Telegram holds a chat's later updates back
//! until it is, for a day; the answer is empty, because Telegram makes a call of an answer that looks like one.

use crate::{
    Telegram, account,
    api::Bot,
    command,
    credentials::Credentials,
    media::reference,
    update::{CallbackQuery, Message},
};
use bytes::Bytes;
use channel::{
    InboundMessage, MalformedPart, MediaRef, Received, WebhookKind, WebhookRequest, WebhookResponse, text,
};
use chrono::DateTime;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One update, read.
struct Incoming {
    message: InboundMessage,
    /// The bot that it is for, where it says so and several could hear it.
    command_for: Option<String>,
}

/// Reads a request that [`crate::token::verify`] has proven.
pub(crate) async fn read(
    telegram: &Telegram,
    request: &WebhookRequest,
    credentials: &Credentials,
) -> Received {
    let mut received = nothing();
    if matches!(request.kind, WebhookKind::Status { .. }) {
        // Telegram reports nothing of what we sent.
        return received;
    }
    match serde_json::from_slice(&request.body) {
        Ok(update) => read_one(telegram, credentials, update, "", &mut received).await,
        Err(error) => received.malformed.push(MalformedPart {
            position: "body".to_owned(),
            problem: format!("it is not JSON: {error}"),
        }),
    }
    received
}

/// Nothing but an empty 200.
pub(crate) fn nothing() -> Received {
    Received::nothing(WebhookResponse {
        status: StatusCode::OK,
        content_type: "text/plain",
        body: Bytes::new(),
    })
}

/// Reads one update. `position` is where it stands, with a dot behind it.
pub(crate) async fn read_one(
    telegram: &Telegram,
    credentials: &Credentials,
    update: Value,
    position: &str,
    received: &mut Received,
) {
    match parse(update, credentials) {
        Ok(Some(incoming)) if is_for_us(telegram, credentials, &incoming).await => {
            received.messages.push(incoming.message);
        }
        // Joins, edits, reactions, what others' bots are told: events that are acknowledged and not answered.
        Ok(_) => (),
        Err((field, problem)) => received.malformed.push(MalformedPart {
            position: format!("{position}{field}"),
            problem,
        }),
    }
}

/// In a group that a bot may read whole, it hears what is for others.
async fn is_for_us(telegram: &Telegram, credentials: &Credentials, incoming: &Incoming) -> bool {
    let Some(bot) = &incoming.command_for else {
        return true;
    };
    // Better twice answered than never.
    account::username(&Bot::new(telegram, credentials))
        .await
        .is_none_or(|ours| ours.eq_ignore_ascii_case(bot))
}

type Problem = (&'static str, String);

fn parse(mut update: Value, credentials: &Credentials) -> Result<Option<Incoming>, Problem> {
    let id = update["update_id"]
        .as_i64()
        .ok_or_else(|| ("update_id", "it is not a number".to_owned()))?;
    if let Some(message) = part(&mut update, "message")? {
        return Ok(of_message(id, message, credentials));
    }
    match part(&mut update, "callback_query")? {
        Some(pressed) => Ok(of_button(id, pressed, credentials)),
        None => Ok(None),
    }
}

fn part<T: DeserializeOwned>(update: &mut Value, field: &'static str) -> Result<Option<T>, Problem> {
    let part = update.get_mut(field).map(Value::take);
    serde_json::from_value(part.unwrap_or_default()).map_err(|error| (field, error.to_string()))
}

fn of_message(update_id: i64, message: Message, credentials: &Credentials) -> Option<Incoming> {
    if message.is_automatic_forward || message.via_bot.is_some() {
        return None;
    }
    let (contact, contact_name) = match (&message.sender_chat, &message.from) {
        (Some(chat), _) => (chat.id, chat.title.clone()),
        (None, Some(user)) if !user.is_bot => (user.id, user.name()),
        _ => return None,
    };
    let (place, media) = (message.place(), media(&message));
    let said = text::without_nul(&words(&message));
    let (said, command_for) = match command::parse(&said) {
        Some(command) => (
            command.words(),
            command.bot.filter(|_| place.is_group()).map(str::to_owned),
        ),
        None => (said, None),
    };
    if said.is_empty() && media.is_empty() {
        return None;
    }
    Some(Incoming {
        message: InboundMessage {
            account: credentials.bot_id().to_owned(),
            dedupe_key: update_id.to_string(),
            conversation: place.conversation(),
            contact: contact.to_string(),
            contact_name: contact_name.map(|name| text::without_nul(&name)),
            text: said,
            choice: None,
            media,
            order_key: Some(message.message_id),
            sent_at: DateTime::from_timestamp(message.date, 0),
            // In a group it is said whom an answer is for.
            reply_to: place
                .is_group()
                .then(|| json!({"message_id": message.message_id})),
            consent: None,
        },
        command_for,
    })
}

fn of_button(update_id: i64, pressed: CallbackQuery, credentials: &Credentials) -> Option<Incoming> {
    let (below, value) = (pressed.message?, text::without_nul(&pressed.data?));
    Some(Incoming {
        message: InboundMessage {
            account: credentials.bot_id().to_owned(),
            dedupe_key: update_id.to_string(),
            conversation: below.place().conversation(),
            contact: pressed.from.id.to_string(),
            contact_name: pressed.from.name().map(|name| text::without_nul(&name)),
            text: text::without_nul(below.title(&value).unwrap_or(&value)),
            choice: Some(value),
            media: Vec::new(),
            order_key: Some(below.message_id),
            // Telegram says when the bot wrote the message, not when the button was pressed.
            sent_at: None,
            reply_to: Some(json!({"callback_query_id": pressed.id})),
            consent: None,
        },
        command_for: None,
    })
}

/// What was written, or what stands for it.
fn words(message: &Message) -> String {
    let written = message.text.as_ref().or(message.caption.as_ref());
    let place = message.venue.as_ref().map(|venue| venue.words());
    let picture = message.sticker.as_ref().filter(|sticker| !sticker.is_picture());
    written
        .cloned()
        .or(place)
        .or_else(|| message.location.as_ref().map(|location| location.words()))
        .or_else(|| message.contact.as_ref().map(|contact| contact.words()))
        .or_else(|| message.dice.as_ref().map(|dice| dice.emoji.clone()))
        .or_else(|| picture.map(|sticker| sticker.emoji.clone().unwrap_or_else(|| "sticker".to_owned())))
        .unwrap_or_default()
}

/// What came with a message: never more than one thing.
fn media(message: &Message) -> Vec<MediaRef> {
    let photo = message.photo.iter().max_by_key(|size| size.area());
    let sticker = message.sticker.as_ref().filter(|sticker| sticker.is_picture());
    let picture = photo
        .map(|photo| (&photo.file_id, "image/jpeg"))
        .or_else(|| sticker.map(|sticker| (&sticker.file_id, "image/webp")));
    if let Some((file_id, content_type)) = picture {
        return vec![reference(file_id, content_type, None)];
    }
    let file = [
        (&message.animation, "video/mp4"),
        (&message.document, "application/octet-stream"),
        (&message.voice, "audio/ogg"),
        (&message.audio, "audio/mpeg"),
        (&message.video, "video/mp4"),
        (&message.video_note, "video/mp4"),
    ]
    .into_iter()
    .find_map(|(file, usual)| Some((file.as_ref()?, usual)));
    file.map(|(file, usual)| {
        let content_type = file.mime_type.as_deref().unwrap_or(usual);
        reference(&file.file_id, content_type, file.file_name.clone())
    })
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests;
