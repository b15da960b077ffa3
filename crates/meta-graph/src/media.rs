//! Pictures and files: fetched from Meta's storage, and recognised by their addresses.
//!
//! A webhook names an address, and whoever has an app's secret can sign a webhook. So only listed hosts are asked; a
//! token goes to the first of them and is not carried on by a redirect.

use bytes::{Bytes, BytesMut};
use channel::{Fetched, MediaError};
use http::{
    StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use platform_api::words_of;
use reqwest::{Client, Response};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Redirects followed.
const MAX_REDIRECTS: usize = 5;

/// Where media may be fetched from.
#[derive(Debug, Clone, Copy)]
pub struct Storage<'a> {
    /// It must not follow redirects, and must end calls in time.
    pub client: &'a Client,
    /// The API's address: media may lie there too, as a simulator's do.
    pub api: &'a Url,
    /// Hosts, with all below them.
    pub hosts: &'a [String],
    /// The setting that lists them, for the words of errors.
    pub setting: &'static str,
}

impl Storage<'_> {
    /// The bytes behind an address, at most `limit` of them.
    pub async fn fetch(
        &self,
        address: &str,
        token: Option<&SecretString>,
        limit: usize,
    ) -> Result<Fetched, MediaError> {
        let mut url = Url::parse(address).map_err(|_| refused("its address is not one"))?;
        let mut token = token;
        for _ in 0..=MAX_REDIRECTS {
            if !self.is_listed(&url) {
                return Err(refused(format!(
                    "it lies at {}, which is none of Meta's hosts (`{}`)",
                    url.host_str().unwrap_or("an address without a host"),
                    self.setting
                )));
            }
            let mut request = self.client.get(url.clone());
            if let Some(token) = token.take() {
                request = request.bearer_auth(token.expose_secret());
            }
            let response = request
                .send()
                .await
                .map_err(|error| MediaError::Retry(format!("Meta's storage: {}", words_of(error))))?;
            if !response.status().is_redirection() {
                return read(response, limit).await;
            }
            url = next(&url, &response).ok_or_else(|| refused("it is redirected to nowhere"))?;
        }
        Err(refused("it is redirected too often"))
    }

    fn is_listed(&self, url: &Url) -> bool {
        let listed = url.host_str().is_some_and(|host| {
            self.hosts.iter().any(|listed| {
                host.strip_suffix(listed.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'))
            })
        });
        let encrypted = url.scheme() == "https" || (url.scheme() == "http" && self.api.scheme() == "http");
        let has_no_user = url.username().is_empty() && url.password().is_none();
        has_no_user && (url.origin() == self.api.origin() || (listed && encrypted))
    }
}

fn refused(reason: impl Into<String>) -> MediaError {
    MediaError::Refused(reason.into())
}

fn next(from: &Url, response: &Response) -> Option<Url> {
    from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

async fn read(mut response: Response, limit: usize) -> Result<Fetched, MediaError> {
    let status = response.status();
    if !status.is_success() {
        let words = format!("Meta's storage answered {status}");
        return Err(match status {
            // Credentials can be mended.
            StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                MediaError::Retry(words)
            }
            status if status.is_server_error() => MediaError::Retry(words),
            _ => MediaError::Refused(format!("{words}: it has expired or was deleted")),
        });
    }
    let too_large = || refused(format!("it is larger than {limit} bytes"));
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/octet-stream")
        .to_owned();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| MediaError::Retry(format!("Meta's storage: {}", words_of(error))))?
    {
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched {
        content_type,
        bytes: Bytes::from(bytes),
    })
}

/// The name of the file that an address ends with, if it does.
pub fn file_name(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let last = url.path_segments()?.next_back()?;
    let query = format!("n={}", last.replace('+', "%2B").replace('&', "%26"));
    let name = form_urlencoded::parse(query.as_bytes()).next()?.1.into_owned();
    let name: String = name.chars().filter(|c| !c.is_control() && *c != '/').collect();
    (!name.is_empty()).then_some(name)
}

