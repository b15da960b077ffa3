//! From what a provider says of a failure to what it is.

use crate::error::{Detail, ModelError};
use std::time::Duration;

/// What a provider said of a failure.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What it is, where that is known already.
    known: Option<ModelError>,
    /// The provider's words for people. May repeat what it was asked.
    message: String,
    /// The provider's words for programs, one or several.
    codes: Vec<String>,
    /// The status that it would have had, had it come before the first byte.
    status: Option<u16>,
    /// How long it asks to be left alone.
    after: Option<Duration>,
}

impl Failed {
    /// A failure that has its name.
    pub(super) fn is(error: ModelError) -> Self {
        Self {
            known: Some(error),
            ..Self::default()
        }
    }

    /// Words that are of no known form.
    pub(crate) fn words(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn coded(message: &str, codes: impl IntoIterator<Item = String>) -> Self {
        Self {
            message: message.to_owned(),
            codes: codes.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(super) const fn with_status(mut self, status: Option<u16>) -> Self {
        self.status = status;
        self
    }

    pub(super) const fn with_after(mut self, after: Option<Duration>) -> Self {
        self.after = after;
        self
    }

    /// Whether a parameter of OpenAI's older models was refused.
    pub(crate) fn wants_newer(&self) -> bool {
        self.message.contains("max_completion_tokens")
    }

    /// Whether the model can call nothing. Ollama says so of many:
    /// <https://github.com/ollama/ollama/blob/main/docs/api.md#chat-request-with-tools>.
    pub(crate) fn knows_no_tools(&self) -> bool {
        self.message.contains("does not support tools")
    }

    /// Its name. `status` is that of the response, `after` what its header says.
    pub(crate) fn name(self, status: u16, after: Option<Duration>, key: &str) -> ModelError {
        if let Some(known) = self.known {
            return known;
        }
        let status = self.status.unwrap_or(status);
        let after = after.or(self.after);
        let coded = |codes: &[&str]| self.codes.iter().any(|code| codes.contains(&code.as_str()));
        let message = self.message.to_lowercase();
        if coded(TOO_LONG_CODES) || status == 413 || TOO_LONG_WORDS.iter().any(|word| message.contains(word))
        {
            ModelError::TooLong
        } else if coded(BLOCKED_CODES) {
            ModelError::Blocked(Detail::of(&self.message, key))
        } else if coded(UNAUTHORIZED_CODES) || matches!(status, 401 | 403) {
            ModelError::Unauthorized
        } else if coded(RATE_CODES)
            || matches!(status, 402 | 429)
            || message.contains("credit balance is too low")
        {
            ModelError::RateLimited { after }
        } else if coded(OVERLOADED_CODES) || matches!(status, 503 | 529) {
            ModelError::Overloaded { after }
        } else if coded(UNAVAILABLE_CODES) || status >= 500 || status == 408 {
            ModelError::Unavailable
        } else {
            ModelError::BadResponse {
                status,
                detail: Detail::of(&self.message, key),
            }
        }
    }
}

const TOO_LONG_CODES: &[&str] = &[
    "context_length_exceeded",
    "request_too_large",
    "exceed_context_size_error",
];
/// Anthropic, Gemini and several runtimes have no code for it.
const TOO_LONG_WORDS: &[&str] = &[
    "prompt is too long",
    "input length and `max_tokens` exceed context limit",
    "exceeds the maximum number of tokens allowed",
    "maximum context length",
    "exceeds the available context size",
];
const BLOCKED_CODES: &[&str] = &[
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
];
const UNAUTHORIZED_CODES: &[&str] = &[
    "invalid_api_key",
    "authentication_error",
    "permission_error",
    "API_KEY_INVALID",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
];
const RATE_CODES: &[&str] = &[
    "rate_limit_error",
    "rate_limit_exceeded",
    "insufficient_quota",
    "billing_error",
    "RESOURCE_EXHAUSTED",
];
const OVERLOADED_CODES: &[&str] = &["overloaded_error", "UNAVAILABLE"];
const UNAVAILABLE_CODES: &[&str] = &[
    "api_error",
    "server_error",
    "timeout_error",
    "INTERNAL",
    "DEADLINE_EXCEEDED",
];
