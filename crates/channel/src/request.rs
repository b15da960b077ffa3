//! A webhook as it came in, and what the platform hears.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::PartId;
use http::{HeaderMap, Method, StatusCode};
use std::fmt;

/// A webhook, untouched.
#[derive(Clone)]
pub struct WebhookRequest {
    /// Which of our addresses it was sent to.
    pub kind: WebhookKind,
    /// `GET` or `POST`.
    pub method: Method,
    /// The address as the platform was told it: our configured public origin, then path and query to the letter.
    pub url: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
    /// When it reached us; signatures with a timestamp are checked against this.
    pub received_at: DateTime<Utc>,
}

/// Which of our addresses a webhook was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookKind {
    /// `/api/{platform}/webhook/{chatbot_id}`
    Inbound,
    /// `/api/{platform}/webhook`, for apps that serve several accounts. Entries of other accounts than the
    /// integration's are passed over in silence: each integration is asked in turn.
    Shared,
    /// `/api/{platform}/status/{chatbot_id}/{part_id}`
    Status {
        /// The part it is about.
        part: PartId,
    },
}

impl WebhookRequest {
    /// A header's only value. `None` if it is missing, repeated or not visible ASCII: what is ambiguous proves nothing.
    pub fn only_header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(first)
    }

    /// The query, without `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }
}

impl fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("kind", &self.kind)
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What the platform hears once everything is safely queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookResponse {
    /// HTTP status.
    pub status: StatusCode,
    /// MIME type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl WebhookResponse {
    /// 200 without a word.
    pub const fn empty() -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "text/plain",
            body: Bytes::new(),
        }
    }
}
