//! The GET with which Meta asks whether an address is meant to be called.
//!
//! See "Webhooks from Meta", Verification requests: the challenge is given back, as it is, to whoever knows the token
//! that was registered with the address.

use crate::fields;
use bytes::Bytes;
use channel::{Cause, Diagnosis, ReceiveError, WebhookRequest, WebhookResponse};
use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use subtle::ConstantTimeEq;

/// Whether a request is a handshake, genuine or not.
pub fn is_one(request: &WebhookRequest) -> bool {
    request.method == Method::GET
}

/// The challenge, for whoever knows the token.
pub fn answer(
    request: &WebhookRequest,
    verify_token: &SecretString,
) -> Result<WebhookResponse, ReceiveError> {
    fields::secret("verify_token", verify_token)?;
    judge(request, verify_token).map_err(|refusal| ReceiveError::BadSignature {
        reason: refusal.words,
    })
}

/// The challenge, or why this is not a handshake with this token.
pub(crate) fn judge(
    request: &WebhookRequest,
    verify_token: &SecretString,
) -> Result<WebhookResponse, Diagnosis> {
    let mode = only(request, "hub.mode")?;
    if mode != "subscribe" {
        return Err(refused(Cause::Unreadable, "its hub.mode is not subscribe"));
    }
    if !bears(request, verify_token)? {
        return Err(refused(
            Cause::WrongSecret,
            "its verify token is not this integration's: enter the same one at Meta and here",
        ));
    }
    let challenge = only(request, "hub.challenge")?;
    Ok(WebhookResponse {
        status: StatusCode::OK,
        content_type: "text/plain",
        body: Bytes::from(challenge.into_owned()),
    })
}

/// Whether this is the token that a handshake bears.
pub(crate) fn bears(request: &WebhookRequest, token: &SecretString) -> Result<bool, Diagnosis> {
    let given = only(request, "hub.verify_token")?;
    Ok(given.as_bytes().ct_eq(token.expose_secret().as_bytes()).into())
}

/// What a platform hears of a webhook that was read.
pub const fn received() -> WebhookResponse {
    WebhookResponse {
        status: StatusCode::OK,
        content_type: "text/plain",
        body: Bytes::from_static(b"EVENT_RECEIVED"),
    }
}

/// A parameter that must be there once: of two it would not be clear which one somebody before us has looked at.
fn only<'a>(request: &'a WebhookRequest, name: &str) -> Result<Cow<'a, str>, Diagnosis> {
    let mut values = form_urlencoded::parse(request.query().as_bytes()).filter(|(given, _)| given == name);
    let value = values
        .next()
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            refused(
                Cause::Unreadable,
                format!(
                    "it is a GET without {name}: it is not Meta's handshake, or a proxy removed the query; let the proxy pass \
                     it on"
                ),
            )
        })?;
    if values.next().is_some() {
        return Err(refused(Cause::Unreadable, format!("it has {name} twice")));
    }
    Ok(value)
}

fn refused(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use channel::WebhookKind;
    use http::HeaderMap;
    use serde_json::Value;

    fn get(query: &str) -> WebhookRequest {
        WebhookRequest {
            kind: WebhookKind::Inbound,
            method: Method::GET,
            url: format!("https://bot.acme.com/api/whatsapp/webhook/1?{query}"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            received_at: chrono::Utc::now(),
        }
    }

    #[test]
    fn every_known_handshake_is_answered_as_meta_expects() {
        let Some(vectors) = channel_testkit::shared("channels/vectors.json") else {
            return;
        };
        let vectors: Value = serde_json::from_str(&vectors).unwrap();
        let handshakes: Vec<&Value> = vectors["handshakes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|handshake| handshake["platform"] == "meta")
            .collect();
        assert!(handshakes.len() >= 3);

        for handshake in handshakes {
            let outcome = answer(
                &get(handshake["query"].as_str().unwrap()),
                &handshake["verify_token"].as_str().unwrap().into(),
            );

            match handshake["expect_status"].as_u64().unwrap() {
                200 => {
                    let answer = outcome.unwrap();
                    assert_eq!(
                        (answer.status, answer.content_type),
                        (StatusCode::OK, "text/plain")
                    );
                    assert_eq!(answer.body, handshake["expect_body"].as_str().unwrap());
                }
                _ => assert!(
                    matches!(outcome, Err(ReceiveError::BadSignature { .. })),
                    "{}: {outcome:?}",
                    handshake["id"]
                ),
            }
        }
    }

    #[test]
    fn a_handshake_that_is_not_whole_or_says_two_things_is_refused() {
        for query in [
            "",
            "hub.mode=subscribe&hub.verify_token=right",
            "hub.mode=subscribe&hub.challenge=1",
            "hub.challenge=1&hub.verify_token=right",
            "hub.mode=subscribe&hub.challenge=&hub.verify_token=right",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong&hub.verify_token=right",
            "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=right",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=right1",
        ] {
            let outcome = answer(&get(query), &"right".into());

            assert!(outcome.is_err(), "{query}: {outcome:?}");
        }
        assert!(
            answer(
                &get("hub.mode=subscribe&hub.challenge=1&hub.verify_token="),
                &"".into()
            )
            .is_err()
        );
    }
}
