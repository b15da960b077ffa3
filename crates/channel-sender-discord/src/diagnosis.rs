//! Why a webhook is not proven. For its owner's eyes: nothing that is found here is accepted.

use crate::{credentials::Credentials, interaction::PING, signature, snowflake};
use channel::{Cause, Diagnosis, WebhookRequest};
use http::header::CONTENT_ENCODING;
use serde_json::Value;

/// Never: Discord keeps sending requests with a wrong signature on purpose, which look like any other, and what it sends
/// can be answered for fifteen minutes only.
/// <https://docs.discord.com/developers/interactions/receiving-and-responding>
pub(crate) const fn names_account() -> bool {
    false
}

pub(crate) fn diagnose(request: &WebhookRequest, credentials: &Credentials) -> Diagnosis {
    let key = match credentials.verifying_key() {
        Ok(key) => key,
        Err(error) => return found(Cause::WrongSecret, error.to_string()),
    };
    match signature::judge(request, &key) {
        Ok(()) => found(
            Cause::Unproven,
            "it proves itself by now: let whoever pressed or wrote it do so again",
        ),
        Err(Diagnosis {
            cause: Cause::WrongSecret,
            words,
        }) => other_signature(request, credentials).unwrap_or_else(|| found(Cause::WrongSecret, words)),
        Err(refusal) => refusal,
    }
}

fn found(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

fn other_signature(request: &WebhookRequest, credentials: &Credentials) -> Option<Diagnosis> {
    let is_encoded = request
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !matches!(encoding.as_bytes().trim_ascii(), b"" | b"identity"));
    if is_encoded {
        return Some(found(
            Cause::Changed,
            "the signature does not match, and the body came with a Content-Encoding, which Discord does not send: a proxy \
             encoded it anew; let it pass bodies on as they are",
        ));
    }
    let interaction: Value = match serde_json::from_slice(&request.body) {
        Ok(interaction @ Value::Object(_)) => interaction,
        Ok(_) | Err(_) => {
            return Some(found(
                Cause::Unreadable,
                "the signature does not match, and the body is not a JSON object, as Discord's are: let no proxy change bodies",
            ));
        }
    };
    let ours = &credentials.application_id;
    if let Some(given) = interaction["application_id"].as_str()
        && given != ours
    {
        let shown = if snowflake::is_one(given) {
            given
        } else {
            "with another id"
        };
        return Some(found(
            Cause::OtherAccount,
            format!(
                "it is from the application {shown}, and this integration's is {ours}: enter that application's values here, \
                 or set its Interactions Endpoint URL to another address"
            ),
        ));
    }
    (interaction["type"] == PING).then(|| {
        found(
            Cause::Unproven,
            "it is a PING with a wrong signature, which Discord sends on purpose now and then, to see it refused. Compare \
             `public_key` with General Information in the Developer Portal if Discord does not take the address",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::{self, APPLICATION},
        signature::{
            HEADER, TIMESTAMP,
            tests::{request, signed},
        },
    };
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde_json::json;

    fn body(changes: Value) -> String {
        let mut body = json!({"type": 2, "application_id": APPLICATION, "id": "1200000000000000001",
            "data": {"name": "ask", "options": [{"name": "question", "value": "canary"}]}});
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        body.to_string()
    }

    fn found(request: &WebhookRequest) -> (&'static str, String) {
        let Diagnosis { cause, words } = diagnose(request, &fake::with_key_of("s"));
        assert!(!words.contains("canary"), "{words}");
        (cause.as_str(), words)
    }

    fn foreign(changes: Value) -> WebhookRequest {
        signed(request(body(changes)), "another")
    }

    #[test]
    fn what_is_wrong_with_a_proof_is_told_apart() {
        let genuine = signed(request(body(json!({}))), "s");
        let mut bare = genuine.clone();
        bare.headers.remove(HEADER);
        let mut timeless = genuine.clone();
        timeless.headers.remove(TIMESTAMP);
        let mut short = genuine.clone();
        short.headers.insert(HEADER, HeaderValue::from_static("canary"));
        let mut encoded = foreign(json!({}));
        encoded
            .headers
            .insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        for (request, cause, words) in [
            (bare, "missing_proof", "x-signature-ed25519 header"),
            (timeless, "missing_proof", "x-signature-timestamp header"),
            (short, "missing_proof", "is not 128 hexadecimal digits"),
            (
                foreign(json!({})),
                "wrong_secret",
                "Compare `public_key` with General Information",
            ),
            (
                foreign(json!({"type": 1})),
                "unproven",
                "a PING with a wrong signature",
            ),
            (encoded, "changed", "Content-Encoding"),
            (
                signed(request("[\"canary\"]"), "another"),
                "unreadable",
                "not a JSON object",
            ),
            (genuine, "unproven", "by now"),
        ] {
            let (found, said) = found(&request);

            assert_eq!(found, cause, "{said}");
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn another_application_is_named_with_ours() {
        for (given, shown) in [
            ("1100000000000000009", "1100000000000000009"),
            ("canary", "with another id"),
        ] {
            let (cause, words) = found(&foreign(json!({"application_id": given, "type": 1})));

            assert_eq!(cause, "other_account");
            assert!(
                words.contains(&format!(
                    "the application {shown}, and this integration's is {APPLICATION}: enter"
                )),
                "{words}"
            );
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_diagnosed(body: Vec<u8>, signature in "[0-9a-f]{128}|[ -~]{0,40}", timestamp in "[ -~]{0,20}") {
            let mut request = request(body);
            request.headers.insert(HEADER, signature.parse().unwrap());
            request.headers.insert(TIMESTAMP, timestamp.parse().unwrap());

            let (_, words) = found(&request);

            prop_assert!(!words.contains("by now"));
        }
    }
}
