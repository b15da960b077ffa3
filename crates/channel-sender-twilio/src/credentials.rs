//! What an owner types in to connect a Twilio account, and what can be said of it without asking Twilio.

use channel::CredentialsError;
use domain::PhoneNumber;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The account that is never asked of Twilio: everything for it goes to this installation's simulator.
pub const SIMULATED_ACCOUNT: &str = "AC00000000000000000000000000000000";

/// The credentials of one Twilio account or sub-account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// `AC…`: the account or sub-account that owns the number.
    pub(crate) account_sid: String,
    /// The primary auth token of that very account: it proves webhooks, and sends where no API key is given.
    pub(crate) auth_token: SecretString,
    /// Accepted beside the primary one while the owner changes tokens.
    #[serde(default, deserialize_with = "given_secret")]
    pub(crate) secondary_auth_token: Option<SecretString>,
    /// The number that sends, in E.164.
    #[serde(default, deserialize_with = "given")]
    pub(crate) phone_number: Option<String>,
    /// `MG…`: the Messaging Service that chooses the sending number.
    #[serde(default, deserialize_with = "given")]
    pub(crate) messaging_service_sid: Option<String>,
    /// `SK…`: an API key to call Twilio with, in place of the auth token.
    #[serde(default, deserialize_with = "given")]
    pub(crate) api_key_sid: Option<String>,
    /// Its secret.
    #[serde(default, deserialize_with = "given_secret")]
    pub(crate) api_key_secret: Option<SecretString>,
}

/// Which account, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.account_sid)
    }
}

/// A form sends what was left empty as an empty text.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty()))
}

fn given_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let secret = Option::<SecretString>::deserialize(deserializer)?;
    Ok(secret.filter(|secret| !secret.expose_secret().is_empty()))
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        sid("account_sid", "AC", "the account SID", &self.account_sid)?;
        secret("auth_token", &self.auth_token)?;
        if let Some(token) = &self.secondary_auth_token {
            secret("secondary_auth_token", token)?;
        }
        if let Some(number) = &self.phone_number {
            PhoneNumber::try_from(number.as_str())
                .map_err(|error| wrong("phone_number", error.to_string()))?;
        }
        if let Some(service) = &self.messaging_service_sid {
            sid(
                "messaging_service_sid",
                "MG",
                "a Messaging Service's SID",
                service,
            )?;
        }
        if self.phone_number.is_none() && self.messaging_service_sid.is_none() {
            return Err(wrong(
                "phone_number",
                "is required, unless a Messaging Service is given",
            ));
        }
        match (&self.api_key_sid, &self.api_key_secret) {
            (None, None) => Ok(()),
            (Some(key), Some(key_secret)) => {
                sid("api_key_sid", "SK", "an API key's SID", key)?;
                secret("api_key_secret", key_secret)
            }
            (Some(_), None) => Err(wrong("api_key_secret", "is required with an API key")),
            (None, Some(_)) => Err(wrong("api_key_sid", "is required with an API key's secret")),
        }
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.account_sid == SIMULATED_ACCOUNT
    }

    /// The tokens that prove a webhook; never none, and never an empty one.
    pub(crate) fn signing_tokens(&self) -> Result<impl Iterator<Item = &SecretString>, CredentialsError> {
        secret("auth_token", &self.auth_token)?;
        Ok(std::iter::once(&self.auth_token).chain(&self.secondary_auth_token))
    }

    /// The user and password that calls are made with.
    pub(crate) fn caller(&self) -> Caller<'_> {
        match (&self.api_key_sid, &self.api_key_secret) {
            (Some(key), Some(secret)) => (key, secret),
            _ => self.owner(),
        }
    }

    /// The user and password of the account itself.
    pub(crate) fn owner(&self) -> Caller<'_> {
        (&self.account_sid, &self.auth_token)
    }

    /// What names our side of a conversation, given the number that the contact wrote to. With a Messaging Service any
    /// number of its pool may carry the next message of the same conversation.
    pub(crate) fn our_side<'a>(&'a self, written_to: &'a str) -> &'a str {
        self.messaging_service_sid.as_deref().unwrap_or(written_to)
    }
}

/// User and password.
pub(crate) type Caller<'a> = (&'a str, &'a SecretString);

fn wrong(field: &str, problem: impl Into<String>) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem: problem.into(),
    }
}

