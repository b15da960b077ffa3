//! The one place where an error becomes an answer: problem+json (RFC 9457).
//!
//! Invariant: an answer says what the caller can act on and never what lies inside: no query, no address, no secret.
//! What lies inside is logged, once, under the same request id.

use crate::caller::Facts;
use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use serde::Serialize;
use std::{borrow::Cow, error::Error, fmt, sync::Arc};
use utoipa::ToSchema;

/// The media type of problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, named by what the caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    Malformed,
    /// Nobody is signed in, or the key is not known.
    Unauthenticated,
    /// Signed in, and not allowed to do this.
    Forbidden,
    /// Another password has to be chosen before anything else.
    PasswordChangeRequired,
    /// The workspace's plan does not allow more.
    PlanLimit,
    /// A browser sent it for another site.
    CrossOrigin,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The address exists, for other methods.
    MethodNotAllowed,
    /// It cannot be done in the present state.
    Conflict,
    /// Somebody else has it already.
    Taken,
    /// The contact wants no messages.
    OptedOut,
    /// Too much of the conversation waits to be sent.
    TooManyUnsent,
    /// The platform no longer lets us answer the contact.
    WindowClosed,
    /// The integration is switched off, broken or not there.
    IntegrationNotUsable,
    /// The platform cannot do this.
    NotSupported,
    /// The same idempotency key is being worked on.
    UnderWay,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// It can be read, and something in it does not fit.
    Invalid,
    /// The idempotency key was used for another request.
    KeyReused,
    /// Too many tries.
    TooManyTries,
    /// A defect of ours.
    Internal,
    /// The platform could not be asked.
    PlatformUnreachable,
    /// Something we need is away; try again.
    Unavailable,
}

impl Kind {
    const fn describe(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed => (S::BAD_REQUEST, "malformed-request", "The request cannot be read"),
            Self::Unauthenticated => (S::UNAUTHORIZED, "not-signed-in", "Sign in, or send an API key"),
            Self::Forbidden => (S::FORBIDDEN, "not-allowed", "Your role does not allow this"),
            Self::PasswordChangeRequired => (
                S::FORBIDDEN,
                "password-change-required",
                "Choose another password first",
            ),
            Self::PlanLimit => (S::PAYMENT_REQUIRED, "plan-limit", "Your plan does not allow more"),
            Self::CrossOrigin => (
                S::FORBIDDEN,
                "cross-origin",
                "The request comes from another site",
            ),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::Conflict => (S::CONFLICT, "conflict", "Not possible in the present state"),
            Self::Taken => (S::CONFLICT, "taken", "Exists already"),
            Self::OptedOut => (S::CONFLICT, "opted-out", "The contact has opted out"),
            Self::TooManyUnsent => (
                S::CONFLICT,
                "too-many-unsent",
                "Too much waits to be sent already",
            ),
            Self::WindowClosed => (
                S::CONFLICT,
                "reply-window-closed",
                "The platform no longer lets us answer the contact",
            ),
            Self::IntegrationNotUsable => (
                S::CONFLICT,
                "integration-not-usable",
                "The integration cannot be used",
            ),
            Self::NotSupported => (S::CONFLICT, "not-supported", "The platform cannot do this"),
            Self::UnderWay => (S::CONFLICT, "under-way", "The same request is under way"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be JSON",
            ),
            Self::Invalid => (
                S::UNPROCESSABLE_ENTITY,
                "invalid",
                "Something in the request does not fit",
            ),
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key belongs to another request",
            ),
            Self::TooManyTries => (S::TOO_MANY_REQUESTS, "too-many-tries", "Too many tries"),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side",
            ),
            Self::PlatformUnreachable => (
                S::BAD_GATEWAY,
                "platform-unreachable",
                "The platform could not be asked",
            ),
            Self::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not available at the moment",
            ),
        }
    }
}

/// Why a request was not answered with what it asked for.
#[derive(Clone)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    retry_after_seconds: Option<u64>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// A problem, as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:botsmith:problem:invalid")]
    kind: String,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What was wrong with this request, and what to do.
    detail: &'a str,
    /// The field that was wrong, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Name it when you ask for help: the log has more under it.
    request_id: &'a str,
}

