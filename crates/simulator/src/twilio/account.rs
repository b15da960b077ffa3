//! Accounts and their numbers.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// An account at Twilio.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `AC…`
    pub sid: String,
    /// What webhooks are signed with.
    pub auth_token: SecretString,
    /// Further keys that may call the API: `SK…` and its secret. They may not read the account itself.
    #[serde(default)]
    pub api_keys: BTreeMap<String, SecretString>,
    /// Numbers it owns. An account without any may send from every number.
    #[serde(default)]
    pub numbers: Vec<Number>,
    /// `active`, `suspended` or `closed`.
    #[serde(default = "active")]
    pub status: String,
    /// `Trial` or `Full`.
    #[serde(default = "full", rename = "type")]
    pub kind: String,
    /// Messaging services (`MG…`) and where their inbound messages go.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
}

fn active() -> String {
    "active".to_owned()
}

fn full() -> String {
    "Full".to_owned()
}

/// A number that an account owns, and what its owner has set on it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// In E.164.
    pub phone_number: String,
    /// `PN…`
    #[serde(default = "number_sid")]
    pub sid: String,
    /// Settings by their names in the form, as `SmsUrl`.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Whether it takes part in SMS.
    #[serde(default = "yes")]
    pub sms: bool,
    /// Whether it takes part in MMS.
    #[serde(default = "yes")]
    pub mms: bool,
}

fn number_sid() -> String {
    new_sid("PN")
}

const fn yes() -> bool {
    true
}

/// A messaging service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Where inbound messages go.
    pub inbound_request_url: Option<String>,
    /// Whether the number's own address wins.
    #[serde(default)]
    pub use_inbound_webhook_on_number: bool,
    /// Its pool, in E.164.
    #[serde(default)]
    pub numbers: Vec<String>,
}

/// A new identifier of Twilio's shape.
pub(crate) fn new_sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// `Thu, 09 Jan 2025 10:00:00 +0000`
pub(crate) fn rfc_2822(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// What a request signed in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The account itself, by its token.
    Account,
    /// One of its keys.
    Key,
}

impl Account {
    /// An active account that may send from every number.
    pub fn new(sid: impl Into<String>, auth_token: impl Into<String>) -> Self {
        Self {
            sid: sid.into(),
            auth_token: auth_token.into().into(),
            api_keys: BTreeMap::new(),
            numbers: Vec::new(),
            status: active(),
            kind: full(),
            services: BTreeMap::new(),
        }
    }

    /// The same, owning a number.
    #[must_use]
    pub fn with_number(mut self, phone_number: impl Into<String>) -> Self {
        self.numbers.push(Number {
            phone_number: phone_number.into(),
            sid: number_sid(),
            settings: BTreeMap::new(),
            sms: true,
            mms: true,
        });
        self
    }

    pub(crate) fn sign_in(&self, user: &str, password: &str) -> Option<Caller> {
        let same =
            |secret: &SecretString| bool::from(secret.expose_secret().as_bytes().ct_eq(password.as_bytes()));
        if user == self.sid {
            return same(&self.auth_token).then_some(Caller::Account);
        }
        self.api_keys
            .get(user)
            .filter(|secret| same(secret))
            .map(|_| Caller::Key)
    }

    pub(crate) fn json(&self, created: DateTime<Utc>) -> Value {
        let uri = format!("/2010-04-01/Accounts/{}", self.sid);
        json!({
            "sid": self.sid,
            "auth_token": self.auth_token.expose_secret(),
            "owner_account_sid": self.sid,
            "friendly_name": "Simulated account",
            "status": self.status,
            "type": self.kind,
            "date_created": rfc_2822(created),
            "date_updated": rfc_2822(created),
            "uri": format!("{uri}.json"),
            "subresource_uris": {
                "messages": format!("{uri}/Messages.json"),
                "incoming_phone_numbers": format!("{uri}/IncomingPhoneNumbers.json"),
            },
        })
    }
}

impl Number {
    pub(crate) fn json(&self, account: &str, created: DateTime<Utc>) -> Value {
        let set = |name: &str| self.settings.get(name).cloned().unwrap_or_default();
        json!({
            "sid": self.sid,
            "account_sid": account,
            "friendly_name": self.phone_number,
            "phone_number": self.phone_number,
            "origin": "twilio",
            "beta": false,
            "api_version": "2010-04-01",
            "address_requirements": "none",
            "capabilities": {"voice": true, "sms": self.sms, "mms": self.mms, "fax": false},
            "sms_url": set("SmsUrl"),
            "sms_method": self.settings.get("SmsMethod").map_or("POST", String::as_str),
            "sms_fallback_url": set("SmsFallbackUrl"),
            "sms_fallback_method": self.settings.get("SmsFallbackMethod").map_or("POST", String::as_str),
            "sms_application_sid": set("SmsApplicationSid"),
            "status_callback": set("StatusCallback"),
            "status_callback_method": "POST",
            "voice_url": null,
            "voice_method": "POST",
            "status": "in-use",
            "date_created": rfc_2822(created),
            "date_updated": rfc_2822(created),
            "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{}.json", self.sid),
        })
    }
}

impl Service {
    pub(crate) fn json(&self, sid: &str, account: &str, created: DateTime<Utc>) -> Value {
        json!({
            "sid": sid,
            "account_sid": account,
            "friendly_name": "Simulated service",
            "date_created": created.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "date_updated": created.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "inbound_request_url": self.inbound_request_url,
            "inbound_method": "POST",
            "use_inbound_webhook_on_number": self.use_inbound_webhook_on_number,
            "usecase": "undeclared",
            "us_app_to_person_registered": false,
            "url": format!("https://messaging.twilio.com/v1/Services/{sid}"),
        })
    }
}
