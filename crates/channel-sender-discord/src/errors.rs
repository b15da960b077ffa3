//! What Discord's errors mean for us: what to do next, and words for the owner.
//!
//! What to do next is decided by the status and, where it says more, by Discord's code
//! (<https://docs.discord.com/developers/topics/opcodes-and-status-codes>); never by its words, which change.

use crate::api::{Failed, Refusal};
use channel::{CheckError, ListenError, SendError};
use http::StatusCode;
use std::time::Duration;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Again later. It is this channel or Discord itself that is busy, not we who are too fast everywhere.
    Later,
    /// The token does not work.
    Reconnect,
    /// Never again.
    GiveUp,
}

/// Codes whose meaning we know, with advice for the owner.
const KNOWN: &[(u32, Next, &str)] = &[
    (10003, Next::GiveUp, "the channel does not exist any more"),
    (
        10004,
        Next::GiveUp,
        "the server does not exist any more, or the bot is not in it",
    ),
    (10008, Next::GiveUp, "the message was deleted"),
    (
        10013,
        Next::GiveUp,
        "the person's account does not exist any more",
    ),
    (10015, Next::GiveUp, "the interaction is over"),
    (
        10062,
        Next::GiveUp,
        "the interaction is over: Discord was not answered within three seconds",
    ),
    (20016, Next::Later, "the channel is in slow mode"),
    (20028, Next::Later, "the channel takes no more messages now"),
    (
        30046,
        Next::GiveUp,
        "the message is old and was changed too often",
    ),
    (40001, Next::Reconnect, "enter the bot's current token"),
    (40004, Next::GiveUp, "Discord has switched sending off"),
    (40005, Next::GiveUp, "the message is larger than Discord takes"),
    (40060, Next::GiveUp, "the interaction was answered already"),
    (
        40094,
        Next::GiveUp,
        "the interaction has had as many answers as Discord takes: add the bot to the server",
    ),
    (
        40333,
        Next::GiveUp,
        "Discord's proxy turns the user agent away: see whether a proxy of yours changes it",
    ),
    (
        50001,
        Next::GiveUp,
        "let the bot view the channel: Server Settings, Roles, or the channel's permissions",
    ),
    (50006, Next::GiveUp, "there is nothing in the message"),
    (
        50007,
        Next::GiveUp,
        "the person takes no direct messages from the bot: only they can allow them",
    ),
    (50008, Next::GiveUp, "the channel takes no text"),
    (
        50009,
        Next::GiveUp,
        "the channel asks for more verification than the bot has",
    ),
    (
        50013,
        Next::GiveUp,
        "let the bot send messages: Server Settings, Roles, or the channel's permissions",
    ),
    (
        50014,
        Next::Reconnect,
        "enter the bot's current token: Reset Token under Bot in the Developer Portal",
    ),
    (
        50024,
        Next::GiveUp,
        "the channel is of a kind that does not take this",
    ),
    (50027, Next::GiveUp, "the interaction is over"),
    (
        50035,
        Next::GiveUp,
        "Discord does not take the message in this form",
    ),
    (50083, Next::GiveUp, "the thread is archived: open it again"),
    (
        50278,
        Next::GiveUp,
        "the person and the bot have no server in common any more",
    ),
    (110_000, Next::Later, "Discord is not ready yet"),
    (130_000, Next::Later, "Discord is overloaded"),
    (
        160_002,
        Next::GiveUp,
        "let the bot read the channel's message history: Server Settings, Roles",
    ),
    (
        160_005,
        Next::GiveUp,
        "the thread is locked: a moderator has to unlock it",
    ),
    (
        200_000,
        Next::GiveUp,
        "the server's AutoMod blocks the text: exempt the bot's role, or change the rule",
    ),
];

/// How long to leave Discord alone where its proxy has shut us out and does not say for how long.
const SHUT_OUT: Duration = Duration::from_secs(60);

/// Statuses of proxies that do not know what became of a call: 504, and Cloudflare's 520 and 524.
const UNKNOWN: [u16; 3] = [504, 520, 524];

fn known(refusal: &Refusal) -> Option<(Next, &'static str)> {
    let code = refusal.code?;
    KNOWN
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(_, next, advice)| (*next, *advice))
}

