//! What Instagram's errors mean for us. See "Instagram messaging, Error codes".

use meta_graph::{Known, Next};

const UNKNOWN: &str =
    "Instagram knows no such person for this account: people have another id with every account";

/// Codes whose meaning we know beyond what all of the Graph API says, with advice for the owner.
pub(crate) const KNOWN: &[Known] = &[
    // Again later.
    (
        2,
        Some(1545133),
        Next::Again,
        "Instagram has a fault; it usually passes",
    ),
    // Slower.
    (
        80002,
        None,
        Next::SlowDown,
        "the account makes too many calls for Meta's limit",
    ),
    // Never.
    (
        10,
        Some(2534022),
        Next::GiveUp,
        "the 24-hour window is closed: the person must write first",
    ),
    (100, Some(2534014), Next::GiveUp, UNKNOWN),
    (
        100,
        Some(2534015),
        Next::GiveUp,
        "Instagram does not accept this message: text has at most 1000 bytes, media must be of a kind and size that it takes",
    ),
    (
        100,
        Some(2534025),
        Next::GiveUp,
        "a comment can be answered privately once, and it has been",
    ),
    (
        551,
        None,
        Next::GiveUp,
        "the person cannot be written to: they have blocked the account, or do not take messages",
    ),
    (230, None, Next::GiveUp, "the person has not consented to this"),
    (9010, None, Next::GiveUp, UNKNOWN),
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
