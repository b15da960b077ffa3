//! Why a webhook is not proven: which address or account would have matched. For its owner's eyes: nothing that is found
//! here is accepted.

use crate::{
    credentials::Credentials,
    inbound,
    signature::{Proof, Refusal},
};
use channel::{Cause, Diagnosis, Hints, WebhookRequest};

/// Whether the request says that it is about the account of these credentials.
pub(crate) fn names_account(request: &WebhookRequest, credentials: &Credentials) -> bool {
    account(request).is_some_and(|account| account == credentials.account_sid)
}

pub(crate) fn diagnose(request: &WebhookRequest, hints: &Hints, credentials: &Credentials) -> Diagnosis {
    let refusal = match Proof::of(request, credentials) {
        Err(refusal) => refusal,
        Ok(proof) if proof.is_for(&request.url) => Refusal::OtherBody,
        Ok(proof) => match hints.other_urls.iter().find(|url| proof.is_for(url)) {
            Some(url) => return other_url(url, &request.url),
            None => Refusal::OtherSignature,
        },
    };
    let cause = match refusal {
        Refusal::Credentials(_) => Cause::WrongSecret,
        Refusal::NoSignature | Refusal::SeveralSignatures(_) | Refusal::UnreadableSignature => {
            Cause::MissingProof
        }
        Refusal::OtherMethod => Cause::Unreadable,
        Refusal::OtherBody => Cause::Changed,
        Refusal::OtherSignature => match account(request) {
            None => {
                return Diagnosis {
                    cause: Cause::Unreadable,
                    words: "the signature does not match, and there is no AccountSid in it: Twilio does not send such"
                        .to_owned(),
                };
            }
            Some(account) if account != credentials.account_sid => {
                return Diagnosis {
                    cause: Cause::OtherAccount,
                    words: format!(
                        "it is about account {account}, and this integration's is {}: a sub-account has a SID and an \
                         auth token of its own",
                        credentials.account_sid
                    ),
                };
            }
            Some(_) => Cause::WrongSecret,
        },
    };
    Diagnosis {
        cause,
        words: refusal.to_string(),
    }
}

/// The account that a request is about, as it says itself.
fn account(request: &WebhookRequest) -> Option<String> {
    let form = inbound::form(request).ok()?;
    let sid = form.bytes("AccountSid")?;
    let is_sid = sid.len() == 34 && sid.iter().all(u8::is_ascii_alphanumeric);
    is_sid.then(|| String::from_utf8_lossy(sid).into_owned())
}

/// A query is not shown: of a GET it is the message.
fn other_url(signed: &str, ours: &str) -> Diagnosis {
    let [url, ours] = [signed, ours].map(|url| url.split(['?', '#']).next().unwrap_or_default());
    let words = if origin(url) == origin(ours) {
        format!("it is signed for {url}, and this webhook is at {ours}: set {ours} on Twilio")
    } else {
        format!(
            "it is signed for {url}, and this installation believes to be at {}: set `gateway.public_url` to {}, or \
             set {ours} on Twilio",
            origin(ours),
            origin(url)
        )
    };
    Diagnosis {
        cause: Cause::OtherUrl { url: url.to_owned() },
        words,
    }
}

