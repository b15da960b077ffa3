//! Microsoft Teams: Bot Framework activities in, Connector API out.
//!
//! Invariants: nothing is read before its token is proven to be Microsoft's and for this app; a token for sending goes only
//! to the addresses that the operator trusts, never to one that a request names; what Microsoft may have accepted is never
//! reported as not sent.

mod access;
mod account;
mod activity;
mod addresses;
mod api;
mod card;
mod credentials;
mod diagnosis;
mod dialect;
mod edits;
mod errors;
mod inbound;
mod keys;
mod media;
mod outbound;
mod setup;
mod token;
mod typing;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use addresses::Addresses;
pub use credentials::{Credentials, SIMULATED_ACCOUNT};

use access::AccessTokens;
use async_trait::async_trait;
use channel::{
    Capabilities, Channel, CheckError, Connected, CredentialsError, Diagnoses, Diagnosis, Edits, Fetched,
    Health, Hints, Identity, Media, MediaError, MediaRef, OutboundContent, OutboundPart, ReceiveError,
    Received, Reply, SendError, Sent, Setup, Target, Typing, WebhookRequest,
};
use domain::Platform;
use keys::Keys;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Microsoft Teams.
pub struct Teams {
    client: reqwest::Client,
    addresses: Addresses,
    /// What Microsoft signs with.
    keys: Keys,
    /// What the simulator signs with: it proves nothing but requests to the simulated app.
    simulated_keys: Keys,
    access: AccessTokens,
}

impl Teams {
    /// The client must not follow redirects, and must end calls in time.
    pub fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self {
            client,
            addresses,
            keys: Keys::default(),
            simulated_keys: Keys::default(),
            access: AccessTokens::default(),
        }
    }
}

#[async_trait]
impl Channel for Teams {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("teams")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.app_id.clone()
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        let activity = token::verify(self, request, credentials).await?;
        inbound::read(&activity, &self.addresses, credentials)
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
            media: Some(self.clone()),
            typing: Some(self.clone()),
            edits: Some(self.clone()),
            health: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Media<Credentials> for Teams {
    async fn fetch(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &Credentials,
    ) -> Result<Fetched, MediaError> {
        media::fetch(self, media, limit, credentials).await
    }
}

#[async_trait]
impl Typing<Credentials> for Teams {
    fn lasts(&self) -> Duration {
        typing::LASTS
    }

    async fn show(&self, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
        typing::show(self, to, credentials).await
    }
}

#[async_trait]
impl Edits<Credentials> for Teams {
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
impl Health<Credentials> for Teams {
    async fn health(&self, _webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        account::check(self, credentials).await.map(|_| ())
    }
}

impl Diagnoses<Credentials> for Teams {
    fn names_account(&self, request: &WebhookRequest, credentials: &Credentials) -> bool {
        diagnosis::names_account(request, credentials)
    }

    fn diagnose(&self, request: &WebhookRequest, _hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(self, request, credentials)
    }
}
