//! Phone numbers in E.164.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A phone number in E.164: `+`, then 8 to 15 digits, the first not zero (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// The given text is not a phone number in E.164.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a phone number in E.164: {problem}. Write it as +<country code><number>, for example +14155550123"
)]
pub struct PhoneNumberError {
    given: String,
    problem: &'static str,
}

impl PhoneNumber {
    /// The number, with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match problem(&text) {
            None => Ok(Self(text)),
            Some(problem) => Err(PhoneNumberError {
                given: text.chars().take(40).collect(),
                problem,
            }),
        }
    }
}

fn problem(text: &str) -> Option<&'static str> {
    let Some(digits) = text.strip_prefix('+') else {
        return Some("it does not begin with +");
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some("it has a character that is not a digit");
    }
    if digits.starts_with('0') {
        return Some("no country code begins with 0");
    }
    match digits.len() {
        0..8 => Some("it has fewer than 8 digits"),
        8..=15 => None,
        _ => Some("it has more than 15 digits"),
    }
}

impl TryFrom<&str> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.to_owned().try_into()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Only the last four digits: a phone number is a person's.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", &self.0[self.0.len() - 4..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_e164_is_refused_with_what_is_wrong() {
        for (given, problem) in [
            ("4155550123", "does not begin with +"),
            ("+1 415 555 0123", "not a digit"),
            ("+0155550123", "begins with 0"),
            ("+12345", "fewer than 8"),
            ("+1234567890123456", "more than 15"),
        ] {
            let error = PhoneNumber::try_from(given).unwrap_err().to_string();

            assert!(error.contains(problem) && error.contains(given), "{error}");
        }
    }

    #[test]
    fn a_debug_print_shows_only_the_last_digits() {
        assert_eq!(
            format!("{:?}", PhoneNumber::try_from("+14155550123").unwrap()),
            "…0123"
        );
    }
}