/// What Discord said, and what to do about it.
fn words(refusal: &Refusal) -> String {
    match known(refusal) {
        Some((_, advice)) => format!("{refusal}: {advice}"),
        None => refusal.to_string(),
    }
}

impl Failed {
    /// Discord refused with one of these codes.
    pub(crate) fn is(&self, codes: &[u32]) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code.is_some_and(|code| codes.contains(&code)))
    }

    /// Discord refused, in its own form, with one of these statuses.
    pub(crate) fn has_status(&self, statuses: &[StatusCode]) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_discords && statuses.contains(&refusal.status))
    }
}

impl From<Failed> for SendError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Credentials(error) => Self::BadCredentials(error),
            Failed::Call(error) => error.into(),
            Failed::Refused(refusal) => refused(&refusal),
            Failed::Unreadable(status) => Self::Ambiguous {
                reason: format!("Discord answered {status}, and the answer cannot be read"),
            },
        }
    }
}

fn refused(refusal: &Refusal) -> SendError {
    let (status, reason) = (refusal.status, words(refusal));
    let retry = |rate_limited, reason| SendError::Retry {
        after: refusal.retry_after,
        rate_limited,
        reason,
    };
    let next = known(refusal).map(|(next, _)| next);
    match status {
        StatusCode::TOO_MANY_REQUESTS if !refusal.is_discords => SendError::Retry {
            after: Some(refusal.retry_after.unwrap_or(SHUT_OUT)),
            rate_limited: true,
            reason: format!(
                "{reason}, and it is its proxy that says so: it shuts this server's address out for a while"
            ),
        },
        StatusCode::TOO_MANY_REQUESTS => retry(next != Some(Next::Later) && !refusal.is_shared_limit, reason),
        status if UNKNOWN.contains(&status.as_u16()) => SendError::Ambiguous { reason },
        status if status.is_server_error() && !refusal.complete => SendError::Ambiguous {
            reason: format!("{reason}, and the answer was cut short"),
        },
        status if status.is_server_error() => retry(false, reason),
        // We are not talking to Discord: its proxy objects, or the operator's base address leads elsewhere.
        status if !refusal.is_discords || !status.is_client_error() => retry(
            false,
            format!("{reason}, not in its API's form: check this installation's address of it and its proxy"),
        ),
        StatusCode::UNAUTHORIZED => SendError::Unauthorized {
            reason: format!(
                "{refusal}: enter the bot's current token (Reset Token under Bot in the Developer Portal)"
            ),
        },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => retry(false, reason),
        status => match next {
            Some(Next::Later) => retry(false, reason),
            Some(Next::Reconnect) => SendError::Unauthorized { reason },
            Some(Next::GiveUp) | None => SendError::Rejected {
                code: Some(refusal.code.unwrap_or_else(|| status.as_u16().into()).to_string()),
                reason,
            },
        },
    }
}

/// The same, of a call that can always be made again.
pub(crate) fn repeatable(failed: Failed) -> SendError {
    match failed.into() {
        SendError::Ambiguous { reason } => SendError::Retry {
            after: None,
            rate_limited: false,
            reason,
        },
        error => error,
    }
}

/// The same, for an owner who waits for the answer.
impl From<Failed> for CheckError {
    fn from(failed: Failed) -> Self {
        match SendError::from(failed) {
            SendError::Unauthorized { reason } => Self::Unauthorized(reason),
            SendError::Rejected { reason, .. } => Self::Misconfigured(reason),
            SendError::Retry { reason, .. } | SendError::Ambiguous { reason } => Self::Unreachable(reason),
            SendError::BadCredentials(error) => Self::BadCredentials(error),
        }
    }
}

/// The same, of a connection that we open.
impl From<Failed> for ListenError {
    fn from(failed: Failed) -> Self {
        match SendError::from(failed) {
            SendError::Unauthorized { reason } => Self::Unauthorized { reason },
            SendError::Rejected { reason, .. } => Self::Misconfigured { reason },
            SendError::Retry { after, reason, .. } => Self::Lost { after, reason },
            SendError::Ambiguous { reason } => Self::Lost { after: None, reason },
            SendError::BadCredentials(error) => Self::Misconfigured {
                reason: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice() {
        let mut codes: Vec<u32> = KNOWN.iter().map(|(code, ..)| *code).collect();
        codes.sort_unstable();
        codes.dedup();

        assert_eq!(codes.len(), KNOWN.len());
    }
}
