//! Reading a webhook's raw body: as it was signed, and no more of it than is allowed.

use crate::GatewayError;
use actix_web::{HttpRequest, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::time::Duration;

/// The body to the letter: not decompressed, not decoded.
pub async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    limit: usize,
    time_limit: Duration,
) -> Result<Bytes, GatewayError> {
    if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(GatewayError::Unreadable(
            "send it without Content-Encoding: it is verified as it comes".to_owned(),
        ));
    }
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(GatewayError::TooLarge { limit });
    }
    let whole = async {
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|error| GatewayError::Unreadable(error.to_string()))?;
            if body.len() + piece.len() > limit {
                return Err(GatewayError::TooLarge { limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(time_limit, whole)
        .await
        .map_err(|_| GatewayError::SlowBody)?
}
