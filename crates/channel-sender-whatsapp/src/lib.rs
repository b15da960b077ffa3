//! WhatsApp Business: Meta's Cloud API. Signed webhooks in, `/{phone_number_id}/messages` out.
//!
//! Invariants: nothing is read before its signature is proven over the raw bytes; what WhatsApp may have accepted is
//! never reported as not sent; access token and app secret leave only for the operator's address of the Graph API, and
//! the token for media to listed hosts.

mod account;
mod api;
mod content;
mod credentials;
mod diagnosis;
mod dialect;
mod errors;
mod inbound;
mod media;
mod outbound;
mod send;
mod setup;
mod templates;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use api::Addresses;
pub use credentials::{Credentials, SIMULATED_ACCOUNT};

use async_trait::async_trait;
use channel::{
    Address, Addressing, Capabilities, Channel, CheckError, Connected, CredentialsError, Diagnoses,
    Diagnosis, Fetched, Health, Hints, Identity, Media, MediaError, MediaRef, OutboundContent, OutboundPart,
    ReceiveError, Received, Reply, SendError, Sent, Setup, SharedWebhook, Target, Template, Templates,
    Typing, WebhookRequest, WebhookResponse,
};
use domain::{PhoneNumber, Platform};
use meta_graph::{handshake, signature};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Meta's WhatsApp Business Cloud API.
#[derive(Debug, Clone)]
pub struct WhatsApp {
    client: reqwest::Client,
    addresses: Addresses,
}

impl WhatsApp {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self { client, addresses }
    }
}

#[async_trait]
impl Channel for WhatsApp {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("whatsapp")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.phone_number_id.clone()
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
        inbound::read(request, credentials)
    }

    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        outbound::compose(reply)
    }

    async fn send(&self, part: &OutboundPart, credentials: &Credentials) -> Result<Sent, SendError> {
        send::send(self, part, credentials).await
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
            addressing: Some(self.clone()),
            typing: Some(self.clone()),
            health: Some(self.clone()),
            templates: Some(self.clone()),
            shared_webhook: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Media<Credentials> for WhatsApp {
    async fn fetch(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &Credentials,
    ) -> Result<Fetched, MediaError> {
        media::fetch(self, media, limit, credentials).await
    }
}

impl Addressing<Credentials> for WhatsApp {
    /// WhatsApp names people by their number's digits. In a few countries (Brazil, Mexico, Argentina) it drops or adds
    /// one of them: there the answer of somebody who was written to first may begin a conversation of its own.
    fn address(&self, to: &str, credentials: &Credentials) -> Result<Address, CredentialsError> {
        let number = PhoneNumber::try_from(to).map_err(|error| CredentialsError {
            field: "to".to_owned(),
            problem: error.to_string(),
        })?;
        let contact = number.as_str().trim_start_matches('+').to_owned();
        Ok(Address {
            conversation: inbound::conversation(&credentials.phone_number_id, &contact),
            contact,
        })
    }
}

#[async_trait]
impl Typing<Credentials> for WhatsApp {
    fn lasts(&self) -> Duration {
        send::TYPING_LASTS
    }

    async fn show(&self, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
        send::show_typing(self, to, credentials).await
    }
}

#[async_trait]
impl Health<Credentials> for WhatsApp {
    async fn health(&self, webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        account::health(self, webhook, credentials).await
    }
}

#[async_trait]
impl Templates<Credentials> for WhatsApp {
    async fn templates(&self, credentials: &Credentials) -> Result<Vec<Template>, CheckError> {
        templates::list(self, credentials).await
    }
}

impl Diagnoses<Credentials> for WhatsApp {
    fn names_account(&self, request: &WebhookRequest, credentials: &Credentials) -> bool {
        diagnosis::names_account(request, credentials)
    }

    fn diagnose(&self, request: &WebhookRequest, _hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(request, credentials)
    }
}

impl SharedWebhook for WhatsApp {
    fn accounts(&self, request: &WebhookRequest) -> Vec<String> {
        inbound::accounts(request)
    }

    fn handshake(&self, request: &WebhookRequest, verify_token: &SecretString) -> Option<WebhookResponse> {
        handshake::is_one(request)
            .then(|| handshake::answer(request, verify_token).ok())
            .flatten()
    }
}
