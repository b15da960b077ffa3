//! One try: the request, and what came back.

use super::signature;
use chrono::{DateTime, Utc};
use egress::{Client, Guard, Timeouts, UrlError, refused};
use reqwest::{Response, StatusCode, header};
use secrecy::SecretString;
use std::time::{Duration, Instant};
use store::webhooks::{Claimed, Try};

/// So much of an answer is kept for the owner, in bytes.
const EXCERPT: usize = 1024;

/// For an address within our own networks.
const FORBIDDEN: &str = "it leads to an address that may not be called";

/// How a try ended, for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// 2xx.
    Taken,
    /// 410: nothing is wanted there any more.
    Gone,
    /// Anything else, or no answer.
    Refused {
        /// Seconds, as the receiver asks for.
        retry_after: Option<u32>,
    },
}

/// Sends requests through the guard.
#[derive(Clone)]
pub(super) struct Post {
    guard: Guard,
    client: Client,
    patience: Duration,
}

impl Post {
    pub(super) fn new(guard: &Guard, timeouts: Timeouts) -> anyhow::Result<Self> {
        Ok(Self {
            guard: guard.clone(),
            client: guard.client(timeouts)?,
            patience: timeouts.total,
        })
    }

    /// Sends it once.
    pub(super) async fn send(
        &self,
        claimed: &Claimed,
        secrets: &[SecretString],
        now: DateTime<Utc>,
    ) -> (Try, Answer) {
        let begun = Instant::now();
        let outcome = self.request(claimed, secrets, now).await;
        let mut tried = Try {
            at: now,
            status: None,
            error: None,
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            response: None,
        };
        let response = match outcome {
            Ok(response) => response,
            Err(words) => {
                tried.error = Some(words);
                return (tried, Answer::Refused { retry_after: None });
            }
        };
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        tried.status = Some(status.as_u16());
        tried.response = excerpt(response).await;
        if status.is_redirection() {
            tried.error = Some("it answered with another address, and those are not followed".to_owned());
        }
        let answer = match status {
            status if status.is_success() => Answer::Taken,
            StatusCode::GONE => Answer::Gone,
            _ => Answer::Refused { retry_after },
        };
        (tried, answer)
    }

    async fn request(
        &self,
        claimed: &Claimed,
        secrets: &[SecretString],
        now: DateTime<Utc>,
    ) -> Result<Response, String> {
        let url = self.guard.check(&claimed.url).map_err(|error| match error {
            UrlError::Refused { .. } => FORBIDDEN.to_owned(),
            other => other.to_string(),
        })?;
        let (id, timestamp) = (claimed.event.to_string(), now.timestamp());
        let signature = signature::sign(secrets, &id, timestamp, claimed.body.as_bytes())
            .ok_or_else(|| "the secret cannot sign: replace it".to_owned())?;
        self.client
            .post(&url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(claimed.body.clone())
            .send()
            .await
            .map_err(|error| self.words(&error))
    }

    /// For the owner: what happened, and nothing of what our networks look like.
    fn words(&self, error: &reqwest::Error) -> String {
        if refused(error).is_some() {
            FORBIDDEN.to_owned()
        } else if error.is_timeout() {
            format!("no answer within {} seconds", self.patience.as_secs())
        } else if error.is_connect() {
            "it cannot be reached".to_owned()
        } else {
            "the connection ended before an answer".to_owned()
        }
    }
}

/// The beginning of an answer, as text. U+0000 cannot be stored.
async fn excerpt(mut response: Response) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < EXCERPT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(EXCERPT);
    let text = String::from_utf8_lossy(&bytes).replace('\0', "");
    (!text.is_empty()).then_some(text)
}
