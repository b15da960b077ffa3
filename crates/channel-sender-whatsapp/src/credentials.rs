//! What an owner types in to connect a WhatsApp number, and what can be said of it without asking Meta.

use channel::CredentialsError;
use meta_graph::fields::{given, id, secret};
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt;

/// The phone number ID that is never asked of Meta: everything for it goes to this installation's simulator.
pub const SIMULATED_ACCOUNT: &str = "000000000000000";

/// The credentials of one phone number of a WhatsApp Business account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Of a system user, with `whatsapp_business_messaging` and `whatsapp_business_management`.
    pub(crate) access_token: SecretString,
    /// Of the app that hears of the number's messages: it proves webhooks.
    pub(crate) app_secret: SecretString,
    /// Meta's id of the number, not the number.
    pub(crate) phone_number_id: String,
    /// Meta's id of the WhatsApp Business account.
    pub(crate) waba_id: String,
    /// What Meta says in its handshake.
    pub(crate) verify_token: SecretString,
    /// Meta's id of the app; with it more can be checked.
    #[serde(default, deserialize_with = "given")]
    pub(crate) app_id: Option<String>,
}

/// Which account, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.phone_number_id)
    }
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        secret("access_token", &self.access_token)?;
        secret("app_secret", &self.app_secret)?;
        secret("verify_token", &self.verify_token)?;
        id(
            "phone_number_id",
            "it is the number that the app's page WhatsApp, API Setup shows as Phone number ID, not the phone number",
            &self.phone_number_id,
        )?;
        id(
            "waba_id",
            "it is the number that the app's page WhatsApp, API Setup shows as WhatsApp Business Account ID",
            &self.waba_id,
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
        self.phone_number_id == SIMULATED_ACCOUNT
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
        fake::credentials_with(json!({"phone_number_id": SIMULATED_ACCOUNT}))
            .validate()
            .unwrap();
    }

    #[test]
    fn what_cannot_work_is_named_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"access_token": ""}), "access_token: is empty"),
            (json!({"access_token": "EAAG two"}), "access_token: has a space"),
            (json!({"app_secret": ""}), "app_secret: is empty"),
            (json!({"verify_token": ""}), "verify_token: is empty"),
            (
                json!({"phone_number_id": "+14155550100"}),
                "phone_number_id: has a character that is not a digit",
            ),
            (
                json!({"waba_id": "../me"}),
                "waba_id: has a character that is not a digit",
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
    fn a_field_that_whatsapp_does_not_have_is_refused() {
        let mut all = fake::credentials_json();
        all["bot_token"] = json!("x");

        assert!(serde_json::from_value::<Credentials>(all).is_err());
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let shown = format!("{:?}", fake::credentials());

        assert_eq!(shown, format!("Credentials({})", fake::NUMBER));
    }
}
