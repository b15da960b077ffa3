//! What we write: one message as it is, and its webhook where somebody wants it pushed.

use crate::{Credentials, Rest, signature};
use channel::{OutboundContent, OutboundPart, Reply, SendError, Sent};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{StatusCode, header::CONTENT_TYPE};
use platform_api::{Answer, words_of};
use serde_json::json;

/// A program has no measure: one message, in CommonMark as it was written.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let nothing = reply.text.trim().is_empty() && reply.media.is_empty() && reply.buttons.is_empty();
    if nothing {
        return Vec::new();
    }
    vec![OutboundContent {
        text: reply.text.trim().to_owned(),
        media: reply.media.clone(),
        buttons: reply.buttons.clone(),
        ..OutboundContent::default()
    }]
}

pub(crate) async fn send(
    rest: &Rest,
    part: &OutboundPart,
    credentials: &Credentials,
    now: DateTime<Utc>,
) -> Result<Sent, SendError> {
    let id = part.id.to_string();
    let sent = Sent {
        platform_message_id: id.clone(),
        segments: None,
    };
    let Some(address) = credentials.address(&rest.guard)? else {
        // Whoever asked reads it here.
        return Ok(sent);
    };
    let body = body(part, now).to_string();
    let timestamp = now.timestamp();
    let request = rest
        .client
        .post(&address)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp.to_string())
        .header(
            "webhook-signature",
            signature::sign(&credentials.signing_key()?, &id, timestamp, body.as_bytes()),
        )
        .body(body);
    let response = request.send().await.map_err(failed)?;
    // What it says besides is of no consequence, and is not read.
    let answer = Answer {
        status: response.status(),
        headers: response.headers().clone(),
        complete: false,
        body: Vec::new(),
    };
    judge(&answer).map(|()| sent)
}

fn failed(error: reqwest::Error) -> SendError {
    if let Some(refusal) = egress::refused(&error) {
        return SendError::Rejected {
            code: None,
            reason: format!(
                "the reply address's host leads to {refusal}; the operator of this installation can allow it with \
                 platforms.rest_allowed_private_cidrs"
            ),
        };
    }
    let not_sent = error.is_connect() || error.is_builder();
    let reason = words_of(error);
    if not_sent {
        SendError::Retry {
            after: None,
            rate_limited: false,
            reason: format!("no connection to the reply address: {reason}"),
        }
    } else {
        SendError::Ambiguous {
            reason: format!("the reply address did not answer: {reason}"),
        }
    }
}

/// What the receiver reads.
fn body(part: &OutboundPart, now: DateTime<Utc>) -> serde_json::Value {
    let conversation = part
        .conversation
        .strip_prefix(&part.contact)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(&part.conversation);
    json!({
        "type": "message.created",
        "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": {
            "conversation": conversation,
            "user": part.contact.strip_prefix("user:"),
            "part_id": part.id,
            "text": part.content.text,
            "media": part.content.media,
            "buttons": part.content.buttons,
        },
    })
}

fn judge(answer: &Answer) -> Result<(), SendError> {
    let status = answer.status;
    if status.is_success() {
        return Ok(());
    }
    let reason = format!("the reply address answered {status}");
    let retry = |rate_limited| SendError::Retry {
        after: answer.retry_after(),
        rate_limited,
        reason: reason.clone(),
    };
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => retry(true),
        StatusCode::REQUEST_TIMEOUT => retry(false),
        status if status.is_server_error() => retry(false),
        StatusCode::GONE => SendError::Rejected {
            code: Some("410".to_owned()),
            reason: format!(
                "{reason}: it wants no more messages. Change or remove the integration's reply address"
            ),
        },
        status if status.is_redirection() => SendError::Rejected {
            code: Some(status.as_u16().to_string()),
            reason: format!("{reason}: redirects are not followed. Enter the address that it leads to"),
        },
        status => SendError::Rejected {
            code: Some(status.as_u16().to_string()),
            reason: format!("{reason}. Its own log says why"),
        },
    })
}
