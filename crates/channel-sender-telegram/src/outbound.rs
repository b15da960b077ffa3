//! Cuts replies into messages, and hands them to Telegram.

use crate::{
    Telegram,
    api::{Bot, Failed, Refusal},
    credentials::Credentials,
    dialect::Marking,
    marked::{self, Entity, Marked},
    place::Place,
    typing,
};
use channel::{Button, OutboundContent, OutboundPart, Reply, SendError, Sent, text};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

/// UTF-16 code units that a message's text may have. Telegram counts "characters", and these are never fewer.
pub(crate) const MAX_TEXT: usize = 4096;
/// UTF-16 code units that the text below a picture or file may have.
pub(crate) const MAX_CAPTION: usize = 1024;
/// Telegram takes a hundred; a person reads no more than these.
pub(crate) const MAX_BUTTONS: usize = 20;
/// Bytes that a button's value may have.
const MAX_VALUE: usize = 64;
/// Characters of a title that still can be read on a button.
const MAX_TITLE: usize = 64;

/// What is kept with a part beside its text.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Extra {
    /// It is the first of its reply: where it is said whom it answers.
    first: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entities: Vec<Entity>,
}

/// The messages that a reply becomes: media first, one a message, and the last of them with the text where it fits.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let has_buttons =
        !reply.buttons.is_empty() && reply.buttons.len() <= MAX_BUTTONS && reply.buttons.iter().all(fits);
    let (markdown, buttons) = if has_buttons && (!reply.text.trim().is_empty() || !reply.media.is_empty()) {
        (reply.text.clone(), reply.buttons.clone())
    } else {
        let titles = reply.buttons.iter().map(|button| &button.title);
        (::dialect::numbered(&reply.text, titles), Vec::new())
    };
    let mut texts: Vec<Marked> = ::dialect::compose(&markdown, &Marking, MAX_TEXT, measure)
        .iter()
        .map(|message| marked::read(message))
        .filter(|marked| !marked.text.trim().is_empty())
        .collect();
    let mut media: Vec<(String, Marked)> = reply
        .media
        .iter()
        .map(|url| (url.clone(), Marked::default()))
        .collect();
    if let ([text], Some((_, caption))) = (texts.as_slice(), media.last_mut())
        && text::utf16(&text.text) <= MAX_CAPTION
    {
        *caption = texts.remove(0);
    }
    let media = media.into_iter().map(|(url, caption)| (vec![url], caption));
    let texts = texts.into_iter().map(|text| (Vec::new(), text));
    let mut parts: Vec<OutboundContent> = media
        .chain(texts)
        .enumerate()
        .map(|(at, (media, Marked { text, entities }))| OutboundContent {
            text,
            media,
            extra: extra(at == 0, entities),
            ..OutboundContent::default()
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        last.buttons = buttons;
    }
    parts
}

fn measure(marked: &str) -> usize {
    text::utf16(&marked::read(marked).text)
}

fn fits(button: &Button) -> bool {
    (1..=MAX_VALUE).contains(&button.value.len())
        && !button.title.trim().is_empty()
        && button.title.chars().count() <= MAX_TITLE
}

fn extra(first: bool, entities: Vec<Entity>) -> Option<Value> {
    if !first && entities.is_empty() {
        return None;
    }
    serde_json::to_value(Extra { first, entities }).ok()
}

/// How a message's content stands in a call.
pub(crate) struct Content {
    /// `sendMessage`, `sendPhoto`, …
    method: &'static str,
    pub(crate) parameters: Map<String, Value>,
    first: bool,
}

/// The content of a message to be sent, or to stand in place of one that was.
pub(crate) fn content(content: &OutboundContent) -> Content {
    let extra: Extra = content
        .extra
        .clone()
        .and_then(|extra| serde_json::from_value(extra).ok())
        .unwrap_or_default();
    let mut parameters = Map::new();
    let mut set = |name: &str, value: Value| parameters.insert(name.to_owned(), value);
    let media = content.media.first();
    let (text, entities) = match media {
        Some(_) => ("caption", "caption_entities"),
        None => ("text", "entities"),
    };
    let (method, field) = media.map_or(("sendMessage", "text"), |url| method_for(url));
    if let Some(url) = media {
        set(field, json!(url));
    }
    if !content.text.is_empty() {
        set(text, json!(content.text));
    }
    if !extra.entities.is_empty() {
        set(entities, json!(extra.entities));
    }
    if !content.buttons.is_empty() {
        // A row each: titles side by side are cut short on a phone.
        let rows: Vec<Value> = content
            .buttons
            .iter()
            .map(|button| json!([{"text": button.title, "callback_data": button.value}]))
            .collect();
        set("reply_markup", json!({"inline_keyboard": rows}));
    }
    Content {
        method,
        parameters,
        first: extra.first,
    }
}

