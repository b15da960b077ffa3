//! What Slack's errors mean for us: what to do next, and words for the owner.
//!
//! Whether a call may be repeated is decided by Slack's code, or by the HTTP status where there is none.
//! <https://docs.slack.dev/reference/methods/chat.postMessage#errors>

use crate::api::{Failed, Refusal};
use channel::{CheckError, ListenError, MediaError, SendError};
use http::StatusCode;
use platform_api::CallError;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Slow down, then again.
    SlowDown,
    /// Again: nothing was done.
    Again,
    /// The token does not work.
    Reconnect,
    /// Never again.
    GiveUp,
    /// Some of it may have been done.
    Unknown,
}

/// Codes whose meaning we know, with advice for the owner. Whatever else Slack says with `ok: false` was not done and
/// will not be.
const KNOWN: &[(&str, Next, &str)] = &[
    ("ratelimited", Next::SlowDown, "too many calls"),
    ("rate_limited", Next::SlowDown, "too many messages"),
    (
        "message_limit_exceeded",
        Next::SlowDown,
        "the workspace sends too many messages",
    ),
    ("internal_error", Next::Again, "Slack failed"),
    ("service_unavailable", Next::Again, "Slack is not available"),
    (
        "request_timeout",
        Next::Again,
        "the call did not reach Slack whole",
    ),
    (
        "fatal_error",
        Next::Unknown,
        "Slack failed, and some of it may have been done",
    ),
    (
        "invalid_auth",
        Next::Reconnect,
        "enter the app's current Bot User OAuth Token again",
    ),
    (
        "not_authed",
        Next::Reconnect,
        "Slack got no token: enter the Bot User OAuth Token again",
    ),
    (
        "account_inactive",
        Next::Reconnect,
        "the app was removed, or the workspace is gone: install the app again and enter its new token",
    ),
    (
        "token_revoked",
        Next::Reconnect,
        "the token was revoked: install the app again and enter its new token",
    ),
    (
        "token_expired",
        Next::Reconnect,
        "the token ran out: install an app without token rotation and enter its token",
    ),
    (
        "org_login_required",
        Next::Reconnect,
        "the workspace is moving into an organisation: connect it again when that is done",
    ),
    (
        "team_added_to_org",
        Next::Reconnect,
        "the workspace is moving into an organisation: connect it again when that is done",
    ),
    (
        "channel_not_found",
        Next::GiveUp,
        "there is no such channel, or the bot may not write to it or to this person",
    ),
    (
        "not_in_channel",
        Next::GiveUp,
        "the bot is not in the channel: invite it there with /invite",
    ),
    ("is_archived", Next::GiveUp, "the channel is archived"),
    (
        "restricted_action",
        Next::GiveUp,
        "the workspace's settings do not let the bot write there",
    ),
    (
        "restricted_action_read_only_channel",
        Next::GiveUp,
        "the channel is read-only",
    ),
    (
        "cannot_reply_to_message",
        Next::GiveUp,
        "this message cannot have a thread",
    ),
    (
        "messages_tab_disabled",
        Next::GiveUp,
        "nobody can write to the app: under App Home, turn the Messages Tab on",
    ),
    (
        "missing_scope",
        Next::GiveUp,
        "add the scope under OAuth & Permissions, install the app again and enter its token",
    ),
    (
        "not_allowed_token_type",
        Next::GiveUp,
        "this is another kind of token than the field asks for",
    ),
    ("no_text", Next::GiveUp, "there is neither text nor media to send"),
    (
        "msg_too_long",
        Next::GiveUp,
        "the text is longer than Slack takes",
    ),
    (
        "invalid_blocks",
        Next::GiveUp,
        "Slack cannot show it; a picture's address must be public",
    ),
    (
        "ekm_access_denied",
        Next::GiveUp,
        "the workspace's administrators have suspended writing",
    ),
    (
        "user_not_found",
        Next::GiveUp,
        "there is no such person in the workspace",
    ),
    (
        "forbidden_team",
        Next::GiveUp,
        "Slack does not let this workspace's apps use Socket Mode",
    ),
    ("message_not_found", Next::GiveUp, "the message was deleted"),
];

