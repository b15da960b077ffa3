//! What WhatsApp's errors mean for us. See "WhatsApp Cloud API, Error codes".

use meta_graph::{Known, Next, Refusal};
use std::time::Duration;

/// Somebody was written to too often: Meta sustains one message in six seconds to one person.
const PAIR: Duration = Duration::from_secs(6);
/// Meta holds back marketing that a person has had enough of for the day.
const MARKETING: Duration = Duration::from_secs(24 * 60 * 60);

/// Codes whose meaning we know beyond what all of the Graph API says, with advice for the owner.
pub(crate) const KNOWN: &[Known] = &[
    // Again later.
    (
        131000,
        None,
        Next::Again,
        "WhatsApp has a fault; it usually passes",
    ),
    (
        131016,
        None,
        Next::Again,
        "WhatsApp is overloaded or not available",
    ),
    (
        131057,
        None,
        Next::Again,
        "the account is being maintained by Meta",
    ),
    (
        131056,
        None,
        Next::After(PAIR),
        "too many messages to this person in a short time",
    ),
    (
        131049,
        None,
        Next::After(MARKETING),
        "this person has had as much marketing as Meta allows for now",
    ),
    // Slower.
    (
        80007,
        None,
        Next::SlowDown,
        "the WhatsApp Business account makes too many calls",
    ),
    (
        130429,
        None,
        Next::SlowDown,
        "more messages a second than the number may send",
    ),
    (
        131048,
        None,
        Next::SlowDown,
        "Meta limits the number because people blocked or reported it: see its quality in the WhatsApp Manager",
    ),
    (
        131064,
        None,
        Next::SlowDown,
        "more messages than the account may send",
    ),
    (
        133016,
        None,
        Next::SlowDown,
        "the number was registered too often",
    ),
    // Not until the owner does something.
    (
        131005,
        None,
        Next::Reconnect,
        "the token lacks a permission: give the system user the number and the app, and make a new token",
    ),
    (
        131031,
        None,
        Next::Reconnect,
        "Meta has locked the WhatsApp Business account: see Account quality in the Meta Business Suite",
    ),
    (
        131045,
        None,
        Next::Reconnect,
        "the number's registration is not complete: register it again in the WhatsApp Manager",
    ),
    (
        133010,
        None,
        Next::Reconnect,
        "the number is not registered for the Cloud API: register it at the app's page WhatsApp, API Setup",
    ),
    // Never.
    (
        131026,
        None,
        Next::GiveUp,
        "it cannot be delivered: the person has no WhatsApp, an old one, or has not accepted Meta's terms",
    ),
    (
        131047,
        None,
        Next::GiveUp,
        "the 24-hour window is closed: send an approved template",
    ),
    (131051, None, Next::GiveUp, "WhatsApp has no such type of message"),
    (
        131052,
        None,
        Next::GiveUp,
        "the media that the person sent cannot be fetched",
    ),
    (
        131053,
        None,
        Next::GiveUp,
        "WhatsApp cannot take the media: it must be reachable from the internet, of a kind that WhatsApp knows, and not too large",
    ),
    (131008, None, Next::GiveUp, "the request lacks a value"),
    (
        131009,
        None,
        Next::GiveUp,
        "WhatsApp does not accept a value of the request",
    ),
    (
        131021,
        None,
        Next::GiveUp,
        "sender and receiver are the same number",
    ),
    (
        131030,
        None,
        Next::GiveUp,
        "a test number may only write to the numbers listed at the app's page WhatsApp, API Setup: add this one there",
    ),
    (
        131037,
        None,
        Next::GiveUp,
        "the number's display name is not approved yet: see the WhatsApp Manager",
    ),
    (
        131042,
        None,
        Next::GiveUp,
        "there is no valid way of payment: see Billing in the WhatsApp Manager",
    ),
    (
        131050,
        None,
        Next::GiveUp,
        "the person does not want marketing from this account",
    ),
    (
        131062,
        None,
        Next::GiveUp,
        "this kind of message cannot be sent to somebody whose number is hidden",
    ),
    (
        131063,
        None,
        Next::GiveUp,
        "WhatsApp cannot send this to this person",
    ),
    (
        132000,
        None,
        Next::GiveUp,
        "the template takes another number of values",
    ),
    (
        132001,
        None,
        Next::GiveUp,
        "there is no such template in this language, or it is not approved: see the WhatsApp Manager",
    ),
    (
        132005,
        None,
        Next::GiveUp,
        "the template's text is too long with these values",
    ),
    (
        132007,
        None,
        Next::GiveUp,
        "the template's text breaks WhatsApp's rules",
    ),
    (
        132008,
        None,
        Next::GiveUp,
        "a value has characters that the template may not take",
    ),
    (
        132012,
        None,
        Next::GiveUp,
        "a value is not of the form that the template takes",
    ),
    (
        132015,
        None,
        Next::GiveUp,
        "the template is paused because of its quality: change it or take another",
    ),
    (
        132016,
        None,
        Next::GiveUp,
        "the template is switched off for its quality: take another",
    ),
    (
        137000,
        None,
        Next::GiveUp,
        "the person's identity has changed and must be confirmed first",
    ),
    (
        130472,
        None,
        Next::GiveUp,
        "the person is part of an experiment of Meta's, and gets no marketing",
    ),
    (
        130497,
        None,
        Next::GiveUp,
        "the account may not write to people in this country",
    ),
];

/// Why a message that WhatsApp had taken failed after all.
pub(crate) fn delivery(errors: &[Refusal]) -> String {
    errors.first().map_or_else(
        || "WhatsApp says that it failed and gives no reason".to_owned(),
        |error| error.words(KNOWN),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice() {
        let mut codes: Vec<i64> = KNOWN.iter().map(|(code, ..)| *code).collect();
        codes.sort_unstable();
        codes.dedup();

        assert_eq!(codes.len(), KNOWN.len());
    }
}
