//! What only some platforms can do: a trait each, absent from [`Capabilities`] where the platform cannot.

use crate::{
    CheckError, ConversationKey, CredentialsError, MediaError, MediaRef, OutboundPart, SendError, Sent,
};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::sync::Arc;

/// What a platform can do beyond receiving and sending.
pub struct Capabilities<C> {
    /// Finds a part that may have arrived.
    pub lookup: Option<Arc<dyn Lookup<C>>>,
    /// Fetches pictures and files with the account's credentials.
    pub media: Option<Arc<dyn Media<C>>>,
    /// Writes first, to somebody who has not written to us.
    pub addressing: Option<Arc<dyn Addressing<C>>>,
    /// Says what a text will become before it is sent.
    pub previews: Option<Arc<dyn Previews>>,
    /// Says where the platform's webhook points now and what the number can do.
    pub status: Option<Arc<dyn Status<C>>>,
}

impl<C> Capabilities<C> {
    /// A platform that can do none of it.
    pub const NONE: Self = Self {
        lookup: None,
        media: None,
        addressing: None,
        previews: None,
        status: None,
    };
}

/// Finding a part whose sending had an unknown outcome.
#[async_trait]
pub trait Lookup<C>: Send + Sync {
    /// Everything the platform has that may be this part, handed to it at `first_attempt` or later; the newest first.
    /// None: it does not have it.
    ///
    /// The same words may have been sent shortly before: what is recorded as another part's is not this one.
    async fn find(
        &self,
        part: &OutboundPart,
        first_attempt: DateTime<Utc>,
        credentials: &C,
    ) -> Result<Vec<Sent>, SendError>;
}

/// Fetching what came with a message.
#[async_trait]
pub trait Media<C>: Send + Sync {
    /// The bytes behind a reference, at most `limit` of them.
    async fn fetch(&self, media: &MediaRef, limit: usize, credentials: &C) -> Result<Fetched, MediaError>;
}

/// What [`Media::fetch`] brought.
#[derive(Debug)]
pub struct Fetched {
    /// MIME type as the platform's storage names it.
    pub content_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// Writing first, to somebody who has not written to us.
pub trait Addressing<C>: Send + Sync {
    /// Whom an address means: the contact and the conversation exactly as an inbound message of theirs names them, so
    /// that their answer finds the same conversation. The error says what is wrong with the address given.
    fn address(&self, to: &str, credentials: &C) -> Result<Address, CredentialsError>;
}

/// Whom an address means.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The platform's id of the person.
    pub contact: String,
    /// The conversation with them.
    pub conversation: ConversationKey,
}

/// Who somebody is is nobody's business in a log.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// Saying what a text will become.
pub trait Previews: Send + Sync {
    /// The messages this text will be sent as, and what they count for the platform's bill.
    fn preview(&self, text: &str) -> Preview;
}

/// What a text will become on the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The texts, one a message.
    pub messages: Vec<String>,
    /// Units of the platform's bill in all (SMS: segments).
    pub segments: usize,
    /// The alphabet the platform will use (SMS: `GSM-7` or `UCS-2`).
    pub encoding: String,
}

/// Asking how the account is set up on the platform.
#[async_trait]
pub trait Status<C>: Send + Sync {
    /// Where the platform sends its webhooks now.
    async fn webhook(&self, credentials: &C) -> Result<WebhookStatus, CheckError>;
    /// What the account's number can do.
    async fn number(&self, credentials: &C) -> Result<NumberCapabilities, CheckError>;
}

/// Where a platform sends its webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookStatus {
    /// The address now set on the platform, if any.
    pub url: Option<String>,
    /// `GET` or `POST`.
    pub method: Option<String>,
    /// Where on the platform it is set, in the platform's words.
    pub set_on: String,
}

/// What a phone number can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumberCapabilities {
    /// The number, in E.164.
    pub number: String,
    /// Text messages.
    pub sms: bool,
    /// Pictures and files.
    pub mms: bool,
    /// Calls.
    pub voice: bool,
}
