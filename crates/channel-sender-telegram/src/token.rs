//! Proves that a webhook comes from Telegram: it repeats the secret token that we gave to setWebhook.
//!
//! Invariants: the comparison takes the same time wherever texts differ; without a secret nothing is ever proven. The body
//! is not signed, and carries neither a time nor the bot it is for: the update's number is what tells a replay.

use crate::credentials::Credentials;
use channel::{Cause, Diagnosis, ReceiveError, WebhookRequest};
use http::Method;
use subtle::ConstantTimeEq;

/// The header that carries the proof.
pub(crate) const HEADER: &str = "x-telegram-bot-api-secret-token";

/// Proves a request. An error's reason is for the integration's log.
pub(crate) fn verify(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    let secret = credentials.webhook_secret()?;
    judge(request, secret).map_err(|refusal| ReceiveError::BadSignature {
        reason: refusal.words,
    })
}

/// Why a request is not proven with this secret, as far as its proof tells.
pub(crate) fn judge(request: &WebhookRequest, secret: &str) -> Result<(), Diagnosis> {
    let given = only_token(request)?;
    if !bool::from(given.as_bytes().ct_eq(secret.as_bytes())) {
        return Err(refused(
            Cause::WrongSecret,
            "the X-Telegram-Bot-Api-Secret-Token header is not this integration's secret. Telegram delivers again for 24 \
             hours what was refused: connect the integration again, so that Telegram is told the one it has now",
        ));
    }
    if request.method != Method::POST {
        return Err(refused(Cause::Unreadable, "Telegram calls with POST only"));
    }
    Ok(())
}

fn refused(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

fn only_token(request: &WebhookRequest) -> Result<&str, Diagnosis> {
    let missing = |words: &str| refused(Cause::MissingProof, words);
    match request.headers.get_all(HEADER).iter().count() {
        0 => Err(missing(
            "the X-Telegram-Bot-Api-Secret-Token header is missing: it does not come from Telegram, a proxy removed it, or \
             the webhook was set without a secret; connect the integration again",
        )),
        1 => request
            .only_header(HEADER)
            .ok_or_else(|| missing("the X-Telegram-Bot-Api-Secret-Token header is not readable text")),
        count => Err(missing(&format!(
            "there are {count} X-Telegram-Bot-Api-Secret-Token headers, and Telegram sends one"
        ))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fake;
    use bytes::Bytes;
    use channel::WebhookKind;
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;
    use serde_json::json;

    pub(crate) fn request(body: &[u8]) -> WebhookRequest {
        WebhookRequest {
            kind: WebhookKind::Inbound,
            method: Method::POST,
            url: "https://bot.acme.com/api/telegram/webhook/1".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body),
            received_at: "2026-11-23T10:00:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn with_token(mut request: WebhookRequest, token: &str) -> WebhookRequest {
        request
            .headers
            .insert(HEADER, HeaderValue::from_str(token).unwrap());
        request
    }

    #[test]
    fn every_recorded_vector_is_judged_as_recorded() {
        let Some(vectors) = fake::vectors() else {
            return;
        };
        let recorded: Vec<_> = vectors
            .iter()
            .filter(|vector| vector["scheme"] == "telegram_secret_token")
            .collect();
        assert!(!recorded.is_empty(), "there are no vectors");
        for vector in recorded {
            let credentials = fake::credentials_with(json!({"webhook_secret": vector["configured"]}));
            let request = match vector["header"].as_str() {
                Some(token) => with_token(request(b"{}"), token),
                None => request(b"{}"),
            };

            let judged = verify(&request, &credentials);

            assert_eq!(
                json!(judged.is_ok()),
                vector["expect"],
                "{}: {judged:?}",
                vector["id"]
            );
        }
    }

    #[test]
    fn a_proven_request_that_is_no_post_is_refused() {
        let mut request = with_token(request(b"{}"), "s3cret");
        request.method = Method::GET;

        let error = verify(
            &request,
            &fake::credentials_with(json!({"webhook_secret": "s3cret"})),
        )
        .unwrap_err();

        assert!(matches!(error, ReceiveError::BadSignature { .. }), "{error:?}");
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let credentials = fake::credentials_with(json!({"webhook_secret": "s3cret"}));
        for (request, words) in [
            (request(b"{}"), "header is missing"),
            (
                with_token(request(b"{}"), "other"),
                "connect the integration again",
            ),
        ] {
            let reason = verify(&request, &credentials).unwrap_err().to_string();

            assert!(reason.contains(words), "{reason}");
        }
    }

    proptest! {
        #[test]
        fn only_the_very_secret_is_accepted(secret in "[A-Za-z0-9_-]{1,256}", given in "[ -~]{0,40}") {
            let credentials = fake::credentials_with(json!({"webhook_secret": secret}));

            prop_assert!(verify(&with_token(request(b""), &secret), &credentials).is_ok());
            prop_assert_eq!(verify(&with_token(request(b""), &given), &credentials).is_ok(), given == secret);
        }
    }
}
