//! A platform with its credentials type erased, once, here.

use crate::{
    Address, Capabilities, Channel, CheckError, Connected, CredentialsError, Fetched, Identity, MediaError,
    MediaRef, NumberCapabilities, OutboundContent, OutboundPart, Preview, Previews, ReceiveError, Received,
    Reply, SendError, Sent, Setup, WebhookRequest, WebhookStatus,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Platform;
use secrecy::{ExposeSecret, SecretString};
use std::{any::Any, fmt, sync::Arc};
use url::Url;

/// Any platform. Cheap to clone.
#[derive(Clone)]
pub struct ChannelHandle(Arc<dyn Erased>);

/// Credentials that their own platform has read and found well-formed. Opaque to everything else; cheap to clone.
#[derive(Clone)]
pub struct OpenCredentials {
    platform: Platform,
    credentials: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for OpenCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenCredentials({})", self.platform)
    }
}

impl fmt::Debug for ChannelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelHandle({})", self.platform())
    }
}

impl ChannelHandle {
    /// Erases a platform's credentials type.
    pub fn new<C: Channel>(channel: C) -> Self {
        let channel = Arc::new(channel);
        let capabilities = channel.clone().capabilities();
        Self(Arc::new(Typed {
            channel,
            capabilities,
        }))
    }

    /// See [`Channel::platform`].
    pub fn platform(&self) -> Platform {
        self.0.platform()
    }

    /// See [`Channel::setup`].
    pub fn setup(&self) -> Setup {
        self.0.setup()
    }

    /// Reads credentials from their JSON and refuses those that cannot work.
    pub fn open(&self, json: &SecretString) -> Result<OpenCredentials, CredentialsError> {
        self.0.open(json.expose_secret())
    }

    /// See [`Channel::account`].
    pub fn account(&self, credentials: &OpenCredentials) -> Result<String, CredentialsError> {
        self.0.account(credentials)
    }

    /// See [`Channel::receive`].
    pub async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &OpenCredentials,
    ) -> Result<Received, ReceiveError> {
        self.0.receive(request, credentials).await
    }

    /// See [`Channel::compose`].
    pub fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        self.0.compose(reply)
    }

    /// See [`Channel::send`].
    pub async fn send(&self, part: &OutboundPart, credentials: &OpenCredentials) -> Result<Sent, SendError> {
        self.0.send(part, credentials).await
    }

    /// See [`Channel::check`].
    pub async fn check(&self, credentials: &OpenCredentials) -> Result<Identity, CheckError> {
        self.0.check(credentials).await
    }

    /// See [`Channel::connect`].
    pub async fn connect(
        &self,
        webhook: &Url,
        credentials: &OpenCredentials,
    ) -> Result<Connected, CheckError> {
        self.0.connect(webhook, credentials).await
    }

    /// See [`crate::Lookup::find`]. `None`: the platform cannot be asked.
    pub async fn candidates(
        &self,
        part: &OutboundPart,
        first_attempt: DateTime<Utc>,
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<Sent>, SendError>> {
        self.0.find(part, first_attempt, credentials).await
    }

    /// The newest of [`Self::candidates`].
    pub async fn find(
        &self,
        part: &OutboundPart,
        first_attempt: DateTime<Utc>,
        credentials: &OpenCredentials,
    ) -> Option<Result<Option<Sent>, SendError>> {
        let candidates = self.candidates(part, first_attempt, credentials).await?;
        Some(candidates.map(|candidates| candidates.into_iter().next()))
    }

    /// See [`crate::Media::fetch`]. `None`: the platform has no media.
    pub async fn fetch_media(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &OpenCredentials,
    ) -> Option<Result<Fetched, MediaError>> {
        self.0.fetch_media(media, limit, credentials).await
    }

    /// See [`crate::Addressing::address`]. `None`: the platform does not let us write first.
    pub fn address(
        &self,
        to: &str,
        credentials: &OpenCredentials,
    ) -> Option<Result<Address, CredentialsError>> {
        self.0.address(to, credentials)
    }

    /// See [`Previews::preview`]. `None`: the platform has nothing to say before it sends.
    pub fn preview(&self, text: &str) -> Option<Preview> {
        self.0.previews().map(|previews| previews.preview(text))
    }

    /// See [`crate::Status::webhook`]. `None`: the platform cannot be asked.
    pub async fn webhook_status(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<WebhookStatus, CheckError>> {
        self.0.webhook_status(credentials).await
    }

    /// See [`crate::Status::number`]. `None`: the platform has no numbers.
    pub async fn number(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<NumberCapabilities, CheckError>> {
        self.0.number(credentials).await
    }
}

struct Typed<C: Channel> {
    channel: Arc<C>,
    capabilities: Capabilities<C::Credentials>,
}

impl<C: Channel> Typed<C> {
    /// Only [`Erased::open`] of the same platform makes what fits here.
    fn typed<'c>(&self, credentials: &'c OpenCredentials) -> Result<&'c C::Credentials, CredentialsError> {
        credentials
            .credentials
            .downcast_ref()
            .ok_or_else(|| CredentialsError {
                field: "platform".to_owned(),
                problem: format!(
                    "these are credentials of {}, not of {}",
                    credentials.platform,
                    self.channel.platform()
                ),
            })
    }
}

