//! Why a webhook is not proven. For its owner's eyes: nothing that is found here is accepted.

use crate::{
    credentials::{Credentials, is_id},
    inbound::{Body, owners},
    signature,
};
use channel::{Cause, Diagnosis, WebhookRequest};
use http::header::CONTENT_ENCODING;
use secrecy::ExposeSecret;
use serde_json::Value;

/// Whether the request says that it is for this app in this workspace. Slack's handshake names no workspace.
pub(crate) fn names_account(request: &WebhookRequest, credentials: &Credentials) -> bool {
    value(request).is_some_and(|value| {
        owners(&value).contains(&credentials.team_id) && other_app(&value, credentials).is_none()
    })
}

pub(crate) fn diagnose(request: &WebhookRequest, credentials: &Credentials) -> Diagnosis {
    let secret = match credentials.signing_secret() {
        Ok(secret) => secret,
        Err(error) => return found(Cause::WrongSecret, error.to_string()),
    };
    match signature::judge(request, secret) {
        Ok(()) => found(Cause::Unproven, "it proves itself by now: check it again"),
        Err(Diagnosis {
            cause: Cause::WrongSecret,
            words,
        }) => {
            other_signature(request, secret, credentials).unwrap_or_else(|| found(Cause::WrongSecret, words))
        }
        Err(refusal) => refusal,
    }
}

fn found(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

fn other_signature(request: &WebhookRequest, secret: &str, credentials: &Credentials) -> Option<Diagnosis> {
    let value = value(request);
    let value = value.as_ref();
    let is_encoded = request
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !matches!(encoding.as_bytes().trim_ascii(), b"" | b"identity"));
    if is_encoded {
        return Some(found(
            Cause::Changed,
            "the signature does not match, and the body came with a Content-Encoding, which Slack does not send: a proxy \
             encoded it anew; let it pass bodies on as they are",
        ));
    }
    // Every request still bears the token of old, which stands beside the signing secret and is taken for it.
    if value.is_some_and(|value| value["token"] == secret) {
        return Some(found(
            Cause::WrongSecret,
            "what is entered here as the signing secret is the app's verification token: copy the signing secret, which \
             stands beside it under Basic Information, App Credentials",
        ));
    }
    if let Some(field) = signing_field(request, credentials) {
        return Some(found(
            Cause::WrongSecret,
            format!(
                "it is signed with what is entered here as the {field}, and Slack signs with the signing secret only: copy \
                 that from Basic Information, App Credentials"
            ),
        ));
    }
    let Some(value) = value else {
        return Some(found(
            Cause::Unreadable,
            "the signature does not match, and the body is neither JSON nor a form as Slack sends them: let no proxy change \
             bodies",
        ));
    };
    if let Some(given) = other_app(value, credentials) {
        return Some(found(
            Cause::OtherAccount,
            format!(
                "it is from the app {}, and this integration's is {}: enter that app's values here, or set the Request URL \
                 of that app to another address",
                shown(given, "A"),
                credentials.app_id.as_deref().unwrap_or_default()
            ),
        ));
    }
    let teams = owners(value);
    let given = teams.first().filter(|_| !teams.contains(&credentials.team_id))?;
    Some(found(
        Cause::OtherAccount,
        format!(
            "it is from the workspace {}, and this integration's is {}: enter that workspace's values here, or set the Request \
             URL of its app to another address",
            shown(given, "T"),
            credentials.team_id
        ),
    ))
}

/// The field whose value has signed a request, though it is no signing secret.
fn signing_field(request: &WebhookRequest, credentials: &Credentials) -> Option<&'static str> {
    let fields = [
        (Some(&credentials.bot_token), "bot token"),
        (credentials.app_token.as_ref(), "app-level token"),
    ];
    fields.into_iter().find_map(|(secret, field)| {
        let judged = signature::judge(request, secret?.expose_secret());
        let is_signed = !matches!(
            judged,
            Err(Diagnosis {
                cause: Cause::WrongSecret,
                ..
            })
        );
        is_signed.then_some(field)
    })
}

/// What a request says, in whichever of the forms that Slack has for it.
fn value(request: &WebhookRequest) -> Option<Value> {
    match Body::of(&request.body).ok()? {
        Body::Event(value) | Body::Interaction(value) | Body::Command(value) => Some(value),
        Body::Other => None,
    }
}

/// The app that a request is from, where it is not the integration's.
fn other_app<'v>(value: &'v Value, credentials: &Credentials) -> Option<&'v str> {
    let ours = credentials.app_id.as_deref()?;
    value["api_app_id"].as_str().filter(|given| *given != ours)
}

