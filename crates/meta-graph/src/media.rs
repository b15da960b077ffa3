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
mod tests;
