//! What the credentials of Meta's platforms have in common.

use channel::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// Digits that an id of Meta's may have.
const MAX_DIGITS: usize = 25;

/// Reads an optional text: a form sends what was left empty as an empty text.
pub fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty()))
}

/// Something is wrong with a field.
pub fn wrong(field: &str, problem: impl Into<String>) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem: problem.into(),
    }
}

/// Refuses a secret that cannot be one: an empty one proves nothing.
pub fn secret(field: &'static str, given: &SecretString) -> Result<(), CredentialsError> {
    let given = given.expose_secret();
    if given.is_empty() {
        return Err(wrong(field, "is empty"));
    }
    if !given.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong(
            field,
            "has a space or another character that no secret of Meta's has; copy it again",
        ));
    }
    Ok(())
}

/// Refuses what is not an id of Meta's: `what` says whose, and where it is found.
pub fn id(field: &'static str, what: &str, given: &str) -> Result<(), CredentialsError> {
    let problem = if given.is_empty() {
        "is empty"
    } else if !given.bytes().all(|b| b.is_ascii_digit()) {
        "has a character that is not a digit"
    } else if given.len() > MAX_DIGITS {
        "has too many digits"
    } else {
        return Ok(());
    };
    Err(wrong(field, format!("{problem}; {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_id_or_a_secret_is_named() {
        id("page_id", "it is a number", "102938475610293").unwrap();
        for (given, problem) in [
            ("", "page_id: is empty; it is a number"),
            ("acme", "page_id: has a character that is not a digit"),
            ("../me", "page_id: has a character that is not a digit"),
            (
                "11111111111111111111111111",
                "page_id: has too many digits; it is a number",
            ),
        ] {
            let error = id("page_id", "it is a number", given).unwrap_err().to_string();

            assert!(error.starts_with(problem), "{error}");
        }
        secret("app_secret", &"0123".into()).unwrap();
        assert!(secret("app_secret", &"".into()).is_err());
        assert!(
            secret("app_secret", &"canary two".into())
                .unwrap_err()
                .to_string()
                .contains("copy it again")
        );
    }
}
