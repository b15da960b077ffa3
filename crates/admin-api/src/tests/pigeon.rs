//! A platform without a network: it carries what Twilio's address says, and believes every token but those that begin
//! with `refused`.

use async_trait::async_trait;
use channel::{
    Address, Addressing, Capabilities, Channel, CheckError, Connected, ConversationKey, CredentialsError,
    Field, FieldKind, Identity, Limits, NumberCapabilities, OutboundContent, OutboundPart, Preview, Previews,
    ReceiveError, Received, Reply, SendError, Sent, Setup, SetupStep, Status, WebhookRequest, WebhookStatus,
};
use domain::{PhoneNumber, Platform};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use url::Url;

/// A secret that must never be seen again.
pub const CANARY: &str = "canary-0f3c9e7a51d24b68-tail";

/// Credentials that work.
pub fn good() -> serde_json::Value {
    serde_json::json!({"account_sid": "AC0001", "auth_token": CANARY, "phone_number": "+14155550100"})
}

#[derive(Clone)]
pub struct Pigeon;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    account_sid: String,
    auth_token: SecretString,
    phone_number: Option<String>,
}

impl Credentials {
    fn accepted(&self) -> Result<(), CheckError> {
        if self.auth_token.expose_secret().starts_with("refused") {
            return Err(CheckError::Unauthorized("authenticate (20003)".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Channel for Pigeon {
    type Credentials = Credentials;

    fn platform(&self) -> Platform {
        Platform::from_static("twilio")
    }

    fn setup(&self) -> Setup {
        let field = |name, kind, optional| Field {
            name,
            label: name,
            help: "on the perch",
            kind,
            optional,
        };
        Setup {
            title: "Pigeon",
            fields: vec![
                field("account_sid", FieldKind::Text, false),
                field("auth_token", FieldKind::Secret, false),
                field("phone_number", FieldKind::Phone, true),
            ],
            steps: vec![SetupStep {
                title: "Point it here",
                detail: "Paste {webhook_url} there.",
            }],
            limits: Limits {
                sends_per_second: 3.0,
                reply_window: None,
                settle: Duration::ZERO,
            },
        }
    }

    fn validate(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        if credentials.account_sid.starts_with("AC") {
            return Ok(());
        }
        Err(CredentialsError {
            field: "account_sid".to_owned(),
            problem: "begins with AC".to_owned(),
        })
    }

    fn account(&self, credentials: &Credentials) -> String {
        credentials.account_sid.clone()
    }

    async fn receive(&self, _: &WebhookRequest, _: &Credentials) -> Result<Received, ReceiveError> {
        Err(ReceiveError::Malformed("pigeons bring nothing here".to_owned()))
    }

    /// Ten characters a pigeon, and one pigeon for media.
    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        let texts = channel::text::split(&reply.text, 10, |text| text.chars().count());
        let mut contents: Vec<OutboundContent> = texts
            .into_iter()
            .map(|text| OutboundContent {
                text,
                media: Vec::new(),
            })
            .collect();
        if !reply.media.is_empty() {
            contents.push(OutboundContent {
                text: String::new(),
                media: reply.media.clone(),
            });
        }
        contents
    }

    async fn send(&self, _: &OutboundPart, _: &Credentials) -> Result<Sent, SendError> {
        Err(SendError::Rejected {
            code: None,
            reason: "not in these tests".to_owned(),
        })
    }

    async fn check(&self, credentials: &Credentials) -> Result<Identity, CheckError> {
        credentials.accepted()?;
        Ok(Identity {
            name: "+14155550100".to_owned(),
            details: vec!["trial account".to_owned()],
        })
    }

    async fn connect(&self, _: &Url, credentials: &Credentials) -> Result<Connected, CheckError> {
        credentials.accepted()?;
        Ok(match credentials.phone_number {
            Some(_) => Connected::Registered {
                set_on: "the number".to_owned(),
            },
            None => Connected::Manual {
                instructions: "set it by hand".to_owned(),
            },
        })
    }

    fn capabilities(self: Arc<Self>) -> Capabilities<Credentials> {
        Capabilities {
            addressing: Some(self.clone()),
            previews: Some(self.clone()),
            status: Some(self),
            ..Capabilities::NONE
        }
    }
}

impl Addressing<Credentials> for Pigeon {
    fn address(&self, to: &str, _: &Credentials) -> Result<Address, CredentialsError> {
        let number = PhoneNumber::try_from(to).map_err(|error| CredentialsError {
            field: "to".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Address {
            contact: number.to_string(),
            conversation: ConversationKey(number.to_string()),
        })
    }
}

impl Previews for Pigeon {
    fn preview(&self, text: &str) -> Preview {
        let encoding = if text.is_ascii() { "GSM-7" } else { "UCS-2" };
        Preview {
            messages: vec![text.to_owned()],
            segments: 1,
            encoding: encoding.to_owned(),
        }
    }
}

#[async_trait]
impl Status<Credentials> for Pigeon {
    async fn webhook(&self, credentials: &Credentials) -> Result<WebhookStatus, CheckError> {
        credentials.accepted()?;
        Ok(WebhookStatus {
            url: Some("https://elsewhere.example".to_owned()),
            method: None,
            set_on: "the number".to_owned(),
        })
    }

    async fn number(&self, credentials: &Credentials) -> Result<NumberCapabilities, CheckError> {
        credentials.accepted()?;
        Ok(NumberCapabilities {
            number: "+14155550100".to_owned(),
            sms: true,
            mms: false,
            voice: true,
        })
    }
}
