//! Cuts replies into messages, and hands them to Discord.
//!
//! Sources: <https://docs.discord.com/developers/resources/message#create-message>,
//! <https://docs.discord.com/developers/components/reference>

use crate::{
    Discord,
    api::{self, App, Failed},
    credentials::Credentials,
    deferred,
    dialect::Markdown,
    interaction::{self, Pending},
    place::Place,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use channel::{Button, OutboundContent, OutboundPart, Reply, SendError, Sent, text};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// UTF-16 code units that a message's text may have. Discord counts "characters", and these are never fewer.
pub(crate) const MAX_TEXT: usize = 2000;
/// Addresses in one message: Discord shows what is behind five of them.
const MAX_MEDIA: usize = 5;
/// Five rows of five.
pub(crate) const MAX_BUTTONS: usize = 25;
const ROW: usize = 5;
/// UTF-16 code units of a button's label.
const MAX_LABEL: usize = 80;
/// UTF-16 code units of a button's value: Discord takes a hundred, four of which say the button's place.
const MAX_VALUE: usize = 96;
/// Bytes of a hash that become the 24 characters of a nonce, which may have 25.
const NONCE: usize = 18;
/// "Cannot reply without permission to read message history".
const NO_HISTORY: &[u32] = &[160_002];

/// The messages that a reply becomes: the text, and below it the addresses of media, of which Discord shows what is
/// behind them.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let cut = |markdown: &str| ::dialect::compose(markdown, &Markdown, MAX_TEXT, text::utf16);
    let can_be_tapped = reply.buttons.len() <= MAX_BUTTONS && reply.buttons.iter().all(fits);
    let (mut texts, mut buttons) = (cut(&reply.text), reply.buttons.clone());
    // Buttons stand below a text.
    if !buttons.is_empty() && (!can_be_tapped || texts.is_empty()) {
        let titles = buttons.drain(..).map(|button| button.title);
        texts = cut(&::dialect::numbered(&reply.text, titles));
    }
    let mut parts: Vec<OutboundContent> = texts
        .into_iter()
        .map(|text| OutboundContent {
            text,
            ..OutboundContent::default()
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        last.buttons = buttons;
    }
    for url in &reply.media {
        match parts.last_mut() {
            Some(last) if last.media.len() < MAX_MEDIA && has_room(last, url) => last.media.push(url.clone()),
            _ => parts.push(OutboundContent {
                media: vec![url.clone()],
                ..OutboundContent::default()
            }),
        }
    }
    if let Some(first) = parts.first_mut() {
        first.extra = Some(json!({"first": true}));
    }
    parts
}

fn fits(button: &Button) -> bool {
    !button.title.trim().is_empty()
        && text::utf16(&button.title) <= MAX_LABEL
        && text::utf16(&button.value) <= MAX_VALUE
}

fn has_room(content: &OutboundContent, url: &str) -> bool {
    text::utf16(&written(content)) + 1 + text::utf16(url) <= MAX_TEXT
}

/// All that stands in a message: its text, and the addresses of its media.
pub(crate) fn written(content: &OutboundContent) -> String {
    let lines: Vec<&str> = std::iter::once(content.text.as_str())
        .filter(|text| !text.is_empty())
        .chain(content.media.iter().map(String::as_str))
        .collect();
    lines.join("\n")
}

/// The part is the first of its reply.
pub(crate) fn is_first(part: &OutboundPart) -> bool {
    part.content
        .extra
        .as_ref()
        .is_some_and(|extra| extra["first"] == true)
}

/// A message's content as it stands in every call that makes or changes one. Nobody is pinged but who is answered.
pub(crate) fn body(content: &OutboundContent) -> Map<String, Value> {
    let buttons: Vec<Value> = content
        .buttons
        .iter()
        .enumerate()
        .map(|(at, button)| {
            json!({"type": 2, "style": 2, "label": button.title, "custom_id": interaction::custom_id(at, &button.value)})
        })
        .collect();
    let rows: Vec<Value> = buttons
        .chunks(ROW)
        .map(|row| json!({"type": 1, "components": row}))
        .collect();
    let mut body = Map::new();
    body.insert("content".to_owned(), json!(written(content)));
    body.insert("components".to_owned(), json!(rows));
    body.insert(
        "allowed_mentions".to_owned(),
        json!({"parse": [], "replied_user": true}),
    );
    body
}

/// The same for the same part, so that Discord takes what it may have taken only once: it keeps a nonce for some minutes
/// and gives back the message that it made with it.
pub(crate) fn nonce(part: &OutboundPart) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(part.id.to_string())[..NONCE])
}

/// A message as Discord made it.
#[derive(Deserialize)]
struct Created {
    id: String,
}

pub(crate) fn sent(id: String) -> Sent {
    Sent {
        platform_message_id: id,
        segments: None,
    }
}

pub(crate) async fn send(
    discord: &Discord,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let place = Place::of(&part.conversation)?;
    let app = App::new(discord, credentials);
    if let Some(pending) = Pending::of_part(part, &credentials.application_id)
        && let Some(sent) = deferred::answer(&app, &pending, part).await?
    {
        return Ok(sent);
    }
    let mut body = body(&part.content);
    body.insert("nonce".to_owned(), json!(nonce(part)));
    body.insert("enforce_nonce".to_owned(), json!(true));
    let answered = part
        .reply_to
        .as_ref()
        .and_then(|reply_to| reply_to["message"].as_str());
    if let Some(message) = answered.filter(|_| is_first(part)) {
        body.insert(
            "message_reference".to_owned(),
            json!({"message_id": message, "fail_if_not_exists": false}),
        );
    }
    let created = match create(&app, &place, &body).await {
        Err(failed) if failed.is(NO_HISTORY) => {
            body.remove("message_reference");
            create(&app, &place, &body).await?
        }
        created => created?,
    };
    Ok(sent(created.id))
}

async fn create(app: &App<'_>, place: &Place, body: &Map<String, Value>) -> Result<Created, Failed> {
    let path = format!("channels/{}/messages", place.channel);
    api::call(app.as_bot(Method::POST, &path)?.json(body)).await
}

#[cfg(test)]
mod compose_tests;
#[cfg(test)]
mod send_tests;
