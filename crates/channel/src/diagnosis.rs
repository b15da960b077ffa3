//! Why a webhook was refused, as far as it can be found out, in words that its owner can act on.
//!
//! Invariant: a diagnosis is words. It holds no secret and nothing of what was written, and nothing is accepted for it.

use crate::{ReceiveError, WebhookRequest};
use http::header::HOST;
use std::collections::BTreeSet;

/// What was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it comes down to.
    pub cause: Cause,
    /// The same for its owner, with what to do.
    pub words: String,
}

/// What a refusal comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// There is no proof in it: no header, or several.
    MissingProof,
    /// The proof was made with another secret than the integration's.
    WrongSecret,
    /// The proof is right for another address than the one that this installation believes to have.
    OtherUrl {
        /// The address it was sent to, without its query.
        url: String,
    },
    /// The proof is right, and too old or too new.
    Clock {
        /// How far the platform's clock was behind ours when the request came, in seconds; negative: before ours.
        seconds: i64,
    },
    /// The proof is right for the address, and not for the body: it was changed on its way.
    Changed,
    /// It speaks of another account than the integration's.
    OtherAccount,
    /// It is not what the platform sends.
    Unreadable,
    /// It is not proven, and no more was found out.
    Unproven,
}

impl Cause {
    /// As in the database and the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::MissingProof => "missing_proof",
            Self::WrongSecret => "wrong_secret",
            Self::OtherUrl { .. } => "other_url",
            Self::Clock { .. } => "clock",
            Self::Changed => "changed",
            Self::OtherAccount => "other_account",
            Self::Unreadable => "unreadable",
            Self::Unproven => "unproven",
        }
    }
}

impl Diagnosis {
    /// What the refusal itself says.
    pub fn of(error: &ReceiveError) -> Self {
        let (cause, words) = match error {
            ReceiveError::BadSignature { reason } => (Cause::Unproven, reason.clone()),
            ReceiveError::ForeignAccount { .. } => (Cause::OtherAccount, error.to_string()),
            ReceiveError::Malformed(_) => (Cause::Unreadable, error.to_string()),
            ReceiveError::BadCredentials(_) => (Cause::WrongSecret, error.to_string()),
            ReceiveError::Unavailable(_) => (Cause::Unproven, error.to_string()),
        };
        Self { cause, words }
    }
}

/// What a request itself tells of how it came here. Nobody vouches for it: good for guesses, never for proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Addresses that the platform may have called, if proxies told the truth; those that differ least first. The one
    /// that we believe to have is not among them.
    pub other_urls: Vec<String>,
}

/// More hosts than any honest request names: each is an address or more to try.
const MOST_HOSTS: usize = 8;

