//! Pager, a made-up platform: people write to a bot's pager and are paged back. It shows what a new platform takes: this
//! crate, and one line where the platforms are listed.
//!
//! Its webhook is `{"pager", "pages": [{"id", "from", "text", "at"}]}` with `X-Pager-Signature`, the HMAC-SHA256 of the
//! raw body in hexadecimal. Its API has `POST /pages` with `{"to", "text"}`, and `GET /me`, with a bearer token.

mod credentials;
mod inbound;
mod outbound;
mod setup;

#[cfg(test)]
mod promises;

pub use credentials::Credentials;

use async_trait::async_trait;
use channel::{
    Capabilities, Channel, CheckError, Connected, CredentialsError, Identity, OutboundContent, OutboundPart,
    ReceiveError, Received, Reply, SendError, Sent, Setup, WebhookRequest,
};
use domain::Platform;
use platform_api::CallError;
use secrecy::ExposeSecret;
use std::sync::Arc;
use url::Url;

/// Pager's API.
#[derive(Debug, Clone)]
pub struct Pager {
    client: reqwest::Client,
    api: Url,
}

impl Pager {
    /// The client must not follow redirects, and must end calls in time.
    pub const fn new(client: reqwest::Client, api: Url) -> Self {
        Self { client, api }
    }

    fn request(
        &self,
        method: http::Method,
        path: &str,
        credentials: &Credentials,
    ) -> reqwest::RequestBuilder {
        let request = self.client.request(method, platform_api::under(&self.api, path));
        request.bearer_auth(credentials.token.expose_secret())
    }
}

#[async_trait]
impl Channel for Pager {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("pager")
    }

    fn setup(&self) -> Setup {
        setup::setup()
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        credentials.validate()
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.pager.clone()
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        inbound::verify(request, credentials)?;
        inbound::read(request, credentials)
    }

    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        outbound::compose(reply)
    }

    async fn send(&self, part: &OutboundPart, credentials: &Credentials) -> Result<Sent, SendError> {
        outbound::send(self, part, credentials).await
    }

    async fn check(&self, credentials: &Credentials) -> Result<Identity, CheckError> {
        let asked = platform_api::call("Pager", self.request(http::Method::GET, "me", credentials)).await;
        let answer = asked.map_err(|(CallError::NotSent(reason) | CallError::Unknown(reason))| {
            CheckError::Unreachable(reason)
        })?;
        if answer.status == http::StatusCode::UNAUTHORIZED {
            return Err(CheckError::Unauthorized(
                "Pager does not know the token".to_owned(),
            ));
        }
        if !answer.status.is_success() {
            return Err(CheckError::Unreachable(format!(
                "Pager answered {}",
                answer.status
            )));
        }
        Ok(Identity {
            name: credentials.pager.clone(),
            details: Vec::new(),
        })
    }

    async fn connect(&self, webhook: &Url, _: &Credentials) -> Result<Connected, CheckError> {
        Ok(Connected::Manual {
            instructions: format!("Pager has no API for its webhook: enter {webhook} in its settings."),
        })
    }

    fn capabilities(self: Arc<Self>) -> Capabilities<Credentials> {
        Capabilities::NONE
    }
}
