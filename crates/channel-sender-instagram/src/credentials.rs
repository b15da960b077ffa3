//! What an owner types in to connect an Instagram account, and what can be said of it without asking Meta.

use channel::CredentialsError;
use meta_graph::fields::{given, id, secret, wrong};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::fmt;

/// The account that is never asked of Meta: everything for it goes to this installation's simulator.
pub const SIMULATED_ACCOUNT: &str = "000000000000000";

/// By which of its two ways Instagram is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    /// `graph.instagram.com`, with the account's own token, which runs out.
    Instagram,
    /// `graph.facebook.com`, with the token of the Page that the account is linked to.
    Facebook,
}

/// The credentials of one Instagram professional account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The account's, or with Facebook login the Page's.
    pub(crate) access_token: SecretString,
    /// The Instagram app secret, or with Facebook login the app secret: it proves webhooks.
    pub(crate) app_secret: SecretString,
    /// Meta's id of the professional account (`user_id`), as webhooks carry it.
    pub(crate) account_id: String,
    /// What Meta says in its handshake.
    pub(crate) verify_token: SecretString,
    /// `instagram` or `facebook`.
    #[serde(default, deserialize_with = "given")]
    login: Option<String>,
    /// Meta's id of the Page, with Facebook login.
    #[serde(default, deserialize_with = "given")]
    page_id: Option<String>,
    /// Meta's id of the app, with Facebook login; with it the webhook can be set.
    #[serde(default, deserialize_with = "given")]
    pub(crate) app_id: Option<String>,
}

/// Which account, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.account_id)
    }
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        secret("access_token", &self.access_token)?;
        secret("app_secret", &self.app_secret)?;
        secret("verify_token", &self.verify_token)?;
        id(
            "account_id",
            "it is the number beside the account's name where its token is generated",
            &self.account_id,
        )?;
        match (self.login()?, &self.page_id, &self.app_id) {
            (Login::Instagram, None, None) => Ok(()),
            (Login::Instagram, Some(_), _) => Err(wrong(
                "page_id",
                "is for login facebook only: leave it empty, or write facebook into login",
            )),
            (Login::Instagram, None, Some(_)) => Err(wrong(
                "app_id",
                "is for login facebook only: leave it empty, or write facebook into login",
            )),
            (Login::Facebook, page, app) => {
                id(
                    "page_id",
                    "it is the number of the Page that the account is linked to",
                    page.as_deref().unwrap_or_default(),
                )?;
                match app {
                    Some(app) => id(
                        "app_id",
                        "it is the number at the top of the app's page at developers.facebook.com",
                        app,
                    ),
                    None => Ok(()),
                }
            }
        }
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.account_id == SIMULATED_ACCOUNT
    }

    pub(crate) fn login(&self) -> Result<Login, CredentialsError> {
        match self.login.as_deref() {
            None | Some("instagram") => Ok(Login::Instagram),
            Some("facebook") => Ok(Login::Facebook),
            Some(_) => Err(wrong("login", "is neither instagram nor facebook")),
        }
    }

    /// What the API has the account's messages under.
    pub(crate) fn node(&self) -> &str {
        self.page_id.as_deref().unwrap_or(&self.account_id)
    }

    /// The whole of them with another access token, as a form would send them.
    pub(crate) fn with_token(&self, access_token: &SecretString) -> SecretString {
        json!({
            "access_token": access_token.expose_secret(),
            "app_secret": self.app_secret.expose_secret(),
            "account_id": self.account_id,
            "verify_token": self.verify_token.expose_secret(),
            "login": self.login,
            "page_id": self.page_id,
            "app_id": self.app_id,
        })
        .to_string()
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    #[test]
    fn good_credentials_of_both_logins_are_accepted() {
        for changes in [
            json!({}),
            json!({"login": "", "page_id": "", "app_id": null}),
            json!({"login": "instagram"}),
            json!({"login": "facebook", "page_id": "102938475610293"}),
            json!({"login": "facebook", "page_id": "102938475610293", "app_id": "77"}),
            json!({"account_id": SIMULATED_ACCOUNT}),
        ] {
            fake::credentials_with(changes).validate().unwrap();
        }
    }

    #[test]
    fn what_cannot_work_is_named_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"access_token": ""}), "access_token: is empty"),
            (json!({"app_secret": "two words"}), "app_secret: has a space"),
            (json!({"verify_token": ""}), "verify_token: is empty"),
            (
                json!({"account_id": "@acme"}),
                "account_id: has a character that is not a digit",
            ),
            (
                json!({"login": "meta"}),
                "login: is neither instagram nor facebook",
            ),
            (json!({"login": "facebook"}), "page_id: is empty"),
            (json!({"page_id": "1"}), "page_id: is for login facebook only"),
            (json!({"app_id": "1"}), "app_id: is for login facebook only"),
            (
                json!({"login": "facebook", "page_id": "1", "app_id": "acme"}),
                "app_id: has a character that is not a digit",
            ),
        ] {
            let problem = fake::credentials_with(changes)
                .validate()
                .unwrap_err()
                .to_string();

            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn a_field_that_instagram_does_not_have_is_refused() {
        let mut all = fake::credentials_json();
        all["bot_token"] = json!("x");

        assert!(serde_json::from_value::<Credentials>(all).is_err());
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let shown = format!("{:?}", fake::credentials());

        assert_eq!(shown, format!("Credentials({})", fake::ACCOUNT));
    }

    #[test]
    fn with_another_token_everything_else_stays() {
        for changes in [
            json!({}),
            json!({"login": "facebook", "page_id": "102938475610293", "app_id": "77"}),
        ] {
            let given = fake::credentials_with(changes);

            let renewed: Credentials =
                serde_json::from_str(given.with_token(&"renewed".into()).expose_secret()).unwrap();

            renewed.validate().unwrap();
            assert_eq!(renewed.access_token.expose_secret(), "renewed");
            assert_eq!(
                renewed.with_token(&"x".into()).expose_secret(),
                given.with_token(&"x".into()).expose_secret()
            );
        }
    }
}
