//! What an owner types in to connect a Page, and what can be said of it without asking Meta.

use channel::CredentialsError;
use meta_graph::fields::{given, id, secret};
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt;

/// The Page that is never asked of Meta: everything for it goes to this installation's simulator.
pub const SIMULATED_ACCOUNT: &str = "000000000000000";

/// The credentials of one Facebook Page.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The Page's own token, with `pages_messaging` and `pages_manage_metadata`.
    pub(crate) page_access_token: SecretString,
    /// Of the app that hears of the Page's messages: it proves webhooks.
    pub(crate) app_secret: SecretString,
    /// Meta's id of the Page.
    pub(crate) page_id: String,
    /// What Meta says in its handshake.
    pub(crate) verify_token: SecretString,
    /// Meta's id of the app; with it the webhook can be set, and more be checked.
    #[serde(default, deserialize_with = "given")]
    pub(crate) app_id: Option<String>,
}

/// Which account, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.page_id)
    }
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        secret("page_access_token", &self.page_access_token)?;
        secret("app_secret", &self.app_secret)?;
        secret("verify_token", &self.verify_token)?;
        id(
            "page_id",
            "it is the number that the Page shows under About, Page transparency",
            &self.page_id,
        )?;
        if let Some(app) = &self.app_id {
            id(
                "app_id",
                "it is the number at the top of the app's page at developers.facebook.com",
                app,
            )?;
        }
        Ok(())
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.page_id == SIMULATED_ACCOUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;
    use serde_json::json;

    #[test]
    fn good_credentials_are_accepted_with_and_without_an_app_id() {
        for app_id in [json!(""), json!(null), json!(" 77 ")] {
            fake::credentials_with(json!({ "app_id": app_id }))
                .validate()
                .unwrap();
        }
        fake::credentials_with(json!({"page_id": SIMULATED_ACCOUNT}))
            .validate()
            .unwrap();
    }

    #[test]
    fn what_cannot_work_is_named_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"page_access_token": ""}), "page_access_token: is empty"),
            (
                json!({"page_access_token": "EAAG two"}),
                "page_access_token: has a space",
            ),
            (json!({"app_secret": ""}), "app_secret: is empty"),
            (json!({"verify_token": ""}), "verify_token: is empty"),
            (
                json!({"page_id": "acme"}),
                "page_id: has a character that is not a digit",
            ),
            (
                json!({"app_id": "acme"}),
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
    fn a_field_that_messenger_does_not_have_is_refused() {
        let mut all = fake::credentials_json();
        all["bot_token"] = json!("x");

        assert!(serde_json::from_value::<Credentials>(all).is_err());
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let shown = format!("{:?}", fake::credentials());

        assert_eq!(shown, format!("Credentials({})", fake::PAGE));
    }
}
