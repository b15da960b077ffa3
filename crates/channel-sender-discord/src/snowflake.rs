//! Discord's ids, which carry the time at which they were made.
//!
//! Source: <https://docs.discord.com/developers/reference#snowflakes>

use chrono::{DateTime, Utc};

/// The first second of 2015, in milliseconds since 1970.
const EPOCH: i64 = 1_420_070_400_000;
/// Bits below the time.
const BELOW: u32 = 22;
/// Digits of the largest number of 64 bits.
const MAX_DIGITS: usize = 20;

/// Whether this is an id: digits, which can stand in an address as they are.
pub(crate) fn is_one(id: &str) -> bool {
    (1..=MAX_DIGITS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

/// When it was made. `None`: it is none.
pub(crate) fn time(id: &str) -> Option<DateTime<Utc>> {
    let id: u64 = id.parse().ok()?;
    DateTime::from_timestamp_millis(i64::try_from(id >> BELOW).ok()? + EPOCH)
}

/// The smallest id made at this time.
pub(crate) fn at(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis() - EPOCH).unwrap_or(0) << BELOW
}

/// Ids grow with time, so they are an order. `None`: it is none.
pub(crate) fn order(id: &str) -> Option<i64> {
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_it_was_made() {
        // The example of the documentation.
        let made = time("175928847299117063").unwrap();

        assert_eq!(made.to_rfc3339(), "2016-04-30T11:18:25.796+00:00");
        assert_eq!(at(made), 175_928_847_299_117_063 >> BELOW << BELOW);
        assert_eq!(at(DateTime::from_timestamp_millis(0).unwrap()), 0);
        assert!(time("18446744073709551615").is_some() && time("x").is_none());
    }

    #[test]
    fn only_digits_are_an_id() {
        assert!(is_one("1") && is_one("18446744073709551615"));
        for other in ["", "@me", "1/2", "-1", "123456789012345678901", "１"] {
            assert!(!is_one(other), "{other}");
        }
    }
}
