//! Proves that a webhook comes from Twilio and is about an account whose auth token we were given.
//!
//! Invariants: the proof is over the raw request and our configured public address, never over what proxies say of it;
//! every comparison takes the same time wherever texts differ; without a token nothing is ever proven.

use crate::{credentials::Credentials, form::Form};
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::{ReceiveError, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The header that carries the proof.
pub(crate) const HEADER: &str = "x-twilio-signature";
/// The parameter of the address that stands for a body that is not a form.
const BODY_HASH: &str = "bodySHA256";

/// Proves a request. An error's reason is for the integration's log.
pub(crate) fn verify(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    let tokens: Vec<&SecretString> = credentials.signing_tokens()?.collect();
    let given = only_signature(request)?;
    let tail = signed_tail(request)?;
    let is_signed = |url: &str| -> bool {
        let genuine = tokens.iter().fold(Choice::from(0), |genuine, token| {
            port_variants(url).iter().fold(genuine, |genuine, url| {
                genuine | sign(token, url, &tail).as_bytes().ct_eq(given.as_bytes())
            })
        });
        genuine.into()
    };
    if !is_signed(&request.url) {
        return Err(refused(diagnose(request, credentials, is_signed)));
    }
    match body_hash(request) {
        Some(hash) if !bool::from(hash.as_slice().ct_eq(hex_sha256(&request.body).as_bytes())) => {
            Err(refused(
                "the address is signed, and the body is not the one it was signed for (bodySHA256 differs)",
            ))
        }
        _ => Ok(()),
    }
}

/// Whether the body is JSON by its signature.
pub(crate) fn is_json(request: &WebhookRequest) -> bool {
    request.method == Method::POST && body_hash(request).is_some()
}

fn refused(reason: impl Into<String>) -> ReceiveError {
    ReceiveError::BadSignature {
        reason: reason.into(),
    }
}

fn only_signature(request: &WebhookRequest) -> Result<&str, ReceiveError> {
    match request.headers.get_all(HEADER).iter().count() {
        0 => Err(refused(
            "the X-Twilio-Signature header is missing: it does not come from Twilio, or a proxy removed it",
        )),
        1 => request
            .only_header(HEADER)
            .ok_or_else(|| refused("the X-Twilio-Signature header is not readable text")),
        count => Err(refused(format!(
            "there are {count} X-Twilio-Signature headers, and Twilio sends one"
        ))),
    }
}

/// What is signed after the address.
fn signed_tail(request: &WebhookRequest) -> Result<Vec<u8>, ReceiveError> {
    match request.method {
        // The parameters are in the address already.
        Method::GET => Ok(Vec::new()),
        Method::POST if body_hash(request).is_some() => Ok(Vec::new()),
        Method::POST => Ok(Form::parse(&request.body).signed()),
        _ => Err(refused("Twilio calls with GET or POST only")),
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

/// Why a signature does not match, as far as it can be found out. Only for words: nothing found here is accepted.
fn diagnose(request: &WebhookRequest, credentials: &Credentials, is_signed: impl Fn(&str) -> bool) -> String {
    if let Some(address) = other_addresses(request)
        .into_iter()
        .find(|address| is_signed(address))
    {
        return format!(
            "it is signed for {address}, and this installation believes to be at {}: set the public address \
             (`public_url`) to what Twilio calls, or register the address again",
            request.url
        );
    }
    let form = if request.method == Method::GET {
        request.query().as_bytes()
    } else {
        &request.body
    };
    let account = Form::parse(form)
        .bytes("AccountSid")
        .map(|sid| String::from_utf8_lossy(sid).into_owned());
    match account {
        Some(account) if is_sid(&account) && account != credentials.account_sid => format!(
            "it is about account {account}, and this integration's is {}: a sub-account has a SID and an auth token of \
             its own",
            credentials.account_sid
        ),
        _ => "the signature does not match: the auth token is not this account's primary one (Twilio signs with no API \
              key and no secondary token), or the request was changed on its way"
            .to_owned(),
    }
}

fn is_sid(text: &str) -> bool {
    text.len() == 34 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What Twilio may have called, by what proxies say.
fn other_addresses(request: &WebhookRequest) -> Vec<String> {
    let Some((_, rest)) = request.url.split_once("://") else {
        return Vec::new();
    };
    let path = &rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..];
    let (before_query, query) = match path.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (path, String::new()),
    };
    let paths = [
        path.to_owned(),
        format!("{}/{query}", before_query.trim_end_matches('/')),
        format!("{}{query}", before_query.trim_end_matches('/')),
    ];
    let own = rest[..rest.len() - path.len()].to_owned();
    let named = ["x-forwarded-host", "host"]
        .iter()
        .filter_map(|name| request.only_header(name))
        .map(str::to_owned);
    let mut addresses = Vec::new();
    for host in named.chain([own]) {
        for scheme in ["https", "http"] {
            addresses.extend(paths.iter().map(|path| format!("{scheme}://{host}{path}")));
        }
    }
    addresses
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
        let Some(vectors) = crate::fake::shared("channels/vectors.json") else {
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
    fn a_proxy_that_changes_the_address_is_found_and_named_and_still_refused() {
        let called = "https://bot.acme.com/api/twilio/webhook/1";
        let mut inside = signed(request(Method::POST, called, b"Body=hi", &[]), "12345");
        inside.url = "http://10.0.0.7:8080/api/twilio/webhook/1".to_owned();
        inside.headers.insert("host", "bot.acme.com".parse().unwrap());

        let reason = reason(&inside, &with_token("12345"));

        assert!(
            reason.contains("it is signed for https://bot.acme.com/api/twilio/webhook/1"),
            "{reason}"
        );
        assert!(reason.contains("public_url"), "{reason}");
    }

    #[test]
    fn a_sub_accounts_request_is_named() {
        let body = b"AccountSid=AC00000000000000000000000000000009&Body=hi";
        let theirs = signed(
            request(Method::POST, "https://a.example/w", body, &[]),
            "their token",
        );

        let reason = reason(&theirs, &with_token("12345"));

        assert!(reason.contains("AC00000000000000000000000000000009"), "{reason}");
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
