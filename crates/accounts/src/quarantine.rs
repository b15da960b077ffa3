//! A webhook that could not be verified, as it lies sealed in quarantine.
//!
//! Invariant: what comes out is what was put in, byte for byte, so that a signature over it can be checked again.

use crate::{AccountError, Accounts};
use bytes::Bytes;
use channel::{WebhookKind, WebhookRequest};
use chrono::{DateTime, Utc};
use domain::{PartId, QuarantineId, WorkspaceId};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;
use vault::Place;

/// Column of the sealed webhook, as the seal names it.
pub const QUARANTINED: &str = "quarantine.sealed";

/// A webhook without the public address of this installation: that may be what has to be mended.
#[derive(Clone, PartialEq)]
pub struct QuarantinedWebhook {
    /// Which of our addresses it was sent to.
    pub kind: WebhookKind,
    /// `GET` or `POST`.
    pub method: Method,
    /// Path and query, to the letter.
    pub path_and_query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
}

/// Somebody's words are in it.
impl fmt::Debug for QuarantinedWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuarantinedWebhook")
            .field("kind", &self.kind)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// What stands before the body, on a line of its own.
#[derive(Serialize, Deserialize)]
struct Head {
    kind: String,
    part: Option<PartId>,
    method: String,
    path_and_query: String,
    /// Values are bytes: each stands as the character of the same number.
    headers: Vec<(String, String)>,
}

impl QuarantinedWebhook {
    /// A request, which was made to this path and query.
    pub fn of(request: WebhookRequest, path_and_query: String) -> Self {
        Self {
            kind: request.kind,
            method: request.method,
            path_and_query,
            headers: request.headers,
            body: request.body,
        }
    }

    /// `inbound`, `shared` or `status`.
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            WebhookKind::Inbound => "inbound",
            WebhookKind::Shared => "shared",
            WebhookKind::Status { .. } => "status",
        }
    }

    /// How many bytes it has, headers and all.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        self.path_and_query.len() + headers + self.body.len()
    }

    /// The request as it came at that time, had we been known under this address.
    pub fn request(self, public_url: &Url, received_at: DateTime<Utc>) -> WebhookRequest {
        let origin = public_url.as_str().trim_end_matches('/');
        WebhookRequest {
            kind: self.kind,
            method: self.method,
            url: format!("{origin}{}", self.path_and_query),
            headers: self.headers,
            body: self.body,
            received_at,
        }
    }

    fn write(&self) -> serde_json::Result<Vec<u8>> {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = value.as_bytes().iter().copied().map(char::from).collect();
            (name.to_string(), value)
        });
        let head = Head {
            kind: self.kind_name().to_owned(),
            part: match self.kind {
                WebhookKind::Status { part } => Some(part),
                WebhookKind::Inbound | WebhookKind::Shared => None,
            },
            method: self.method.to_string(),
            path_and_query: self.path_and_query.clone(),
            headers: headers.collect(),
        };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }

    /// `None`: this is no webhook that we wrote.
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let kind = match (head.kind.as_str(), head.part) {
            ("inbound", None) => WebhookKind::Inbound,
            ("shared", None) => WebhookKind::Shared,
            ("status", Some(part)) => WebhookKind::Status { part },
            _ => return None,
        };
        let mut headers = HeaderMap::with_capacity(head.headers.len());
        for (name, value) in head.headers {
            let value: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(&value?).ok()?,
            );
        }
        Some(Self {
            kind,
            method: head.method.parse().ok()?,
            path_and_query: head.path_and_query,
            headers,
            body: Bytes::copy_from_slice(&bytes[end + 1..]),
        })
    }
}

impl Accounts {
    /// Seals a webhook for its row.
    pub async fn seal_webhook(
        &self,
        workspace: WorkspaceId,
        id: QuarantineId,
        webhook: &QuarantinedWebhook,
    ) -> Result<Vec<u8>, AccountError> {
        let plain = webhook.write().map_err(|_| AccountError::UnreadableWebhook(id))?;
        Ok(self.keyring.seal(workspace, place(id), &plain).await?)
    }

    /// Opens what [`Accounts::seal_webhook`] sealed.
    pub async fn open_webhook(
        &self,
        workspace: WorkspaceId,
        id: QuarantineId,
        sealed: &[u8],
    ) -> Result<QuarantinedWebhook, AccountError> {
        let plain = self.keyring.open(workspace, place(id), sealed).await?;
        QuarantinedWebhook::read(&plain).ok_or(AccountError::UnreadableWebhook(id))
    }
}

const fn place(id: QuarantineId) -> Place {
    Place {
        row: id.as_uuid(),
        column: QUARANTINED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(kind: WebhookKind, body: &[u8]) -> QuarantinedWebhook {
        let mut headers = HeaderMap::new();
        headers.append("x-signature", HeaderValue::from_static("one"));
        headers.append("x-signature", HeaderValue::from_static("two"));
        headers.append("x-odd", HeaderValue::from_bytes(b"\xff\xfe \t\"").unwrap());
        QuarantinedWebhook {
            kind,
            method: Method::POST,
            path_and_query: "/api/twilio/webhook/1?a=%20\u{e9}".to_owned(),
            headers,
            body: Bytes::copy_from_slice(body),
        }
    }

    #[test]
    fn what_comes_out_is_what_was_put_in_byte_for_byte() {
        for kind in [
            WebhookKind::Inbound,
            WebhookKind::Shared,
            WebhookKind::Status { part: PartId::new() },
        ] {
            for body in [b"".as_slice(), b"\n\n{}\n", b"\x00\xff\xc3\x28"] {
                let webhook = webhook(kind, body);

                let read = QuarantinedWebhook::read(&webhook.write().unwrap()).unwrap();

                assert_eq!(read, webhook);
            }
        }
    }

    #[test]
    fn its_address_is_the_public_one_of_the_day_it_is_asked_for() {
        let webhook = webhook(WebhookKind::Inbound, b"");
        let now = Utc::now();

        let request = webhook.request(&"https://mended.example/bots/".parse().unwrap(), now);

        assert_eq!(
            request.url,
            "https://mended.example/bots/api/twilio/webhook/1?a=%20\u{e9}"
        );
        assert_eq!(request.received_at, now);
    }

    #[test]
    fn what_we_did_not_write_is_not_read() {
        for bytes in [
            b"".as_slice(),
            b"{}\n",
            b"no line",
            b"{\"kind\":\"inbound\"}\nbody",
        ] {
            assert!(QuarantinedWebhook::read(bytes).is_none());
        }
    }

    #[test]
    fn a_debug_print_shows_nothing_that_was_written() {
        let shown = format!("{:?}", webhook(WebhookKind::Inbound, b"canary"));

        assert!(!shown.contains("canary") && !shown.contains("one"), "{shown}");
    }
}
