//! Instagram messaging: signed webhooks of a professional account in, `/{account}/messages` out.
//!
//! There are two ways to it, with different hosts, tokens and secrets: Instagram login, and the Facebook Page that the
//! account is linked to. What comes in and what goes out is the same.
//!
//! Invariants: nothing is read before its signature is proven over the raw bytes; what Instagram may have accepted is
//! never reported as not sent; access token and app secret leave only for the operator's addresses of the Graph API, and
//! for no address that a message names.

mod account;
mod api;
mod credentials;
mod diagnosis;
mod errors;
mod media;
mod outbound;
mod refresh;
mod setup;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use api::Addresses;
pub use credentials::{Credentials, SIMULATED_ACCOUNT};

use async_trait::async_trait;
use channel::{
    Capabilities, Channel, CheckError, Connected, CredentialsError, Diagnoses, Diagnosis, Fetched, Health,
    Hints, Identity, Media, MediaError, MediaRef, OutboundContent, OutboundPart, ReceiveError, Received,
    Reply, SendError, Sent, Setup, SharedWebhook, Target, TokenRefresh, Typing, WebhookRequest,
    WebhookResponse,
};
use domain::Platform;
use meta_graph::{handshake, messaging, signature};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Meta's Instagram messaging.
#[derive(Debug, Clone)]
pub struct Instagram {
    client: reqwest::Client,
    addresses: Addresses,
}

impl Instagram {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self { client, addresses }
    }
}

#[async_trait]
impl Channel for Instagram {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("instagram")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.account_id.clone()
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        if handshake::is_one(request) {
            return handshake::answer(request, &credentials.verify_token).map(Received::nothing);
        }
        signature::verify(request, &credentials.app_secret)?;
        messaging::read(request, &credentials.account_id)
    }

    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        messaging::compose(reply, &outbound::SENDING)
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
            media: Some(self.clone()),
            typing: Some(self.clone()),
            health: Some(self.clone()),
            refresh: Some(self.clone()),
            shared_webhook: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Media<Credentials> for Instagram {
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
impl Typing<Credentials> for Instagram {
    fn lasts(&self) -> Duration {
        outbound::TYPING_LASTS
    }

    async fn show(&self, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
        outbound::show_typing(self, to, credentials).await
    }
}

#[async_trait]
impl Health<Credentials> for Instagram {
    async fn health(&self, webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        account::health(self, webhook, credentials).await
    }
}

#[async_trait]
impl TokenRefresh<Credentials> for Instagram {
    fn every(&self) -> Duration {
        refresh::EVERY
    }

    async fn refresh(&self, credentials: &Credentials) -> Result<Option<SecretString>, CheckError> {
        refresh::refresh(self, credentials).await
    }
}

impl Diagnoses<Credentials> for Instagram {
    fn names_account(&self, request: &WebhookRequest, credentials: &Credentials) -> bool {
        diagnosis::names_account(request, credentials)
    }

    fn diagnose(&self, request: &WebhookRequest, _hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(request, credentials)
    }
}

impl SharedWebhook for Instagram {
    fn accounts(&self, request: &WebhookRequest) -> Vec<String> {
        messaging::accounts(request)
    }

    fn handshake(&self, request: &WebhookRequest, verify_token: &SecretString) -> Option<WebhookResponse> {
        handshake::is_one(request)
            .then(|| handshake::answer(request, verify_token).ok())
            .flatten()
    }
}
