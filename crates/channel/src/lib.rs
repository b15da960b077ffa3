//! What every chat platform's code implements, and how the rest of the system holds it.
//!
//! Knows no platform, web framework, queue or database. A platform's crate implements [`Channel`]; everything else
//! speaks to a [`ChannelHandle`], behind which the platform's own credentials type is erased once.
//!
//! Invariant: a request is verified and read by one call, so nothing unverified can be read by mistake.

mod capability;
mod diagnosis;
mod error;
mod handle;
mod inbound;
pub mod media;
mod outbound;
mod registry;
mod request;
mod setup;
pub mod text;

pub use capability::{
    Address, Addressing, Backfill, Capabilities, Diagnoses, Edits, Fetched, Health, Hosted, Hosting, Inlet,
    Listens, Lookup, Media, NumberCapabilities, Preview, Previews, SharedWebhook, Status, Target, Template,
    Templates, TokenRefresh, Typing, WebhookStatus,
};
pub use diagnosis::{Cause, Diagnosis, Hints};
pub use error::{
    CheckError, CredentialsError, InletError, ListenError, MediaError, ReceiveError, SendError, SourceError,
};
pub use handle::{ChannelHandle, OpenCredentials};
pub use inbound::{
    Consent, ConversationKey, InboundMessage, MalformedPart, MediaRef, Received, StatusReport, Watermark,
};
pub use outbound::{Button, OutboundContent, OutboundPart, Reply, Sent, TemplateUse};
pub use registry::{Registry, RegistryError};
pub use request::{WebhookKind, WebhookRequest, WebhookResponse};
pub use setup::{Connected, Features, Field, FieldKind, Identity, Limits, Setup, SetupStep};

use async_trait::async_trait;
use domain::Platform;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use url::Url;

/// One chat platform. Implementations keep an HTTP client and the platform's base address, never an account.
///
/// No default methods: nothing that guards can be forgotten.
#[async_trait]
pub trait Channel: Send + Sync + 'static {
    /// What an owner types in to connect this platform. Serialised only inside a sealed blob.
    type Credentials: DeserializeOwned + Send + Sync + 'static;

    /// The platform's name, as in URLs and the database.
    fn platform(&self) -> Platform;

    /// The form (fields, which are secret), the steps, and what the platform can do.
    fn setup(&self) -> Setup;

    /// Refuses credentials that cannot work whatever the platform says: a missing secret, a malformed number.
    fn validate(&self, credentials: &Self::Credentials) -> Result<(), CredentialsError>;

    /// The name of the account on the platform that these credentials speak for, as webhooks carry it.
    fn account(&self, credentials: &Self::Credentials) -> String;

    /// Proves the request came from the platform over its raw bytes, then reads it. Never one without the other.
    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Self::Credentials,
    ) -> Result<Received, ReceiveError>;

    /// Cuts a reply into what the platform takes at once, in its dialect and its unit of length. Pure: the parts are
    /// stored with the reply, before the first is sent.
    fn compose(&self, reply: &Reply) -> Vec<OutboundContent>;

    /// Delivers one part of a reply. The error says what to do next.
    async fn send(&self, part: &OutboundPart, credentials: &Self::Credentials) -> Result<Sent, SendError>;

    /// Asks the platform whose credentials these are, changing nothing there.
    async fn check(&self, credentials: &Self::Credentials) -> Result<Identity, CheckError>;

    /// Points the platform's webhook at us where its API allows; otherwise says what to paste where.
    async fn connect(&self, webhook: &Url, credentials: &Self::Credentials) -> Result<Connected, CheckError>;

    /// What only some platforms can do, in one list.
    fn capabilities(self: Arc<Self>) -> Capabilities<Self::Credentials>;
}
