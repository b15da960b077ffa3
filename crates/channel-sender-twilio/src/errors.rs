//! What Twilio's errors mean for us: what to do next, and words for the owner.
//!
//! Whether a call may be repeated is decided by the HTTP status and, where it says more, by Twilio's code; never by its
//! words, which change.

use crate::api::{Refusal, refusal};
use channel::{CheckError, SendError};
use http::StatusCode;
use platform_api::Answer;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Slow down, then again.
    SlowDown,
    /// The account or its credentials do not work.
    Reconnect,
    /// Never again.
    GiveUp,
}

/// Codes whose meaning we know, with advice for the owner.
const KNOWN: &[(u32, Next, &str)] = &[
    (
        20003,
        Next::Reconnect,
        "enter the account's current auth token or API key again",
    ),
    (
        20005,
        Next::Reconnect,
        "the Twilio account is not active: see its billing in the Twilio console",
    ),
    (
        20403,
        Next::Reconnect,
        "the Twilio account is suspended or closed: see the Twilio console",
    ),
    (20429, Next::SlowDown, "too many requests at once"),
    (
        30002,
        Next::Reconnect,
        "the Twilio account is suspended: see the Twilio console",
    ),
    (
        70051,
        Next::Reconnect,
        "the API key is unknown or may not do this: give it permission in the Twilio console or enter another",
    ),
    (
        20404,
        Next::GiveUp,
        "Twilio does not know the account, service or number: check the integration's SIDs",
    ),
    (
        21211,
        Next::GiveUp,
        "the contact's number is not a valid phone number",
    ),
    (
        21212,
        Next::GiveUp,
        "the integration's number is not a valid sender: correct it",
    ),
    (21266, Next::GiveUp, "sender and contact are the same number"),
    (
        21408,
        Next::GiveUp,
        "allow the contact's country in the Twilio console under Messaging, Settings, Geo permissions",
    ),
    (21602, Next::GiveUp, "there is neither text nor media to send"),
    (
        21606,
        Next::GiveUp,
        "the integration's number cannot send SMS to this contact: choose one that can",
    ),
    (
        21608,
        Next::GiveUp,
        "a trial account may only write to verified numbers: verify this one in the Twilio console or upgrade the account",
    ),
    (
        21609,
        Next::GiveUp,
        "Twilio does not accept our address for status reports: set this installation's public address (`public_url`)",
    ),
    (
        21610,
        Next::GiveUp,
        "the contact opted out with STOP: only they can undo it, by writing START to the same number",
    ),
    (21611, Next::SlowDown, "the sender's queue at Twilio is full"),
    (
        21612,
        Next::GiveUp,
        "Twilio has no way from the sender to this contact: use a sender of the contact's country",
    ),
    (21614, Next::GiveUp, "the contact's number cannot receive SMS"),
    (21617, Next::GiveUp, "the text is longer than Twilio takes"),
    (
        21620,
        Next::GiveUp,
        "Twilio does not accept the address of the media",
    ),
    (21635, Next::GiveUp, "the contact's number is a landline"),
    (30001, Next::SlowDown, "the queue at Twilio overflowed"),
    (
        30022,
        Next::SlowDown,
        "the carrier's rate limit for this sender is exceeded",
    ),
    (
        30023,
        Next::SlowDown,
        "the carrier's daily limit for this sender is exceeded",
    ),
    (30003, Next::GiveUp, "the phone is switched off or out of reach"),
    (
        30004,
        Next::GiveUp,
        "the message was blocked, by the carrier or by the contact",
    ),
    (30005, Next::GiveUp, "the number does not exist any more"),
    (
        30006,
        Next::GiveUp,
        "the number is a landline or its carrier cannot be reached",
    ),
    (
        30007,
        Next::GiveUp,
        "the carrier filtered the message as unwanted",
    ),
    (30008, Next::GiveUp, "the carrier gives no reason"),
    (
        30034,
        Next::GiveUp,
        "the sender is not registered for US carriers (A2P 10DLC): register it in the Twilio console",
    ),
];

fn known(code: u32) -> Option<(Next, &'static str)> {
    KNOWN
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(_, next, advice)| (*next, *advice))
}

/// Words for an error code that came with a status report.
pub(crate) fn delivery(code: &str) -> String {
    let code: String = code.chars().take(10).collect();
    match code.parse().ok().and_then(known) {
        Some((_, advice)) => format!("{code}: {advice}"),
        None => format!("{code}: see https://www.twilio.com/docs/errors/{code}"),
    }
}

/// What Twilio said, and what to do about it.
fn words(refusal: &Refusal) -> String {
    match refusal.code.and_then(known) {
        Some((_, advice)) => format!("{refusal}: {advice}"),
        None => refusal.to_string(),
    }
}

/// An answer other than success.
pub(crate) fn refused(answer: &Answer) -> SendError {
    let refusal = refusal(answer);
    let reason = words(&refusal);
    let (after, status) = (answer.retry_after(), answer.status);
    let retry = |rate_limited, reason| SendError::Retry {
        after,
        rate_limited,
        reason,
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        return retry(true, reason);
    }
    if status.is_server_error() {
        // Twilio says that it failed. Cut short, it may have been a gateway's word for something that succeeded.
        return if answer.complete {
            retry(false, reason)
        } else {
            SendError::Ambiguous {
                reason: format!("{reason}, and the answer was cut short"),
            }
        };
    }
    match (refusal.code.and_then(known), status) {
        (_, StatusCode::UNAUTHORIZED) => SendError::Unauthorized { reason },
        (Some((Next::SlowDown, _)), _) => retry(true, reason),
        (Some((Next::Reconnect, _)), _) => SendError::Unauthorized { reason },
        (Some((Next::GiveUp, _)), _) => rejected(&refusal, reason),
        (None, StatusCode::FORBIDDEN) => SendError::Unauthorized { reason },
        (None, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY) => retry(false, reason),
        // We are not talking to Twilio: the operator's base address leads elsewhere.
        (None, status) if !status.is_client_error() => retry(
            false,
            format!("{reason}: check this installation's address of Twilio's API"),
        ),
        (None, _) => rejected(&refusal, reason),
    }
}

fn rejected(refusal: &Refusal, reason: String) -> SendError {
    SendError::Rejected {
        code: refusal.code.map(|code| code.to_string()),
        reason,
    }
}

/// The same, for an owner who waits for the answer.
pub(crate) fn check_refused(answer: &Answer) -> CheckError {
    match refused(answer) {
        SendError::Unauthorized { reason } => CheckError::Unauthorized(reason),
        SendError::Rejected { reason, .. } => CheckError::Misconfigured(reason),
        SendError::Retry { reason, .. } | SendError::Ambiguous { reason } => CheckError::Unreachable(reason),
        SendError::BadCredentials(error) => CheckError::BadCredentials(error),
    }
}

/// A message that Twilio took and lists as failed.
pub(crate) fn failed(code: Option<u32>) -> SendError {
    let code = code.map(|code| code.to_string());
    let reason = code
        .as_deref()
        .map_or_else(|| "Twilio gives no reason".to_owned(), delivery);
    SendError::Rejected { code, reason }
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

    #[test]
    fn an_unknown_delivery_error_says_where_to_read_on() {
        assert_eq!(
            delivery("30999"),
            "30999: see https://www.twilio.com/docs/errors/30999"
        );
    }
}