/// Scheme and host.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::{request, signed, with_token};
    use http::Method;
    use proptest::prelude::*;

    const OURS: &str = "AC00000000000000000000000000000001";
    const BODY: &[u8] = b"AccountSid=AC00000000000000000000000000000001&Body=hi";

    fn found(request: &WebhookRequest) -> (&'static str, String) {
        let diagnosis = diagnose(request, &Hints::of(request), &with_token("12345"));
        (diagnosis.cause.as_str(), diagnosis.words)
    }

    #[test]
    fn a_proxy_that_changes_the_address_is_found_and_the_setting_that_would_match_is_named() {
        for header in ["host", "x-forwarded-host"] {
            let called = "https://bot.acme.com/api/twilio/webhook/1";
            let mut inside = signed(request(Method::POST, called, BODY, &[]), "12345");
            inside.url = "http://10.0.0.7:8080/api/twilio/webhook/1".to_owned();
            inside.headers.insert(header, "bot.acme.com".parse().unwrap());

            let (cause, words) = found(&inside);

            assert_eq!(cause, "other_url");
            assert!(
                words.contains("it is signed for https://bot.acme.com/api/twilio/webhook/1"),
                "{words}"
            );
            assert!(
                words.contains("set `gateway.public_url` to https://bot.acme.com,"),
                "{words}"
            );
        }
    }

    #[test]
    fn a_slash_at_the_end_is_found_and_is_to_be_mended_on_twilio() {
        let mut webhook = signed(request(Method::POST, "https://a.example/w/", BODY, &[]), "12345");
        webhook.url = "https://a.example/w".to_owned();

        let (cause, words) = found(&webhook);

        assert_eq!(cause, "other_url");
        assert!(words.ends_with("set https://a.example/w on Twilio"), "{words}");
    }

    #[test]
    fn the_words_never_repeat_a_query() {
        let called = format!("https://bot.acme.com/w?AccountSid={OURS}&Body=canary");
        let mut webhook = signed(request(Method::GET, &called, b"", &[]), "12345");
        webhook.url = called.replace("bot.acme.com", "10.0.0.7");
        webhook.headers.insert("host", "bot.acme.com".parse().unwrap());

        let diagnosis = diagnose(&webhook, &Hints::of(&webhook), &with_token("12345"));

        assert_eq!(
            diagnosis.cause,
            Cause::OtherUrl {
                url: "https://bot.acme.com/w".to_owned()
            }
        );
        assert!(!diagnosis.words.contains("canary"), "{}", diagnosis.words);
    }

    #[test]
    fn a_sub_accounts_request_is_named_and_not_ours() {
        let body = b"AccountSid=AC00000000000000000000000000000009&Body=hi";
        let theirs = signed(request(Method::POST, "https://a.example/w", body, &[]), "theirs");

        let (cause, words) = found(&theirs);

        assert_eq!(cause, "other_account");
        assert!(words.contains("AC00000000000000000000000000000009"), "{words}");
        assert!(!names_account(&theirs, &with_token("12345")));
    }

    #[test]
    fn what_is_wrong_with_a_proof_is_told_apart() {
        let with = |signatures: &[&str]| request(Method::POST, "https://a.example/w", BODY, signatures);
        let hashed = format!("https://a.example/w?bodySHA256={}", "0".repeat(64));
        let changed = signed(request(Method::POST, &hashed, BODY, &[]), "12345");
        let nameless = request(Method::POST, "https://a.example/w", b"Body=hi", &["x"]);
        let deleted = request(Method::DELETE, "https://a.example/w", BODY, &["x"]);
        for (webhook, cause) in [
            (signed(with(&[]), "another token"), "wrong_secret"),
            (with(&["nonsense"]), "wrong_secret"),
            (with(&[]), "missing_proof"),
            (with(&["a", "b"]), "missing_proof"),
            (changed, "changed"),
            (nameless, "unreadable"),
            (deleted, "unreadable"),
        ] {
            let (found, words) = found(&webhook);

            assert_eq!(found, cause, "{words}");
        }
    }

    #[test]
    fn the_account_is_read_wherever_twilio_puts_it() {
        let credentials = with_token("12345");
        let json = format!("{{\"AccountSid\": \"{OURS}\"}}");
        let hashed = format!("https://a.example/w?bodySHA256={}", "0".repeat(64));
        for webhook in [
            request(Method::POST, "https://a.example/w", BODY, &[]),
            request(
                Method::GET,
                &format!("https://a.example/w?AccountSid={OURS}"),
                b"",
                &[],
            ),
            request(Method::POST, &hashed, json.as_bytes(), &[]),
        ] {
            assert!(names_account(&webhook, &credentials), "{}", webhook.url);
        }
        assert!(!names_account(
            &request(Method::POST, "https://a.example/w", b"Body=AccountSid", &[]),
            &credentials
        ));
    }

    proptest! {
        #[test]
        fn anything_can_be_diagnosed(
            method in "GET|POST|PUT", url in "\\PC{0,60}", body: Vec<u8>, signature in "[ -~]{0,40}", host in "[ -~]{0,40}",
        ) {
            let mut request = request(method.parse().unwrap(), &url, &body, &[&signature]);
            request.headers.insert("x-forwarded-host", host.parse().unwrap());

            let (cause, words) = found(&request);

            prop_assert_ne!(cause, "other_url");
            prop_assert!(!words.is_empty());
        }
    }
}
