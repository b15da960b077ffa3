//! What Messenger's errors mean for us. See "Messenger Platform, Error codes".

use meta_graph::{Known, Next};

const WINDOW: &str = "the 24-hour window is closed: the person must write first";
const AWAY: &str = "the person cannot be written to: they have blocked the Page, or left Messenger";

/// Codes whose meaning we know beyond what all of the Graph API says, with advice for the owner.
pub(crate) const KNOWN: &[Known] = &[
    // Again later. Code 2 also comes for somebody who has blocked the Page; attempts end by themselves.
    (-1, None, Next::Again, "Messenger has a fault; it usually passes"),
    (
        -1,
        Some(2018012),
        Next::Again,
        "Messenger has a fault; it usually passes",
    ),
    (
        2,
        None,
        Next::Again,
        "Messenger has a fault, or the person has blocked the Page",
    ),
    (1200, None, Next::Again, "Messenger cannot send for the moment"),
    // Slower.
    (
        32,
        None,
        Next::SlowDown,
        "the Page makes too many calls for Meta's limit",
    ),
    (
        613,
        Some(1893016),
        Next::SlowDown,
        "too many calls of this kind for Meta's limit",
    ),
    (
        80001,
        None,
        Next::SlowDown,
        "the Page makes too many calls for Meta's limit",
    ),
    (
        80006,
        None,
        Next::SlowDown,
        "the Page sends more messages than Meta allows",
    ),
    (
        368,
        None,
        Next::SlowDown,
        "Meta has blocked the Page for a while because of its policies: see Page quality",
    ),
    // Never.
    (10, Some(2018278), Next::GiveUp, WINDOW),
    (10, Some(2018065), Next::GiveUp, WINDOW),
    (
        10,
        Some(2018108),
        Next::GiveUp,
        "the app is in development mode, or the Page is restricted: only people with a role in the app can be written to",
    ),
    (
        10,
        Some(2018300),
        Next::GiveUp,
        "another app has this conversation: see Conversation routing in the Page's settings",
    ),
    (200, Some(1545041), Next::GiveUp, AWAY),
    (551, None, Next::GiveUp, AWAY),
    (
        100,
        Some(2018001),
        Next::GiveUp,
        "the Page knows no such person: people have another id with every Page",
    ),
    (
        100,
        Some(2018109),
        Next::GiveUp,
        "the attachment is too large: Messenger takes 25 MB, and 8 MB of a picture",
    ),
    (230, None, Next::GiveUp, "the person has not consented to this"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice() {
        let mut codes: Vec<_> = KNOWN
            .iter()
            .map(|(code, subcode, ..)| (*code, *subcode))
            .collect();
        codes.sort_unstable();
        codes.dedup();

        assert_eq!(codes.len(), KNOWN.len());
    }
}
