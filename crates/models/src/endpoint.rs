//! A model's endpoint, as its owner typed it in.

use crate::provider::Provider;
use egress::{CheckedUrl, Guard, UrlError};
use serde::{Deserialize, Serialize};

/// As the chatbot keeps it; its key is kept apart, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Whose API it speaks.
    #[serde(default)]
    pub provider: Provider,
    /// Where that API is, its version included; empty: where the provider's usually is.
    #[serde(default)]
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// How long an answer may take; the installation's limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_seconds: Option<u64>,
    /// How many tokens the model takes, prompt and answer together; as the installation's prompts are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<usize>,
}

/// Why an endpoint cannot be used. For the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Its address.
    #[error("base_url: {0}")]
    Url(#[from] UrlError),
    /// No address, and no usual one.
    #[error("base_url: an OpenAI-compatible API has no usual address; say where it is")]
    NoUrl,
    /// No model.
    #[error("model: the model's name is missing")]
    NoModel,
    /// Its time limit.
    #[error("time_limit_seconds: between 1 and {LONGEST_LIMIT} seconds, not {0}")]
    TimeLimit(u64),
    /// Its context.
    #[error(
        "context_tokens: at least {least}, for an answer of {answer} tokens and a prompt of {SHORTEST_PROMPT}, not {given}"
    )]
    Context {
        /// As it was typed.
        given: usize,
        /// What the answer may take.
        answer: usize,
        /// The smallest that works.
        least: usize,
    },
}

/// However patient an owner is, a visitor is not.
pub(crate) const LONGEST_LIMIT: u64 = 120;
/// The rules, a question and one passage.
pub(crate) const SHORTEST_PROMPT: usize = 800;

impl Endpoint {
    /// Whether it can be used; what its host's name leads to is checked at every connection.
    pub(crate) fn check(&self, guard: &Guard, answer_tokens: u32) -> Result<CheckedUrl, EndpointError> {
        if self.model.trim().is_empty() {
            return Err(EndpointError::NoModel);
        }
        if let Some(limit) = self.time_limit_seconds
            && !(1..=LONGEST_LIMIT).contains(&limit)
        {
            return Err(EndpointError::TimeLimit(limit));
        }
        let answer = answer_tokens as usize;
        let least = answer + SHORTEST_PROMPT;
        if let Some(given) = self.context_tokens.filter(|given| *given < least) {
            return Err(EndpointError::Context { given, answer, least });
        }
        let base = match self.base_url.trim() {
            "" => self.provider.usual_base_url().ok_or(EndpointError::NoUrl)?,
            given => given,
        };
        Ok(guard.check(base)?)
    }
}
