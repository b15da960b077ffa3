//! Inbound messages, delivered to a webhook as Twilio delivers them.

use super::{
    account::new_sid,
    segments::segments,
    signature::{Params, sign},
};
use crate::delivery::{self, Delivered, Retries, post};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use uuid::Uuid;

/// A message that a person sent to one of the account's numbers.
#[derive(Clone)]
pub struct Inbound {
    /// `SM…` or `MM…`
    pub message_sid: String,
    /// Whose number it was sent to.
    pub account_sid: String,
    /// The person's number.
    pub from: String,
    /// The account's number.
    pub to: String,
    /// The text.
    pub body: String,
    /// Addresses of media and their MIME types.
    pub media: Vec<(String, String)>,
    /// The messaging service that the number belongs to.
    pub messaging_service_sid: Option<String>,
    /// `STOP`, `START` or `HELP`, where Advanced Opt-Out is on.
    pub opt_out_type: Option<String>,
    /// Parameters that Twilio adds without notice.
    pub extra: Params,
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("message_sid", &self.message_sid)
            .finish_non_exhaustive()
    }
}

impl Inbound {
    /// A text message.
    pub fn sms(account_sid: &str, from: &str, to: &str, body: &str) -> Self {
        Self {
            message_sid: new_sid("SM"),
            account_sid: account_sid.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            media: Vec::new(),
            messaging_service_sid: None,
            opt_out_type: None,
            extra: Params::new(),
        }
    }

    /// The same with a picture.
    #[must_use]
    pub fn with_media(mut self, url: &str, content_type: &str) -> Self {
        if self.media.is_empty() {
            self.message_sid.replace_range(..2, "MM");
        }
        self.media.push((url.to_owned(), content_type.to_owned()));
        self
    }

    /// The form that Twilio posts.
    pub fn params(&self) -> Params {
        let mut form: Params = [
            ("ToCountry", "US"),
            ("ToState", "CA"),
            ("SmsMessageSid", &self.message_sid),
            ("NumMedia", &self.media.len().to_string()),
            ("ToCity", "SAN FRANCISCO"),
            ("FromZip", ""),
            ("SmsSid", &self.message_sid),
            ("FromState", ""),
            ("SmsStatus", "received"),
            ("FromCity", ""),
            ("Body", &self.body),
            ("FromCountry", "US"),
            ("To", &self.to),
            ("ToZip", "94103"),
            ("NumSegments", &segments(&self.body).to_string()),
            ("MessageSid", &self.message_sid),
            ("AccountSid", &self.account_sid),
            ("From", &self.from),
            ("ApiVersion", "2010-04-01"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        for (position, (url, content_type)) in self.media.iter().enumerate() {
            form.push((format!("MediaUrl{position}"), url.clone()));
            form.push((format!("MediaContentType{position}"), content_type.clone()));
        }
        if let Some(sid) = &self.messaging_service_sid {
            form.push(("MessagingServiceSid".to_owned(), sid.clone()));
        }
        if let Some(kind) = &self.opt_out_type {
            form.push(("OptOutType".to_owned(), kind.clone()));
        }
        form.extend(self.extra.iter().cloned());
        form
    }
}

/// Posts signed webhooks to a gateway.
#[derive(Clone)]
pub struct WebhookSender {
    http: reqwest::Client,
    auth_token: SecretString,
    signed_origin: String,
    target_origins: Vec<String>,
}

impl WebhookSender {
    /// Signs for `signed_origin` (the gateway's public address) and posts to `target_origin`, which may be the same.
    pub fn new(
        auth_token: impl Into<SecretString>,
        signed_origin: &str,
        target_origin: &str,
    ) -> anyhow::Result<Self> {
        Self::to_several(auth_token, signed_origin, &[target_origin])
    }

    /// The same with several gateways behind one public address; each try goes to the next.
    pub fn to_several(
        auth_token: impl Into<SecretString>,
        signed_origin: &str,
        target_origins: &[&str],
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(!target_origins.is_empty(), "no gateway to post to");
        let http = delivery::client()?;
        let trim = |origin: &str| origin.trim_end_matches('/').to_owned();
        Ok(Self {
            http,
            auth_token: auth_token.into(),
            signed_origin: trim(signed_origin),
            target_origins: target_origins.iter().map(|origin| trim(origin)).collect(),
        })
    }

    /// Delivers a message to a chatbot's webhook.
    pub async fn deliver(&self, chatbot: &str, inbound: &Inbound, retries: Retries) -> Delivered {
        let form = inbound.params();
        let path = format!("/api/twilio/webhook/{chatbot}");
        self.post(&path, &form, &self.signature(&path, &form), retries)
            .await
    }

    /// What Twilio would sign for this path.
    pub fn signature(&self, path: &str, form: &[(String, String)]) -> String {
        sign(
            self.auth_token.expose_secret(),
            &format!("{}{path}", self.signed_origin),
            form,
        )
    }

    /// Posts a form with any signature, right or wrong.
    pub async fn post(
        &self,
        path: &str,
        form: &[(String, String)],
        signature: &str,
        retries: Retries,
    ) -> Delivered {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let delivery_token = Uuid::new_v4().to_string();
        let origins = &self.target_origins;
        post(retries, |attempt| {
            let origin = &origins[attempt as usize % origins.len()];
            self.http
                .post(format!("{origin}{path}"))
                .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
                .header("X-Twilio-Signature", signature)
                .header("I-Twilio-Idempotency-Token", &delivery_token)
                .header("User-Agent", "TwilioProxy/1.1")
                .body(body.clone())
        })
        .await
    }
}
