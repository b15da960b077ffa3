//! What Telegram's errors mean for us: what to do next, and words for the owner.
//!
//! What to do next is decided by the status; Telegram's words, which change, only choose the advice.

use crate::api::{Failed, Refusal};
use channel::{CheckError, ListenError, MediaError, SendError};
use http::StatusCode;

/// Words in Telegram's descriptions, in lower case, with advice for the owner.
const ADVICE: &[(&str, &str)] = &[
    (
        "bot was blocked",
        "only the person can undo it, by starting the bot again",
    ),
    ("user is deactivated", "the person's Telegram account is deleted"),
    ("bot was kicked", "add the bot to the group again"),
    ("bot is not a member", "add the bot to the group again"),
    ("group chat was deleted", "the group does not exist any more"),
    (
        "can't initiate conversation",
        "a person has to write to the bot first",
    ),
    (
        "chat not found",
        "the person has to write to the bot first, or the group to add it",
    ),
    (
        "peer_id_invalid",
        "the person has to write to the bot first, or the group to add it",
    ),
    ("message thread not found", "the topic was deleted"),
    (
        "not enough rights",
        "let the bot send messages in the group's permissions",
    ),
    (
        "have no rights",
        "let the bot send messages in the group's permissions",
    ),
    ("message is too long", "the text is longer than Telegram takes"),
    ("button_data_invalid", "a button's value is longer than 64 bytes"),
    (
        "http url",
        "Telegram could not fetch the media: its address must be public and its file small enough",
    ),
    (
        "web page content",
        "the media's address does not lead to a file of its kind",
    ),
    (
        "logged out",
        "the bot was moved to a Bot API server of one's own: correct this installation's address of it",
    ),
    (
        "bad webhook",
        "set this installation's public address (`public_url`) to one that Telegram can call",
    ),
];

/// What Telegram said, and what to do about it.
fn words(refusal: &Refusal) -> String {
    match ADVICE.iter().find(|(said, _)| refusal.says(said)) {
        Some((_, advice)) => format!("{refusal}: {advice}"),
        None => refusal.to_string(),
    }
}

impl From<Failed> for SendError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Credentials(error) => Self::BadCredentials(error),
            Failed::Call(error) => error.into(),
            Failed::Refused(refusal) => refused(&refusal),
            Failed::Unreadable(status) => Self::Ambiguous {
                reason: format!("Telegram answered {status}, and the answer cannot be read"),
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
    match status {
        StatusCode::TOO_MANY_REQUESTS => retry(true, reason),
        // What stands between us and the server does not know what became of it, or was cut short itself.
        StatusCode::GATEWAY_TIMEOUT => SendError::Ambiguous { reason },
        status if status.is_server_error() && !refusal.complete => SendError::Ambiguous {
            reason: format!("{reason}, and the answer was cut short"),
        },
        status if status.is_server_error() => retry(false, reason),
        // We are not talking to Telegram: the operator's base address leads elsewhere, or a proxy objects.
        status if !refusal.is_telegrams || !status.is_client_error() => retry(
            false,
            format!(
                "{reason}, not in the Bot API's form: check this installation's address of it and its proxy"
            ),
        ),
        // A token that Telegram cannot read is no method's address to it.
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => SendError::Unauthorized {
            reason: format!("{reason}: enter the bot's current token, as @BotFather shows it"),
        },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => retry(false, reason),
        status => SendError::Rejected {
            code: Some(status.as_u16().to_string()),
            reason,
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

/// The same, of a file.
impl From<Failed> for MediaError {
    fn from(failed: Failed) -> Self {
        match failed {
            // Telegram says in one breath that the file is unknown and that it may be there later.
            Failed::Refused(refusal) if refusal.says("temporarily unavailable") => {
                Self::Retry(refusal.to_string())
            }
            failed => match failed.into() {
                SendError::Rejected { reason, .. } => Self::Refused(reason),
                // Credentials can be mended.
                error => Self::Retry(error.to_string()),
            },
        }
    }
}
