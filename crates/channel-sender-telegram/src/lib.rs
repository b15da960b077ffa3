//! Telegram: webhooks or long polling in, the Bot API out.
//!
//! Invariants: nothing is read before its secret token is proven; what Telegram may have accepted is never reported as not
//! sent; the bot token, which stands in every address of the Bot API, leaves only for the operator's address of it and
//! never stands in an error.
//!
//! Facts are from <https://core.telegram.org/bots/api> (Bot API 10.1) and from the source of its server,
//! <https://github.com/tdlib/telegram-bot-api>.

mod account;
mod api;
mod command;
mod credentials;
mod diagnosis;
mod dialect;
mod edits;
mod errors;
mod inbound;
mod listen;
mod marked;
mod media;
mod outbound;
mod place;
mod setup;
mod token;
mod typing;
mod update;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod promises;

pub use api::Addresses;
pub use credentials::{Credentials, SIMULATED_TOKEN};

use async_trait::async_trait;
use channel::{
    Address, Addressing, Capabilities, Channel, CheckError, Connected, CredentialsError, Diagnoses,
    Diagnosis, Edits, Fetched, Health, Hints, Identity, Inlet, ListenError, Listens, Media, MediaError,
    MediaRef, OutboundContent, OutboundPart, ReceiveError, Received, Reply, SendError, Sent, Setup, Target,
    Typing, WebhookRequest,
};
use domain::Platform;
use std::{convert::Infallible, sync::Arc, time::Duration};
use url::Url;

/// Telegram's Bot API.
#[derive(Debug, Clone)]
pub struct Telegram {
    client: reqwest::Client,
    addresses: Addresses,
}

impl Telegram {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, addresses: Addresses) -> Self {
        Self { client, addresses }
    }
}

#[async_trait]
impl Channel for Telegram {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("telegram")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.bot_id().to_owned()
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        token::verify(request, credentials)?;
        Ok(inbound::read(self, request, credentials).await)
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
            media: Some(self.clone()),
            addressing: Some(self.clone()),
            typing: Some(self.clone()),
            edits: Some(self.clone()),
            health: Some(self.clone()),
            listens: Some(self.clone()),
            diagnoses: Some(self),
            ..Capabilities::NONE
        }
    }
}

#[async_trait]
impl Media<Credentials> for Telegram {
    async fn fetch(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &Credentials,
    ) -> Result<Fetched, MediaError> {
        media::fetch(self, media, limit, credentials).await
    }
}

impl Addressing<Credentials> for Telegram {
    fn address(&self, to: &str, _credentials: &Credentials) -> Result<Address, CredentialsError> {
        place::address(to)
    }
}

#[async_trait]
impl Typing<Credentials> for Telegram {
    fn lasts(&self) -> Duration {
        typing::LASTS
    }

    async fn show(&self, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
        typing::show(self, to, credentials).await
    }
}

#[async_trait]
impl Edits<Credentials> for Telegram {
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
        _part: &OutboundPart,
        sent: &Sent,
        credentials: &Credentials,
    ) -> Result<(), SendError> {
        edits::withdraw(self, sent, credentials).await
    }
}

#[async_trait]
impl Health<Credentials> for Telegram {
    async fn health(&self, webhook: &Url, credentials: &Credentials) -> Result<(), CheckError> {
        account::health(self, webhook, credentials).await
    }
}

impl Diagnoses<Credentials> for Telegram {
    fn names_account(&self, _request: &WebhookRequest, _credentials: &Credentials) -> bool {
        diagnosis::names_account()
    }

    fn diagnose(&self, request: &WebhookRequest, _hints: &Hints, credentials: &Credentials) -> Diagnosis {
        diagnosis::diagnose(request, credentials)
    }
}

#[async_trait]
impl Listens<Credentials> for Telegram {
    async fn listen(
        &self,
        credentials: &Credentials,
        resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Result<Infallible, ListenError> {
        listen::listen(self, credentials, resume, inlet).await
    }
}
