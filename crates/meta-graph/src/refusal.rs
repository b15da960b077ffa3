//! What the Graph API's errors mean for us: what to do next, and words for the owner.
//!
//! Almost every error comes with status 400, so it is the code that decides, and the subcode where it says more; never
//! the words, which change. See "Graph API, Handle errors".

use crate::usage;
use channel::{CheckError, SendError};
use http::StatusCode;
use platform_api::{Answer, tidy};
use serde::Deserialize;
use std::{fmt, time::Duration};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Again, in a while.
    Again,
    /// Again, no sooner than this; the rest of the account goes on.
    After(Duration),
    /// We send too fast: the whole account pauses.
    SlowDown,
    /// The account or its credentials do not work until the owner does something.
    Reconnect,
    /// Never again.
    GiveUp,
}

/// An error whose meaning we know: code, subcode, what to do next, and advice for the owner. Without a subcode it stands
/// for all that are not listed.
pub type Known = (i64, Option<i64>, Next, &'static str);

/// What all of the Graph API says.
const COMMON: &[Known] = &[
    (
        0,
        None,
        Next::Reconnect,
        "the access token is not accepted: enter a new one",
    ),
    (1, None, Next::Again, "Meta has a fault; it usually passes"),
    (
        2,
        None,
        Next::Again,
        "Meta's service is not available for the moment",
    ),
    (
        3,
        None,
        Next::Reconnect,
        "the app may not do this: give it the permission at developers.facebook.com and make a new token",
    ),
    (
        4,
        None,
        Next::SlowDown,
        "the app makes too many calls for Meta's limit",
    ),
    (
        10,
        None,
        Next::Reconnect,
        "the token lacks a permission: give it to the app and make a new token",
    ),
    (
        17,
        None,
        Next::SlowDown,
        "the account makes too many calls for Meta's limit",
    ),
    (
        100,
        None,
        Next::GiveUp,
        "Meta does not accept a value of the request",
    ),
    (
        190,
        None,
        Next::Reconnect,
        "the access token has expired or was withdrawn: enter a new one",
    ),
    (
        190,
        Some(460),
        Next::Reconnect,
        "the password of the token's owner was changed: enter a new token",
    ),
    (
        190,
        Some(463),
        Next::Reconnect,
        "the access token has expired: enter a new one",
    ),
    (
        190,
        Some(467),
        Next::Reconnect,
        "the access token is invalid: enter a new one",
    ),
    (
        368,
        None,
        Next::Reconnect,
        "Meta has blocked the account for breaking its policies: see Account quality in the Meta Business Suite",
    ),
    (
        613,
        None,
        Next::SlowDown,
        "too many calls of this kind for Meta's limit",
    ),
    (
        803,
        None,
        Next::GiveUp,
        "Meta does not know this id, or the token may not see it",
    ),
];
/// Codes from 200 to 299 are all missing permissions.
const PERMISSION: (Next, &str) = (
    Next::Reconnect,
    "the token lacks a permission: give it to the app and make a new token",
);

/// An error as Meta writes it, in answers and in status reports.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    code: Option<i64>,
    #[serde(rename = "error_subcode")]
    subcode: Option<i64>,
    message: Option<String>,
    title: Option<String>,
    error_user_msg: Option<String>,
    error_data: Option<Details>,
    is_transient: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Details {
    details: Option<String>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Refusal,
}

/// Code and words, without advice.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.subcode) {
            (Some(code), Some(subcode)) => write!(f, "{code}/{subcode}: ")?,
            (Some(code), None) => write!(f, "{code}: ")?,
            (None, _) => (),
        }
        f.write_str(&self.said())
    }
}

impl Refusal {
    fn of(platform: &str, answer: &Answer) -> Self {
        answer.read::<ErrorBody>().map_or_else(
            || Self {
                message: Some(format!("{platform} answered {}", answer.status)),
                ..Self::default()
            },
            |body| body.error,
        )
    }

    /// Meta's words, on one line, without the code that it puts before them.
    fn said(&self) -> String {
        let words = self
            .message
            .as_deref()
            .or(self.title.as_deref())
            .unwrap_or_default();
        let words = match words.strip_prefix("(#").and_then(|rest| rest.split_once(") ")) {
            Some((code, rest)) if code.bytes().all(|b| b.is_ascii_digit()) => rest,
            _ => words,
        };
        let more = self
            .error_data
            .as_ref()
            .and_then(|data| data.details.as_deref())
            .or(self.error_user_msg.as_deref())
            .filter(|more| !more.is_empty() && *more != words);
        tidy(&match more {
            Some(more) if words.is_empty() => more.to_owned(),
            Some(more) => format!("{words} ({more})"),
            None if words.is_empty() => "Meta gives no reason".to_owned(),
            None => words.to_owned(),
        })
    }

