//! Fetching media, bounded.

use crate::words::words_of;
use bytes::{Bytes, BytesMut};
use channel::{Fetched, MediaError};
use http::{StatusCode, header::CONTENT_TYPE};
use reqwest::RequestBuilder;

/// The bytes behind a request, at most `limit` of them. `platform` is its name for the error's words; whether the
/// request's address may be called, and whether it may carry credentials, is the caller's to know. Redirects are refused.
pub async fn download(platform: &str, request: RequestBuilder, limit: usize) -> Result<Fetched, MediaError> {
    let mut response = request
        .send()
        .await
        .map_err(|error| MediaError::Retry(format!("{platform}: {}", words_of(error))))?;
    let status = response.status();
    if !status.is_success() {
        let words = format!("{platform} answered {status}");
        return Err(match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => MediaError::Retry(words),
            status if status.is_server_error() => MediaError::Retry(words),
            _ => MediaError::Refused(words),
        });
    }
    let too_large = || MediaError::Refused(format!("it is larger than {limit} bytes"));
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
        .map_err(|error| MediaError::Retry(format!("{platform}: {}", words_of(error))))?
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
