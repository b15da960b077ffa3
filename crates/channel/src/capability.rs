//! What only some platforms can do: a trait each, absent from [`Capabilities`] where the platform cannot.

use crate::{
    CheckError, ConversationKey, CredentialsError, Diagnosis, Hints, InboundMessage, InletError, ListenError,
    MediaError, MediaRef, OutboundContent, OutboundPart, Received, SendError, Sent, WebhookRequest,
    WebhookResponse,
};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use url::Url;

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
    /// Shows that an answer is being written.
    pub typing: Option<Arc<dyn Typing<C>>>,
    /// Changes what was sent: an answer that is shown while it is being written.
    pub edits: Option<Arc<dyn Edits<C>>>,
    /// Lists what people wrote while we were away.
    pub backfill: Option<Arc<dyn Backfill<C>>>,
    /// Notices that the platform has stopped calling us.
    pub health: Option<Arc<dyn Health<C>>>,
    /// Lists approved forms of words.
    pub templates: Option<Arc<dyn Templates<C>>>,
    /// Renews credentials that run out.
    pub refresh: Option<Arc<dyn TokenRefresh<C>>>,
    /// Reads messages over a connection that we open.
    pub listens: Option<Arc<dyn Listens<C>>>,
    /// One address for all accounts of an app.
    pub shared_webhook: Option<Arc<dyn SharedWebhook>>,
    /// Finds out why a webhook cannot be verified.
    pub diagnoses: Option<Arc<dyn Diagnoses<C>>>,
    /// Is a platform of our own: its people are let in by us.
    pub hosted: Option<Arc<dyn Hosted<C>>>,
}

impl<C> Capabilities<C> {
    /// A platform that can do none of it.
    pub const NONE: Self = Self {
        lookup: None,
        media: None,
        addressing: None,
        previews: None,
        status: None,
        typing: None,
        edits: None,
        backfill: None,
        health: None,
        templates: None,
        refresh: None,
        listens: None,
        shared_webhook: None,
        diagnoses: None,
        hosted: None,
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

/// Where an answer will go.
#[derive(Clone)]
pub struct Target {
    /// The person, as the platform names them.
    pub contact: String,
    /// The conversation, as the platform names it.
    pub conversation: String,
    /// What the platform gave us with the message that is being answered.
    pub reply_to: Option<serde_json::Value>,
}

/// Who somebody is is nobody's business in a log.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target(…)")
    }
}

/// Showing that an answer is being written.
#[async_trait]
pub trait Typing<C>: Send + Sync {
    /// How long the sign stays; it is shown again before that.
    fn lasts(&self) -> Duration;
    /// Shows it, and where the platform knows that, marks the message as read. An error is of no consequence.
    async fn show(&self, to: &Target, credentials: &C) -> Result<(), SendError>;
}

/// Changing what was sent.
#[async_trait]
pub trait Edits<C>: Send + Sync {
    /// The least time between two changes of one message.
    fn pace(&self) -> Duration;
    /// Replaces the content of a message that [`crate::Channel::send`] has sent for this part.
    async fn edit(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        content: &OutboundContent,
        credentials: &C,
    ) -> Result<(), SendError>;
    /// Takes such a message back, so that nobody reads it any more. One that is gone already is no error; both this and
    /// [`Self::edit`] change nothing when they are done again.
    async fn withdraw(&self, part: &OutboundPart, sent: &Sent, credentials: &C) -> Result<(), SendError>;
}

/// Listing what people wrote while we were away, from the platform's own record.
#[async_trait]
pub trait Backfill<C>: Send + Sync {
    /// What was written from `since` to `until`, oldest first, with the same dedupe keys that webhooks carry, so that
    /// nothing is taken twice. `known`: the integration's conversations, for platforms that list by conversation.
    async fn missed(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        known: &[ConversationKey],
        credentials: &C,
    ) -> Result<Vec<InboundMessage>, CheckError>;
}

