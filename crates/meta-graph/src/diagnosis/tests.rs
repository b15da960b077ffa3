use super::*;
use bytes::Bytes;
use channel::WebhookKind;
use http::{HeaderMap, HeaderName, Method};

const APP_SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
const VERIFY_TOKEN: &str = "canary-verify";
const ACCESS_TOKEN: &str = "EAAcanary";
const OURS: &str = "102938475610293";
/// As Meta writes it.
const BODY: &str = r#"{"object":"page","entry":[{"id":"102938475610293","messaging":[{"message":{"text":"caf\u00e9 \ud83d\ude00 \"a\" a/b"}}]}]}"#;

fn request(body: &str, headers: &[(&str, &str)]) -> WebhookRequest {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bot.acme.com/api/messenger/webhook/1".to_owned(),
        headers: all,
        body: Bytes::copy_from_slice(body.as_bytes()),
        received_at: chrono::Utc::now(),
    }
}

/// A request with this body, and the signature of that one.
fn signed(body: &str, signed_body: &str, secret: &str) -> WebhookRequest {
    let signature = signature::sign(&secret.into(), signed_body.as_bytes());
    request(body, &[(signature::HEADER, &signature)])
}

fn handshake_with(token: &str) -> WebhookRequest {
    let mut get = request("", &[]);
    get.method = Method::GET;
    get.url += &format!("?hub.mode=subscribe&hub.challenge=1&hub.verify_token={token}");
    get
}

fn found_with(app_secret: &str, request: &WebhookRequest) -> (&'static str, String) {
    let named: Vec<String> = batch::parse(&request.body)
        .iter()
        .flat_map(|body| batch::list(body, "entry", "", &mut Vec::new()))
        .filter_map(|(_, entry)| batch::id(entry.get("id")?))
        .collect();
    let integration = Integration {
        app_secret: &app_secret.into(),
        app_secret_is_at: "the app's settings",
        verify_token: &VERIFY_TOKEN.into(),
        access_token: &ACCESS_TOKEN.into(),
        kind: "the Page",
        account: OURS,
    };
    let Diagnosis { cause, words } = diagnose(request, &named, &integration);
    assert!(
        !words.contains("canary") && !words.contains("c0ffee") && !words.contains("caf"),
        "{words}"
    );
    (cause.as_str(), words)
}

fn found(request: &WebhookRequest) -> (&'static str, String) {
    found_with(APP_SECRET, request)
}

