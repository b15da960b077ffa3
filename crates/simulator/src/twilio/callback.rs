//! News of a message, reported to the address that was given with it.

use super::{
    message::Message,
    signature::{Params, sign},
    state::Twilio,
};
use crate::delivery::moved;
use anyhow::Context;
use chrono::Utc;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is reported of each message, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Callbacks {
    /// The statuses, in the order in which they are reported; empty: nothing is.
    pub statuses: Vec<String>,
    /// Milliseconds before each.
    pub every_ms: u64,
    /// Each is reported twice.
    pub twice: bool,
    /// The first goes out before the call that made the message is answered.
    pub before_the_answer: bool,
    /// Instead of `delivered` it is `undelivered`, with this code.
    pub fail_with: Option<u32>,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self {
            statuses: vec!["sent".to_owned(), "delivered".to_owned()],
            every_ms: 20,
            twice: false,
            before_the_answer: false,
            fail_with: None,
        }
    }
}

impl Callbacks {
    /// Nothing is ever reported.
    pub fn none() -> Self {
        Self {
            statuses: Vec::new(),
            ..Self::default()
        }
    }

    /// These, in this order.
    pub fn in_order(statuses: &[&str]) -> Self {
        Self {
            statuses: statuses.iter().map(|status| (*status).to_owned()).collect(),
            ..Self::default()
        }
    }
}

fn status_of(callbacks: &Callbacks, status: &str) -> (String, Option<u32>) {
    match callbacks.fail_with {
        Some(code) if status == "delivered" => ("undelivered".to_owned(), Some(code)),
        _ => (status.to_owned(), None),
    }
}

/// Reports everything there is to report of a message, without holding up its answer.
pub(super) fn run(twilio: Twilio, message: Message, callbacks: Callbacks) {
    if message.status_callback.is_none() || callbacks.statuses.is_empty() {
        return;
    }
    tokio::spawn(async move {
        let skipped = usize::from(callbacks.before_the_answer);
        for status in callbacks.statuses.iter().skip(skipped) {
            tokio::time::sleep(Duration::from_millis(callbacks.every_ms)).await;
            let (status, code) = status_of(&callbacks, status);
            for _ in 0..=usize::from(callbacks.twice) {
                report_and_count(&twilio, &message, &status, code).await;
            }
        }
    });
}

/// The one that overtakes the answer, if the policy wants it.
pub(super) async fn before_the_answer(twilio: &Twilio, message: &Message) {
    let callbacks = twilio.state().callbacks.clone();
    if let (true, Some(status)) = (callbacks.before_the_answer, callbacks.statuses.first()) {
        let (status, code) = status_of(&callbacks, status);
        report_and_count(twilio, message, &status, code).await;
    }
}

async fn report_and_count(twilio: &Twilio, message: &Message, status: &str, code: Option<u32>) {
    let slots = twilio.callback_slots();
    let Ok(_slot) = slots.acquire().await else { return };
    // Like Twilio: once more when there was no connection, never for what was answered.
    for attempt in 1..=2 {
        match report(twilio, message, status, code).await {
            Ok(answer) => return twilio.callback_counted((200..300).contains(&answer)),
            Err(error) if attempt == 2 => {
                tracing::debug!(%error, "status callback given up");
                twilio.callback_counted(false);
            }
            Err(_) => {}
        }
    }
}

/// Reports one status; the HTTP status it was answered with.
pub(super) async fn report(
    twilio: &Twilio,
    message: &Message,
    status: &str,
    error_code: Option<u32>,
) -> anyhow::Result<u16> {
    let url = message
        .status_callback
        .as_deref()
        .context("the message has no status callback")?;
    let (token, from) = {
        let mut state = twilio.state();
        if let Some(kept) = state.message_mut(&message.sid) {
            kept.status = status.to_owned();
            kept.error_code = error_code;
        }
        let account = state
            .accounts
            .get(&message.account_sid)
            .context("the account is gone")?;
        let of_service = message
            .messaging_service_sid
            .as_ref()
            .and_then(|sid| account.services.get(sid));
        let from = message
            .from
            .clone()
            .or_else(|| of_service?.numbers.first().cloned());
        (account.auth_token.clone(), from.unwrap_or_default())
    };
    let mut form: Params = [
        ("ApiVersion", "2010-04-01"),
        ("AccountSid", &message.account_sid),
        ("MessageSid", &message.sid),
        ("SmsSid", &message.sid),
        ("MessageStatus", status),
        ("SmsStatus", status),
        ("To", &message.to),
        ("From", &from),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    if let Some(sid) = &message.messaging_service_sid {
        form.push(("MessagingServiceSid".to_owned(), sid.clone()));
    }
    if let Some(code) = error_code {
        form.push(("ErrorCode".to_owned(), code.to_string()));
    }
    if status == "delivered" {
        form.push((
            "RawDlrDoneDate".to_owned(),
            Utc::now().format("%y%m%d%H%M").to_string(),
        ));
    }
    let signature = sign(token.expose_secret(), url, &form);
    let target = match twilio.callback_origin() {
        Some(origin) => moved(url, origin)?,
        None => url.to_owned(),
    };
    let answer = twilio
        .http()
        .post(target)
        .header("X-Twilio-Signature", signature)
        .form(&form)
        .send()
        .await
        .map_err(reqwest::Error::without_url)?;
    Ok(answer.status().as_u16())
}
