//! A platform without a network: it carries what Twilio's address says, and believes every token but those that begin
//! with `refused`. A letter that it brings is proven by a ring on its leg: the token, and the address it was sent to.

use async_trait::async_trait;
use channel::{
    Address, Addressing, Capabilities, Cause, Channel, CheckError, Connected, Consent, ConversationKey,
    CredentialsError, Diagnoses, Diagnosis, Features, Field, FieldKind, Hints, Identity, InboundMessage,
    Limits, NumberCapabilities, OutboundContent, OutboundPart, Preview, Previews, ReceiveError, Received,
    Reply, SendError, Sent, Setup, SetupStep, Status, Template, Templates, WebhookKind, WebhookRequest,
    WebhookResponse, WebhookStatus,
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

const RING: &str = "x-ring";

#[derive(Deserialize)]
struct Letter {
    account: String,
    id: String,
    from: String,
    text: String,
}

fn ring(token: &SecretString, url: &str) -> String {
    format!("{} {url}", token.expose_secret())
}

/// A letter to this address, with a ring of this token.
pub fn letter(url: &str, token: &str, account: &str, text: &str) -> WebhookRequest {
    let mut headers = http::HeaderMap::new();
    headers.insert(RING, ring(&token.into(), url).parse().unwrap());
    let id = uuid::Uuid::now_v7();
    let body = serde_json::json!({"account": account, "id": id, "from": "+14155550123", "text": text});
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: http::Method::POST,
        url: url.to_owned(),
        headers,
        body: body.to_string().into(),
        received_at: chrono::Utc::now(),
    }
}

#[derive(Clone, Default)]
pub struct Pigeon {
    /// How long somebody waits for an answer.
    pub reply_window: Option<Duration>,
}

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
            generated: false,
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
                paste: None,
            }],
            limits: Limits {
                sends_per_second: 3.0,
                reply_window: self.reply_window,
                settle: Duration::ZERO,
                media: const {
                    &[
                        channel::media::MediaRule::mib("image/", 1),
                        channel::media::MediaRule::mib("text/plain", 1),
                    ]
                },
                conversation_gap: Duration::ZERO,
            },
            features: Features {
                templates: true,
                webhook: true,
                ..Features::default()
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

    async fn receive(
        &self,
        request: &WebhookRequest,
        credentials: &Credentials,
    ) -> Result<Received, ReceiveError> {
        if request.only_header(RING) != Some(&ring(&credentials.auth_token, &request.url)) {
            return Err(ReceiveError::BadSignature {
                reason: "the ring is another".to_owned(),
            });
        }
        let letter: Letter = serde_json::from_slice(&request.body)
            .map_err(|error| ReceiveError::Malformed(error.to_string()))?;
        Ok(Received {
            messages: vec![InboundMessage {
                account: letter.account,
                dedupe_key: letter.id,
                conversation: ConversationKey(letter.from.clone()),
                contact: letter.from,
                contact_name: None,
                text: letter.text.clone(),
                choice: None,
                media: Vec::new(),
                order_key: None,
                sent_at: None,
                reply_to: Some(serde_json::json!({"perch": 1})),
                consent: match letter.text.as_str() {
                    "STOP" => Some(Consent::OptOut),
                    "START" => Some(Consent::OptIn),
                    _ => None,
                },
            }],
            ..Received::nothing(WebhookResponse {
                status: http::StatusCode::OK,
                content_type: "text/plain",
                body: bytes::Bytes::new(),
            })
        })
    }

    /// Ten characters a pigeon, and one pigeon for media.
    fn compose(&self, reply: &Reply) -> Vec<OutboundContent> {
        let texts = channel::text::split(&reply.text, 10, |text| text.chars().count());
        let mut contents: Vec<OutboundContent> = texts
            .into_iter()
            .map(|text| OutboundContent {
                text,
                ..OutboundContent::default()
            })
            .collect();
        if reply.template.is_some() {
            return vec![OutboundContent {
                template: reply.template.clone(),
                ..OutboundContent::default()
            }];
        }
        if !reply.media.is_empty() {
            contents.push(OutboundContent {
                media: reply.media.clone(),
                ..OutboundContent::default()
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
            status: Some(self.clone()),
            templates: Some(self.clone()),
            diagnoses: Some(self),
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
impl Templates<Credentials> for Pigeon {
    async fn templates(&self, credentials: &Credentials) -> Result<Vec<Template>, CheckError> {
        credentials.accepted()?;
        Ok(vec![Template {
            name: "hello".to_owned(),
            language: "en".to_owned(),
            state: "approved".to_owned(),
            category: "utility".to_owned(),
            text: "Hello {{1}}".to_owned(),
            parameters: 1,
        }])
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

impl Diagnoses<Credentials> for Pigeon {
    fn names_account(&self, request: &WebhookRequest, credentials: &Credentials) -> bool {
        serde_json::from_slice::<Letter>(&request.body)
            .is_ok_and(|letter| letter.account == credentials.account_sid)
    }

    fn diagnose(&self, request: &WebhookRequest, hints: &Hints, credentials: &Credentials) -> Diagnosis {
        let given = request.only_header(RING).unwrap_or_default();
        let other = hints
            .other_urls
            .iter()
            .find(|url| ring(&credentials.auth_token, url) == given);
        match other {
            Some(url) => Diagnosis {
                cause: Cause::OtherUrl { url: url.clone() },
                words: format!("it was sent to {url}"),
            },
            None => Diagnosis {
                cause: Cause::WrongSecret,
                words: "the ring is of another loft".to_owned(),
            },
        }
    }
}
