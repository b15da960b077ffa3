//! Getting what lies at an address that an owner or a page names: guarded, bounded, and with the redirects followed by hand.

use bytes::Bytes;
use egress::{CheckedUrl, Client, Guard, Timeouts};
use futures_util::StreamExt;
use reqwest::{Response, StatusCode, header};
use std::time::Duration;
use url::Url;

/// No more of a page is read, in bytes.
const MOST_BYTES: usize = 10 * 1024 * 1024;
const MOST_REDIRECTS: usize = 5;
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
};
/// A server that asks for more patience than this is asked again then all the same.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Fetches within the guard.
#[derive(Clone)]
pub(crate) struct Fetcher {
    guard: Guard,
    client: Client,
}

/// What we know of the version that was read last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// What an address holds.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Where it was found, after redirects.
    pub url: Url,
    /// As the server says.
    pub content_type: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub body: Bytes,
}

/// Why there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// It is as we know it.
    #[error("it has not changed")]
    Unchanged,
    /// There is nothing at this address, or not for us.
    #[error("{0}")]
    Absent(String),
    /// It is somewhere else, and was not followed there.
    #[error("it has moved to {}", shown(to))]
    Moved { to: Url },
    /// It may be there another time.
    #[error("{reason}")]
    Later { reason: String, after: Option<Duration> },
}

impl Fetcher {
    /// What `guard` lets be reached.
    pub(crate) fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        let client = guard.client(TIMEOUTS)?;
        Ok(Self { guard, client })
    }

    /// Gets a page, following redirects for which `follow` is true; each is checked like the first address.
    pub(crate) async fn get(
        &self,
        url: &Url,
        known: &Known,
        follow: impl Fn(&Url) -> bool,
    ) -> Result<Fetched, FetchError> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let checked = self
                .guard
                .check(url.as_str())
                .map_err(|error| FetchError::Absent(error.to_string()))?;
            let response = self.ask(&checked, known).await?;
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                let target = header_of(&response, header::LOCATION)
                    .and_then(|location| url.join(&location).ok())
                    .ok_or_else(|| FetchError::Absent("it redirects to no address".to_owned()))?;
                if !follow(&target) {
                    return Err(FetchError::Moved { to: target });
                }
                url = target;
                continue;
            }
            return read(url, status, response).await;
        }
        Err(FetchError::Absent(format!(
            "it redirects more than {MOST_REDIRECTS} times"
        )))
    }

    async fn ask(&self, url: &CheckedUrl, known: &Known) -> Result<Response, FetchError> {
        let mut request = self.client.get(url).header(
            header::ACCEPT,
            "text/html,application/xhtml+xml,text/markdown,text/plain,application/pdf;q=0.9,*/*;q=0.5",
        );
        if let Some(etag) = &known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = &known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, last_modified);
        }
        request.send().await.map_err(|error| failed(&error))
    }
}

fn failed(error: &reqwest::Error) -> FetchError {
    if let Some(refusal) = egress::refused(error) {
        return FetchError::Absent(format!(
            "its name leads to what is {refusal}; the operator of this installation can allow it with indexer.allowed_private_cidrs"
        ));
    }
    let reason = if error.is_timeout() {
        format!("the server did not answer within {} s", TIMEOUTS.total.as_secs())
    } else if error.is_connect() {
        "the server cannot be reached; check the address, and whether the site is up".to_owned()
    } else {
        "the connection broke off".to_owned()
    };
    FetchError::Later { reason, after: None }
}

async fn read(url: Url, status: StatusCode, response: Response) -> Result<Fetched, FetchError> {
    match status {
        StatusCode::NOT_MODIFIED => return Err(FetchError::Unchanged),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            return Err(FetchError::Absent(format!(
                "the server says that it is not there ({status})"
            )));
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(FetchError::Absent(format!(
                "the server does not let everybody read it ({status})"
            )));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            return Err(later(&response, status));
        }
        status if status.is_server_error() => return Err(later(&response, status)),
        status if !status.is_success() => {
            return Err(FetchError::Absent(format!("the server answered {status}")));
        }
        _ => {}
    }
    let fetched = |body| Fetched {
        content_type: header_of(&response, header::CONTENT_TYPE)
            .unwrap_or_default()
            .to_ascii_lowercase(),
        etag: header_of(&response, header::ETAG),
        last_modified: header_of(&response, header::LAST_MODIFIED),
        url,
        body,
    };
    let too_large = || FetchError::Absent(format!("it has more than {} MB", MOST_BYTES >> 20));
    if response
        .content_length()
        .is_some_and(|length| length > MOST_BYTES as u64)
    {
        return Err(too_large());
    }
    let mut fetched = fetched(Bytes::new());
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(&error))?;
        if body.len() + piece.len() > MOST_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    fetched.body = body.into();
    Ok(fetched)
}

fn later(response: &Response, status: StatusCode) -> FetchError {
    let after = header_of(response, header::RETRY_AFTER)
        .and_then(|seconds| seconds.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    FetchError::Later {
        reason: format!("the server answered {status}"),
        after,
    }
}

fn header_of(response: &Response, name: header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// Without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
