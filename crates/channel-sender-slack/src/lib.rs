//! Slack: events by webhook or Socket Mode in, `chat.postMessage` out.
//!
//! Invariants: nothing is read before its signature is proven over the raw body, except on a connection that we opened
//! with the app's own token; what Slack may have posted is never reported as not posted; tokens leave only for the
//! operator's address of Slack's API, and the bot's also for the hosts that keep Slack's files.

mod account;
mod api;
mod backfill;
mod blocks;
mod credentials;
mod diagnosis;
mod dialect;
mod edits;
mod errors;
mod health;
mod inbound;
mod listen;
mod lookup;
mod media;
mod outbound;
mod place;
mod setup;
mod shared;
mod signature;
mod text;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use api::Addresses;
pub use credentials::{Credentials, SIMULATED_ACCOUNT, SIMULATED_TOKEN};

use async_trait::async_trait;
use channel::{
    Address, Addressing, Backfill, Capabilities, Channel, CheckError, Connected, ConversationKey,
    CredentialsError, Diagnoses, Diagnosis, Edits, Fetched, Health, Hints, Identity, InboundMessage, Inlet,
    ListenError, Listens, Lookup, Media, MediaError, MediaRef, OutboundContent, OutboundPart, ReceiveError,
    Received, Reply, SendError, Sent, Setup, SharedWebhook, WebhookRequest, WebhookResponse,
};
use chrono::{DateTime, Utc};
use domain::Platform;
use secrecy::SecretString;
use std::{convert::Infallible, sync::Arc, time::Duration};
use url::Url;

/// Slack's Events API, interactivity, slash commands, Socket Mode and Web API.
#[derive(Debug, Clone)]
pub struct Slack {
    client: reqwest::Client,
    addresses: Addresses,
}

impl Slack {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self { client, addresses }
    }
}

#[async_trait]
impl Channel for Slack {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("slack")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.team_id.clone()
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        if inbound::is_ssl_check(request) {
            return Ok(Received::nothing(WebhookResponse::empty()));
        }
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
        account::connect(webhook, credentials)
    }

    fn capabilities(self: Arc<Self>) -> Capabilities<Credentials> {
        Capabilities {
            lookup: Some(self.clone()),
            media: Some(self.clone()),
            addressing: Some(self.clone()),
            edits: Some(self.clone()),
            backfill: Some(self.clone()),
            health: Some(self.clone()),
            listens: Some(self.clone()),
            shared_webhook: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Lookup<Credentials> for Slack {
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
impl Media<Credentials> for Slack {
    async fn fetch(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &Credentials,
    ) -> Result<Fetched, MediaError> {
        media::fetch(self, media, limit, credentials).await
    }
}

impl Addressing<Credentials> for Slack {
    fn address(&self, to: &str, _credentials: &Credentials) -> Result<Address, CredentialsError> {
        place::address(to)
    }
}

#[async_trait]
impl Edits<Credentials> for Slack {
    fn pace(&self) -> Duration {
        edits::PACE
    }

    async fn edit(
        &self,
        _part: &OutboundPart,
        sent: &Sent,
        content: &OutboundContent,
        credentials: &Credentials,
    ) -> Result<(), SendError> {
        edits::edit(self, sent, content, credentials).await
    }

    async fn withdraw(
        &self,
        _part: &OutboundPart,
        sent: &Sent,
        credentials: &Credentials,
    ) -> Result<(), SendError> {
        edits::withdraw(self, sent, credentials).await
    }
}

#[async_trait]
impl Backfill<Credentials> for Slack {
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
impl Health<Credentials> for Slack {
    async fn health(&self, _webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        health::health(self, credentials).await
    }
}

#[async_trait]
impl Listens<Credentials> for Slack {
    async fn listen(
        &self,
        credentials: &Credentials,
        _resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Result<Infallible, ListenError> {
        listen::listen(self, credentials, inlet).await
    }
}

impl Diagnoses<Credentials> for Slack {
    fn names_account(&self, request: &WebhookRequest, credentials: &Credentials) -> bool {
        diagnosis::names_account(request, credentials)
    }

    fn diagnose(&self, request: &WebhookRequest, _hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(request, credentials)
    }
}

impl SharedWebhook for Slack {
    fn accounts(&self, request: &WebhookRequest) -> Vec<String> {
        shared::accounts(request)
    }

    /// Slack's handshake carries no token of ours: it is signed, like everything else.
    fn handshake(&self, _request: &WebhookRequest, _verify_token: &SecretString) -> Option<WebhookResponse> {
        None
    }
}
