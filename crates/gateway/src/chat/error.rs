//! The one place where an error of the chat API becomes an answer: problem+json (RFC 9457).

use crate::GatewayError;
use accounts::AccountError;
use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use domain::{Platform, Role};
use inlet::NotQueued;
use serde_json::json;
use std::time::Duration;
use store::StoreError;

/// Why a request was not answered as it was meant.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The address names none.
    #[error("there is no chatbot {0:?} that you may speak to")]
    UnknownChatbot(String),
    /// The chatbot is not on this platform.
    #[error(
        "this chatbot is not connected to {0:?}: its owner connects it under Integrations, or with POST \
         /api/integrations/{{chatbot_id}}"
    )]
    NotConnected(Platform),
    /// Its owner has switched the integration off, or archived the bot.
    #[error("this integration is switched off")]
    Disabled,
    /// No key, no token, or one that does not open this.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The key's role is too weak.
    #[error("the API key may not do this: it needs the role {0}")]
    Forbidden(Role),
    /// The key is narrowed, and not to this.
    #[error("the API key may not do this: {0}")]
    Narrowed(&'static str),
    /// A page of another site.
    #[error(
        "pages of {0} may not speak to this chatbot; its owner enters the origin under the integration's allowed origins"
    )]
    Origin(String),
    /// Another person's, or nobody's.
    #[error("there is no such conversation here")]
    UnknownConversation,
    /// No answer of this conversation.
    #[error(
        "there is no such answer in this conversation: what the bot or a person wrote to it can be rated"
    )]
    UnknownAnswer,
    /// The widget has none.
    #[error("this chatbot's widget has no logo")]
    NoLogo,
    /// Something in the request does not fit.
    #[error("{field}: {problem}")]
    Invalid {
        /// Where.
        field: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// More than one may.
    #[error("too many {what} in a short time")]
    TooFast {
        /// Of what.
        what: &'static str,
        /// When the next one is taken.
        after: Duration,
    },
    /// Nothing that is taken.
    #[error("files of this kind are not taken: pictures, PDF, plain text, sound and video are")]
    FileKind,
    /// The widget's owner wants none.
    #[error("this chatbot takes no files from visitors: describe it in words")]
    NoFiles,
    /// The widget's owner asks visitors for no opinion.
    #[error("this chatbot takes no ratings from visitors")]
    NoRatings,
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] GatewayError),
    /// The integration cannot be opened.
    #[error("the integration cannot be used now")]
    Account(#[from] AccountError),
    /// The queue did not confirm: the message was not accepted.
    #[error("the message cannot be accepted now")]
    NotQueued(#[from] NotQueued),
    /// The database.
    #[error("this cannot be read now")]
    Store(#[from] StoreError),
}

impl ChatError {
    pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            problem: problem.into(),
        }
    }

    /// A stable name for the problem's type, logs and metrics.
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::UnknownChatbot(_) => "unknown_chatbot",
            Self::NotConnected(_) => "not_connected",
            Self::Disabled => "disabled",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden(_) | Self::Narrowed(_) => "not_allowed",
            Self::Origin(_) => "origin_not_allowed",
            Self::UnknownConversation => "unknown_conversation",
            Self::UnknownAnswer => "unknown_answer",
            Self::NoRatings => "ratings_not_taken",
            Self::NoLogo => "no_logo",
            Self::Invalid { .. } => "invalid",
            Self::TooFast { .. } => "too_many",
            Self::FileKind => "unsupported_file",
            Self::NoFiles => "files_not_taken",
            Self::Body(error) => error.event(),
            Self::Account(_) => "account_unavailable",
            Self::NotQueued(_) => "queue_unavailable",
            Self::Store(_) => "store_unavailable",
        }
    }

    /// How long to wait before the same is asked again, where that helps.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Self::TooFast { after, .. } => Some(*after),
            Self::Account(_) | Self::NotQueued(_) | Self::Store(_) => Some(Duration::from_secs(2)),
            _ => None,
        }
    }
}

impl ResponseError for ChatError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownChatbot(_)
            | Self::NotConnected(_)
            | Self::UnknownConversation
            | Self::UnknownAnswer
            | Self::NoLogo => StatusCode::NOT_FOUND,
            Self::Disabled
            | Self::Forbidden(_)
            | Self::Narrowed(_)
            | Self::Origin(_)
            | Self::NoFiles
            | Self::NoRatings => StatusCode::FORBIDDEN,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::FileKind => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(error) => error.status_code(),
            Self::Account(_) | Self::NotQueued(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Some(after) = self.after() {
            response.insert_header(("retry-after", after.as_secs().max(1).to_string()));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header(("www-authenticate", "Bearer"));
        }
        response.content_type("application/problem+json").json(json!({
            "type": format!("https://botsmith.dev/problems/{}", self.event().replace('_', "-")),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
            "request_id": process::trace::current_traceparent().and_then(|t| t.get(3..35).map(str::to_owned)),
        }))
    }
}
