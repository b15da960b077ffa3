//! Proves that a webhook comes from Discord: an Ed25519 signature over the timestamp and the raw body.
//!
//! Discord keeps sending signatures that are wrong on purpose, and takes the address away from whoever accepts one. The
//! timestamp is opaque text: Discord documents no window for it, and every interaction is told by its id.
//!
//! Source: <https://docs.discord.com/developers/interactions/overview#validating-security-request-headers>

use crate::credentials::{Credentials, from_hex};
use channel::{Cause, Diagnosis, ReceiveError, WebhookRequest};
use ed25519_dalek::{Signature, VerifyingKey};

/// Carries the signature, in hexadecimal digits.
pub(crate) const HEADER: &str = "x-signature-ed25519";
/// What is signed before the body.
pub(crate) const TIMESTAMP: &str = "x-signature-timestamp";

pub(crate) fn verify(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    let key = credentials.verifying_key()?;
    judge(request, &key).map_err(|refusal| ReceiveError::BadSignature {
        reason: refusal.words,
    })
}

/// Why a request is not proven with this key, as far as its proof tells.
pub(crate) fn judge(request: &WebhookRequest, key: &VerifyingKey) -> Result<(), Diagnosis> {
    let header = |name: &str| {
        request.only_header(name).ok_or_else(|| {
            bad(
                Cause::MissingProof,
                format!(
                    "there is not exactly one readable {name} header: it does not come from Discord, or a proxy changed it; let \
                     the proxy pass it on"
                ),
            )
        })
    };
    let given = from_hex::<64>(header(HEADER)?).ok_or_else(|| {
        bad(
            Cause::MissingProof,
            format!("{HEADER} is not 128 hexadecimal digits"),
        )
    })?;
    let timestamp = header(TIMESTAMP)?;
    let signed = [timestamp.as_bytes(), &request.body].concat();
    key.verify_strict(&signed, &Signature::from_bytes(&given))
        .map_err(|_| {
            bad(
                Cause::WrongSecret,
                "the signature is not made with the private half of this application's public key. Discord also sends wrong \
                 signatures on purpose, to see them refused. Compare `public_key` with General Information in the Developer \
                 Portal if commands and buttons are not answered"
                    .to_owned(),
            )
        })
}

const fn bad(cause: Cause, words: String) -> Diagnosis {
    Diagnosis { cause, words }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fake::{self, credentials_with};
    use base64::{Engine, prelude::BASE64_STANDARD};
    use bytes::Bytes;
    use ed25519_dalek::{Signer, SigningKey};
    use http::{HeaderValue, Method};
    use serde_json::json;
    use sha2::{Digest, Sha256};

    pub(crate) fn request(body: impl Into<Bytes>) -> WebhookRequest {
        WebhookRequest {
            kind: channel::WebhookKind::Inbound,
            method: Method::POST,
            url: "https://bot.acme.com/api/discord/webhook/1".to_owned(),
            headers: http::HeaderMap::new(),
            body: body.into(),
            received_at: chrono::Utc::now(),
        }
    }

    /// The pair of keys that belongs to a secret text.
    pub(crate) fn key(secret: &str) -> SigningKey {
        SigningKey::from_bytes(&Sha256::digest(secret).into())
    }

    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn signed(mut request: WebhookRequest, secret: &str) -> WebhookRequest {
        let timestamp = "1763800000";
        let signature = key(secret).sign(&[timestamp.as_bytes(), &request.body].concat());
        request
            .headers
            .insert(HEADER, hex(&signature.to_bytes()).parse().unwrap());
        request
            .headers
            .insert(TIMESTAMP, HeaderValue::from_static(timestamp));
        request
    }

    #[test]
    fn every_recorded_signature_is_judged_as_the_sdks_judge_it() {
        let Some(vectors) = fake::vectors("discord") else {
            return;
        };
        for vector in &vectors {
            let text = |name: &str| vector[name].as_str().unwrap_or_default();
            let body = match vector["body_base64"].as_str() {
                Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
                None => text("body").as_bytes().to_vec(),
            };
            let mut request = request(body);
            request.headers.insert(HEADER, text("signature").parse().unwrap());
            request
                .headers
                .insert(TIMESTAMP, text("timestamp").parse().unwrap());
            let credentials = credentials_with(json!({"public_key": text("public_key")}));

            let verified = verify(&request, &credentials);

            assert_eq!(
                verified.is_ok(),
                vector["expect"] == true,
                "{}: {verified:?}",
                vector["id"]
            );
        }
        assert!(vectors.len() >= 14, "vectors were lost");
    }

    #[test]
    fn a_timestamp_that_was_changed_or_is_missing_proves_nothing() {
        let credentials = credentials_with(json!({"public_key": hex(key("s").verifying_key().as_bytes())}));
        let genuine = signed(request("{}"), "s");
        let mut changed = genuine.clone();
        changed
            .headers
            .insert(TIMESTAMP, HeaderValue::from_static("1763800001"));
        let mut missing = genuine.clone();
        missing.headers.remove(TIMESTAMP);
        let mut twice = genuine.clone();
        twice
            .headers
            .append(TIMESTAMP, HeaderValue::from_static("1763800000"));

        verify(&genuine, &credentials).unwrap();
        for request in [changed, missing, twice] {
            let error = verify(&request, &credentials).unwrap_err();

            assert!(matches!(error, ReceiveError::BadSignature { .. }), "{error:?}");
        }
    }
}
