//! Programs over the chat API: what they ask comes through the gateway's own addresses, and what we write is read there,
//! or pushed to an address of theirs as a signed webhook.
//!
//! Invariants: a webhook leaves for public addresses only, and for private ones that the operator allows; its id is the
//! part's, so that whoever gets it twice can tell; the signing secret is in no error and no log.
//!
//! The webhooks' form is <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

mod account;
mod credentials;
mod outbound;
mod setup;
mod signature;

#[cfg(test)]
mod tests;

pub use credentials::Credentials;

use async_trait::async_trait;
use channel::{
    Capabilities, Channel, CheckError, Connected, CredentialsError, Hosted, Hosting, Identity, Lookup,
    OutboundContent, OutboundPart, ReceiveError, Received, Reply, SendError, Sent, Setup, WebhookRequest,
};
use chrono::{DateTime, Utc};
use domain::Platform;
use egress::{Client, Guard};
use std::sync::Arc;
use url::Url;

/// The chat API, for programs.
#[derive(Clone)]
pub struct Rest {
    guard: Guard,
    client: Client,
}

impl Rest {
    /// The client must be made by the guard.
    pub const fn new(guard: Guard, client: Client) -> Self {
        Self { guard, client }
    }
}

#[async_trait]
impl Channel for Rest {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::REST
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate(&self.guard)
    }

    fn account(&self, _: &Credentials) -> String {
        "rest".to_owned()
    }

    async fn receive(&self, _: &WebhookRequest, _: &Credentials) -> Result<Received, ReceiveError> {
        Err(ReceiveError::Malformed(
            "messages come over the chat API: POST /api/chat/{chatbot_id}/messages".to_owned(),
        ))
    }

    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        outbound::compose(reply)
    }

    async fn send(&self, part: &OutboundPart, credentials: &Credentials) -> Result<Sent, SendError> {
        outbound::send(self, part, credentials, Utc::now()).await
    }

    async fn check(&self, credentials: &Credentials) -> Result<Identity, CheckError> {
        account::check(credentials)
    }

    async fn connect(&self, webhook: &Url, credentials: &Credentials) -> Result<Connected, CheckError> {
        Ok(account::connect(webhook, credentials))
    }

    fn capabilities(self: Arc<Self>) -> Capabilities<Credentials> {
        Capabilities {
            lookup: Some(self.clone()),
            hosted: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Lookup<Credentials> for Rest {
    /// Whoever gets a webhook again knows it by its id, so it may be sent again as if it had not arrived.
    async fn find(
        &self,
        _: &OutboundPart,
        _: DateTime<Utc>,
        _: &Credentials,
    ) -> Result<Vec<Sent>, SendError> {
        Ok(Vec::new())
    }
}

impl Hosted<Credentials> for Rest {
    fn hosting(&self, credentials: &Credentials) -> Hosting {
        Hosting {
            identity_secret: credentials.identity_secret().clone(),
            // Programs are not pages.
            allowed_origins: Vec::new(),
        }
    }
}