#[async_trait]
trait Erased: Send + Sync {
    fn platform(&self) -> Platform;
    fn setup(&self) -> Setup;
    fn open(&self, json: &str) -> Result<OpenCredentials, CredentialsError>;
    fn account(&self, credentials: &OpenCredentials) -> Result<String, CredentialsError>;
    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &OpenCredentials,
    ) -> Result<Received, ReceiveError>;
    fn compose(&self, reply: &Reply) -> Vec<OutboundContent>;
    async fn send(&self, part: &OutboundPart, credentials: &OpenCredentials) -> Result<Sent, SendError>;
    async fn check(&self, credentials: &OpenCredentials) -> Result<Identity, CheckError>;
    async fn connect(&self, webhook: &Url, credentials: &OpenCredentials) -> Result<Connected, CheckError>;
    async fn find(
        &self,
        part: &OutboundPart,
        first_attempt: DateTime<Utc>,
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<Sent>, SendError>>;
    async fn fetch_media(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &OpenCredentials,
    ) -> Option<Result<Fetched, MediaError>>;
    fn address(&self, to: &str, credentials: &OpenCredentials) -> Option<Result<Address, CredentialsError>>;
    fn previews(&self) -> Option<&dyn Previews>;
    async fn webhook_status(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<WebhookStatus, CheckError>>;
    async fn number(&self, credentials: &OpenCredentials) -> Option<Result<NumberCapabilities, CheckError>>;
}

#[async_trait]
impl<C: Channel> Erased for Typed<C> {
    fn platform(&self) -> Platform {
        self.channel.platform()
    }

    fn setup(&self) -> Setup {
        self.channel.setup()
    }

    fn open(&self, json: &str) -> Result<OpenCredentials, CredentialsError> {
        let credentials: C::Credentials = serde_json::from_str(json).map_err(|error| unreadable(&error))?;
        self.channel.validate(&credentials)?;
        Ok(OpenCredentials {
            platform: self.channel.platform(),
            credentials: Arc::new(credentials),
        })
    }

    fn account(&self, credentials: &OpenCredentials) -> Result<String, CredentialsError> {
        Ok(self.channel.account(self.typed(credentials)?))
    }

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &OpenCredentials,
    ) -> Result<Received, ReceiveError> {
        self.channel.receive(request, self.typed(credentials)?).await
    }

    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        self.channel.compose(reply)
    }

    async fn send(&self, part: &OutboundPart, credentials: &OpenCredentials) -> Result<Sent, SendError> {
        self.channel.send(part, self.typed(credentials)?).await
    }

    async fn check(&self, credentials: &OpenCredentials) -> Result<Identity, CheckError> {
        self.channel.check(self.typed(credentials)?).await
    }

    async fn connect(&self, webhook: &Url, credentials: &OpenCredentials) -> Result<Connected, CheckError> {
        self.channel.connect(webhook, self.typed(credentials)?).await
    }

    async fn find(
        &self,
        part: &OutboundPart,
        first_attempt: DateTime<Utc>,
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<Sent>, SendError>> {
        let lookup = self.capabilities.lookup.as_ref()?;
        match self.typed(credentials) {
            Ok(credentials) => Some(lookup.find(part, first_attempt, credentials).await),
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn fetch_media(
        &self,
        media: &MediaRef,
        limit: usize,
        credentials: &OpenCredentials,
    ) -> Option<Result<Fetched, MediaError>> {
        let fetcher = self.capabilities.media.as_ref()?;
        match self.typed(credentials) {
            Ok(credentials) => Some(fetcher.fetch(media, limit, credentials).await),
            Err(error) => Some(Err(MediaError::Refused(error.to_string()))),
        }
    }

    fn address(&self, to: &str, credentials: &OpenCredentials) -> Option<Result<Address, CredentialsError>> {
        let addressing = self.capabilities.addressing.as_ref()?;
        Some(
            self.typed(credentials)
                .and_then(|credentials| addressing.address(to, credentials)),
        )
    }

    fn previews(&self) -> Option<&dyn Previews> {
        self.capabilities.previews.as_deref()
    }

    async fn webhook_status(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<WebhookStatus, CheckError>> {
        let status = self.capabilities.status.as_ref()?;
        match self.typed(credentials) {
            Ok(credentials) => Some(status.webhook(credentials).await),
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn number(&self, credentials: &OpenCredentials) -> Option<Result<NumberCapabilities, CheckError>> {
        let status = self.capabilities.status.as_ref()?;
        match self.typed(credentials) {
            Ok(credentials) => Some(status.number(credentials).await),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// Says which field is wrong without repeating a value: serde's own words may quote it.
fn unreadable(error: &serde_json::Error) -> CredentialsError {
    let words = error.to_string();
    let field = words
        .split('`')
        .nth(1)
        .filter(|_| words.starts_with("missing field") || words.starts_with("unknown field"))
        .unwrap_or("credentials");
    let problem = if words.starts_with("missing field") {
        "is required"
    } else if words.starts_with("unknown field") {
        "is not a field of this platform"
    } else {
        "has a value of the wrong kind"
    };
    CredentialsError {
        field: field.chars().take(40).collect(),
        problem: problem.to_owned(),
    }
}
