//! The one place where an error becomes what a platform hears.

use crate::webhook::response;
use accounts::AccountError;
use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use channel::{ReceiveError, WebhookResponse};
use queue::PublishError;
use serde_json::json;

/// Why a webhook was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No such platform in this installation.
    #[error("this installation has no platform {0:?}")]
    UnknownPlatform(String),
    /// The address names no bot, or one that is not connected to this platform.
    #[error(
        "there is no chatbot {0:?} connected to this platform; copy the webhook's address from the integration's setup instructions"
    )]
    UnknownChatbot(String),
    /// The platform has no address for all accounts of an app.
    #[error("{0} calls an address for each chatbot; copy it from the integration's setup instructions")]
    NoSharedAddress(domain::Platform),
    /// A handshake without the operator's token.
    #[error(
        "the handshake's verify token is not this installation's (setting `gateway.webhook_verify_token`)"
    )]
    Handshake,
    /// No integration is connected to any account that the body names.
    #[error("no integration of this installation is connected to an account that the request names")]
    UnknownAccounts,
    /// The address names no part of a reply.
    #[error("the address names no part of a reply")]
    UnknownPart,
    /// Its owner has switched the integration off, or archived the bot. The request is proven, and the platform hears that
    /// it has arrived: one that hears no again and again stops calling (Slack ends the subscription at 95 % failures) or
    /// delivers all of it later (Telegram), after the owner has switched on again.
    #[error("the integration is switched off: the message was acknowledged and not processed")]
    Disabled(WebhookResponse),
    /// The body is over the limit.
    #[error("the body has more than {limit} bytes, the most a webhook may have")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body did not come.
    #[error("the body did not arrive in time")]
    SlowBody,
    /// The connection broke, or the body's encoding is one that signatures do not cover.
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
    /// The platform's code refused it.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The integration cannot be opened.
    #[error("the integration cannot be used now")]
    Account(#[from] AccountError),
    /// The queue did not confirm.
    #[error("the message cannot be queued now")]
    Publish(#[from] PublishError),
}

impl From<inlet::NotQueued> for GatewayError {
    fn from(error: inlet::NotQueued) -> Self {
        match error {
            inlet::NotQueued::Account(error) => Self::Account(error),
            inlet::NotQueued::Publish(error) => Self::Publish(error),
        }
    }
}

impl GatewayError {
    /// A stable name for logs and metrics.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::UnknownPlatform(_) => "unknown_platform",
            Self::UnknownChatbot(_) => "unknown_chatbot",
            Self::NoSharedAddress(_) => "no_shared_address",
            Self::Handshake => "bad_handshake",
            Self::UnknownAccounts => "unknown_accounts",
            Self::UnknownPart => "unknown_part",
            Self::Disabled(_) => "disabled",
            Self::TooLarge { .. } => "too_large",
            Self::SlowBody => "slow_body",
            Self::Unreadable(_) => "unreadable",
            Self::Receive(ReceiveError::BadSignature { .. }) => "bad_signature",
            Self::Receive(ReceiveError::ForeignAccount { .. }) => "foreign_account",
            Self::Receive(ReceiveError::Malformed(_)) => "malformed",
            Self::Receive(ReceiveError::BadCredentials(_)) => "bad_credentials",
            Self::Receive(ReceiveError::Unavailable(_)) => "platform_unavailable",
            Self::Account(_) => "account_unavailable",
            Self::Publish(_) => "queue_unavailable",
        }
    }

    /// What the sender may know. The reason a signature failed is the owner's business only.
    fn detail(&self) -> String {
        match self {
            Self::Receive(ReceiveError::BadSignature { .. }) => {
                "the request does not prove that it comes from the platform; the integration's log says why"
                    .to_owned()
            }
            Self::Receive(ReceiveError::ForeignAccount { .. }) => {
                "the request is about another account than this integration's".to_owned()
            }
            other => other.to_string(),
        }
    }
}

impl ResponseError for GatewayError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownPlatform(_)
            | Self::UnknownChatbot(_)
            | Self::NoSharedAddress(_)
            | Self::UnknownAccounts
            | Self::UnknownPart => StatusCode::NOT_FOUND,
            Self::Disabled(response) => {
                StatusCode::from_u16(response.status.as_u16()).unwrap_or(StatusCode::OK)
            }
            Self::Handshake | Self::Receive(ReceiveError::ForeignAccount { .. }) => StatusCode::FORBIDDEN,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Unreadable(_) | Self::Receive(ReceiveError::Malformed(_)) => StatusCode::BAD_REQUEST,
            Self::Receive(ReceiveError::BadSignature { .. }) => StatusCode::UNAUTHORIZED,
            Self::Publish(PublishError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Receive(ReceiveError::BadCredentials(_) | ReceiveError::Unavailable(_))
            | Self::Account(_)
            | Self::Publish(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Disabled(acknowledgement) = self {
            return response(acknowledgement.clone());
        }
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header(("retry-after", "2"));
        }
        response.content_type("application/problem+json").json(json!({
            "type": format!("https://botsmith.dev/problems/{}", self.event().replace('_', "-")),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.detail(),
            "request_id": process::trace::current_traceparent().and_then(|t| t.get(3..35).map(str::to_owned)),
        }))
    }
}
