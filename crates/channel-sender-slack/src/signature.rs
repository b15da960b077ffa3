//! Proves that a webhook comes from Slack and was signed with the app's signing secret just now.
//!
//! Invariants: the proof is over the raw body and its timestamp; the comparison takes the same time wherever texts
//! differ; without a secret nothing is ever proven.
//!
//! Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use crate::credentials::Credentials;
use channel::{Cause, Diagnosis, ReceiveError, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header that carries the proof.
pub(crate) const HEADER: &str = "x-slack-signature";
/// When Slack signed it, in seconds since 1970.
pub(crate) const TIMESTAMP: &str = "x-slack-request-timestamp";
/// How far that may be from when it reached us, in seconds.
const WINDOW: u64 = 300;

/// Proves a request. An error's reason is for the integration's log.
pub(crate) fn verify(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    let secret = credentials.signing_secret()?;
    judge(request, secret).map_err(|refusal| ReceiveError::BadSignature {
        reason: refusal.words,
    })
}

/// Why a request is not proven with this secret, as far as its proof tells.
pub(crate) fn judge(request: &WebhookRequest, secret: &str) -> Result<(), Diagnosis> {
    let given = only(request, HEADER, "X-Slack-Signature")?;
    let timestamp = only(request, TIMESTAMP, "X-Slack-Request-Timestamp")?;
    let signed_at = seconds(timestamp).ok_or_else(|| {
        refused(
            Cause::Unreadable,
            "the X-Slack-Request-Timestamp header is not a number of seconds",
        )
    })?;
    let expected = sign(secret, timestamp, &request.body);
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(refused(
            Cause::WrongSecret,
            "the signature does not match: a proxy changed the body, or the signing secret is not this app's; copy it again \
             from Basic Information, App Credentials",
        ));
    }
    let behind = request.received_at.timestamp() - signed_at;
    if behind.unsigned_abs() > WINDOW {
        return Err(refused(
            Cause::Clock { seconds: behind },
            format!(
                "it is signed with the right secret and {} seconds away from this machine's clock, and {WINDOW} are allowed: \
                 it is a repeat, or the clock is wrong; set this machine's clock",
                behind.unsigned_abs()
            ),
        ));
    }
    Ok(())
}

fn refused(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

fn only<'a>(request: &'a WebhookRequest, header: &str, shown: &str) -> Result<&'a str, Diagnosis> {
    let missing = |words| refused(Cause::MissingProof, words);
    match request.headers.get_all(header).iter().count() {
        0 => Err(missing(format!(
            "the {shown} header is missing: it does not come from Slack, or a proxy removed it; let the proxy pass it on"
        ))),
        1 => request
            .only_header(header)
            .ok_or_else(|| missing(format!("the {shown} header is not readable text"))),
        count => Err(missing(format!(
            "there are {count} {shown} headers, and Slack sends one"
        ))),
    }
}

/// Digits only: a sign or a space would be another text than Slack signs.
fn seconds(text: &str) -> Option<i64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// v0=hex(HMAC-SHA256(secret, "v0:timestamp:body"))
pub(crate) fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v0={digits}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fake;
    use bytes::Bytes;
    use channel::WebhookKind;
    use channel_testkit::shared;
    use chrono::DateTime;
    use http::{HeaderMap, HeaderValue, Method};
    use serde_json::{Value, json};

    /// When requests of tests reach us, and are signed.
    pub(crate) const NOW: i64 = 1_763_800_000;

    pub(crate) fn request(body: impl Into<Bytes>) -> WebhookRequest {
        WebhookRequest {
            kind: WebhookKind::Inbound,
            method: Method::POST,
            url: "https://bot.acme.com/api/slack/webhook/1".to_owned(),
            headers: HeaderMap::new(),
            body: body.into(),
            received_at: DateTime::from_timestamp(NOW, 0).unwrap(),
        }
    }

    pub(crate) fn signed(mut request: WebhookRequest, secret: &str) -> WebhookRequest {
        let timestamp = NOW.to_string();
        let signature = sign(secret, &timestamp, &request.body);
        request
            .headers
            .insert(HEADER, HeaderValue::from_str(&signature).unwrap());
        request
            .headers
            .insert(TIMESTAMP, HeaderValue::from_str(&timestamp).unwrap());
        request
    }

    fn with_secret(secret: &str) -> Credentials {
        fake::credentials_with(json!({"signing_secret": secret}))
    }

    fn reason(request: &WebhookRequest) -> String {
        match verify(request, &with_secret("s3cret")) {
            Err(ReceiveError::BadSignature { reason }) => reason,
            other => panic!("it gave {other:?}"),
        }
    }

    #[test]
    fn every_known_signature_is_judged_as_slacks_own_library_does() {
        let Some(vectors) = shared("channels/vectors.json") else {
            return;
        };
        let vectors: Value = serde_json::from_str(&vectors).unwrap();
        let vectors = vectors["slack"].as_array().unwrap();
        assert!(vectors.len() >= 15);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            let mut request = request(text("body"));
            request.received_at = DateTime::from_timestamp(vector["now"].as_i64().unwrap(), 0).unwrap();
            for (header, name) in [(HEADER, "signature"), (TIMESTAMP, "timestamp")] {
                request
                    .headers
                    .insert(header, HeaderValue::from_str(&text(name)).unwrap());
            }

            let genuine = verify(&request, &with_secret(&text("signing_secret"))).is_ok();

            assert_eq!(genuine, vector["expect"].as_bool().unwrap(), "{}", text("id"));
        }
    }

    #[test]
    fn one_changed_byte_is_noticed() {
        let genuine = signed(request(r#"{"a":1}"#), "s3cret");
        verify(&genuine, &with_secret("s3cret")).unwrap();
        for changed in [r#"{"a":2}"#, r#"{"a":1} "#, ""] {
            let mut request = genuine.clone();
            request.body = Bytes::from_static(changed.as_bytes());

            assert!(reason(&request).contains("does not match"));
        }
    }

    #[test]
    fn five_minutes_pass_in_both_directions_and_a_second_more_does_not() {
        for (seconds, passes) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let mut request = signed(request("{}"), "s3cret");
            request.received_at = DateTime::from_timestamp(NOW + seconds, 999_000_000).unwrap();

            let outcome = verify(&request, &with_secret("s3cret"));

            assert_eq!(outcome.is_ok(), passes, "{seconds} gave {outcome:?}");
        }
    }

    #[test]
    fn what_is_missing_repeated_or_unreadable_is_named() {
        let genuine = signed(request("{}"), "s3cret");
        let mut bare = genuine.clone();
        bare.headers.remove(TIMESTAMP);
        let mut twice = genuine.clone();
        twice
            .headers
            .append(TIMESTAMP, HeaderValue::from_static("1763800000"));
        let mut words = genuine.clone();
        words
            .headers
            .insert(TIMESTAMP, HeaderValue::from_static("+1763800000"));
        let mut old = genuine;
        old.received_at = DateTime::from_timestamp(NOW + 3_600, 0).unwrap();

        assert!(reason(&bare).starts_with("the X-Slack-Request-Timestamp header is missing"));
        assert!(reason(&twice).starts_with("there are 2 X-Slack-Request-Timestamp headers"));
        assert!(reason(&words).contains("not a number of seconds"));
        assert!(reason(&old).contains("3600 seconds away from this machine's clock"));
    }
}