/// An id, if it is one.
fn shown<'a>(given: &'a str, prefix: &str) -> &'a str {
    if is_id(given, prefix) {
        given
    } else {
        "with another id"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::{self, TEAM},
        inbound::tests::{envelope, press},
        signature::{
            HEADER, TIMESTAMP,
            tests::{NOW, request, signed},
        },
    };
    use chrono::DateTime;
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde_json::json;

    const SECRET: &str = "canary-signing-secret";

    fn credentials() -> Credentials {
        fake::credentials_with(json!({"app_token": "xapp-canary", "app_id": "A0001"}))
    }

    fn found(request: &WebhookRequest) -> (Cause, String) {
        let Diagnosis { cause, words } = diagnose(request, &credentials());
        assert!(!words.contains("canary"), "{words}");
        (cause, words)
    }

    fn event(changes: Value) -> WebhookRequest {
        request(envelope(changes).to_string())
    }

    #[test]
    fn what_is_wrong_with_a_proof_is_told_apart() {
        let genuine = signed(event(json!({})), SECRET);
        let mut twice = genuine.clone();
        twice.headers.append(HEADER, HeaderValue::from_static("x"));
        let mut timeless = genuine.clone();
        timeless.headers.remove(TIMESTAMP);
        let mut wordy = genuine.clone();
        wordy
            .headers
            .insert(TIMESTAMP, HeaderValue::from_static("canary"));
        let mut encoded = signed(event(json!({})), "another");
        encoded
            .headers
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        for (request, cause, words) in [
            (
                event(json!({})),
                "missing_proof",
                "X-Slack-Signature header is missing",
            ),
            (twice, "missing_proof", "there are 2"),
            (
                timeless,
                "missing_proof",
                "X-Slack-Request-Timestamp header is missing",
            ),
            (wordy, "unreadable", "not a number of seconds"),
            (
                signed(event(json!({})), "another"),
                "wrong_secret",
                "copy it again from Basic Information",
            ),
            (encoded, "changed", "Content-Encoding"),
            (
                signed(request("canary"), "another"),
                "unreadable",
                "neither JSON nor a form",
            ),
            (genuine, "unproven", "by now"),
        ] {
            let (found, said) = found(&request);

            assert_eq!(found.as_str(), cause, "{said}");
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn how_far_the_clocks_differ_is_said_in_seconds() {
        for seconds in [3_600, -900] {
            let mut webhook = signed(event(json!({})), SECRET);
            webhook.received_at = DateTime::from_timestamp(NOW + seconds, 0).unwrap();

            let (cause, words) = found(&webhook);

            assert_eq!(cause, Cause::Clock { seconds });
            assert!(
                words.contains(&format!("{} seconds away", seconds.abs()))
                    && words.ends_with("set this machine's clock"),
                "{words}"
            );
        }
    }

    #[test]
    fn a_verification_token_in_the_place_of_the_signing_secret_is_recognised() {
        for body in [
            envelope(json!({ "token": SECRET })).to_string(),
            press(json!({ "token": SECRET })),
            format!("command=%2Fask&team_id={TEAM}&token={SECRET}"),
        ] {
            let (cause, words) = found(&signed(request(body), "the real one"));

            assert_eq!(cause, Cause::WrongSecret);
            assert!(words.contains("is the app's verification token: copy"), "{words}");
        }
    }

    #[test]
    fn a_secret_that_signs_and_is_none_for_it_is_named_by_its_field() {
        for (secret, words) in [
            (fake::BOT_TOKEN, "entered here as the bot token"),
            ("xapp-canary", "entered here as the app-level token"),
        ] {
            let mut late = signed(event(json!({})), secret);
            late.received_at = DateTime::from_timestamp(NOW + 3_600, 0).unwrap();
            for webhook in [signed(event(json!({})), secret), late] {
                let (cause, said) = found(&webhook);

                assert_eq!(cause, Cause::WrongSecret);
                assert!(said.contains(words), "{said}");
            }
        }
    }

    #[test]
    fn another_app_and_another_workspace_are_named_with_ours() {
        let from = |changes| signed(event(changes), "another");
        for (webhook, words) in [
            (
                from(json!({"api_app_id": "A0009"})),
                "the app A0009, and this integration's is A0001: enter",
            ),
            (
                from(json!({"authorizations": [{"team_id": "T0009"}]})),
                "the workspace T0009, and this integration's is T0001: enter",
            ),
            (from(json!({"api_app_id": "canary"})), "the app with another id"),
            (
                from(json!({"authorizations": [{"team_id": "canary"}]})),
                "the workspace with another id",
            ),
        ] {
            let (cause, said) = found(&webhook);

            assert_eq!(cause, Cause::OtherAccount);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_request_is_ours_if_it_is_from_our_app_in_our_workspace() {
        let handshake = json!({"type": "url_verification", "challenge": "x", "token": "x"}).to_string();
        for (webhook, ours) in [
            (event(json!({})), true),
            (request(press(json!({}))), true),
            (request(format!("command=%2Fask&team_id={TEAM}")), true),
            (event(json!({"api_app_id": "A0009"})), false),
            (event(json!({"authorizations": [{"team_id": "T0009"}]})), false),
            (request(handshake), false),
        ] {
            assert_eq!(names_account(&webhook, &credentials()), ours);
        }
        let any_app = event(json!({"api_app_id": "A0009"}));
        assert!(names_account(&any_app, &fake::credentials()));
    }

    proptest! {
        #[test]
        fn anything_can_be_diagnosed(body: Vec<u8>, signature in "[ -~]{0,40}", timestamp in "[ -~]{0,20}") {
            let mut request = request(body);
            request.headers.insert(HEADER, signature.parse().unwrap());
            request.headers.insert(TIMESTAMP, timestamp.parse().unwrap());

            let (_, words) = found(&request);

            prop_assert!(!words.contains("by now"));
        }
    }
}