fn sid(field: &'static str, prefix: &'static str, what: &str, given: &str) -> Result<(), CredentialsError> {
    let rest = given.strip_prefix(prefix);
    if rest.is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(());
    }
    let problem = match rest {
        None => format!("does not begin with {prefix}"),
        Some(rest) if rest.len() != 32 => format!("has {} characters after {prefix}", rest.chars().count()),
        Some(_) => format!("has a character after {prefix} that is neither a digit nor a to f"),
    };
    Err(wrong(
        field,
        format!("{problem}; {what} is {prefix} and 32 hexadecimal digits, as the Twilio console shows it"),
    ))
}

fn secret(field: &'static str, given: &SecretString) -> Result<(), CredentialsError> {
    let given = given.expose_secret();
    if given.is_empty() {
        return Err(wrong(field, "is empty"));
    }
    if !given.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong(
            field,
            "has a space or another character that no Twilio secret has; copy it again",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(changes: Value) -> Result<Credentials, serde_json::Error> {
        let mut all = json!({
            "account_sid": "AC00000000000000000000000000000001",
            "auth_token": "canary-auth-token",
            "phone_number": "+14155550100",
        });
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all)
    }

    fn problem(changes: Value) -> String {
        read(changes).unwrap().validate().unwrap_err().to_string()
    }

    #[test]
    fn good_credentials_are_accepted() {
        read(json!({})).unwrap().validate().unwrap();
        read(json!({"phone_number": "", "messaging_service_sid": "MG0123456789abcdefABCDEF0123456789"}))
            .unwrap()
            .validate()
            .unwrap();
        read(json!({"api_key_sid": "SK0123456789abcdef0123456789abcdef", "api_key_secret": "s3cret"}))
            .unwrap()
            .validate()
            .unwrap();
    }

    #[test]
    fn what_cannot_work_is_named_with_what_is_expected() {
        for (changes, expected) in [
            (
                json!({"account_sid": "SK00000000000000000000000000000001"}),
                "account_sid: does not begin with AC",
            ),
            (
                json!({"account_sid": "AC123"}),
                "account_sid: has 3 characters after AC",
            ),
            (
                json!({"account_sid": "ACzz000000000000000000000000000000"}),
                "neither a digit nor a to f",
            ),
            (
                json!({"account_sid": "AC€€€"}),
                "account_sid: has 3 characters after AC",
            ),
            (json!({"auth_token": ""}), "auth_token: is empty"),
            (json!({"auth_token": "two words"}), "auth_token: has a space"),
            (
                json!({"phone_number": "4155550100"}),
                "phone_number: \"4155550100\" is not a phone number in E.164: it does not begin with +",
            ),
            (json!({"phone_number": ""}), "phone_number: is required"),
            (
                json!({"messaging_service_sid": "MG1"}),
                "messaging_service_sid: has 1 characters",
            ),
            (
                json!({"api_key_sid": "SK0123456789abcdef0123456789abcdef"}),
                "api_key_secret: is required",
            ),
            (json!({"api_key_secret": "x"}), "api_key_sid: is required"),
            (
                json!({"secondary_auth_token": "two words"}),
                "secondary_auth_token: has a space",
            ),
        ] {
            let problem = problem(changes);

            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_field_that_twilio_does_not_have_is_refused() {
        assert!(read(json!({"bot_token": "x"})).is_err());
    }

    #[test]
    fn a_debug_print_shows_no_secret_and_no_number() {
        let shown = format!("{:?}", read(json!({"secondary_auth_token": "canary-2"})).unwrap());

        assert!(!shown.contains("canary") && !shown.contains("0100"), "{shown}");
    }

    #[test]
    fn an_api_key_calls_and_the_auth_token_still_proves() {
        let credentials =
            read(json!({"api_key_sid": "SK0123456789abcdef0123456789abcdef", "api_key_secret": "s3cret"}))
                .unwrap();

        assert_eq!(credentials.caller().0, "SK0123456789abcdef0123456789abcdef");
        assert_eq!(
            credentials
                .signing_tokens()
                .unwrap()
                .next()
                .unwrap()
                .expose_secret(),
            "canary-auth-token"
        );
    }

    #[test]
    fn the_simulated_account_is_a_valid_account() {
        read(json!({"account_sid": SIMULATED_ACCOUNT}))
            .unwrap()
            .validate()
            .unwrap();
    }
}
