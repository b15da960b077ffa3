//! Visitors' browsers over the chat API: what they write comes through the gateway's own addresses, and what we write is
//! read there.
//!
//! Invariant: an origin is allowed exactly as a browser sends it, or not at all.

mod account;
mod credentials;
mod setup;

#[cfg(test)]
mod tests;

pub use credentials::Credentials;

use async_trait::async_trait;
use channel::{
    Capabilities, Channel, CheckError, Connected, CredentialsError, Hosted, Hosting, Identity,
    OutboundContent, OutboundPart, ReceiveError, Received, Reply, SendError, Sent, Setup, WebhookRequest,
};
use domain::Platform;
use std::sync::Arc;
use url::Url;

/// The chat API, for browsers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Web;

impl Web {
    /// It needs nothing: it calls nobody.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Channel for Web {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::WEB
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, _: &Credentials) -> String {
        "web".to_owned()
    }

    async fn receive(&self, _: &WebhookRequest, _: &Credentials) -> Result<Received, ReceiveError> {
        Err(ReceiveError::Malformed(
            "messages come over the chat API: POST /api/chat/{chatbot_id}/messages".to_owned(),
        ))
    }

    /// A browser has no measure: one message, in CommonMark as it was written.
    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        let nothing = reply.text.trim().is_empty() && reply.media.is_empty() && reply.buttons.is_empty();
        if nothing {
            return Vec::new();
        }
        vec![OutboundContent {
            text: reply.text.trim().to_owned(),
            media: reply.media.clone(),
            buttons: reply.buttons.clone(),
            ..OutboundContent::default()
        }]
    }

    /// The browser reads it here.
    async fn send(&self, part: &OutboundPart, _: &Credentials) -> Result<Sent, SendError> {
        Ok(Sent {
            platform_message_id: part.id.to_string(),
            segments: None,
        })
    }

    async fn check(&self, credentials: &Credentials) -> Result<Identity, CheckError> {
        Ok(account::check(credentials))
    }

    async fn connect(&self, webhook: &Url, _: &Credentials) -> Result<Connected, CheckError> {
        Ok(account::connect(webhook))
    }

    fn capabilities(self: Arc<Self>) -> Capabilities<Credentials> {
        Capabilities {
            hosted: Some(self),
            ..Capabilities::NONE
        }
    }
}

impl Hosted<Credentials> for Web {
    fn hosting(&self, credentials: &Credentials) -> Hosting {
        Hosting {
            identity_secret: credentials.identity_secret().clone(),
            allowed_origins: credentials.origins(),
        }
    }
}