#[test]
fn what_is_wrong_with_a_proof_is_told_apart() {
    let genuine = signed(BODY, BODY, APP_SECRET);
    let mut twice = genuine.clone();
    twice
        .headers
        .append(signature::HEADER, "sha256=00".parse().unwrap());
    for (request, cause, words) in [
        (request(BODY, &[]), "missing_proof", "is missing"),
        (
            request(BODY, &[("x-hub-signature", "sha1=00")]),
            "missing_proof",
            "SHA-1",
        ),
        (
            request(BODY, &[(signature::HEADER, "canary")]),
            "missing_proof",
            "does not begin with sha256=",
        ),
        (twice, "missing_proof", "there are 2"),
        (
            signed(BODY, BODY, "deadbeefcanary"),
            "wrong_secret",
            "neither the verify token nor an access token: copy it from the app's settings",
        ),
        (
            signed("[canary]", BODY, APP_SECRET),
            "unreadable",
            "a list named entry",
        ),
        (genuine, "unproven", "by now"),
    ] {
        let (found, said) = found(&request);

        assert_eq!(found, cause, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_secret_in_the_wrong_field_is_recognised_by_what_it_signs() {
    for (secret, words) in [
        (VERIFY_TOKEN, "entered here as the verify token"),
        (ACCESS_TOKEN, "entered here as the access token"),
    ] {
        let (cause, said) = found(&signed(BODY, BODY, secret));

        assert_eq!(cause, "wrong_secret");
        assert!(
            said.contains(words) && said.contains("enter the app secret from the app's settings"),
            "{said}"
        );
    }
}

#[test]
fn an_app_secret_that_is_another_field_or_of_another_kind_is_said_to_be() {
    let foreign = signed(BODY, BODY, "deadbeef");
    for (entered, words) in [
        (VERIFY_TOKEN, "is the verify token"),
        (ACCESS_TOKEN, "is the access token"),
        ("EAAother", "is an access token"),
        ("IGAAother", "is an access token"),
    ] {
        let (cause, said) = found_with(entered, &foreign);

        assert_eq!(cause, "wrong_secret");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn json_that_was_written_anew_is_recognised_by_how_meta_writes_it() {
    let plain = BODY.replace(r"\u00e9", "é").replace(r"\ud83d\ude00", "😀");
    let spaced = plain.replace("\":", "\": ").replace(",\"", ",\n  \"") + "\n";
    let meta_with_slashes = BODY.replace("a/b", r"a\/b");
    for (came, was_signed) in [
        (plain.as_str(), BODY),
        (&spaced, BODY),
        (BODY, &meta_with_slashes),
        (&plain, &meta_with_slashes),
        (&spaced, &meta_with_slashes),
    ] {
        let (cause, words) = found(&signed(came, was_signed, APP_SECRET));

        assert_eq!(cause, "changed", "{came}");
        assert!(
            words.starts_with("the app secret is right, and the body was written anew"),
            "{words}"
        );
        assert_ne!(
            found(&signed(came, was_signed, "another")).0,
            "changed",
            "it says that a wrong secret is right"
        );
    }
}

#[test]
fn a_body_that_a_proxy_has_encoded_is_named_with_the_encoding() {
    for (encoding, words) in [("gzip", "(gzip)"), ("BR", "(br)"), ("canary", "(another one)")] {
        let mut request = signed("\u{1f}\u{8b}", BODY, APP_SECRET);
        request
            .headers
            .insert("content-encoding", encoding.parse().unwrap());

        let (cause, said) = found(&request);

        assert_eq!(cause, "changed");
        assert!(said.contains(words) && said.contains("let it pass"), "{said}");
    }
}

#[test]
fn a_body_that_says_that_it_is_not_encoded_is_not_blamed_on_that() {
    for encoding in ["identity", ""] {
        let mut request = signed(BODY, BODY, "another");
        request
            .headers
            .insert("content-encoding", encoding.parse().unwrap());

        assert_eq!(found(&request).0, "wrong_secret");
    }
}

#[test]
fn another_account_is_named_unless_ours_is_beside_it() {
    let other = BODY.replace(OURS, "55501");
    let both = BODY.replace(r#"[{"id""#, r#"[{"id":"55501"},{"id""#);
    let unlike = BODY.replace(OURS, "canary");

    let (cause, words) = found(&signed(&other, &other, "another"));

    assert_eq!(cause, "other_account");
    assert!(
        words.starts_with(&format!(
            "it is about the Page 55501, and this integration's is {OURS}: set"
        )),
        "{words}"
    );
    assert_eq!(found(&signed(&both, &both, "another")).0, "wrong_secret");
    assert!(
        found(&signed(&unlike, &unlike, "another"))
            .1
            .contains("the Page with another id")
    );
}

#[test]
fn a_handshake_is_told_what_its_token_is() {
    let mut proxied = handshake_with("x");
    proxied.url = "https://bot.acme.com/api/messenger/webhook/1".to_owned();
    let mut other = handshake_with(VERIFY_TOKEN);
    other.url = other.url.replace("subscribe", "canary");
    for (request, cause, words) in [
        (
            handshake_with("other"),
            "wrong_secret",
            "enter the same one at Meta and here",
        ),
        (
            handshake_with(APP_SECRET),
            "wrong_secret",
            "here as the app secret",
        ),
        (
            handshake_with(ACCESS_TOKEN),
            "wrong_secret",
            "here as the access token",
        ),
        (proxied, "unreadable", "without hub.mode"),
        (other, "unreadable", "is not subscribe"),
        (handshake_with(VERIFY_TOKEN), "unproven", "by now"),
    ] {
        let (found, said) = found(&request);

        assert_eq!(found, cause, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn only_white_space_outside_of_texts_is_left_out() {
    for (json, bare) in [
        (r#"{ "a b" : "c \" d" }"#, r#"{"a b":"c \" d"}"#),
        (r#"[ "\\" , 1 ]"#, r#"["\\",1]"#),
        ("[ \"left open ", "[\"left open "),
    ] {
        assert_eq!(without_white_space(json), bare);
    }
    assert_eq!(escaped(r#""a\/b/c\\/d""#, true), r#""a\/b\/c\\\/d""#);
}
