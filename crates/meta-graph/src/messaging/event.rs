//! One event of an entry.

use super::{attachment, conversation};
use crate::batch;
use channel::{InboundMessage, Received, StatusReport, Watermark, text};
use domain::PartState;
use serde::Deserialize;
use serde_json::{Value, json};

/// The keys that we read. An event without any of them is acknowledged and no more: reactions, edits, referrals, opt-ins,
/// and what is not known yet.
#[derive(Deserialize)]
struct Event<'v> {
    sender: Option<Party>,
    #[serde(default, deserialize_with = "batch::number")]
    timestamp: Option<i64>,
    #[serde(borrow)]
    message: Option<Message<'v>>,
    postback: Option<Postback>,
    read: Option<Seen>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize)]
struct Party {
    id: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'v> {
    mid: String,
    text: Option<String>,
    /// Sent by the account itself, by us or by somebody else.
    #[serde(default)]
    is_echo: bool,
    /// Sent by the account to itself.
    #[serde(default)]
    is_self: bool,
    /// Taken back.
    #[serde(default)]
    is_deleted: bool,
    /// Of a kind that the API does not show.
    #[serde(default)]
    is_unsupported: bool,
    /// In an echo: what we sent with it.
    metadata: Option<String>,
    quick_reply: Option<Payload>,
    #[serde(borrow)]
    attachments: Option<Vec<attachment::Attachment<'v>>>,
}

#[derive(Deserialize)]
struct Payload {
    payload: Option<String>,
}

#[derive(Deserialize)]
struct Postback {
    mid: Option<String>,
    title: Option<String>,
    payload: Option<String>,
}

/// Messenger tells a time up to which everything was read; Instagram tells a message.
#[derive(Deserialize)]
struct Seen {
    mid: Option<String>,
    #[serde(default, deserialize_with = "batch::number")]
    watermark: Option<i64>,
}

#[derive(Deserialize)]
struct Delivery {
    #[serde(default)]
    mids: Vec<String>,
    #[serde(default, deserialize_with = "batch::number")]
    watermark: Option<i64>,
}

pub(super) fn read(event: &Value, position: &str, account: &str, received: &mut Received) {
    let Some(event) = batch::read::<Event>(event, position, &mut received.malformed) else {
        return;
    };
    let sender = event
        .sender
        .and_then(|sender| batch::id(&sender.id?))
        .filter(|sender| !sender.is_empty());
    let incoming = Incoming {
        account,
        timestamp: event.timestamp,
    };
    match (event.message, event.postback) {
        (Some(message), _) if message.is_echo => received.statuses.extend(echo(message)),
        (Some(message), _) if message.is_self || message.is_deleted || message.is_unsupported => (),
        (Some(message), _) => match sender {
            // What the account writes is no question to it.
            Some(sender) if sender == account => (),
            Some(sender) => received.messages.extend(incoming.message(sender, message)),
            None => no_sender(position, received),
        },
        (None, Some(postback)) => match sender {
            Some(sender) => received.messages.extend(incoming.postback(sender, postback)),
            None => no_sender(position, received),
        },
        (None, None) => news(event.read, event.delivery, sender.as_deref(), account, received),
    }
}

fn no_sender(position: &str, received: &mut Received) {
    batch::report(
        position.to_owned(),
        "it names no sender, so nobody can be answered",
        &mut received.malformed,
    );
}

/// An echo of what we sent proves that it was taken, and brings our id of the part back. Echoes of others, an agent's say,
/// have none.
fn echo(message: Message<'_>) -> Option<StatusReport> {
    Some(StatusReport {
        part: Some(batch::part(message.metadata.as_deref())?),
        platform_message_id: message.mid,
        state: PartState::Sent,
        error: None,
    })
}

fn news(
    read: Option<Seen>,
    delivery: Option<Delivery>,
    sender: Option<&str>,
    account: &str,
    received: &mut Received,
) {
    let report = |state, mid: String| StatusReport {
        part: None,
        platform_message_id: mid,
        state,
        error: None,
    };
    let watermark = |state, up_to: Option<i64>| {
        Some(Watermark {
            conversation: conversation(account, sender?),
            state,
            up_to: batch::milliseconds(up_to)?,
        })
    };
    if let Some(Seen {
        mid,
        watermark: up_to,
    }) = read
    {
        received
            .statuses
            .extend(mid.map(|mid| report(PartState::Read, mid)));
        received.watermarks.extend(watermark(PartState::Read, up_to));
    }
    if let Some(Delivery {
        mids,
        watermark: up_to,
    }) = delivery
    {
        // The messages are not always named.
        if mids.is_empty() {
            received.watermarks.extend(watermark(PartState::Delivered, up_to));
        }
        received
            .statuses
            .extend(mids.into_iter().map(|mid| report(PartState::Delivered, mid)));
    }
}

/// What all of an event's messages have in common.
struct Incoming<'a> {
    account: &'a str,
    timestamp: Option<i64>,
}

impl Incoming<'_> {
    /// `None`: there is nothing in it.
    fn message(&self, sender: String, message: Message<'_>) -> Option<InboundMessage> {
        let mut words: Vec<String> = message.text.into_iter().filter(|text| !text.is_empty()).collect();
        let mut media = Vec::new();
        for attachment in message.attachments.into_iter().flatten() {
            attachment.take(&mut words, &mut media);
        }
        if words.is_empty() && media.is_empty() {
            return None;
        }
        let reply_to = json!({ "mid": message.mid });
        Some(InboundMessage {
            text: text::without_nul(&words.join("\n")),
            choice: message.quick_reply.and_then(|reply| reply.payload),
            media,
            ..self.blank(sender, message.mid, reply_to)
        })
    }

    /// `None`: it says nothing, as one whose conversation another app has the say in.
    fn postback(&self, sender: String, postback: Postback) -> Option<InboundMessage> {
        let said = postback.title.or_else(|| postback.payload.clone())?;
        // Not all postbacks have an id.
        let key = postback.mid.clone().unwrap_or_else(|| {
            format!(
                "postback:{sender}:{}:{}",
                self.timestamp.unwrap_or_default(),
                postback.payload.as_deref().unwrap_or_default()
            )
        });
        let reply_to = json!({ "mid": postback.mid });
        Some(InboundMessage {
            text: text::without_nul(&said),
            choice: postback.payload,
            ..self.blank(sender, key, reply_to)
        })
    }

    fn blank(&self, sender: String, dedupe_key: String, reply_to: Value) -> InboundMessage {
        InboundMessage {
            account: self.account.to_owned(),
            dedupe_key,
            conversation: conversation(self.account, &sender),
            contact: sender,
            contact_name: None,
            text: String::new(),
            choice: None,
            media: Vec::new(),
            order_key: self.timestamp,
            sent_at: batch::milliseconds(self.timestamp),
            reply_to: Some(reply_to),
            consent: None,
        }
    }
}

#[cfg(test)]
mod tests;
