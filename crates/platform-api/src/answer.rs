//! One call, and what came back.

use crate::words::words_of;
use channel::SendError;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use std::{fmt, time::Duration};

/// The most of an answer's body that is read, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// What came back.
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// Whether the body was read to its end.
    pub complete: bool,
    /// The body, or what came of it.
    pub body: Vec<u8>,
}

/// A body may hold a secret or somebody's words.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// Nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection: the platform has seen nothing of it.
    #[error("{0}")]
    NotSent(String),
    /// The connection ended, or took too long, after the request may have been sent.
    #[error("{0}")]
    Unknown(String),
}

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotSent(reason) => Self::Retry {
                after: None,
                rate_limited: false,
                reason,
            },
            CallError::Unknown(reason) => Self::Ambiguous { reason },
        }
    }
}

impl Answer {
    /// The body as JSON. `None`: it is not what was expected.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The Retry-After header, in either of its forms.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
        (at.to_utc() - chrono::Utc::now()).to_std().ok()
    }
}

/// Makes a call. `platform` is its name for the error's words. The client must not follow redirects, and must end calls
/// in time.
pub async fn call(platform: &str, request: RequestBuilder) -> Result<Answer, CallError> {
    let mut response = request.send().await.map_err(|error| {
        let not_sent = error.is_connect() || error.is_builder();
        let reason = words_of(error);
        if not_sent {
            CallError::NotSent(format!("no connection to {platform}: {reason}"))
        } else {
            CallError::Unknown(format!("{platform} did not answer: {reason}"))
        }
    })?;
    let mut answer = Answer {
        status: response.status(),
        headers: response.headers().clone(),
        complete: true,
        body: Vec::new(),
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if answer.body.len() + chunk.len() <= MAX_ANSWER => {
                answer.body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(answer),
            Ok(Some(_)) | Err(_) => {
                answer.complete = false;
                return Ok(answer);
            }
        }
    }
}