fn judge(refusal: &Refusal) -> (Next, &'static str) {
    if let Some(code) = &refusal.code {
        return KNOWN
            .iter()
            .find(|(known, ..)| known == code)
            .map(|(_, next, advice)| (*next, *advice))
            .unwrap_or(match refusal.status {
                StatusCode::TOO_MANY_REQUESTS => (Next::SlowDown, ""),
                status if status.is_server_error() => (Next::Again, ""),
                _ => (Next::GiveUp, ""),
            });
    }
    let next = match refusal.status {
        StatusCode::TOO_MANY_REQUESTS => Next::SlowDown,
        StatusCode::UNAUTHORIZED => Next::Reconnect,
        StatusCode::REQUEST_TIMEOUT => Next::Again,
        // What stands before Slack gave up waiting for it.
        StatusCode::GATEWAY_TIMEOUT => Next::Unknown,
        status if status.is_server_error() && !refusal.complete => Next::Unknown,
        status if status.is_server_error() || status.is_redirection() => Next::Again,
        _ => Next::GiveUp,
    };
    (next, "")
}

fn words(refusal: &Refusal, advice: &str) -> String {
    if advice.is_empty() {
        refusal.to_string()
    } else {
        format!("{refusal}: {advice}")
    }
}

fn again(reason: String) -> SendError {
    SendError::Retry {
        after: None,
        rate_limited: false,
        reason,
    }
}

fn unreadable(status: StatusCode) -> String {
    format!("Slack answered {status}, and what it said cannot be read")
}

/// For calls that change something.
pub(crate) fn sending(failed: Failed) -> SendError {
    match failed {
        Failed::Credentials(error) => error.into(),
        Failed::Call(error) => error.into(),
        Failed::Unreadable(status) => SendError::Ambiguous {
            reason: unreadable(status),
        },
        Failed::Refused(refusal) => {
            let (next, advice) = judge(&refusal);
            let reason = words(&refusal, advice);
            match next {
                Next::SlowDown | Next::Again => SendError::Retry {
                    after: refusal.retry_after,
                    rate_limited: next == Next::SlowDown,
                    reason,
                },
                Next::Reconnect => SendError::Unauthorized { reason },
                Next::GiveUp => SendError::Rejected {
                    code: refusal.code,
                    reason,
                },
                Next::Unknown => SendError::Ambiguous { reason },
            }
        }
    }
}

/// For calls that change nothing: they can always be made again.
pub(crate) fn asking(failed: Failed) -> SendError {
    match sending(failed) {
        SendError::Ambiguous { reason } => again(reason),
        error => error,
    }
}

/// For checks of the account.
pub(crate) fn checking(failed: Failed) -> CheckError {
    match asking(failed) {
        SendError::BadCredentials(error) => CheckError::BadCredentials(error),
        SendError::Unauthorized { reason } => CheckError::Unauthorized(reason),
        SendError::Rejected { reason, .. } => CheckError::Misconfigured(reason),
        SendError::Retry { reason, .. } | SendError::Ambiguous { reason } => CheckError::Unreachable(reason),
    }
}

/// For opening a connection.
pub(crate) fn listening(failed: Failed) -> ListenError {
    match asking(failed) {
        SendError::BadCredentials(error) => ListenError::Misconfigured {
            reason: error.to_string(),
        },
        SendError::Unauthorized { reason } => ListenError::Unauthorized { reason },
        SendError::Rejected { reason, .. } => ListenError::Misconfigured { reason },
        SendError::Retry { after, reason, .. } => ListenError::Lost { after, reason },
        SendError::Ambiguous { reason } => ListenError::Lost { after: None, reason },
    }
}

/// For asking about a file. Credentials and scopes can be mended, so only a file that is gone is refused.
pub(crate) fn fetching(failed: Failed) -> MediaError {
    match &failed {
        Failed::Refused(refusal)
            if matches!(
                refusal.code.as_deref(),
                Some("file_not_found" | "file_deleted" | "not_visible")
            ) =>
        {
            MediaError::Refused(refusal.to_string())
        }
        Failed::Call(CallError::NotSent(reason) | CallError::Unknown(reason)) => {
            MediaError::Retry(reason.clone())
        }
        _ => MediaError::Retry(asking(failed).to_string()),
    }
}

#[cfg(test)]
mod tests;
