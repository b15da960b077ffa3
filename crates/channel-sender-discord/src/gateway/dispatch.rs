//! What the Gateway's events bring.

use super::Listener;
use crate::{
    api,
    interaction::{self, Pending, Unread},
    message::Message,
    place::Kind,
};
use channel::{InletError, MalformedPart, Received, WebhookResponse};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Discord waits for three seconds, and the connection waits for us.
const SHORTLY: Duration = Duration::from_secs(3);

/// Queues what an event brings. Whether it brought anything.
pub(super) async fn take(
    listener: &Listener<'_>,
    event: &str,
    json: Value,
    bot: &str,
) -> Result<bool, InletError> {
    match event {
        "MESSAGE_CREATE" => message(listener, &json, bot).await,
        "INTERACTION_CREATE" => interaction(listener, &json).await,
        _ => Ok(false),
    }
}

async fn message(listener: &Listener<'_>, json: &Value, bot: &str) -> Result<bool, InletError> {
    let mut received = Received::nothing(WebhookResponse::empty());
    match Message::deserialize(json) {
        Ok(message) => {
            let kind = Kind::of(message.channel_type, message.guild_id.is_some());
            let application = &listener.app.credentials.application_id;
            received
                .messages
                .extend(message.into_inbound(kind, application, bot));
        }
        Err(error) => received
            .malformed
            .push(malformed("MESSAGE_CREATE", error.to_string())),
    }
    queue(listener, received).await
}

/// Interactions come here where the application has no address for them. They are answered in a call of their own, once
/// they are queued.
async fn interaction(listener: &Listener<'_>, json: &Value) -> Result<bool, InletError> {
    let mut received = Received::nothing(WebhookResponse::empty());
    let (mut response, mut pending) = (None, None);
    match interaction::read(json, &listener.app.credentials.application_id) {
        Ok(read) => {
            response = read.response;
            pending = read.message.as_ref().and_then(Pending::of_message);
            received.messages.extend(read.message);
        }
        Err(Unread::Malformed(problem)) => received.malformed.push(malformed("INTERACTION_CREATE", problem)),
        Err(Unread::Foreign(given)) => {
            received.malformed.push(malformed(
                "INTERACTION_CREATE",
                format!("it is application {given}'s"),
            ));
        }
    }
    // What brings no message is answered too.
    let pending = pending.or_else(|| {
        let named = json!({"interaction": {"id": json["id"], "token": json["token"], "application_id": json["application_id"]}});
        Pending::any_of(Some(&named), &listener.app.credentials.application_id)
    });
    let was_queued = queue(listener, received).await?;
    if let (Some(pending), Some(response)) = (pending, response)
        && let Ok(request) = listener.app.as_nobody(Method::POST, &pending.callback())
    {
        // An interaction that stays unanswered is answered in its channel.
        let _ = api::perform(request.timeout(SHORTLY).json(&response)).await;
    }
    Ok(was_queued)
}

async fn queue(listener: &Listener<'_>, received: Received) -> Result<bool, InletError> {
    if received.messages.is_empty() && received.malformed.is_empty() {
        return Ok(false);
    }
    listener.inlet.accept(received).await?;
    Ok(true)
}

fn malformed(position: &str, problem: String) -> MalformedPart {
    MalformedPart {
        position: position.to_owned(),
        problem,
    }
}
