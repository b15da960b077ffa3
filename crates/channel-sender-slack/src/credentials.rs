//! What an owner types in to connect a Slack app, and what can be said of it without asking Slack.

use channel::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The workspace that is never asked of Slack: everything for it goes to this installation's simulator.
pub const SIMULATED_ACCOUNT: &str = "T00000000SIM";
/// The bot token of [`SIMULATED_ACCOUNT`]. It never goes to Slack, whatever workspace it is given with.
pub const SIMULATED_TOKEN: &str = "xoxb-simulated-bot-token";

/// The credentials of one Slack app in one workspace.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// `xoxb-…`: the token that the app got when it was installed.
    pub(crate) bot_token: SecretString,
    /// Proves webhooks.
    pub(crate) signing_secret: SecretString,
    /// `xapp-…`: opens Socket Mode connections.
    #[serde(default, deserialize_with = "given_secret")]
    pub(crate) app_token: Option<SecretString>,
    /// `T…`: the workspace.
    #[serde(deserialize_with = "trimmed")]
    pub(crate) team_id: String,
    /// `A…`: the app, for the addresses of its settings.
    #[serde(default, deserialize_with = "given")]
    pub(crate) app_id: Option<String>,
}

/// Which workspace, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.team_id)
    }
}

fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim().to_owned())
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
        team(&self.team_id)?;
        bot_token(&self.bot_token)?;
        self.signing_secret()?;
        if let Some(token) = &self.app_token {
            token_of(
                "app_token",
                token,
                "xapp-",
                "an app-level token, from Basic Information, App-Level Tokens",
            )?;
        }
        match &self.app_id {
            Some(app) if !is_id(app, "A") => Err(wrong(
                "app_id",
                "is not an app's id: A and capital letters and digits, as Basic Information shows it",
            )),
            _ => Ok(()),
        }
    }

    /// Both values are well known, so neither ever goes to Slack.
    pub(crate) fn is_simulated(&self) -> bool {
        self.team_id == SIMULATED_ACCOUNT || self.bot_token.expose_secret() == SIMULATED_TOKEN
    }

    /// What proves a webhook; never an empty one.
    pub(crate) fn signing_secret(&self) -> Result<&str, CredentialsError> {
        let given = filled("signing_secret", &self.signing_secret)?;
        if given.starts_with("xox") || given.starts_with("xapp-") {
            return Err(wrong(
                "signing_secret",
                "is a token; the signing secret is under Basic Information, App Credentials",
            ));
        }
        Ok(given)
    }
}

fn wrong(field: &str, problem: impl Into<String>) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem: problem.into(),
    }
}

/// Slack's ids are a letter for what they name, then capital letters and digits.
pub(crate) fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (1..=30).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

fn team(given: &str) -> Result<(), CredentialsError> {
    if is_id(given, "T") {
        return Ok(());
    }
    let problem = match given.bytes().next() {
        None => "is empty",
        Some(b'E') if is_id(given, "E") => {
            "is an organisation's id, and the app works in one of its workspaces"
        }
        Some(b'T') => "has a character that is neither a capital letter nor a digit, or too many",
        Some(_) => "does not begin with T",
    };
    Err(wrong(
        "team_id",
        format!(
            "{problem}; a workspace's id is T and capital letters and digits, as in the address \
             https://app.slack.com/client/T…/ of Slack in a browser"
        ),
    ))
}

fn bot_token(given: &SecretString) -> Result<(), CredentialsError> {
    if given.expose_secret().starts_with("xoxe.") {
        return Err(wrong(
            "bot_token",
            "runs out within hours, because token rotation is on: install an app without token rotation",
        ));
    }
    token_of(
        "bot_token",
        given,
        "xoxb-",
        "the Bot User OAuth Token, from OAuth & Permissions",
    )
}

fn token_of(
    field: &'static str,
    given: &SecretString,
    prefix: &str,
    what: &str,
) -> Result<(), CredentialsError> {
    let given = filled(field, given)?;
    if given.len() > prefix.len() && given.starts_with(prefix) {
        return Ok(());
    }
    Err(wrong(
        field,
        format!("does not begin with {prefix} and go on; it is {what}"),
    ))
}

fn filled<'a>(field: &'static str, given: &'a SecretString) -> Result<&'a str, CredentialsError> {
    let given = given.expose_secret();
    if given.is_empty() {
        return Err(wrong(field, "is empty"));
    }
    if !given.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong(
            field,
            "has a space, a line break or a character that Slack does not use; copy it again",
        ));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;
    use serde_json::{Value, json};

    fn read(changes: Value) -> Result<Credentials, serde_json::Error> {
        serde_json::from_value(fake::credentials_json(changes))
    }

    #[test]
    fn a_complete_set_is_accepted_and_what_is_left_empty_is_absent() {
        let all = read(json!({"app_token": "xapp-1-A0001-canary", "app_id": " A0001 "})).unwrap();
        let least = read(json!({"app_token": "", "app_id": "", "team_id": " T0001\n"})).unwrap();

        all.validate().unwrap();
        least.validate().unwrap();
        assert_eq!(all.app_id.as_deref(), Some("A0001"));
        assert!(least.app_token.is_none() && least.app_id.is_none());
        assert_eq!(least.team_id, "T0001");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"team_id": ""}), "team_id: is empty"),
            (json!({"team_id": "E0001"}), "team_id: is an organisation's id"),
            (
                json!({"team_id": "acme.slack.com"}),
                "team_id: does not begin with T",
            ),
            (
                json!({"team_id": "T0001/"}),
                "neither a capital letter nor a digit",
            ),
            (json!({"bot_token": ""}), "bot_token: is empty"),
            (
                json!({"bot_token": "xoxp-canary-1"}),
                "bot_token: does not begin with xoxb-",
            ),
            (
                json!({"bot_token": "xoxb-"}),
                "bot_token: does not begin with xoxb-",
            ),
            (json!({"bot_token": "xoxe.xoxb-canary"}), "token rotation is on"),
            (json!({"bot_token": "xoxb-canary 1"}), "bot_token: has a space"),
            (json!({"signing_secret": ""}), "signing_secret: is empty"),
            (
                json!({"signing_secret": "xoxb-canary"}),
                "signing_secret: is a token",
            ),
            (
                json!({"signing_secret": "can\nary"}),
                "signing_secret: has a space",
            ),
            (
                json!({"app_token": "xoxb-canary"}),
                "app_token: does not begin with xapp-",
            ),
            (json!({"app_id": "123"}), "app_id: is not an app's id"),
        ] {
            let problem = read(changes).unwrap().validate().unwrap_err().to_string();

            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("canary"), "{problem}");
        }
    }

    #[test]
    fn a_field_that_slack_does_not_have_is_refused() {
        assert!(read(json!({"auth_token": "x"})).is_err());
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let shown = format!("{:?}", read(json!({"app_token": "xapp-canary"})).unwrap());

        assert_eq!(shown, "Credentials(T0001)");
    }

    #[test]
    fn the_simulated_workspace_and_the_simulated_token_are_valid_and_never_slacks() {
        let both = read(json!({"team_id": SIMULATED_ACCOUNT, "bot_token": SIMULATED_TOKEN})).unwrap();

        both.validate().unwrap();
        for changes in [
            json!({"team_id": SIMULATED_ACCOUNT}),
            json!({"bot_token": SIMULATED_TOKEN}),
        ] {
            assert!(read(changes).unwrap().is_simulated());
        }
        assert!(!read(json!({})).unwrap().is_simulated());
    }
}
