//! Reads what is proven: events, presses of buttons, slash commands.
//!
//! Slack adds events and fields without notice, so what we do not know is acknowledged. What cannot be read is reported
//! and acknowledged too: Slack would send it again three times, and it would not be better.
//! <https://docs.slack.dev/apis/events-api>

mod command;
mod event;
mod interaction;

pub(crate) use event::{Message, Reader};

use crate::credentials::Credentials;
use bytes::Bytes;
use channel::{MalformedPart, ReceiveError, Received, WebhookKind, WebhookRequest, WebhookResponse};
use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

/// What a body is.
pub(crate) enum Body {
    /// JSON: the Events API, with its handshake.
    Event(Value),
    /// A form whose field `payload` is JSON: a press of a button, a shortcut, a dialogue.
    Interaction(Value),
    /// A form, here as JSON: a slash command.
    Command(Value),
    /// A form of another kind.
    Other,
}

impl Body {
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, ReceiveError> {
        let json = |bytes: &[u8]| {
            serde_json::from_slice::<Value>(bytes)
                .map_err(|error| ReceiveError::Malformed(format!("the JSON cannot be read: {error}")))
        };
        if bytes.trim_ascii_start().starts_with(b"{") {
            return json(bytes).map(Self::Event);
        }
        let form: Map<String, Value> = form_urlencoded::parse(bytes)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        match form.get("payload").and_then(Value::as_str) {
            Some(payload) => json(payload.as_bytes()).map(Self::Interaction),
            None if form.contains_key("command") => Ok(Self::Command(Value::Object(form))),
            None if form.is_empty() => Err(ReceiveError::Malformed("the body is empty".to_owned())),
            None => Ok(Self::Other),
        }
    }
}

/// Whether Slack only tries the certificate. It may not sign that, so nothing else of it is read.
pub(crate) fn is_ssl_check(request: &WebhookRequest) -> bool {
    let form = if request.method == Method::GET {
        request.query().as_bytes()
    } else {
        &request.body
    };
    // Such a form is short, and anybody can send us a long one.
    form.len() <= 1_024
        && form_urlencoded::parse(form).any(|(name, value)| name == "ssl_check" && value == "1")
}

/// Reads a request that [`crate::signature::verify`] has proven.
pub(crate) fn read(request: &WebhookRequest, credentials: &Credentials) -> Result<Received, ReceiveError> {
    let body = Body::of(&request.body)?;
    if let Body::Event(event) = &body
        && event["type"] == "url_verification"
    {
        return challenge(event);
    }
    match read_body(body, request.received_at, credentials) {
        Err(ReceiveError::ForeignAccount { .. }) if request.kind == WebhookKind::Shared => {
            Ok(Received::nothing(WebhookResponse::empty()))
        }
        outcome => outcome,
    }
}

fn challenge(event: &Value) -> Result<Received, ReceiveError> {
    let challenge = event["challenge"]
        .as_str()
        .ok_or_else(|| ReceiveError::Malformed("challenge is missing".to_owned()))?;
    Ok(Received::nothing(WebhookResponse {
        status: StatusCode::OK,
        content_type: "application/json",
        body: Bytes::from(json!({ "challenge": challenge }).to_string()),
    }))
}

/// Reads what is proven, however it came.
pub(crate) fn read_body(
    body: Body,
    now: DateTime<Utc>,
    credentials: &Credentials,
) -> Result<Received, ReceiveError> {
    let mut received = Received::nothing(WebhookResponse::empty());
    let value = match &body {
        Body::Event(value) | Body::Interaction(value) | Body::Command(value) => value,
        Body::Other => return Ok(received),
    };
    let owners = owners(value);
    match owners.first() {
        Some(_) if owners.contains(&credentials.team_id) => (),
        Some(given) => {
            return Err(ReceiveError::ForeignAccount {
                given: given.chars().take(40).collect(),
            });
        }
        None => {
            received.malformed.push(malformed("team_id", "is missing"));
            return Ok(received);
        }
    }
    match body {
        Body::Event(value) => event::read(value, credentials, &mut received),
        Body::Interaction(value) => interaction::read(value, credentials, &mut received),
        Body::Command(value) => command::read(value, now, credentials, &mut received),
        Body::Other => (),
    }
    Ok(received)
}

/// The workspaces that something belongs to. In channels that are shared between workspaces an event names the one where
/// it happened; whose installation it is for is among the authorizations.
pub(crate) fn owners(value: &Value) -> Vec<String> {
    let installations = value["authorizations"].as_array().into_iter().flatten();
    let owners: Vec<String> = installations
        .filter_map(|installation| installation["team_id"].as_str())
        .map(str::to_owned)
        .collect();
    if !owners.is_empty() {
        return owners;
    }
    [
        &value["context_team_id"],
        &value["team_id"],
        &value["team"]["id"],
        &value["user"]["team_id"],
    ]
    .into_iter()
    .find_map(Value::as_str)
    .map(str::to_owned)
    .into_iter()
    .collect()
}

/// Something that cannot be read, and where it stood.
fn malformed(position: impl Into<String>, problem: impl ToString) -> MalformedPart {
    MalformedPart {
        position: position.into(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
