//! Cuts replies into messages, and hands them to Slack. <https://docs.slack.dev/reference/methods/chat.postMessage>

use crate::{
    Slack, api,
    blocks::{self, blocks, can_be_tapped},
    credentials::Credentials,
    dialect::Mrkdwn,
    errors,
    place::{self, Place},
};
use channel::{OutboundContent, OutboundPart, Reply, SendError, Sent, text};
use domain::PartId;
use serde::Deserialize;
use serde_json::{Value, json};

/// UTF-16 code units of a message's text. Slack asks for 4,000 at most, and cuts what is longer by itself.
pub(crate) const MAX_TEXT: usize = 3_900;
/// Pictures and files that one message carries.
pub(crate) const MAX_MEDIA: usize = 10;
/// Characters that their addresses have together: of all of a message's blocks Slack takes about 13,000.
const MAX_ADDRESSES: usize = 6_000;
/// What our messages carry, so that they can be found again.
pub(crate) const EVENT_TYPE: &str = "botsmith_part";

/// The messages that a reply becomes. The first carry the media, the last one with text the buttons.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let limit = if reply.media.is_empty() && reply.buttons.is_empty() {
        MAX_TEXT
    } else {
        blocks::MAX_TEXT
    };
    let cut = |markdown: &str| ::dialect::compose(markdown, &Mrkdwn, limit, text::utf16);
    let mut buttons = Vec::new();
    let mut texts = cut(&reply.text);
    if can_be_tapped(&reply.buttons) && !texts.is_empty() {
        buttons = reply.buttons.clone();
    } else if !reply.buttons.is_empty() {
        let titles = reply.buttons.iter().map(|button| &button.title);
        texts = cut(&::dialect::numbered(&reply.text, titles));
    }
    let last = texts.len().saturating_sub(1);
    let mut texts = texts.into_iter();
    let mut media = bundles(&reply.media).into_iter();
    let mut parts = Vec::new();
    loop {
        match (texts.next(), media.next()) {
            (None, None) => return parts,
            (text, media) => {
                let buttons = if text.is_some() && parts.len() == last {
                    std::mem::take(&mut buttons)
                } else {
                    Vec::new()
                };
                parts.push(OutboundContent {
                    text: text.unwrap_or_default(),
                    media: media.unwrap_or_default(),
                    buttons,
                    ..OutboundContent::default()
                });
            }
        }
    }
}

/// As many as one message carries.
fn bundles(media: &[String]) -> Vec<Vec<String>> {
    let mut bundles: Vec<Vec<String>> = Vec::new();
    for url in media {
        let fits = |bundle: &&mut Vec<String>| {
            let length: usize = bundle.iter().map(String::len).sum();
            bundle.len() < MAX_MEDIA && length + url.len() <= MAX_ADDRESSES
        };
        match bundles.last_mut().filter(fits) {
            Some(bundle) => bundle.push(url.clone()),
            None => bundles.push(vec![url.clone()]),
        }
    }
    bundles
}

/// A message as Slack posted it.
#[derive(Deserialize)]
struct Posted {
    channel: Option<String>,
    ts: Option<String>,
}

pub(crate) async fn send(
    slack: &Slack,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let place = Place::of(&part.conversation, part.reply_to.as_ref());
    let (blocks, text) = (blocks(&part.content), fallback(&part.content));
    let (blocks, metadata) = (
        blocks.map(|blocks| blocks.to_string()),
        metadata(part.id).to_string(),
    );
    let mut form = vec![
        ("channel", place.channel.as_str()),
        ("text", text.as_str()),
        ("metadata", metadata.as_str()),
        // The addresses of sources would each be shown as a page.
        ("unfurl_links", "false"),
    ];
    form.extend(place.thread.as_deref().map(|thread| ("thread_ts", thread)));
    form.extend(blocks.as_deref().map(|blocks| ("blocks", blocks)));
    let posted: Posted = api::call(slack, credentials, "chat.postMessage", &form)
        .await
        .map_err(errors::sending)?;
    match (posted.channel, posted.ts) {
        (Some(channel), Some(ts)) => Ok(Sent {
            platform_message_id: place::message_id(&channel, &ts),
            segments: None,
        }),
        _ => Err(SendError::Ambiguous {
            reason: "Slack posted it, and does not say where".to_owned(),
        }),
    }
}

/// What notifications show where a message is in blocks; else the message.
pub(crate) fn fallback(content: &OutboundContent) -> String {
    match content.media.first() {
        Some(first) if content.text.is_empty() => blocks::link(first),
        _ => content.text.clone(),
    }
}

fn metadata(part: PartId) -> Value {
    json!({"event_type": EVENT_TYPE, "event_payload": {"part": part.to_string()}})
}

#[cfg(test)]
mod tests;
