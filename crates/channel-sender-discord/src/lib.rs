//! Discord: interactions over HTTP and messages over the Gateway in, the REST API (v10) out.
//!
//! Invariants: nothing is read before its signature is proven over the raw bytes; what Discord may have taken is never
//! reported as not sent; the bot token leaves only for the operator's address of the API and for Discord's Gateway; a
//! session's position is remembered only once everything up to it is safely queued.
//!
//! Facts are from <https://docs.discord.com/developers> (API v10).

mod account;
mod api;
mod backfill;
mod credentials;
mod deferred;
mod diagnosis;
mod dialect;
mod edits;
mod errors;
mod gateway;
mod inbound;
mod interaction;
mod lookup;
mod media;
mod message;
mod outbound;
mod place;
mod setup;
mod signature;
mod snowflake;
mod typing;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use api::Addresses;
pub use credentials::{Credentials, SIMULATED_APPLICATION};

use async_trait::async_trait;
use channel::{
    Address, Addressing, Backfill, Capabilities, Channel, CheckError, Connected, ConversationKey,
    CredentialsError, Diagnoses, Diagnosis, Edits, Fetched, Health, Hints, Identity, InboundMessage, Inlet,
    ListenError, Listens, Lookup, Media, MediaError, MediaRef, OutboundContent, OutboundPart, ReceiveError,
    Received, Reply, SendError, Sent, Setup, Target, Typing, WebhookRequest,
};
use chrono::{DateTime, Utc};
use domain::Platform;
use std::{convert::Infallible, sync::Arc, time::Duration};
use url::Url;

/// Discord's API and Gateway.
#[derive(Debug, Clone)]
pub struct Discord {
    client: reqwest::Client,
    addresses: Addresses,
}

impl Discord {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self { client, addresses }
    }
}

#[async_trait]
impl Channel for Discord {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("discord")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.application_id.clone()
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        signature::verify(request, credentials)?;
        inbound::read(request, credentials)
    }

    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        outbound::compose(reply)
    }

    async fn send(&self, part: &OutboundPart, credentials: &Credentials) -> Result<Sent, SendError> {
        outbound::send(self, part, credentials).await
    }

    async fn check(&self, credentials: &Credentials) -> Result<Identity, CheckError> {
        account::check(self, credentials).await
    }

    async fn connect(&self, webhook: &Url, credentials: &Credentials) -> Result<Connected, CheckError> {
        account::connect(self, webhook, credentials).await
    }

    fn capabilities(self: Arc<Self>) -> Capabilities<Credentials> {
        Capabilities {
            lookup: Some(self.clone()),
            media: Some(self.clone()),
            addressing: Some(self.clone()),
            typing: Some(self.clone()),
            edits: Some(self.clone()),
            backfill: Some(self.clone()),
            health: Some(self.clone()),
            listens: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Lookup<Credentials> for Discord {
    async fn find(
        &self,
        part: &OutboundPart,
        first_attempt: DateTime<Utc>,
        credentials: &Credentials,
    ) -> Result<Vec<Sent>, SendError> {
        lookup::find(self, part, first_attempt, credentials).await
    }
}

#[async_trait]
impl Media<Credentials> for Discord {
    async fn fetch(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &Credentials,
    ) -> Result<Fetched, MediaError> {
        media::fetch(self, media, limit, credentials).await
    }
}

impl Addressing<Credentials> for Discord {
    fn address(&self, to: &str, _credentials: &Credentials) -> Result<Address, CredentialsError> {
        place::address(to)
    }
}

#[async_trait]
impl Typing<Credentials> for Discord {
    fn lasts(&self) -> Duration {
        typing::LASTS
    }

    async fn show(&self, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
        typing::show(self, to, credentials).await
    }
}

#[async_trait]
impl Edits<Credentials> for Discord {
    fn pace(&self) -> Duration {
        edits::PACE
    }

    async fn edit(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        content: &OutboundContent,
        credentials: &Credentials,
    ) -> Result<(), SendError> {
        edits::edit(self, part, sent, content, credentials).await
    }

    async fn withdraw(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        credentials: &Credentials,
    ) -> Result<(), SendError> {
        edits::withdraw(self, part, sent, credentials).await
    }
}

#[async_trait]
impl Backfill<Credentials> for Discord {
    async fn missed(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        known: &[ConversationKey],
        credentials: &Credentials,
    ) -> Result<Vec<InboundMessage>, CheckError> {
        backfill::missed(self, since, until, known, credentials).await
    }
}

#[async_trait]
impl Health<Credentials> for Discord {
    async fn health(&self, webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        account::health(self, webhook, credentials).await
    }
}

impl Diagnoses<Credentials> for Discord {
    fn names_account(&self, _request: &WebhookRequest, _credentials: &Credentials) -> bool {
        diagnosis::names_account()
    }

    fn diagnose(&self, request: &WebhookRequest, _hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(request, credentials)
    }
}

#[async_trait]
impl Listens<Credentials> for Discord {
    async fn listen(
        &self,
        credentials: &Credentials,
        resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Result<Infallible, ListenError> {
        gateway::listen(self, credentials, resume, inlet).await
    }
}
