//! Answers an interaction in place of the "thinking" that it was first answered with, and below that.
//!
//! Invariant: an answer that stands there is never written over by another. A reply's first part takes the place of
//! "thinking" only while it is there; that call changes nothing when it is made again, so it is safe to repeat, and is
//! reported so. Later parts are messages of their own, and Discord has no nonce for them.
//!
//! Source: <https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages>

use crate::{
    api::{self, App, Failed},
    errors::repeatable,
    interaction::Pending,
    message::{LOADING, Message},
    outbound::{body, is_first, sent, written},
};
use channel::{OutboundPart, SendError, Sent};
use http::{Method, StatusCode};

/// There is no interaction, no message of it, or no more room for one: unknown message, unknown webhook, unknown
/// interaction, too many follow-ups, invalid token.
const OVER: &[u32] = &[10008, 10015, 10062, 40094, 50027];
/// What a token is answered with that is none any more.
const OVER_STATUSES: &[StatusCode] = &[StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND];

/// Whether the interaction cannot be answered any more, so that the answer has to be written into the channel.
pub(crate) fn is_over(failed: &Failed) -> bool {
    failed.is(OVER) || failed.has_status(OVER_STATUSES)
}

/// `None`: it is over, and nothing was sent.
pub(crate) async fn answer(
    app: &App<'_>,
    pending: &Pending,
    part: &OutboundPart,
) -> Result<Option<Sent>, SendError> {
    if is_first(part) {
        let original = match original(app, pending).await {
            Ok(original) => original,
            Err(failed) if is_over(&failed) => return Ok(None),
            Err(failed) => return Err(repeatable(failed)),
        };
        if original.flags & LOADING != 0 {
            return replace(app, pending, part).await;
        }
        if original.content.trim() == written(&part.content).trim() {
            return Ok(Some(sent(original.id)));
        }
    }
    follow_up(app, pending, part).await
}

/// What stands where "thinking" stood.
pub(crate) async fn original(app: &App<'_>, pending: &Pending) -> Result<Message, Failed> {
    let path = format!("{}/messages/@original", pending.webhook());
    api::call(app.as_nobody(Method::GET, &path)?).await
}

async fn replace(app: &App<'_>, pending: &Pending, part: &OutboundPart) -> Result<Option<Sent>, SendError> {
    let path = format!("{}/messages/@original", pending.webhook());
    let request = app.as_nobody(Method::PATCH, &path)?.json(&body(&part.content));
    made(api::call(request).await, repeatable)
}

async fn follow_up(app: &App<'_>, pending: &Pending, part: &OutboundPart) -> Result<Option<Sent>, SendError> {
    let request = app
        .as_nobody(Method::POST, &pending.webhook())?
        .json(&body(&part.content));
    made(api::call(request).await, SendError::from)
}

fn made(
    made: Result<Message, Failed>,
    error: impl FnOnce(Failed) -> SendError,
) -> Result<Option<Sent>, SendError> {
    match made {
        Ok(message) => Ok(Some(sent(message.id))),
        Err(failed) if is_over(&failed) => Ok(None),
        Err(failed) => Err(error(failed)),
    }
}

#[cfg(test)]
mod tests;
