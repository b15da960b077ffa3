//! Reading what is sent as JSON or in a query.

use super::error::ChatError;
use actix_web::{HttpRequest, web};
use serde::de::DeserializeOwned;

/// A body; an empty one as `{}`.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ChatError> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ChatError::invalid("body", error.to_string()))
}

/// A query.
pub fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ChatError> {
    web::Query::<T>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .map_err(|error| ChatError::invalid("query", error.to_string()))
}

/// A place in a conversation, as an item's `cursor` names it.
pub fn cursor(given: &str) -> Result<i64, ChatError> {
    given
        .parse()
        .ok()
        .filter(|number| *number >= 0)
        .ok_or_else(|| ChatError::invalid("after", "has to be the cursor of a message"))
}

/// A name that a caller gives something.
pub fn checked_id(id: &str) -> Result<&str, ChatError> {
    let fits = (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        Ok(id)
    } else {
        Err(ChatError::invalid(
            "id",
            "has to be 1 to 100 visible ASCII characters, as a UUID",
        ))
    }
}
