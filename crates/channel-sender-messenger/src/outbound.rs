//! Hands messages to Messenger. See "Messenger Platform, Send API".

use crate::{Messenger, credentials::Credentials};
use channel::{OutboundPart, SendError, Sent, Target, text};
use meta_graph::messaging::Sending;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// UTF-16 code units of a message's text.
const MAX_TEXT: usize = 2000;
/// How long Messenger shows that somebody is writing, unless the message comes before.
pub(crate) const TYPING_LASTS: Duration = Duration::from_secs(20);

/// How Messenger takes replies.
pub(crate) const SENDING: Sending = Sending {
    limit: MAX_TEXT,
    measure: text::utf16,
    otherwise: "file",
};

/// A message as Messenger took it.
#[derive(Deserialize)]
struct Taken {
    message_id: String,
}

pub(crate) async fn send(
    messenger: &Messenger,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let mut message = SENDING.message(&part.content);
    // Comes back in the echo, which proves that the message was taken.
    message["metadata"] = json!(part.id.to_string());
    let graph = messenger.graph(credentials)?;
    let request = graph
        .post(&format!("{}/messages", credentials.page_id))
        .json(&json!({
            "recipient": {"id": part.contact},
            "messaging_type": "RESPONSE",
            "message": message,
        }));
    let taken: Taken = graph.deliver(request).await?;
    Ok(Sent {
        platform_message_id: taken.message_id,
        segments: None,
    })
}

pub(crate) async fn show_typing(
    messenger: &Messenger,
    to: &Target,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let graph = messenger.graph(credentials)?;
    let request = graph
        .post(&format!("{}/messages", credentials.page_id))
        .json(&json!({"recipient": {"id": to.contact}, "sender_action": "typing_on"}));
    graph.answer(request).await.map(drop)
}

#[cfg(test)]
mod tests;
