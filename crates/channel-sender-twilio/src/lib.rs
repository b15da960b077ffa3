//! Twilio SMS and MMS: signed webhooks in, `Messages.json` out.
//!
//! Invariants: nothing is read before its signature is proven over the raw request; what Twilio may have accepted is
//! never reported as not sent; the auth token leaves only for the operator's address of Twilio's API.

mod account;
mod api;
mod backfill;
mod credentials;
mod diagnosis;
mod errors;
mod form;
mod health;
mod inbound;
mod lookup;
mod media;
mod outbound;
mod reach;
mod setup;
mod signature;
pub mod sms;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use api::Addresses;
pub use credentials::{Credentials, SIMULATED_ACCOUNT};

use async_trait::async_trait;
use channel::{
    Address, Addressing, Backfill, Capabilities, Channel, CheckError, Connected, ConversationKey,
    CredentialsError, Diagnoses, Diagnosis, Fetched, Health, Hints, Identity, InboundMessage, Lookup, Media,
    MediaError, MediaRef, NumberCapabilities, OutboundContent, OutboundPart, Preview, Previews, ReceiveError,
    Received, Reply, SendError, Sent, Setup, Status, WebhookRequest, WebhookStatus,
};
use chrono::{DateTime, Utc};
use domain::{PhoneNumber, Platform};
use std::sync::Arc;
use url::Url;

/// Twilio's Programmable Messaging.
#[derive(Debug, Clone)]
pub struct Twilio {
    client: reqwest::Client,
    addresses: Addresses,
}

impl Twilio {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self { client, addresses }
    }
}

#[async_trait]
impl Channel for Twilio {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("twilio")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.account_sid.clone()
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
            previews: Some(self.clone()),
            status: Some(self.clone()),
            backfill: Some(self.clone()),
            health: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Lookup<Credentials> for Twilio {
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
impl Media<Credentials> for Twilio {
    async fn fetch(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &Credentials,
    ) -> Result<Fetched, MediaError> {
        media::fetch(self, media, limit, credentials).await
    }
}

impl Addressing<Credentials> for Twilio {
    fn address(&self, to: &str, credentials: &Credentials) -> Result<Address, CredentialsError> {
        let contact = PhoneNumber::try_from(to).map_err(|error| CredentialsError {
            field: "to".to_owned(),
            problem: error.to_string(),
        })?;
        let our_side = credentials.our_side(credentials.phone_number.as_deref().unwrap_or_default());
        Ok(Address {
            conversation: inbound::conversation(our_side, contact.as_str()),
            contact: contact.as_str().to_owned(),
        })
    }
}

impl Previews for Twilio {
    fn preview(&self, text: &str) -> Preview {
        outbound::preview(text)
    }
}

#[async_trait]
impl Status<Credentials> for Twilio {
    async fn webhook(&self, credentials: &Credentials) -> Result<WebhookStatus, CheckError> {
        account::webhook(self, credentials).await
    }

    async fn number(&self, credentials: &Credentials) -> Result<NumberCapabilities, CheckError> {
        account::number(self, credentials).await
    }
}

impl Diagnoses<Credentials> for Twilio {
    fn names_account(&self, request: &WebhookRequest, credentials: &Credentials) -> bool {
        diagnosis::names_account(request, credentials)
    }

    fn diagnose(&self, request: &WebhookRequest, hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(request, hints, credentials)
    }
}

#[async_trait]
impl Backfill<Credentials> for Twilio {
    async fn missed(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        _known: &[ConversationKey],
        credentials: &Credentials,
    ) -> Result<Vec<InboundMessage>, CheckError> {
        backfill::missed(self, since, until, credentials).await
    }
}

#[async_trait]
impl Health<Credentials> for Twilio {
    async fn health(&self, webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        health::health(self, webhook, credentials).await
    }
}
