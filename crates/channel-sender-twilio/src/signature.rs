//! Proves that a webhook comes from Twilio and is about an account whose auth token we were given.
//!
//! Invariants: the proof is over the raw request and our configured public address, never over what proxies say of it;
//! every comparison takes the same time wherever texts differ; without a token nothing is ever proven.

use crate::{credentials::Credentials, form::Form};
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::{CredentialsError, ReceiveError, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// The header that carries the proof.
pub(crate) const HEADER: &str = "x-twilio-signature";
/// The parameter of the address that stands for a body that is not a form.
const BODY_HASH: &str = "bodySHA256";

/// Why a request is not proven.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The integration has nothing to prove anything with.
    Credentials(CredentialsError),
    NoSignature,
    SeveralSignatures(usize),
    UnreadableSignature,
    OtherMethod,
    /// It is signed with another token, or for another address.
    OtherSignature,
    /// The address is signed, and the body is another than the signed one.
    OtherBody,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(error) => error.fmt(f),
            Self::NoSignature => f.write_str(
                "the X-Twilio-Signature header is missing: it does not come from Twilio, or a proxy removed it; let the proxy \
                 pass it on",
            ),
            Self::SeveralSignatures(count) => {
                write!(f, "there are {count} X-Twilio-Signature headers, and Twilio sends one")
            }
            Self::UnreadableSignature => f.write_str("the X-Twilio-Signature header is not readable text"),
            Self::OtherMethod => f.write_str("Twilio calls with GET or POST only"),
            Self::OtherSignature => f.write_str(
                "the signature does not match: the auth token is not this account's primary one (Twilio signs with no \
                 API key and no secondary token), or the request was changed on its way; copy the primary auth token again, \
                 from the account's page in the console",
            ),
            Self::OtherBody => f.write_str(
                "the address is signed, and the body is not the one it was signed for (bodySHA256 differs)",
            ),
        }
    }
}

impl From<Refusal> for ReceiveError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Credentials(error) => Self::BadCredentials(error),
            refusal => Self::BadSignature {
                reason: refusal.to_string(),
            },
        }
    }
}

/// Proves a request. An error's reason is for the integration's log.
pub(crate) fn verify(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    let proof = Proof::of(request, credentials)?;
    if !proof.is_for(&request.url) {
        return Err(Refusal::OtherSignature.into());
    }
    if !proof.covers_body() {
        return Err(Refusal::OtherBody.into());
    }
    Ok(())
}

/// A request's signature, with all that it is compared with but the address.
pub(crate) struct Proof<'r> {
    request: &'r WebhookRequest,
    given: &'r str,
    tokens: Vec<&'r SecretString>,
    /// What is signed after the address.
    tail: Vec<u8>,
}

impl<'r> Proof<'r> {
    pub(crate) fn of(request: &'r WebhookRequest, credentials: &'r Credentials) -> Result<Self, Refusal> {
        Ok(Self {
            request,
            tokens: credentials
                .signing_tokens()
                .map_err(Refusal::Credentials)?
                .collect(),
            given: only_signature(request)?,
            tail: signed_tail(request)?,
        })
    }

    /// Whether the request is signed for this address, with any of the tokens.
    pub(crate) fn is_for(&self, url: &str) -> bool {
        let urls = port_variants(url);
        let genuine = self.tokens.iter().fold(Choice::from(0), |genuine, token| {
            urls.iter().fold(genuine, |genuine, url| {
                genuine
                    | sign(token, url, &self.tail)
                        .as_bytes()
                        .ct_eq(self.given.as_bytes())
            })
        });
        genuine.into()
    }

    /// Whether the body is the one that the address, by its hash, was signed for.
    fn covers_body(&self) -> bool {
        body_hash(self.request).is_none_or(|hash| {
            hash.as_slice()
                .ct_eq(hex_sha256(&self.request.body).as_bytes())
                .into()
        })
    }
}

/// Whether the body is JSON by its signature.
pub(crate) fn is_json(request: &WebhookRequest) -> bool {
    request.method == Method::POST && body_hash(request).is_some()
}

fn only_signature(request: &WebhookRequest) -> Result<&str, Refusal> {
    match request.headers.get_all(HEADER).iter().count() {
        0 => Err(Refusal::NoSignature),
        1 => request.only_header(HEADER).ok_or(Refusal::UnreadableSignature),
        count => Err(Refusal::SeveralSignatures(count)),
    }
}