impl Hints {
    /// Reads them out of a request.
    pub fn of(request: &WebhookRequest) -> Self {
        let Some((_, rest)) = request.url.split_once("://") else {
            return Self::default();
        };
        let (own, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let hosts = hosts(request, own);
        let mut seen = BTreeSet::from([request.url.clone()]);
        let mut other_urls = Vec::new();
        for path in slashes(path) {
            for host in &hosts {
                for scheme in ["https", "http"] {
                    let url = format!("{scheme}://{host}{path}");
                    if seen.insert(url.clone()) {
                        other_urls.push(url);
                    }
                }
            }
        }
        Self { other_urls }
    }
}

/// The hosts that a request names, each as it stands, without its port and with the port that a proxy names; ours last.
fn hosts(request: &WebhookRequest, own: &str) -> Vec<String> {
    let listed = |name: &str| -> Vec<String> {
        let values = request.headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|value| value.trim().to_owned())
            .collect()
    };
    let ports: Vec<String> = listed("x-forwarded-port")
        .into_iter()
        .filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    let named = listed("x-forwarded-host")
        .into_iter()
        .chain(listed(HOST.as_str()))
        .filter(|host| is_host(host))
        .chain([own.to_owned()]);
    let mut hosts = Vec::new();
    for host in named {
        let bare = without_port(&host).to_owned();
        let with_ports: Vec<_> = ports.iter().map(|port| format!("{bare}:{port}")).collect();
        for host in [host, bare].into_iter().chain(with_ports) {
            if hosts.len() < MOST_HOSTS && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    hosts
}

fn is_host(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // What follows the last colon of an IPv6 address is no port.
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !bare.ends_with(':') => bare,
        _ => host,
    }
}

/// The path as it is, and with and without a slash at its end.
fn slashes(path: &str) -> Vec<String> {
    let (before_query, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let bare = before_query.trim_end_matches('/');
    let mut paths = vec![path.to_owned()];
    for path in [format!("{bare}{query}"), format!("{bare}/{query}")] {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WebhookKind;
    use bytes::Bytes;
    use chrono::Utc;
    use http::{HeaderMap, HeaderName, Method};

    fn urls(url: &str, headers: &[(&str, &str)]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let request = WebhookRequest {
            kind: WebhookKind::Inbound,
            method: Method::POST,
            url: url.to_owned(),
            headers: map,
            body: Bytes::new(),
            received_at: Utc::now(),
        };
        Hints::of(&request).other_urls
    }

    #[test]
    fn what_proxies_name_is_tried_before_what_we_call_ourselves_and_never_our_own_address() {
        let urls = urls(
            "https://inside.example/w?a=1",
            &[
                ("host", "10.0.0.7:8080"),
                ("x-forwarded-host", "bots.example, edge.example"),
            ],
        );

        assert_eq!(urls[0], "https://bots.example/w?a=1");
        for expected in [
            "http://bots.example/w?a=1",
            "https://edge.example/w?a=1",
            "https://10.0.0.7:8080/w?a=1",
            "http://10.0.0.7/w?a=1",
            "http://inside.example/w?a=1",
            "https://bots.example/w/?a=1",
        ] {
            assert!(urls.iter().any(|url| url == expected), "{expected} in {urls:?}");
        }
        assert!(!urls.iter().any(|url| url == "https://inside.example/w?a=1"));
    }

    #[test]
    fn a_port_that_a_proxy_names_is_tried() {
        let urls = urls(
            "https://a.example/w",
            &[("host", "a.example"), ("x-forwarded-port", "8443")],
        );

        assert!(urls.contains(&"https://a.example:8443/w".to_owned()), "{urls:?}");
    }

    #[test]
    fn an_address_with_a_slash_at_its_end_is_tried_without_it() {
        let urls = urls("https://a.example/w/", &[]);

        assert!(urls.contains(&"https://a.example/w".to_owned()), "{urls:?}");
    }

    #[test]
    fn what_is_no_host_is_passed_over_and_there_is_an_end_to_hosts() {
        let many: Vec<String> = (0..100).map(|n| format!("h{n}.example")).collect();
        let many = many.join(",");

        let urls = urls(
            "https://a.example/w",
            &[
                ("x-forwarded-host", "evil.example/path@, , a b"),
                ("x-forwarded-host", &many),
            ],
        );

        assert!(urls.len() <= MOST_HOSTS * 2 * 3, "{}", urls.len());
        assert!(!urls.iter().any(|url| url.contains("evil")), "{urls:?}");
        assert_eq!(super::without_port("[2001:db8::1]:443"), "[2001:db8::1]");
        assert_eq!(super::without_port("[2001:db8::1]"), "[2001:db8::1]");
    }

    #[test]
    fn a_refusal_without_a_diagnosis_keeps_its_own_words() {
        let refused = ReceiveError::BadSignature {
            reason: "the header is missing".to_owned(),
        };

        let diagnosis = Diagnosis::of(&refused);

        assert_eq!(
            (diagnosis.cause.as_str(), diagnosis.words.as_str()),
            ("unproven", "the header is missing")
        );
    }
}
