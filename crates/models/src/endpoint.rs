//! A chatbot's own model endpoint, as its owner typed it in.

use egress::{Guard, UrlError};
use serde::{Deserialize, Serialize};

/// As the chatbot keeps it; its key is kept apart, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Of an OpenAI-compatible API, up to and without `/chat/completions`.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// How long an answer may take; the installation's limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_seconds: Option<u64>,
}

/// Why an endpoint cannot be used. For the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Its address.
    #[error("base_url: {0}")]
    Url(#[from] UrlError),
    /// No model.
    #[error("model: the model's name is missing")]
    NoModel,
    /// Its time limit.
    #[error("time_limit_seconds: between 1 and {LONGEST_LIMIT} seconds, not {0}")]
    TimeLimit(u64),
}

/// However patient an owner is, a visitor is not.
pub(crate) const LONGEST_LIMIT: u64 = 120;

impl Endpoint {
    /// Whether it can be used; what its host's name leads to is checked at every connection.
    pub(crate) fn check(&self, guard: &Guard) -> Result<egress::CheckedUrl, EndpointError> {
        if self.model.trim().is_empty() {
            return Err(EndpointError::NoModel);
        }
        if let Some(limit) = self.time_limit_seconds
            && !(1..=LONGEST_LIMIT).contains(&limit)
        {
            return Err(EndpointError::TimeLimit(limit));
        }
        Ok(guard.check(&self.base_url)?.below("chat/completions"))
    }
}