/// What is signed after the address.
fn signed_tail(request: &WebhookRequest) -> Result<Vec<u8>, Refusal> {
    match request.method {
        // The parameters are in the address already.
        Method::GET => Ok(Vec::new()),
        Method::POST if body_hash(request).is_some() => Ok(Vec::new()),
        Method::POST => Ok(Form::parse(&request.body).signed()),
        _ => Err(Refusal::OtherMethod),
    }
}

fn body_hash(request: &WebhookRequest) -> Option<Vec<u8>> {
    Form::parse(request.query().as_bytes())
        .bytes(BODY_HASH)
        .map(<[u8]>::to_vec)
}

fn hex_sha256(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// base64(HMAC-SHA1(token, url + tail))
fn sign(token: &SecretString, url: &str, tail: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac =
        Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes()).expect("a key of any length");
    mac.update(url.as_bytes());
    mac.update(tail);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The address without a port and with one: Twilio is not consistent in which of the two it signs.
fn port_variants(url: &str) -> [String; 2] {
    let Some((scheme, rest)) = url.split_once("://") else {
        return [url.to_owned(), url.to_owned()];
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host_and_port) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        // No port; what follows the last colon is the end of an IPv6 address.
        _ => (host_and_port, ""),
    };
    let default = if scheme.eq_ignore_ascii_case("https") {
        "443"
    } else {
        "80"
    };
    let port = if port.is_empty() { default } else { port };
    [
        format!("{scheme}://{user}{host}{tail}"),
        format!("{scheme}://{user}{host}:{port}{tail}"),
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;
    use channel::WebhookKind;
    use chrono::Utc;
    use http::HeaderMap;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    pub(crate) fn request(method: Method, url: &str, body: &[u8], signatures: &[&str]) -> WebhookRequest {
        let mut headers = HeaderMap::new();
        for signature in signatures {
            headers.append(HEADER, signature.parse().unwrap());
        }
        WebhookRequest {
            kind: WebhookKind::Inbound,
            method,
            url: url.to_owned(),
            headers,
            body: Bytes::copy_from_slice(body),
            received_at: Utc::now(),
        }
    }

    pub(crate) fn with_token(token: &str) -> Credentials {
        serde_json::from_value(json!({
            "account_sid": "AC00000000000000000000000000000001",
            "auth_token": token,
            "phone_number": "+14155550100",
        }))
        .unwrap()
    }

    /// Signs a request as Twilio does.
    pub(crate) fn signed(mut request: WebhookRequest, token: &str) -> WebhookRequest {
        let signature = sign(&token.into(), &request.url, &signed_tail(&request).unwrap());
        request.headers.insert(HEADER, signature.parse().unwrap());
        request
    }

    fn reason(request: &WebhookRequest, credentials: &Credentials) -> String {
        match verify(request, credentials) {
            Err(ReceiveError::BadSignature { reason }) => reason,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    fn check(vector: &Value) {
        let text = |name: &str| vector[name].as_str();
        let body = text("form_body").or(text("json_body")).unwrap_or_default();
        let method = text("method").unwrap_or("POST").parse().unwrap();
        let request = request(
            method,
            text("url").unwrap(),
            body.as_bytes(),
            &[text("signature").unwrap()],
        );

        let accepted = verify(&request, &with_token(text("auth_token").unwrap())).is_ok();

        assert_eq!(accepted, vector["expect"].as_bool().unwrap(), "{}", vector["id"]);
    }

    #[test]
    fn requests_signed_by_twilios_own_sdk_are_judged_as_it_judges_them() {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("../fixtures/signed.json")).unwrap();

        assert!(vectors.len() >= 15);
        vectors.iter().for_each(check);
    }

    #[test]
    fn every_shared_vector_is_judged_as_expected() {
        let Some(vectors) = channel_testkit::shared("channels/vectors.json") else {
            return;
        };

        let vectors: Value = serde_json::from_str(&vectors).unwrap();
        let vectors = vectors["twilio"].as_array().unwrap();
        assert!(vectors.len() >= 40);
        // One SDK escapes an apostrophe in the query before it signs, against what Twilio's servers do.
        vectors
            .iter()
            .filter(|vector| vector["optional"] != true)
            .for_each(check);
    }

    #[test]
    fn a_missing_empty_or_repeated_header_is_refused() {
        let credentials = with_token("12345");
        let genuine = signed(
            request(Method::POST, "https://a.example/w", b"Body=hi", &[]),
            "12345",
        );
        let signature = genuine.only_header(HEADER).unwrap();

        verify(&genuine, &credentials).unwrap();
        for (signatures, expected) in [
            (vec![], "is missing"),
            (vec![""], "does not match"),
            (vec![signature, signature], "there are 2"),
            (vec!["", signature], "there are 2"),
            (vec![&signature[1..]], "does not match"),
        ] {
            let request = request(Method::POST, "https://a.example/w", b"Body=hi", &signatures);

            let reason = reason(&request, &credentials);

            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn without_an_auth_token_nothing_is_proven() {
        let forged = signed(request(Method::POST, "https://a.example/w", b"Body=hi", &[]), "");

        assert!(matches!(
            verify(&forged, &with_token("")),
            Err(ReceiveError::BadCredentials(_))
        ));
    }

    #[test]
    fn an_empty_secondary_token_proves_nothing() {
        let credentials: Credentials = serde_json::from_value(json!({
            "account_sid": "AC00000000000000000000000000000001", "auth_token": "12345", "secondary_auth_token": "",
        }))
        .unwrap();
        let forged = signed(request(Method::POST, "https://a.example/w", b"Body=hi", &[]), "");

        assert!(verify(&forged, &credentials).is_err());
    }

    #[test]
    fn while_tokens_are_changed_both_are_accepted() {
        let credentials: Credentials = serde_json::from_value(json!({
            "account_sid": "AC00000000000000000000000000000001", "auth_token": "old", "secondary_auth_token": "new",
        }))
        .unwrap();
        let webhook = request(Method::POST, "https://a.example/w", b"Body=hi", &[]);

        for token in ["old", "new"] {
            verify(&signed(webhook.clone(), token), &credentials).unwrap();
        }
        assert!(verify(&signed(webhook, "older"), &credentials).is_err());
    }

    #[test]
    fn a_get_is_proven_by_its_address_alone() {
        let genuine = signed(
            request(Method::GET, "https://a.example/w?Body=hi&From=%2B1", b"", &[]),
            "12345",
        );

        verify(&genuine, &with_token("12345")).unwrap();
    }

    #[test]
    fn a_json_body_that_was_changed_is_refused() {
        let url = format!("https://a.example/w?bodySHA256={}", hex_sha256(b"{}"));
        let changed = signed(request(Method::POST, &url, b"{ }", &[]), "12345");

        assert!(reason(&changed, &with_token("12345")).contains("bodySHA256"));
    }

    #[test]
    fn ports_are_tried_where_they_may_stand() {
        for (url, without, with) in [
            (
                "https://a.example/w",
                "https://a.example/w",
                "https://a.example:443/w",
            ),
            ("http://a.example", "http://a.example", "http://a.example:80"),
            (
                "https://u:p@a.example:8443?q",
                "https://u:p@a.example?q",
                "https://u:p@a.example:8443?q",
            ),
            (
                "https://[2001:db8::1]/w",
                "https://[2001:db8::1]/w",
                "https://[2001:db8::1]:443/w",
            ),
            (
                "https://[2001:db8::1]:8443/w",
                "https://[2001:db8::1]/w",
                "https://[2001:db8::1]:8443/w",
            ),
        ] {
            assert_eq!(port_variants(url), [without, with]);
        }
    }

    proptest! {
        #[test]
        fn nothing_random_is_ever_accepted(
            method in "GET|POST|PUT|HEAD",
            url in "\\PC{0,60}",
            body: Vec<u8>,
            signature in "[ -~]{0,40}",
            host in "[ -~]{0,20}",
        ) {
            let mut request = request(method.parse().unwrap(), &url, &body, &[&signature]);
            request.headers.insert("host", host.parse().unwrap());

            prop_assert!(verify(&request, &with_token("12345")).is_err());
        }

        #[test]
        fn whatever_is_signed_is_accepted(body: Vec<u8>, path in "[a-z/%?=&:@]{0,30}") {
            let request = request(Method::POST, &format!("https://a.example/{path}"), &body, &[]);

            prop_assert!(verify(&signed(request, "12345"), &with_token("12345")).is_ok());
        }
    }
}
