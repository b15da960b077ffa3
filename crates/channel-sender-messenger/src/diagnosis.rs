//! Why a webhook is not proven. For its owner's eyes: nothing that is found here is accepted.

use crate::credentials::Credentials;
use channel::{Diagnosis, WebhookRequest};
use meta_graph::{
    diagnosis::{self, Integration, is_among},
    messaging,
};

/// Whether the request says that it is about the account of these credentials, too.
pub(crate) fn names_account(request: &WebhookRequest, credentials: &Credentials) -> bool {
    is_among(&credentials.page_id, &messaging::accounts(request))
}

pub(crate) fn diagnose(request: &WebhookRequest, credentials: &Credentials) -> Diagnosis {
    let integration = Integration {
        app_secret: &credentials.app_secret,
        app_secret_is_at: "the app's settings at developers.facebook.com, under Basic",
        verify_token: &credentials.verify_token,
        access_token: &credentials.page_access_token,
        kind: "the Page",
        account: &credentials.page_id,
    };
    diagnosis::diagnose(request, &messaging::accounts(request), &integration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::{self, PAGE},
        promises::Page,
    };
    use channel_testkit::{FOREIGN_SECRET, Recording, SECRET};
    use serde_json::json;

    /// The recorded webhook, about this account.
    fn about(account: &str) -> WebhookRequest {
        let mut webhook = Page.request();
        let body = String::from_utf8(webhook.body.to_vec()).unwrap();
        webhook.body = body.replace(PAGE, account).into();
        webhook
    }

    #[test]
    fn what_names_the_account_is_ours_whoever_signed_it() {
        for (webhook, ours) in [
            (about(PAGE), true),
            (Page.sign(about(PAGE), FOREIGN_SECRET), true),
            (Page.sign(about("102938475619999"), SECRET), false),
        ] {
            assert_eq!(names_account(&webhook, &fake::credentials()), ours);
        }
    }

    #[test]
    fn another_account_is_named_with_ours() {
        let webhook = Page.sign(about("102938475619999"), FOREIGN_SECRET);

        let Diagnosis { cause, words } = diagnose(&webhook, &fake::credentials());

        assert_eq!(cause.as_str(), "other_account");
        assert!(
            words.contains("102938475619999") && words.contains(PAGE),
            "{words}"
        );
    }

    #[test]
    fn a_secret_in_the_wrong_field_is_recognised() {
        for (field, name) in [
            ("verify_token", "verify token"),
            ("page_access_token", "access token"),
        ] {
            let credentials = fake::credentials_with(json!({ field: "canary-in-a-wrong-field" }));
            let webhook = Page.sign(Page.request(), "canary-in-a-wrong-field");

            let words = diagnose(&webhook, &credentials).words;

            assert!(
                words.contains(&format!("signed with what is entered here as the {name}")),
                "{words}"
            );
            assert!(!words.contains("canary"), "{words}");
        }
    }
}