impl Problem {
    /// A problem with what is to be said about it.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            field: None,
            retry_after_seconds: None,
            cause: None,
        }
    }

    /// There is no such thing, or the caller may not know of it: the same answer for both.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is nothing here that you may see")
    }

    /// A value that does not fit.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(Kind::Invalid, detail)
        }
    }

    /// The same, of a value within a list or a file: says where that is.
    pub(crate) fn within(self, place: &str) -> Self {
        let field = match &self.field {
            Some(field) => format!("{place}.{field}"),
            None => place.to_owned(),
        };
        Self {
            detail: format!("{place}: {}", self.detail).into(),
            field: Some(field.into()),
            ..self
        }
    }

    /// Says when to come back.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// A defect of ours, with what is behind it, for the log.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut problem = Self::new(Kind::Internal, "it has been logged under this request's id");
        problem.cause = Some(Arc::from(cause.into()));
        problem
    }

    /// Something we need is away.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut problem = Self::new(Kind::Unavailable, "try again in a moment").retry_after(1);
        problem.cause = Some(Arc::from(cause.into()));
        problem
    }

    /// What is said about it.
    pub(crate) fn detail(self) -> Cow<'static, str> {
        self.detail
    }

    /// Anything the web framework refused by itself.
    pub(crate) fn of_framework(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(Kind::MethodNotAllowed, "use another method"),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Kind::TooLarge, "send less"),
            status if status.is_client_error() => Self::new(Kind::Malformed, "the request cannot be read"),
            _ => Self::new(Kind::Internal, "it has been logged under this request's id"),
        }
    }

    /// The answer to the request of these facts; logs what lies behind it.
    pub(crate) fn response(&self, facts: &Facts) -> HttpResponse<BoxBody> {
        let (status, slug, title) = self.kind.describe();
        if status.is_server_error() {
            let cause = self.cause.as_deref().map(|cause| cause as &dyn Error);
            tracing::error!(error = cause, problem = slug, "a request was not answered");
        }
        let body = ProblemBody {
            kind: format!("urn:botsmith:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
            request_id: &facts.request_id,
        };
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.kind == Kind::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let body = serde_json::to_vec(&body).unwrap_or_default();
        response.content_type(MEDIA_TYPE).body(body)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({:?})", self.kind)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.describe().1)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.describe().0
    }

    /// Replaced by the guard, which knows the request's id.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status_code())
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError as E;
        match &error {
            E::Unavailable(_) | E::Conflict(_) => Self::unavailable(error),
            E::Taken(_) => Self::new(Kind::Taken, "there is one like it already"),
            E::Migrate(_) | E::Unreadable(_) | E::Query(_) => Self::internal(error),
        }
    }
}

impl From<vault::VaultError> for Problem {
    fn from(error: vault::VaultError) -> Self {
        if error.is_transient() {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<accounts::AccountError> for Problem {
    fn from(error: accounts::AccountError) -> Self {
        use accounts::AccountError as E;
        match error {
            E::Store(error) => error.into(),
            E::Vault(error) => error.into(),
            E::Credentials(error) => Self::new(Kind::IntegrationNotUsable, error.to_string()),
            E::Slow => Self::unavailable(error),
            E::UnknownPlatform(_) | E::UnreadableWebhook(_) => Self::internal(error),
        }
    }
}

impl From<inlet::NotQueued> for Problem {
    fn from(error: inlet::NotQueued) -> Self {
        use queue::PublishError as E;
        match error {
            inlet::NotQueued::Account(error) => error.into(),
            inlet::NotQueued::Publish(error @ E::Unavailable { .. }) => Self::unavailable(error),
            inlet::NotQueued::Publish(error @ (E::TooLarge { .. } | E::TokensOnly { .. })) => {
                Self::internal(error)
            }
        }
    }
}

impl From<channel::CredentialsError> for Problem {
    fn from(error: channel::CredentialsError) -> Self {
        Self::invalid(
            format!("credentials.{}", error.field),
            format!("{}: {}", error.field, error.problem),
        )
    }
}

impl From<channel::CheckError> for Problem {
    fn from(error: channel::CheckError) -> Self {
        use channel::CheckError as E;
        match &error {
            E::Unauthorized(_) | E::Misconfigured(_) | E::BadCredentials(_) => {
                Self::new(Kind::IntegrationNotUsable, error.to_string())
            }
            E::Unreachable(_) => Self::new(Kind::PlatformUnreachable, error.to_string()),
        }
    }
}

impl From<store::outbound::EnqueueError> for Problem {
    fn from(error: store::outbound::EnqueueError) -> Self {
        use store::outbound::EnqueueError as E;
        match error {
            E::OptedOut => Self::new(
                Kind::OptedOut,
                "the contact has opted out and must send START before anything can be sent to them",
            ),
            E::UnknownIntegration => Self::not_found(),
            E::TooManyUnsent => Self::new(
                Kind::TooManyUnsent,
                format!(
                    "{} parts of messages of this conversation wait to be sent; see in the integration's log why they \
                     do not go out, and cancel or wait for them before you send more",
                    store::outbound::MOST_UNSENT
                ),
            ),
            E::Store(error) => error.into(),
        }
    }
}

impl From<stripe::StripeError> for Problem {
    fn from(error: stripe::StripeError) -> Self {
        use stripe::StripeError as E;
        match &error {
            E::Unauthorized => Self::new(
                Kind::Conflict,
                "Stripe does not accept the secret key any more: an administrator has to enter a new one",
            ),
            E::Refused(reason) => Self::new(Kind::Conflict, format!("Stripe refused it: {reason}")),
            E::Unreachable(_) => Self::unavailable(error),
            E::Unreadable(_) => Self::internal(error),
        }
    }
}
