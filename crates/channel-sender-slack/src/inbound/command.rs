//! Slash commands: `/ask where is my order?`
//!
//! Only whoever writes one sees it, and it may be written where the bot is not. So it belongs to the direct message with
//! that person, and is answered there.
//! <https://docs.slack.dev/interactivity/implementing-slash-commands>

use super::malformed;
use crate::{credentials::Credentials, text::readable};
use channel::{ConversationKey, InboundMessage, Received};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Command {
    command: String,
    #[serde(default)]
    text: String,
    user_id: String,
    user_name: Option<String>,
    /// A new one for each time that a command is written.
    trigger_id: String,
}

pub(super) fn read(value: Value, now: DateTime<Utc>, credentials: &Credentials, received: &mut Received) {
    let command = match Command::deserialize(value) {
        Ok(command) => command,
        Err(error) => return received.malformed.push(malformed("command", error)),
    };
    if command.user_id.is_empty() || command.trigger_id.is_empty() {
        return received
            .malformed
            .push(malformed("command", "user_id or trigger_id is empty"));
    }
    let text = readable(&command.text, None);
    received.messages.push(InboundMessage {
        account: credentials.team_id.clone(),
        dedupe_key: format!("command:{}", command.trigger_id),
        conversation: ConversationKey(command.user_id.clone()),
        contact: command.user_id,
        contact_name: command.user_name.filter(|name| !name.is_empty()),
        // Alone, the command is what was said.
        text: if text.is_empty() {
            readable(&command.command, None)
        } else {
            text
        },
        choice: None,
        media: Vec::new(),
        // It has no time stamp of Slack's; among those of messages this is its place.
        order_key: Some(now.timestamp_micros()),
        sent_at: Some(now),
        reply_to: None,
        consent: None,
    });
}
