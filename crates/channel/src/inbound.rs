//! What a verified webhook says, in our words.

use crate::WebhookResponse;
use chrono::{DateTime, Utc};
use domain::{PartId, PartState};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Everything one webhook said, and what the platform wants to hear once all of it is safely queued.
#[derive(Debug)]
pub struct Received {
    /// Messages from contacts, in the platform's order.
    pub messages: Vec<InboundMessage>,
    /// News of what we sent.
    pub statuses: Vec<StatusReport>,
    /// News of everything we sent up to a time.
    pub watermarks: Vec<Watermark>,
    /// Parts of a batch that could not be read. They never fail the rest.
    pub malformed: Vec<MalformedPart>,
    /// The answer: handshake, empty TwiML, 200.
    pub response: WebhookResponse,
}

impl Received {
    /// Nothing but an answer: a handshake, or an event that is acknowledged and no more.
    pub const fn nothing(response: WebhookResponse) -> Self {
        Self {
            messages: Vec::new(),
            statuses: Vec::new(),
            watermarks: Vec::new(),
            malformed: Vec::new(),
            response,
        }
    }
}

/// Names a conversation within an integration, as the platform does: the thread, the chat, or the pair of numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationKey(pub String);

/// One message that a contact wrote.
#[derive(Clone, PartialEq)]
pub struct InboundMessage {
    /// The account on the platform it was sent to. With `dedupe_key` it names the message for good.
    pub account: String,
    /// The platform's own id of the message: a redelivery carries the same.
    pub dedupe_key: String,
    /// The conversation it belongs to.
    pub conversation: ConversationKey,
    /// The platform's id of the person who wrote.
    pub contact: String,
    /// The person's name, where the platform tells it.
    pub contact_name: Option<String>,
    /// What was written; empty where only media came. Cleaned of U+0000.
    pub text: String,
    /// The value of the button that was pressed, where one was: [`crate::Button::value`] of an earlier reply. `text` is
    /// then the button's title.
    pub choice: Option<String>,
    /// What came with it.
    pub media: Vec<MediaRef>,
    /// The platform's own sequence within the conversation, where it has one; else arrival decides.
    pub order_key: Option<i64>,
    /// When the person sent it, where the platform tells.
    pub sent_at: Option<DateTime<Utc>>,
    /// What the platform needs to answer this message, as JSON; opaque to all others and sealed at rest.
    pub reply_to: Option<serde_json::Value>,
    /// Whether the person asked us to stop, to start again or for help, in the platform's standard words.
    pub consent: Option<Consent>,
}

/// A message's text and the person's identity are nobody's business in a log.
impl fmt::Debug for InboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundMessage")
            .field("dedupe_key", &self.dedupe_key)
            .field("chars", &self.text.chars().count())
            .field("media", &self.media.len())
            .finish_non_exhaustive()
    }
}

/// Standard words that regulate whether we may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// STOP: never write again until they say START.
    OptOut,
    /// START.
    OptIn,
    /// HELP: the platform answers.
    Help,
}

/// Where a picture, sound or file lies on the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// The platform's address or id of it.
    pub url: String,
    /// MIME type, as the platform says.
    pub content_type: String,
    /// The file's name, where the platform tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a platform reports about something that we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// Our id of the part, where it came back with the report.
    pub part: Option<PartId>,
    /// The platform's id of the message.
    pub platform_message_id: String,
    /// What became of it: `Queued`, `Sent`, `Failed`, `Delivered` or `Read`.
    pub state: PartState,
    /// The platform's error code and words, on failure.
    pub error: Option<String>,
}

/// What a platform reports about everything that we sent to a conversation up to a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The conversation.
    pub conversation: ConversationKey,
    /// `Delivered` or `Read`.
    pub state: PartState,
    /// Everything that the platform took at this time or before has come so far.
    pub up_to: DateTime<Utc>,
}

/// One entry of a batch that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedPart {
    /// Where in the body, e.g. `entry[3].messages[0]`.
    pub position: String,
    /// What is wrong with it.
    pub problem: String,
}
