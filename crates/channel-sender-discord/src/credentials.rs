//! What an owner types in to connect an application, and what can be said of it without asking Discord.

use crate::snowflake;
use channel::CredentialsError;
use ed25519_dalek::VerifyingKey;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The application that Discord is never told of: everything for it goes to this installation's simulator.
pub const SIMULATED_APPLICATION: &str = "100000000000000001";

/// The credentials of one application and its bot.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The bot's token, as the Developer Portal shows it under Bot.
    #[serde(deserialize_with = "trimmed_secret")]
    bot_token: SecretString,
    /// The application's public key, 64 hexadecimal digits: it proves webhooks, and is no secret.
    #[serde(deserialize_with = "trimmed")]
    public_key: String,
    /// The application's id.
    #[serde(deserialize_with = "trimmed")]
    pub(crate) application_id: String,
}

/// Which application, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.application_id)
    }
}

/// What is copied from a page often brings white space along.
fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim().to_owned())
}

fn trimmed_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let secret = SecretString::deserialize(deserializer)?;
    Ok(secret.expose_secret().trim().into())
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        if self.application_id.is_empty() {
            return Err(wrong(
                "application_id",
                "is required: it is under General Information in the Developer Portal",
            ));
        }
        if !snowflake::is_one(&self.application_id) {
            return Err(wrong(
                "application_id",
                "is not an application's id, which has digits only, as under General Information in the Developer Portal",
            ));
        }
        self.verifying_key()?;
        self.token().map(|_| ())
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.application_id == SIMULATED_APPLICATION
    }

    /// The bot's token, fit for a header.
    pub(crate) fn token(&self) -> Result<&str, CredentialsError> {
        let token = self.bot_token.expose_secret();
        let problem = if token.is_empty() {
            "is required: Reset Token under Bot in the Developer Portal shows it once"
        } else if token.to_ascii_lowercase().starts_with("bot ") {
            "begins with the word Bot: enter the token alone"
        } else if !token.bytes().all(|b| b.is_ascii_graphic()) {
            "has a space or another character that no token has: copy it again, alone and whole"
        } else {
            return Ok(token);
        };
        Err(wrong("bot_token", problem))
    }

    /// The key that proves webhooks; never a weak one, which would prove anything.
    pub(crate) fn verifying_key(&self) -> Result<VerifyingKey, CredentialsError> {
        let problem = if self.public_key.is_empty() {
            "is required: it is under General Information in the Developer Portal"
        } else {
            match from_hex::<32>(&self.public_key).map(|bytes| VerifyingKey::from_bytes(&bytes)) {
                None => "is not 64 hexadecimal digits, as under General Information in the Developer Portal",
                Some(Ok(key)) if !key.is_weak() => return Ok(key),
                Some(_) => {
                    "is not a public key: copy it again from General Information in the Developer Portal"
                }
            }
        };
        Err(wrong("public_key", problem))
    }

    /// Whether this is the key that Discord says proves its webhooks.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.public_key.eq_ignore_ascii_case(key)
    }
}

fn wrong(field: &str, problem: &str) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Exactly `N` bytes, written as hexadecimal digits.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{credentials, credentials_with};
    use serde_json::json;

    fn problem(changes: serde_json::Value) -> String {
        credentials_with(changes).validate().unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"bot_token": " "}), "bot_token: is required"),
            (
                json!({"bot_token": "Bot abc"}),
                "bot_token: begins with the word Bot",
            ),
            (json!({"bot_token": "a b"}), "bot_token: has a space"),
            (json!({"bot_token": "a\nb"}), "bot_token: has a space"),
            (json!({"public_key": ""}), "public_key: is required"),
            (json!({"public_key": "abc"}), "public_key: is not 64 hexadecimal"),
            (
                json!({"public_key": "zz".repeat(32)}),
                "public_key: is not 64 hexadecimal",
            ),
            (
                json!({"public_key": "ä".repeat(32)}),
                "public_key: is not 64 hexadecimal",
            ),
            // The neutral element: it would prove signatures that nobody made.
            (
                json!({"public_key": format!("01{}", "00".repeat(31))}),
                "public_key: is not a public key",
            ),
            (json!({"application_id": ""}), "application_id: is required"),
            (
                json!({"application_id": "acme"}),
                "application_id: is not an application's id",
            ),
        ] {
            let problem = problem(changes);

            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn white_space_around_what_was_copied_does_no_harm() {
        let padded = credentials_with(
            json!({"bot_token": " abc.def.ghi\n", "application_id": " 1100000000000000001 "}),
        );

        padded.validate().unwrap();
        assert_eq!(padded.token().unwrap(), "abc.def.ghi");
        assert_eq!(padded.application_id, "1100000000000000001");
    }

    #[test]
    fn a_debug_print_shows_the_application_and_no_secret() {
        let shown = format!("{:?}", credentials());

        assert!(
            !shown.contains("canary") && shown.contains("1100000000000000001"),
            "{shown}"
        );
    }

    #[test]
    fn a_field_that_discord_does_not_have_is_refused() {
        let json = json!({"bot_token": "x", "public_key": "x", "application_id": "1", "client_secret": "x"});

        assert!(serde_json::from_value::<Credentials>(json).is_err());
    }

    #[test]
    fn the_simulated_application_is_a_valid_one() {
        let simulated = credentials_with(json!({"application_id": SIMULATED_APPLICATION}));

        simulated.validate().unwrap();
        assert!(simulated.is_simulated() && !credentials().is_simulated());
    }
}