/// The ending of that name, in lower case: `png`. Empty if it has none.
pub fn extension(address: &str) -> String {
    file_name(address)
        .and_then(|name| Some(name.rsplit_once('.')?.1.to_ascii_lowercase()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{header, method, path},
    };

    async fn fetch(server: &MockServer, address: &str) -> Result<Fetched, MediaError> {
        let client = channel_testkit::client();
        let api: Url = server.uri().parse().unwrap();
        let storage = Storage {
            client: &client,
            api: &api,
            hosts: &["fbsbx.com".to_owned(), "localhost".to_owned()],
            setting: "platforms.meta_media_hosts",
        };
        storage.fetch(address, Some(&"canary-token".into()), 1_000).await
    }

    async fn answered(answer: ResponseTemplate) -> Result<Fetched, MediaError> {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(answer)
            .mount(&server)
            .await;
        fetch(&server, &format!("{}/m", server.uri())).await
    }

    #[tokio::test]
    async fn a_picture_is_fetched_with_the_token() {
        let server = MockServer::start().await;
        Mock::given(path("/m"))
            .and(header("authorization", "Bearer canary-token"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(b"png".to_vec(), "image/png"))
            .mount(&server)
            .await;

        let fetched = fetch(&server, &format!("{}/m", server.uri())).await.unwrap();

        assert_eq!(
            (fetched.content_type.as_str(), &fetched.bytes[..]),
            ("image/png", &b"png"[..])
        );
    }

    #[tokio::test]
    async fn a_redirect_to_a_listed_host_is_followed_without_the_token() {
        let server = MockServer::start().await;
        let elsewhere = server.uri().replace("127.0.0.1", "localhost");
        Mock::given(path("/m"))
            .respond_with(ResponseTemplate::new(302).insert_header("location", format!("{elsewhere}/n")))
            .mount(&server)
            .await;
        Mock::given(path("/n"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(b"x".to_vec(), "image/png"))
            .mount(&server)
            .await;

        fetch(&server, &format!("{}/m", server.uri())).await.unwrap();

        let requests = server.received_requests().await.unwrap();
        assert!(requests[0].headers.contains_key("authorization"));
        assert!(!requests[1].headers.contains_key("authorization"));
    }

    #[tokio::test]
    async fn no_other_host_is_asked_first_or_later() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(
                ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/meta-data"),
            )
            .expect(1)
            .mount(&server)
            .await;
        let port = server.address().port();

        for address in [
            "https://evil.example/m",
            "https://evilfbsbx.com/m",
            "ftp://lookaside.fbsbx.com/m",
            "https://user:pass@lookaside.fbsbx.com/m",
            &format!("http://user@127.0.0.1:{port}/m"),
            "file:///etc/passwd",
            "whatever",
            &format!("http://127.0.0.1:{port}/m"),
        ] {
            let error = fetch(&server, address).await.unwrap_err();

            assert!(
                matches!(error, MediaError::Refused(_)),
                "{address} gave {error:?}"
            );
        }
    }

    #[tokio::test]
    async fn redirects_end() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(302).insert_header("location", "/m"))
            .expect(6)
            .mount(&server)
            .await;

        let error = fetch(&server, &format!("{}/m", server.uri()))
            .await
            .unwrap_err()
            .to_string();

        assert!(error.contains("too often"), "{error}");
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_whether_it_says_so_or_not() {
        let honest = answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_001], "image/png")).await;
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            1_001,
            "x".repeat(1_001)
        );
        let base = channel_testkit::speak_once(&chunked).await;
        let (client, api) = (channel_testkit::client(), base.parse().unwrap());
        let storage = Storage {
            client: &client,
            api: &api,
            hosts: &[],
            setting: "",
        };
        let silent = storage.fetch(&format!("{base}/m"), None, 1_000).await;

        for outcome in [honest, silent] {
            assert!(
                matches!(&outcome, Err(MediaError::Refused(reason)) if reason.contains("larger than 1000")),
                "{outcome:?}"
            );
        }
        assert!(
            answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_000], "image/png"))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn what_may_come_is_told_from_what_will_not() {
        for (status, again) in [
            (401, true),
            (429, true),
            (503, true),
            (404, false),
            (410, false),
            (403, false),
        ] {
            let error = answered(ResponseTemplate::new(status)).await.unwrap_err();

            assert_eq!(
                matches!(error, MediaError::Retry(_)),
                again,
                "{status} gave {error:?}"
            );
        }
    }

    #[test]
    fn an_address_tells_the_files_name_and_its_ending() {
        for (address, name, ending) in [
            (
                "https://a.example/x/Price%20list.PDF?sig=1.png",
                Some("Price list.PDF"),
                "pdf",
            ),
            ("https://a.example/a+b%26c.png", Some("a+b&c.png"), "png"),
            ("https://a.example/raw", Some("raw"), ""),
            ("https://a.example/", None, ""),
            ("no address", None, ""),
        ] {
            assert_eq!(file_name(address).as_deref(), name, "{address}");
            assert_eq!(extension(address), ending, "{address}");
        }
    }
}
