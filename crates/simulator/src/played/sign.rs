//! Webhooks, ready to be posted.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Write};

/// A webhook as the platform posts it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// What is added to the webhook's address: `?hub.mode=…`, mostly nothing.
    pub suffix: String,
    /// Headers, the signature among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, to the byte.
    pub body: Vec<u8>,
}

/// A simulated text may have been typed by a person.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Signed {
    /// A POST of JSON.
    pub(crate) fn json(body: Vec<u8>) -> Self {
        Self {
            method: "POST",
            suffix: String::new(),
            headers: vec![("Content-Type", "application/json".to_owned())],
            body,
        }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// With what, when and for whom a webhook is made.
#[derive(Clone)]
pub struct Signing {
    /// The secret that the platform and the webhook's owner share.
    pub secret: String,
    /// Where the simulator plays the platform: `http://127.0.0.1:4010/teams`.
    pub base: String,
    /// When it is posted.
    pub at: DateTime<Utc>,
    /// Which try it is; the first is 0.
    pub attempt: u32,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing")
            .field("base", &self.base)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

pub(crate) fn hmac_sha256(key: &str, parts: &[&[u8]]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    hex(&mac.finalize().into_bytes())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String never fails.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