    fn known(&self, known: &[Known]) -> Option<(Next, &'static str)> {
        let code = self.code?;
        let find = |known: &[Known], subcode: Option<i64>| {
            known
                .iter()
                .find(|(listed, sub, ..)| *listed == code && *sub == subcode)
                .map(|(_, _, next, advice)| (*next, *advice))
        };
        let exactly = self
            .subcode
            .and_then(|subcode| find(known, Some(subcode)).or_else(|| find(COMMON, Some(subcode))));
        exactly
            .or_else(|| find(known, None))
            .or_else(|| find(COMMON, None))
            .or_else(|| (200..300).contains(&code).then_some(PERMISSION))
    }

    /// Code, Meta's words, and what to do about it.
    pub fn words(&self, known: &[Known]) -> String {
        match self.known(known) {
            Some((_, advice)) => format!("{self}: {advice}"),
            None => self.to_string(),
        }
    }

    /// Code and subcode, as a dead letter shows them.
    fn number(&self) -> Option<String> {
        let code = self.code?;
        Some(match self.subcode {
            Some(subcode) => format!("{code}/{subcode}"),
            None => code.to_string(),
        })
    }

    /// The app secret is not that of the app the token was made for.
    fn is_about_the_proof(&self) -> bool {
        self.code == Some(100)
            && self
                .message
                .as_deref()
                .is_some_and(|words| words.contains("appsecret_proof"))
    }
}

/// An answer other than success.
pub fn refused(platform: &str, answer: &Answer, known: &[Known]) -> SendError {
    let refusal = Refusal::of(platform, answer);
    let (reason, status) = (refusal.words(known), answer.status);
    let retry = |after, rate_limited, reason| SendError::Retry {
        after,
        rate_limited,
        reason,
    };
    let told = usage::wait(&answer.headers).or_else(|| answer.retry_after());
    if refusal.is_about_the_proof() {
        return SendError::Unauthorized {
            reason: format!(
                "{reason}: enter the app secret of the app that the access token was made for, under the app's settings, Basic"
            ),
        };
    }
    match (refusal.known(known).map(|(next, _)| next), status) {
        (Some(Next::SlowDown), _) | (None, StatusCode::TOO_MANY_REQUESTS) => retry(told, true, reason),
        (Some(Next::After(wait)), _) => retry(Some(wait), false, reason),
        (Some(Next::Reconnect), _) => SendError::Unauthorized { reason },
        (Some(Next::Again), _) => retry(None, false, reason),
        _ if refusal.is_transient == Some(true) => retry(None, false, reason),
        (Some(Next::GiveUp), _) => rejected(&refusal, reason),
        // Meta says that it failed. Cut short, it may have been a gateway's word for something that succeeded.
        (None, status) if status.is_server_error() && !answer.complete => SendError::Ambiguous {
            reason: format!("{reason}, and the answer was cut short"),
        },
        (None, status) if status.is_server_error() => retry(None, false, reason),
        (None, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => SendError::Unauthorized { reason },
        (None, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY) => retry(None, false, reason),
        // We are not talking to Meta: the operator's base address leads elsewhere.
        (None, status) if !status.is_client_error() => retry(
            None,
            false,
            format!("{reason}: check this installation's address of {platform}'s API"),
        ),
        (None, _) => rejected(&refusal, reason),
    }
}

fn rejected(refusal: &Refusal, reason: String) -> SendError {
    SendError::Rejected {
        code: refusal.number(),
        reason,
    }
}

/// The same, for an owner who waits for the answer.
pub fn check_refused(platform: &str, answer: &Answer, known: &[Known]) -> CheckError {
    match refused(platform, answer, known) {
        SendError::Unauthorized { reason } => CheckError::Unauthorized(reason),
        SendError::Rejected { reason, .. } => CheckError::Misconfigured(reason),
        SendError::Retry { reason, .. } | SendError::Ambiguous { reason } => CheckError::Unreachable(reason),
        SendError::BadCredentials(error) => CheckError::BadCredentials(error),
    }
}

#[cfg(test)]
mod tests;