/// The method that sends what lies at an address, and its field. Telegram looks at what it finds there, and refuses what
/// is not of the method's kind.
fn method_for(url: &str) -> (&'static str, &'static str) {
    let path = Url::parse(url)
        .map(|url| url.path().to_ascii_lowercase())
        .unwrap_or_default();
    let extension = path
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'))
        .map_or("", |(_, extension)| extension);
    match extension {
        "jpg" | "jpeg" | "png" | "webp" => ("sendPhoto", "photo"),
        "mp4" => ("sendVideo", "video"),
        "mp3" | "m4a" => ("sendAudio", "audio"),
        _ => ("sendDocument", "document"),
    }
}

/// A message as Telegram sent it.
#[derive(Deserialize)]
struct Message {
    message_id: i64,
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
}

pub(crate) async fn send(
    telegram: &Telegram,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let bot = Bot::new(telegram, credentials);
    let mut place = Place::of(&part.conversation)?;
    let Content {
        mut method,
        parameters: mut message,
        first,
    } = content(&part.content);
    let answered = part
        .reply_to
        .as_ref()
        .and_then(|reply_to| reply_to["message_id"].as_i64());
    if let Some(id) = answered.filter(|_| first) {
        message.insert(
            "reply_parameters".to_owned(),
            json!({"message_id": id, "allow_sending_without_reply": true}),
        );
    }
    typing::answer_button(&bot, part.reply_to.as_ref()).await;
    // Each remedy is tried once, and only after Telegram has refused the message, so it cannot arrive twice.
    let mut moved = false;
    loop {
        let mut parameters = place.parameters();
        if let Some(all) = parameters.as_object_mut() {
            all.extend(message.clone());
        }
        let refusal = match bot.call::<Message>(method, &parameters).await {
            Ok(sent) => {
                return Ok(Sent {
                    platform_message_id: format!("{}/{}", sent.chat.id, sent.message_id),
                    segments: None,
                });
            }
            Err(Failed::Refused(refusal)) if refusal.status == StatusCode::BAD_REQUEST => refusal,
            Err(failed) => return Err(failed.into()),
        };
        if let Some(chat) = refusal.migrate_to.filter(|_| !moved) {
            moved = true;
            // A group that has become a supergroup keeps neither its topics nor its messages' numbers.
            place = Place { chat, topic: None };
            message.remove("reply_parameters");
        } else if refusal.says("entit") && take_looks(&mut message) {
            continue;
        } else if is_of_media(&refusal) && method != "sendMessage" {
            method = "sendMessage";
            message = as_link(message, &part.content);
        } else {
            return Err(Failed::Refused(refusal).into());
        }
    }
}

/// Leaves the text alone. `false`: there was nothing else.
fn take_looks(message: &mut Map<String, Value>) -> bool {
    let looks = ["entities", "caption_entities"].map(|name| message.remove(name));
    looks.iter().any(Option::is_some)
}

/// Whether Telegram could not fetch what lies at an address, or does not take it.
fn is_of_media(refusal: &Refusal) -> bool {
    [
        "http url",
        "web page content",
        "wrong file identifier",
        "wrong remote file",
        "photo_invalid_dimensions",
        "image_process_failed",
    ]
    .iter()
    .any(|words| refusal.says(words))
}

/// The message with the media's address in place of the media: better a link than nothing.
fn as_link(mut message: Map<String, Value>, content: &OutboundContent) -> Map<String, Value> {
    for field in ["photo", "video", "audio", "document", "caption"] {
        message.remove(field);
    }
    if let Some(entities) = message.remove("caption_entities") {
        message.insert("entities".to_owned(), entities);
    }
    let words: Vec<&str> = std::iter::once(content.text.as_str())
        .chain(content.media.iter().map(String::as_str))
        .filter(|words| !words.is_empty())
        .collect();
    message.insert("text".to_owned(), json!(words.join("\n\n")));
    message
}

#[cfg(test)]
mod compose_tests;
#[cfg(test)]
mod send_tests;
