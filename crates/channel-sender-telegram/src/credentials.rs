//! What an owner types in to connect a bot, and what can be said of it without asking Telegram.

use channel::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The bot token that is never shown to Telegram: everything for it goes to this installation's simulator.
pub const SIMULATED_TOKEN: &str = "1000000001:SIMULATED_SIMULATED_SIMULATED_SIMUL";

/// Digits that a bot's id may have: it fits into 64 bits.
const MAX_ID: usize = 19;
/// Characters after the colon: 35 today, which is nowhere promised.
const SECRET_PART: std::ops::RangeInclusive<usize> = 30..=64;
/// Characters that a webhook's secret token may have (setWebhook).
const MAX_WEBHOOK_SECRET: usize = 256;

/// The credentials of one bot.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// `<bot id>:<secret>`, as @BotFather gives it.
    #[serde(deserialize_with = "trimmed")]
    bot_token: SecretString,
    /// What Telegram repeats with every webhook.
    #[serde(default, deserialize_with = "given_secret")]
    webhook_secret: Option<SecretString>,
}

/// Which bot, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.bot_id())
    }
}

/// What is copied from a chat often brings white space along.
fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let secret = SecretString::deserialize(deserializer)?;
    Ok(secret.expose_secret().trim().into())
}

/// A form sends what was left empty as an empty text.
fn given_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let secret = Option::<SecretString>::deserialize(deserializer)?;
    Ok(secret.filter(|secret| !secret.expose_secret().is_empty()))
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        self.token()?;
        self.webhook_secret()?;
        Ok(())
    }

    /// The digits before the colon, which are no secret; nothing where the token has none.
    pub(crate) fn bot_id(&self) -> &str {
        match self.bot_token.expose_secret().split_once(':') {
            Some((id, _)) if is_id(id) => id,
            _ => "",
        }
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.bot_token.expose_secret() == SIMULATED_TOKEN
    }

    /// The token, which can stand in an address as it is.
    pub(crate) fn token(&self) -> Result<&str, CredentialsError> {
        let token = self.bot_token.expose_secret();
        let problem = match token.split_once(':') {
            _ if token.is_empty() => "is empty",
            None => "has no colon",
            Some((id, _)) if !is_id(id) => "does not begin with the bot's number",
            Some((_, secret)) if !secret.bytes().all(is_of_secrets) => {
                "has a character that no token has; copy it again"
            }
            Some((_, secret)) if !SECRET_PART.contains(&secret.len()) => {
                "is not of a token's length; copy all of it"
            }
            Some(_) => return Ok(token),
        };
        Err(wrong(
            "bot_token",
            format!(
                "{problem}. A token is the bot's number, a colon and 35 characters, as @BotFather shows it"
            ),
        ))
    }

    /// What proves a webhook; never an empty one.
    pub(crate) fn webhook_secret(&self) -> Result<&str, CredentialsError> {
        let wrong = |problem| Err(wrong("webhook_secret", problem));
        let Some(secret) = &self.webhook_secret else {
            return wrong("is required: any text of letters, digits, _ and -".to_owned());
        };
        let secret = secret.expose_secret();
        if !secret.bytes().all(is_of_secrets) {
            return wrong(
                "has a character that Telegram does not take: only A-Z, a-z, 0-9, _ and - are".to_owned(),
            );
        }
        if secret.len() > MAX_WEBHOOK_SECRET {
            return wrong(format!(
                "has {} characters, and Telegram takes {MAX_WEBHOOK_SECRET} at most",
                secret.len()
            ));
        }
        Ok(secret)
    }
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

const fn is_of_secrets(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn wrong(field: &str, problem: String) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{BOT_ID, TOKEN};
    use serde_json::{Value, json};

    fn read(changes: Value) -> Result<Credentials, serde_json::Error> {
        let mut all = json!({"bot_token": TOKEN, "webhook_secret": "canary_Secret-1"});
        all.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        serde_json::from_value(all)
    }

    #[test]
    fn good_credentials_are_accepted_with_white_space_around_the_token() {
        for token in [
            TOKEN.to_owned(),
            format!(" {TOKEN}\n"),
            SIMULATED_TOKEN.to_owned(),
        ] {
            read(json!({"bot_token": token})).unwrap().validate().unwrap();
        }
        assert_eq!(read(json!({})).unwrap().bot_id(), BOT_ID);
    }

    #[test]
    fn what_cannot_work_is_named_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"bot_token": ""}), "bot_token: is empty"),
            (json!({"bot_token": "canary"}), "bot_token: has no colon"),
            (
                json!({"bot_token": "acme:canary"}),
                "does not begin with the bot's number",
            ),
            (
                json!({"bot_token": format!(":{TOKEN}")}),
                "does not begin with the bot's number",
            ),
            (
                json!({"bot_token": "1:../../canary"}),
                "a character that no token has",
            ),
            (json!({"bot_token": "1:canary"}), "not of a token's length"),
            (json!({"webhook_secret": ""}), "webhook_secret: is required"),
            (json!({"webhook_secret": null}), "webhook_secret: is required"),
            (
                json!({"webhook_secret": "two canaries"}),
                "webhook_secret: has a character",
            ),
            (
                json!({"webhook_secret": "canary".repeat(50)}),
                "webhook_secret: has 300 characters",
            ),
        ] {
            let problem = read(changes).unwrap().validate().unwrap_err().to_string();

            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("canary"), "{problem} shows a secret");
        }
    }

    #[test]
    fn a_field_that_telegram_does_not_have_is_refused_and_the_token_is_required() {
        assert!(read(json!({"auth_token": "x"})).is_err());
        assert!(serde_json::from_value::<Credentials>(json!({"webhook_secret": "x"})).is_err());
    }

    #[test]
    fn a_token_that_is_none_is_not_shown_as_the_bots_number() {
        for token in ["canary", "canary:1", "12345canary:1"] {
            let credentials = read(json!({"bot_token": token})).unwrap();

            assert_eq!(credentials.bot_id(), "");
            assert_eq!(format!("{credentials:?}"), "Credentials()");
        }
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let shown = format!("{:?}", read(json!({})).unwrap());

        assert_eq!(shown, format!("Credentials({BOT_ID})"));
    }

    #[test]
    fn every_recorded_webhook_secret_is_judged_as_telegram_does() {
        let Some(vectors) = crate::fake::vectors() else {
            return;
        };
        let recorded: Vec<_> = vectors
            .iter()
            .filter(|vector| vector["scheme"] == "telegram_secret_token_charset")
            .collect();
        assert!(!recorded.is_empty(), "there are no vectors");
        for vector in recorded {
            let judged = read(json!({"webhook_secret": vector["value"]}))
                .unwrap()
                .validate();

            assert_eq!(
                json!(judged.is_ok()),
                vector["expect"],
                "{}: {judged:?}",
                vector["id"]
            );
        }
    }
}
