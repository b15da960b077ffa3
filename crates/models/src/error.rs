//! What can go wrong with a model's endpoint, named by what the caller does next.

use egress::Refusal;
use std::{fmt, time::Duration};

/// No answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The key is wrong or may not use this model: the owner has to change it.
    #[error("the model endpoint does not accept the key")]
    Unauthorized,
    /// Too many requests, or the account is empty.
    #[error("the model endpoint takes no more requests now")]
    RateLimited {
        /// As the endpoint said.
        after: Option<Duration>,
    },
    /// The provider has more to do than it can.
    #[error("the model endpoint is overloaded")]
    Overloaded {
        /// As the endpoint said.
        after: Option<Duration>,
    },
    /// Not a byte of an answer within its time.
    #[error("the model began no answer within {0:?}")]
    Silent(Duration),
    /// No whole answer within the time limit.
    #[error("the model did not answer within {0:?}")]
    Timeout(Duration),
    /// Not reached, or it failed.
    #[error("the model endpoint is not available")]
    Unavailable,
    /// The answer broke off. Half an answer may say the opposite of the whole.
    #[error("the model's answer broke off in its middle")]
    CutOff,
    /// Its name leads into private networks.
    #[error("the model endpoint's host leads to {0}")]
    Refused(Refusal),
    /// The provider's or the model's own rules forbid an answer to this question.
    #[error("the model's safety rules refused to answer ({})", .0.as_str())]
    Blocked(Detail),
    /// The prompt does not fit into the model's context.
    #[error("the prompt is longer than the model takes: set context_tokens to what it does")]
    TooLong,
    /// It answered, and not what was asked for.
    #[error("the model endpoint answered with status {status}, which cannot be used")]
    BadResponse {
        /// HTTP status.
        status: u16,
        /// What it said about it, cut short, for the owner's eyes and not for logs.
        detail: Detail,
    },
}

/// What an endpoint said about a failure. Not in debug prints: it may repeat what it was asked.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Detail(String);

const LONGEST_DETAIL: usize = 200;

impl Detail {
    /// The beginning of what was said, on one line, with the key taken out.
    pub(crate) fn of(said: &str, key: &str) -> Self {
        let said = if key.is_empty() {
            said.to_owned()
        } else {
            said.replace(key, "…")
        };
        let line: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
        Self(
            line.chars()
                .filter(|c| !c.is_control())
                .take(LONGEST_DETAIL)
                .collect(),
        )
    }

    /// For the owner's eyes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} characters", self.0.chars().count())
    }
}

impl ModelError {
    /// A stable word for metrics and records.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded { .. } => "overloaded",
            Self::Silent(_) => "silent",
            Self::Timeout(_) => "timeout",
            Self::Unavailable => "unavailable",
            Self::CutOff => "cut_off",
            Self::Refused(_) => "refused",
            Self::Blocked(_) => "blocked",
            Self::TooLong => "too_long",
            Self::BadResponse { .. } => "bad_response",
        }
    }

    /// For the owner's eyes: with what the endpoint said.
    pub fn in_words(&self) -> String {
        match self {
            Self::BadResponse { detail, .. } if !detail.as_str().is_empty() => {
                format!("{self}: {}", detail.as_str())
            }
            error => error.to_string(),
        }
    }

    /// Whether another key of the same endpoint may fare better.
    pub(crate) const fn is_of_the_key(&self) -> bool {
        matches!(self, Self::Unauthorized | Self::RateLimited { .. })
    }

    /// Whether it only took too long.
    pub(crate) const fn is_of_time(&self) -> bool {
        matches!(self, Self::Silent(_) | Self::Timeout(_))
    }

    /// How long the endpoint asked to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { after } | Self::Overloaded { after } => *after,
            _ => None,
        }
    }
}
