//! What an operator can set.

use serde::Deserialize;
use std::net::SocketAddr;
use url::Url;

/// What an operator can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where the outside world reaches this installation: `https://bots.example.com`.
    pub public_url: Url,
    /// Lets session cookies travel over plain HTTP: for trying it on one's own machine.
    #[serde(default)]
    pub insecure_cookies: bool,
    /// How many reverse proxies of ours stand before the API and write X-Forwarded-For.
    #[serde(default)]
    pub trusted_proxies: usize,
    /// How large a request's body may be.
    #[serde(default = "usual_body")]
    pub max_body_bytes: usize,
    /// How large a file may be that is brought.
    #[serde(default = "usual_upload")]
    pub max_upload_bytes: usize,
    /// Threads that answer requests.
    #[serde(default = "usual_workers")]
    pub workers: usize,
    /// Where Stripe's API is: only a stand-in for it is anywhere else.
    #[serde(default = "usual_stripe")]
    pub stripe_api_url: Url,
}

#[expect(clippy::expect_used, reason = "it is an address")]
pub(crate) fn usual_stripe() -> Url {
    Url::parse("https://api.stripe.com/").expect("a constant that is an address")
}

const fn usual_body() -> usize {
    4 * 1024 * 1024
}

const fn usual_upload() -> usize {
    50 * 1024 * 1024
}

const fn usual_workers() -> usize {
    2
}

/// Why the API cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The public address is none.
    #[error(
        "public_url must be an http or https address without path, query and user, like https://bots.example.com; got {0}"
    )]
    PublicUrl(Url),
    /// Browsers drop a secure cookie that comes over plain HTTP: nobody could sign in.
    #[error("public_url is {0}, over plain http: set insecure_cookies = true to sign in there, or use https")]
    InsecureCookies(Url),
    /// Password hashing does not work here.
    #[error("passwords cannot be hashed: {0}")]
    Passwords(String),
    /// No client for Stripe can be made here.
    #[error("Stripe cannot be spoken to: {0}")]
    Stripe(String),
    /// The description of the API cannot be written.
    #[error("the OpenAPI document cannot be written: {0}")]
    OpenApi(String),
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let url = &self.public_url;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            return Err(SettingsError::PublicUrl(url.clone()));
        }
        if url.scheme() == "http" && !self.insecure_cookies {
            return Err(SettingsError::InsecureCookies(url.clone()));
        }
        Ok(())
    }

    /// The origin that browsers send from our own pages.
    pub(crate) fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, insecure_cookies: bool) -> Settings {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: url.parse().unwrap(),
            insecure_cookies,
            trusted_proxies: 0,
            max_body_bytes: 1,
            max_upload_bytes: 1,
            workers: 1,
            stripe_api_url: usual_stripe(),
        }
    }

    #[test]
    fn a_public_url_over_plain_http_needs_insecure_cookies_said_aloud() {
        assert!(settings("https://bots.example.com", false).check().is_ok());
        assert!(settings("http://127.0.0.1:8080", true).check().is_ok());
        assert!(matches!(
            settings("http://127.0.0.1:8080", false).check(),
            Err(SettingsError::InsecureCookies(_))
        ));
        for bad in [
            "https://a.example/path",
            "https://user@a.example",
            "ftp://a.example",
            "https://a.example/?q",
        ] {
            assert!(
                matches!(settings(bad, true).check(), Err(SettingsError::PublicUrl(_))),
                "{bad}"
            );
        }
    }
}
