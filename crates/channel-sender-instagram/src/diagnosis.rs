//! Why a webhook is not proven. For its owner's eyes: nothing that is found here is accepted.

use crate::credentials::{Credentials, Login};
use channel::{Diagnosis, WebhookRequest};
use meta_graph::{
    diagnosis::{self, Integration, is_among},
    messaging,
};

/// Whether the request says that it is about the account of these credentials, too.
pub(crate) fn names_account(request: &WebhookRequest, credentials: &Credentials) -> bool {
    is_among(&credentials.account_id, &messaging::accounts(request))
}

pub(crate) fn diagnose(request: &WebhookRequest, credentials: &Credentials) -> Diagnosis {
    let integration = Integration {
        app_secret: &credentials.app_secret,
        app_secret_is_at: app_secret_is_at(credentials),
        verify_token: &credentials.verify_token,
        access_token: &credentials.access_token,
        kind: "the account",
        account: &credentials.account_id,
    };
    diagnosis::diagnose(request, &messaging::accounts(request), &integration)
}

/// The app has two secrets, one for each way to Instagram.
fn app_secret_is_at(credentials: &Credentials) -> &'static str {
    match credentials.login() {
        Ok(Login::Facebook) => "the app's settings at developers.facebook.com, under Basic",
        Ok(Login::Instagram) | Err(_) => {
            "the app's page API setup with Instagram login, where it is called Instagram app secret (the one under Basic is \
             another)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::{self, ACCOUNT},
        promises::Direct,
    };
    use channel_testkit::{FOREIGN_SECRET, Recording, SECRET};
    use serde_json::json;

    /// The recorded webhook, about this account.
    fn about(account: &str) -> WebhookRequest {
        let mut webhook = Direct.request();
        let body = String::from_utf8(webhook.body.to_vec()).unwrap();
        webhook.body = body.replace(ACCOUNT, account).into();
        webhook
    }

    #[test]
    fn what_names_the_account_is_ours_whoever_signed_it() {
        for (webhook, ours) in [
            (about(ACCOUNT), true),
            (Direct.sign(about(ACCOUNT), FOREIGN_SECRET), true),
            (Direct.sign(about("17841400000009999"), SECRET), false),
        ] {
            assert_eq!(names_account(&webhook, &fake::credentials()), ours);
        }
    }

    #[test]
    fn another_account_is_named_with_ours() {
        let webhook = Direct.sign(about("17841400000009999"), FOREIGN_SECRET);

        let Diagnosis { cause, words } = diagnose(&webhook, &fake::credentials());

        assert_eq!(cause.as_str(), "other_account");
        assert!(
            words.contains("17841400000009999") && words.contains(ACCOUNT),
            "{words}"
        );
    }

    #[test]
    fn a_secret_in_the_wrong_field_is_recognised() {
        for (field, name) in [("verify_token", "verify token"), ("access_token", "access token")] {
            let credentials = fake::credentials_with(json!({ field: "canary-in-a-wrong-field" }));
            let webhook = Direct.sign(Direct.request(), "canary-in-a-wrong-field");

            let words = diagnose(&webhook, &credentials).words;

            assert!(
                words.contains(&format!("signed with what is entered here as the {name}")),
                "{words}"
            );
            assert!(!words.contains("canary"), "{words}");
        }
    }

    #[test]
    fn each_login_has_its_own_app_secret() {
        let webhook = Direct.sign(Direct.request(), FOREIGN_SECRET);

        let instagram = diagnose(&webhook, &fake::credentials()).words;
        let facebook = diagnose(&webhook, &fake::with_page()).words;

        assert!(instagram.contains("called Instagram app secret"), "{instagram}");
        assert!(facebook.ends_with("under Basic"), "{facebook}");
    }
}
