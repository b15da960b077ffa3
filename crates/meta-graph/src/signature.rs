//! Proves that a webhook comes from an app whose secret we were given.
//!
//! Meta signs the bytes it sends, and it writes characters beyond ASCII as `\u` escapes: JSON that was parsed and
//! written again has another signature. There is no time in the proof, so what tells a repetition is the platform's id
//! of the message. See Meta's "Webhooks from Meta", Validating payloads.

use crate::fields;
use channel::{Cause, Diagnosis, ReceiveError, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt::Write;
use subtle::ConstantTimeEq;

/// The header that carries the proof.
pub const HEADER: &str = "x-hub-signature-256";
/// The one of old, with SHA-1, which proves nothing any more.
const LEGACY: &str = "x-hub-signature";
const PREFIX: &str = "sha256=";

/// Proves a request. An error's reason is for the integration's log.
pub fn verify(request: &WebhookRequest, app_secret: &SecretString) -> Result<(), ReceiveError> {
    fields::secret("app_secret", app_secret)?;
    judge(request, app_secret).map_err(|refusal| ReceiveError::BadSignature {
        reason: refusal.words,
    })
}

/// Why a request is not proven with this secret, as far as its proof tells.
pub(crate) fn judge(request: &WebhookRequest, app_secret: &SecretString) -> Result<(), Diagnosis> {
    let given = only_signature(request)?;
    if !given.starts_with(PREFIX) {
        return Err(missing(format!(
            "the X-Hub-Signature-256 header does not begin with {PREFIX}, as every signature of Meta's does"
        )));
    }
    if is_signed(given, app_secret, &request.body) {
        return Ok(());
    }
    Err(Diagnosis {
        cause: Cause::WrongSecret,
        words: "it is signed with another secret than this integration's app secret, or its body was changed on the way. \
                Copy the app secret again from the app's settings at developers.facebook.com (Basic; for Instagram login, \
                the Instagram app secret), and let no proxy rewrite bodies"
            .to_owned(),
    })
}

/// Whether a header's value is the signature of a body with this secret.
pub(crate) fn is_signed(given: &str, secret: &SecretString, body: &[u8]) -> bool {
    sign(secret, body).as_bytes().ct_eq(given.as_bytes()).into()
}

/// The header's value for a body: `sha256=`, then the HMAC in lower-case hexadecimal digits.
pub fn sign(app_secret: &SecretString, body: &[u8]) -> String {
    format!("{PREFIX}{}", hmac_hex(app_secret, body))
}

/// HMAC-SHA256 in lower-case hexadecimal digits.
pub(crate) fn hmac_hex(key: &SecretString, message: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).expect("a key of any length");
    mac.update(message);
    mac.finalize()
        .into_bytes()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn missing(words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause: Cause::MissingProof,
        words: words.into(),
    }
}

fn only_signature(request: &WebhookRequest) -> Result<&str, Diagnosis> {
    match request.headers.get_all(HEADER).iter().count() {
        0 if request.headers.contains_key(LEGACY) => Err(missing(
            "there is only the X-Hub-Signature header of old (SHA-1), which proves nothing, and no X-Hub-Signature-256: a \
             proxy removed it; let the proxy pass it on",
        )),
        0 => Err(missing(
            "the X-Hub-Signature-256 header is missing: it does not come from Meta, or a proxy removed it; let the proxy \
             pass it on",
        )),
        1 => request
            .only_header(HEADER)
            .ok_or_else(|| missing("the X-Hub-Signature-256 header is not readable text")),
        count => Err(missing(format!(
            "there are {count} X-Hub-Signature-256 headers, and Meta sends one"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use channel::WebhookKind;
    use http::{HeaderMap, HeaderValue, Method};
    use serde_json::Value;

    fn request(body: Vec<u8>, headers: &[(&'static str, &str)]) -> WebhookRequest {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, HeaderValue::from_str(value).unwrap());
        }
        WebhookRequest {
            kind: WebhookKind::Inbound,
            method: Method::POST,
            url: "https://bot.acme.com/api/whatsapp/webhook/1".to_owned(),
            headers: all,
            body: Bytes::from(body),
            received_at: chrono::Utc::now(),
        }
    }

    fn body_of(vector: &Value) -> Vec<u8> {
        match vector["body"].as_str() {
            Some(body) => body.as_bytes().to_vec(),
            // The only one that is not text: 00 ff fe.
            None => {
                assert_eq!(vector["body_base64"], "AP/+");
                vec![0x00, 0xff, 0xfe]
            }
        }
    }

    #[test]
    fn every_known_vector_is_judged_as_meta_judges_it() {
        let Some(vectors) = channel_testkit::shared("channels/vectors.json") else {
            return;
        };
        let vectors: Value = serde_json::from_str(&vectors).unwrap();
        let vectors = vectors["meta"].as_array().unwrap();
        assert!(vectors.len() >= 12);

        for vector in vectors {
            let signature = vector["signature"].as_str().unwrap();
            let request = request(body_of(vector), &[(HEADER, signature)]);

            let outcome = verify(&request, &vector["app_secret"].as_str().unwrap().into());

            assert_eq!(
                outcome.is_ok(),
                vector["expect"].as_bool().unwrap(),
                "{}: {outcome:?}",
                vector["id"]
            );
        }
    }

    #[test]
    fn a_signature_made_here_is_proven_here() {
        let secret = SecretString::from("c0ffee00c0ffee00c0ffee00c0ffee00");

        assert_eq!(sign(&secret, b"{\"b\":1,\"a\":2}").len(), "sha256=".len() + 64);
        let body = br#"{"object":"page"}"#.to_vec();
        let signature = sign(&secret, &body);
        verify(&request(body.clone(), &[(HEADER, &signature)]), &secret).unwrap();
        let mut flipped = body;
        flipped[3] ^= 1;
        assert!(verify(&request(flipped, &[(HEADER, &signature)]), &secret).is_err());
    }

    #[test]
    fn upper_case_half_a_signature_and_one_too_long_are_refused() {
        let secret = SecretString::from("c0ffee00c0ffee00c0ffee00c0ffee00");
        let body = b"{}".to_vec();
        let genuine = sign(&secret, &body);

        for given in [
            genuine.to_uppercase(),
            format!("sha256={}", genuine[7..].to_uppercase()),
            genuine[..40].to_owned(),
            format!("{genuine}00"),
            "sha256=".to_owned(),
            "sha256=é".to_owned(),
        ] {
            assert!(
                verify(&request(body.clone(), &[(HEADER, &given)]), &secret).is_err(),
                "{given}"
            );
        }
    }

    #[test]
    fn a_refusal_says_what_was_found() {
        let secret = SecretString::from("canary-secret");
        for (headers, expected) in [
            (vec![], "is missing"),
            (vec![(LEGACY, "sha1=00")], "SHA-1"),
            (vec![(HEADER, "sha1=00")], "does not begin with sha256="),
            (vec![(HEADER, "sha256=00")], "Copy the app secret again"),
            (vec![(HEADER, "sha256=00"), (HEADER, "sha256=00")], "there are 2"),
        ] {
            let error = verify(&request(b"{}".to_vec(), &headers), &secret)
                .unwrap_err()
                .to_string();

            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
