//! A message as Twilio's API shows it.

use super::account::rfc_2822;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;

/// Which way a message went, in Twilio's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// A person wrote to one of the account's numbers.
    #[serde(rename = "inbound")]
    Inbound,
    /// The account wrote through the API.
    #[serde(rename = "outbound-api")]
    Outbound,
}

/// A message that Twilio has.
#[derive(Clone, Serialize)]
pub struct Message {
    /// Position among all messages that this simulator has had, from 1.
    pub seq: u64,
    /// `SM…` or `MM…`
    pub sid: String,
    /// Whose it is.
    pub account_sid: String,
    /// The sender's number; none yet where a messaging service is to pick one.
    pub from: Option<String>,
    /// The recipient's number.
    pub to: String,
    /// The text.
    pub body: String,
    /// Addresses of media.
    pub media: Vec<String>,
    /// Which way it went.
    pub direction: Direction,
    /// `queued`, `sent`, `delivered` …
    pub status: String,
    /// The messaging service it went through.
    pub messaging_service_sid: Option<String>,
    /// Where news of it is to be reported.
    pub status_callback: Option<String>,
    /// What it would be billed as.
    pub num_segments: u32,
    /// Why it failed.
    pub error_code: Option<u32>,
    /// When it was accepted.
    #[serde(serialize_with = "rfc_3339")]
    pub created_at: DateTime<Utc>,
}

fn rfc_3339<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

/// A simulated text may have been typed by a person.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("seq", &self.seq)
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("chars", &self.body.chars().count())
            .finish_non_exhaustive()
    }
}

impl Message {
    /// As the answer to its creation.
    pub(crate) fn created_json(&self) -> Value {
        let mut json = self.json();
        json["date_sent"] = Value::Null;
        if self.messaging_service_sid.is_some() {
            json["num_segments"] = "0".into();
        }
        json
    }

    /// As in a list.
    pub(crate) fn json(&self) -> Value {
        let at = rfc_2822(self.created_at);
        let uri = format!("/2010-04-01/Accounts/{}/Messages/{}", self.account_sid, self.sid);
        json!({
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": at,
            "date_sent": at,
            "date_updated": at,
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": null,
            "from": self.from,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": self.media.len().to_string(),
            "num_segments": self.num_segments.to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": format!("{uri}/Media.json")},
            "to": self.to,
            "uri": format!("{uri}.json"),
        })
    }
}