/// Noticing that the platform has stopped calling us.
#[async_trait]
pub trait Health<C>: Send + Sync {
    /// Asks the platform whether it still sends to `webhook`. An error says why it does not, in words for the owner;
    /// [`CheckError::Unreachable`] says nothing of the integration.
    async fn health(&self, webhook: &Url, credentials: &C) -> Result<(), CheckError>;
}

/// An approved form of words, as the platform lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language, in the platform's form.
    pub language: String,
    /// `approved`, `pending`, `rejected` or what else the platform says, in lower case.
    pub state: String,
    /// The platform's category.
    pub category: String,
    /// Its words, with the places to fill in as the platform writes them.
    pub text: String,
    /// How many places there are to fill in.
    pub parameters: usize,
}

/// Listing approved forms of words.
#[async_trait]
pub trait Templates<C>: Send + Sync {
    /// All of the account's templates.
    async fn templates(&self, credentials: &C) -> Result<Vec<Template>, CheckError>;
}

/// Renewing credentials that run out.
#[async_trait]
pub trait TokenRefresh<C>: Send + Sync {
    /// How often to ask for new ones.
    fn every(&self) -> Duration;
    /// The whole credentials, as JSON, with what was renewed. `None`: these do not run out.
    async fn refresh(&self, credentials: &C) -> Result<Option<SecretString>, CheckError>;
}

/// Reading messages over a connection that we open.
#[async_trait]
pub trait Listens<C>: Send + Sync {
    /// Reads until the connection is lost; whoever calls opens it again. Dropping the future is how it is told to end:
    /// nothing is told to the platform to be ours before [`Inlet::accept`] has returned.
    ///
    /// `resume` is what was last [`Inlet::remember`]ed: an offset, a session.
    async fn listen(
        &self,
        credentials: &C,
        resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Result<Infallible, ListenError>;
}

/// Where a listener puts what it reads.
#[async_trait]
pub trait Inlet: Send + Sync {
    /// The connection stands and messages will come.
    async fn connected(&self, words: &str);
    /// Returns once everything is safely queued. `Received::response` is of no consequence.
    async fn accept(&self, received: Received) -> Result<(), InletError>;
    /// Keeps what is needed to go on after a restart.
    async fn remember(&self, resume: serde_json::Value) -> Result<(), InletError>;
}

/// One address for all accounts of an app: `/api/{platform}/webhook`.
pub trait SharedWebhook: Send + Sync {
    /// The accounts that a request speaks of, as [`crate::Channel::account`] names them: not proven, only a hint whose
    /// integrations to ask. Empty where it cannot be read.
    fn accounts(&self, request: &WebhookRequest) -> Vec<String>;
    /// The answer to the platform's handshake, where this is one and it proves itself with the operator's token.
    fn handshake(&self, request: &WebhookRequest, verify_token: &SecretString) -> Option<WebhookResponse>;
}

/// Finding out why a webhook cannot be verified. Whatever is found is words for its owner: nothing is accepted for it.
///
/// Where a platform sends requests with a wrong proof on purpose, to see them refused (Discord), none of them names an
/// account: they are not to be kept.
pub trait Diagnoses<C>: Send + Sync {
    /// Whether the request, which nobody has proven, speaks of the account of these credentials. Only such a one is worth
    /// keeping until its owner has mended the settings. `false` where requests name no account, or the platform delivers
    /// again what was refused.
    fn names_account(&self, request: &WebhookRequest, credentials: &C) -> bool;
    /// Why [`crate::Channel::receive`] found no proof in this request.
    fn diagnose(&self, request: &WebhookRequest, hints: &Hints, credentials: &C) -> Diagnosis;
}

/// Letting people in ourselves, where no platform of somebody else's vouches for them: the chat API.
pub trait Hosted<C>: Send + Sync {
    /// Who may come in, and how they prove it.
    fn hosting(&self, credentials: &C) -> Hosting;
}

/// Who may come in.
#[derive(Debug, Clone)]
pub struct Hosting {
    /// Shared with the owner, whose servers vouch with it for who somebody is; what we give to visitors is signed with a
    /// key that is made of it.
    pub identity_secret: SecretString,
    /// The origins, as browsers send them, whose pages may speak to us.
    pub allowed_origins: Vec<String>,
}
