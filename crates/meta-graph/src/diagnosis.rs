//! Why a webhook is not proven: which secret, or which body, would have matched. For its owner's eyes: nothing that is
//! found here is accepted.

use crate::{batch, handshake, signature};
use channel::{Cause, Diagnosis, WebhookRequest};
use http::header::CONTENT_ENCODING;
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write;

/// The integration that refused a webhook.
pub struct Integration<'a> {
    /// What has to prove webhooks.
    pub app_secret: &'a SecretString,
    /// Where at Meta's it is found.
    pub app_secret_is_at: &'static str,
    /// What owners take for it: what is entered as the verify token,
    pub verify_token: &'a SecretString,
    /// and what is entered as the access token.
    pub access_token: &'a SecretString,
    /// What an account is called: `the Page`.
    pub kind: &'static str,
    /// Its account, as webhooks name it.
    pub account: &'a str,
}

/// Why Meta's request is not proven, which says that it is about these accounts.
pub fn diagnose(request: &WebhookRequest, named: &[String], integration: &Integration<'_>) -> Diagnosis {
    let refusal = if handshake::is_one(request) {
        handshake::judge(request, integration.verify_token).err()
    } else {
        signature::judge(request, integration.app_secret).err()
    };
    match refusal {
        None => found(Cause::Unproven, "it proves itself by now: check it again"),
        Some(Diagnosis {
            cause: Cause::WrongSecret,
            words,
        }) => if handshake::is_one(request) {
            other_token(request, integration)
        } else {
            other_signature(request, named, integration)
        }
        .unwrap_or_else(|| found(Cause::WrongSecret, words)),
        Some(refusal) => refusal,
    }
}

fn found(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

/// What a handshake bears instead of the verify token.
fn other_token(request: &WebhookRequest, integration: &Integration<'_>) -> Option<Diagnosis> {
    let others = [
        (integration.app_secret, "app secret"),
        (integration.access_token, "access token"),
    ];
    others
        .into_iter()
        .find(|(secret, _)| handshake::bears(request, secret) == Ok(true))
        .map(|(_, field)| {
            found(
                Cause::WrongSecret,
                format!(
                    "its verify token is what is entered here as the {field}, which is to be told to nobody: enter this \
                     integration's verify token at Meta"
                ),
            )
        })
}

fn other_signature(
    request: &WebhookRequest,
    named: &[String],
    integration: &Integration<'_>,
) -> Option<Diagnosis> {
    let given = request.only_header(signature::HEADER)?;
    let place = integration.app_secret_is_at;
    let others = [
        (integration.verify_token, "the verify token"),
        (integration.access_token, "the access token"),
    ];
    if let Some((_, field)) = others
        .iter()
        .find(|(secret, _)| signature::is_signed(given, secret, &request.body))
    {
        return Some(found(
            Cause::WrongSecret,
            format!(
                "it is signed with what is entered here as {field}, and Meta signs with the app secret, neither with the \
                 verify token nor with an access token: enter the app secret from {place} as the app secret, and each of the \
                 others in its own field"
            ),
        ));
    }
    if let Some(changed) = changed(request, given, integration.app_secret) {
        return Some(changed);
    }
    if let Some(other) = named.iter().find(|_| !is_among(integration.account, named)) {
        let is_id = (1..=25).contains(&other.len()) && other.bytes().all(|b| b.is_ascii_digit());
        return Some(found(
            Cause::OtherAccount,
            format!(
                "it is about {} {}, and this integration's is {}: set the webhook of the other one's app to that one's own \
                 integration, or enter its credentials here",
                integration.kind,
                if is_id { other } else { "with another id" },
                integration.account
            ),
        ));
    }
    if batch::parse(&request.body).is_err() {
        return Some(found(
            Cause::Unreadable,
            "the signature does not match, and the body is not JSON with a list named entry, as all of Meta's are: let no \
             proxy change bodies",
        ));
    }
    let entered = integration.app_secret.expose_secret();
    let mistaken = others
        .iter()
        .find(|(secret, _)| secret.expose_secret() == entered)
        .map(|(_, field)| *field)
        .or_else(|| is_access_token(entered).then_some("an access token"));
    Some(found(
        Cause::WrongSecret,
        match mistaken {
            Some(what) => format!(
                "what is entered here as the app secret is {what}, with which Meta signs nothing: copy the app secret from \
                 {place}"
            ),
            None => format!(
                "it is signed with another secret than the one entered here as the app secret: with another app's, or with a \
                 new one since the app's was reset. What is needed is the app secret, neither the verify token nor an access \
                 token: copy it from {place}"
            ),
        },
    ))
}

/// Whether a request is about this account, too.
pub fn is_among(account: &str, named: &[String]) -> bool {
    named.iter().any(|named| named == account)
}

/// What access tokens of Meta's begin with, and no app secret does, which has hexadecimal digits only.
fn is_access_token(text: &str) -> bool {
    ["EAA", "IGAA", "IGQV"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

/// A body that is not the one that was signed.
fn changed(request: &WebhookRequest, given: &str, app_secret: &SecretString) -> Option<Diagnosis> {
    if spellings(&request.body)
        .iter()
        .any(|body| signature::is_signed(given, app_secret, body))
    {
        return Some(found(
            Cause::Changed,
            "the app secret is right, and the body was written anew on its way: the same JSON with other spaces, slashes or \
             characters beyond ASCII has another signature. Let no proxy or firewall rewrite bodies",
        ));
    }
    let encoding = request.headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("?");
    let encoding = encoding.trim().to_ascii_lowercase();
    if encoding.is_empty() || encoding == "identity" {
        return None;
    }
    let shown = ["gzip", "deflate", "br", "zstd", "compress"]
        .into_iter()
        .find(|known| *known == encoding)
        .unwrap_or("another one");
    Some(found(
        Cause::Changed,
        format!(
            "the body came with a Content-Encoding ({shown}), and Meta sends none and signs what it sends: a proxy encoded it \
             anew; let it pass bodies on as they are"
        ),
    ))
}

/// How Meta may have written a body that somebody has written anew: without white space, with `\u` for characters beyond
/// ASCII, and with `\/`.
fn spellings(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Vec::new();
    };
    let mut spellings: Vec<Vec<u8>> = Vec::new();
    for text in [text.to_owned(), without_white_space(text)] {
        for slashes in [false, true] {
            let spelling = escaped(&text, slashes).into_bytes();
            if spelling != body && !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
    }
    spellings
}

fn without_white_space(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            let is_kept = is_text || !c.is_ascii_whitespace();
            if c == '"' && !is_escaped {
                is_text = !is_text;
            }
            is_escaped = c == '\\' && !is_escaped;
            is_kept
        })
        .collect()
}

fn escaped(json: &str, slashes: bool) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut is_escaped = false;
    for c in json.chars() {
        match c {
            '/' if slashes && !is_escaped => escaped.push_str("\\/"),
            c if c.is_ascii() => escaped.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    escaped
}

#[cfg(test)]
mod tests;
