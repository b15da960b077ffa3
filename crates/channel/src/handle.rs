//! A platform with its credentials type erased, once, here.

use crate::{
    Address, Capabilities, Channel, CheckError, Connected, ConversationKey, CredentialsError, Diagnosis,
    Fetched, Hints, Hosting, Identity, InboundMessage, Inlet, ListenError, MediaError, MediaRef,
    NumberCapabilities, OutboundContent, OutboundPart, Preview, Previews, ReceiveError, Received, Reply,
    SendError, Sent, Setup, SharedWebhook, Target, Template, WebhookRequest, WebhookStatus,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Platform;
use secrecy::{ExposeSecret, SecretString};
use std::{any::Any, convert::Infallible, fmt, sync::Arc, time::Duration};
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

    /// See [`crate::Typing::lasts`]. `None`: the platform does not show that somebody is writing.
    pub fn typing_lasts(&self) -> Option<Duration> {
        self.0.typing_lasts()
    }

    /// See [`crate::Typing::show`]. `None`: the platform does not show that somebody is writing.
    pub async fn show_typing(
        &self,
        to: &Target,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>> {
        self.0.show_typing(to, credentials).await
    }

    /// See [`crate::Edits::pace`]. `None`: what was sent on the platform stays as it is.
    pub fn edit_pace(&self) -> Option<Duration> {
        self.0.edit_pace()
    }

    /// See [`crate::Edits::edit`]. `None`: what was sent on the platform stays as it is.
    pub async fn edit(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        content: &OutboundContent,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>> {
        self.0.edit(part, sent, content, credentials).await
    }

    /// See [`crate::Edits::withdraw`]. `None`: what was sent on the platform stays.
    pub async fn withdraw(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>> {
        self.0.withdraw(part, sent, credentials).await
    }

    /// Whether [`Self::missed`] can tell.
    pub fn has_backfill(&self) -> bool {
        self.0.has_backfill()
    }

    /// See [`crate::Backfill::missed`]. `None`: the platform keeps no list.
    pub async fn missed(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        known: &[ConversationKey],
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<InboundMessage>, CheckError>> {
        self.0.missed(since, until, known, credentials).await
    }

    /// See [`crate::Health::health`]. `None`: the platform cannot be asked.
    pub async fn health(
        &self,
        webhook: &Url,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), CheckError>> {
        self.0.health(webhook, credentials).await
    }

    /// See [`crate::Templates::templates`]. `None`: the platform has none.
    pub async fn templates(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<Template>, CheckError>> {
        self.0.templates(credentials).await
    }

    /// See [`crate::TokenRefresh::every`]. `None`: the platform's credentials do not run out.
    pub fn refresh_every(&self) -> Option<Duration> {
        self.0.refresh_every()
    }

    /// See [`crate::TokenRefresh::refresh`]. `None`: the platform's credentials do not run out.
    pub async fn refresh(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<Option<SecretString>, CheckError>> {
        self.0.refresh(credentials).await
    }

    /// Whether [`Self::listen`] can read.
    pub fn listens(&self) -> bool {
        self.0.listens()
    }

    /// See [`crate::Listens::listen`]. `None`: messages come by webhook only.
    pub async fn listen(
        &self,
        credentials: &OpenCredentials,
        resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Option<Result<Infallible, ListenError>> {
        self.0.listen(credentials, resume, inlet).await
    }

    /// See [`SharedWebhook`]. `None`: every account has an address of its own.
    pub fn shared_webhook(&self) -> Option<&dyn SharedWebhook> {
        self.0.shared_webhook()
    }

    /// See [`crate::Hosted::hosting`]. `None`: it is not a platform of our own.
    pub fn hosting(&self, credentials: &OpenCredentials) -> Option<Result<Hosting, CredentialsError>> {
        self.0.hosting(credentials)
    }

    /// See [`crate::Diagnoses::names_account`]. `false` where the platform's code cannot tell.
    pub fn names_account(&self, request: &WebhookRequest, credentials: &OpenCredentials) -> bool {
        self.0.names_account(request, credentials)
    }

    /// Why [`Self::receive`] refused a request with `error`: what the platform's code finds out, else what the error says.
    pub fn diagnose(
        &self,
        request: &WebhookRequest,
        error: &ReceiveError,
        credentials: &OpenCredentials,
    ) -> Diagnosis {
        let found = match error {
            ReceiveError::BadSignature { .. } => self.0.diagnose(request, credentials),
            ReceiveError::ForeignAccount { .. }
            | ReceiveError::Malformed(_)
            | ReceiveError::BadCredentials(_)
            | ReceiveError::Unavailable(_) => None,
        };
        found.unwrap_or_else(|| Diagnosis::of(error))
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
    fn typing_lasts(&self) -> Option<Duration>;
    async fn show_typing(&self, to: &Target, credentials: &OpenCredentials) -> Option<Result<(), SendError>>;
    fn edit_pace(&self) -> Option<Duration>;
    async fn edit(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        content: &OutboundContent,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>>;
    async fn withdraw(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>>;
    fn has_backfill(&self) -> bool;
    async fn missed(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        known: &[ConversationKey],
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<InboundMessage>, CheckError>>;
    async fn health(&self, webhook: &Url, credentials: &OpenCredentials) -> Option<Result<(), CheckError>>;
    async fn templates(&self, credentials: &OpenCredentials) -> Option<Result<Vec<Template>, CheckError>>;
    fn refresh_every(&self) -> Option<Duration>;
    async fn refresh(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<Option<SecretString>, CheckError>>;
    fn listens(&self) -> bool;
    async fn listen(
        &self,
        credentials: &OpenCredentials,
        resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Option<Result<Infallible, ListenError>>;
    fn shared_webhook(&self) -> Option<&dyn SharedWebhook>;
    fn names_account(&self, request: &WebhookRequest, credentials: &OpenCredentials) -> bool;
    fn diagnose(&self, request: &WebhookRequest, credentials: &OpenCredentials) -> Option<Diagnosis>;
    fn hosting(&self, credentials: &OpenCredentials) -> Option<Result<Hosting, CredentialsError>>;
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

    fn typing_lasts(&self) -> Option<Duration> {
        self.capabilities.typing.as_ref().map(|typing| typing.lasts())
    }

    async fn show_typing(&self, to: &Target, credentials: &OpenCredentials) -> Option<Result<(), SendError>> {
        let typing = self.capabilities.typing.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => typing.show(to, credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    fn edit_pace(&self) -> Option<Duration> {
        self.capabilities.edits.as_ref().map(|edits| edits.pace())
    }

    async fn edit(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        content: &OutboundContent,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>> {
        let edits = self.capabilities.edits.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => edits.edit(part, sent, content, credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    async fn withdraw(
        &self,
        part: &OutboundPart,
        sent: &Sent,
        credentials: &OpenCredentials,
    ) -> Option<Result<(), SendError>> {
        let edits = self.capabilities.edits.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => edits.withdraw(part, sent, credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    fn has_backfill(&self) -> bool {
        self.capabilities.backfill.is_some()
    }

    async fn missed(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        known: &[ConversationKey],
        credentials: &OpenCredentials,
    ) -> Option<Result<Vec<InboundMessage>, CheckError>> {
        let backfill = self.capabilities.backfill.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => backfill.missed(since, until, known, credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    async fn health(&self, webhook: &Url, credentials: &OpenCredentials) -> Option<Result<(), CheckError>> {
        let health = self.capabilities.health.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => health.health(webhook, credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    async fn templates(&self, credentials: &OpenCredentials) -> Option<Result<Vec<Template>, CheckError>> {
        let templates = self.capabilities.templates.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => templates.templates(credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    fn refresh_every(&self) -> Option<Duration> {
        self.capabilities.refresh.as_ref().map(|refresh| refresh.every())
    }

    async fn refresh(
        &self,
        credentials: &OpenCredentials,
    ) -> Option<Result<Option<SecretString>, CheckError>> {
        let refresh = self.capabilities.refresh.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => refresh.refresh(credentials).await,
            Err(error) => Err(error.into()),
        })
    }

    fn listens(&self) -> bool {
        self.capabilities.listens.is_some()
    }

    async fn listen(
        &self,
        credentials: &OpenCredentials,
        resume: Option<serde_json::Value>,
        inlet: &dyn Inlet,
    ) -> Option<Result<Infallible, ListenError>> {
        let listens = self.capabilities.listens.as_ref()?;
        Some(match self.typed(credentials) {
            Ok(credentials) => listens.listen(credentials, resume, inlet).await,
            Err(error) => Err(ListenError::Misconfigured {
                reason: error.to_string(),
            }),
        })
    }

    fn shared_webhook(&self) -> Option<&dyn SharedWebhook> {
        self.capabilities.shared_webhook.as_deref()
    }

    fn hosting(&self, credentials: &OpenCredentials) -> Option<Result<Hosting, CredentialsError>> {
        let hosted = self.capabilities.hosted.as_ref()?;
        Some(
            self.typed(credentials)
                .map(|credentials| hosted.hosting(credentials)),
        )
    }

    fn names_account(&self, request: &WebhookRequest, credentials: &OpenCredentials) -> bool {
        match (&self.capabilities.diagnoses, self.typed(credentials)) {
            (Some(diagnoses), Ok(credentials)) => diagnoses.names_account(request, credentials),
            _ => false,
        }
    }

    fn diagnose(&self, request: &WebhookRequest, credentials: &OpenCredentials) -> Option<Diagnosis> {
        let diagnoses = self.capabilities.diagnoses.as_ref()?;
        let credentials = self.typed(credentials).ok()?;
        Some(diagnoses.diagnose(request, &Hints::of(request), credentials))
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
