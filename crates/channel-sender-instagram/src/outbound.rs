//! Hands messages to Instagram. See "Instagram messaging, Send messages".

use crate::{Instagram, credentials::Credentials};
use channel::{OutboundPart, SendError, Sent, Target};
use meta_graph::messaging::Sending;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// Bytes of UTF-8, not characters, of a message's text.
const MAX_TEXT: usize = 1000;
/// How long Instagram shows that somebody is writing, unless the message comes before.
pub(crate) const TYPING_LASTS: Duration = Duration::from_secs(20);

/// How Instagram takes replies. Of files it takes PDF only, so what cannot be told is more likely a picture.
pub(crate) const SENDING: Sending = Sending {
    limit: MAX_TEXT,
    measure: str::len,
    otherwise: "image",
};

/// A message as Instagram took it.
#[derive(Deserialize)]
struct Taken {
    message_id: String,
}

pub(crate) async fn send(
    instagram: &Instagram,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let graph = instagram.graph(credentials)?;
    let request = graph
        .post(&format!("{}/messages", credentials.node()))
        .json(&json!({
            "recipient": {"id": part.contact},
            "message": SENDING.message(&part.content),
        }));
    let taken: Taken = graph.deliver(request).await?;
    Ok(Sent {
        platform_message_id: taken.message_id,
        segments: None,
    })
}

pub(crate) async fn show_typing(
    instagram: &Instagram,
    to: &Target,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let graph = instagram.graph(credentials)?;
    let request = graph
        .post(&format!("{}/messages", credentials.node()))
        .json(&json!({"recipient": {"id": to.contact}, "sender_action": "typing_on"}));
    graph.answer(request).await.map(drop)
}

#[cfg(test)]
mod tests;
