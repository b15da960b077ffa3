//! Reading what a caller sends: JSON bodies and the values in them.
//!
//! Invariant: what does not fit is refused with the field's name and what was expected; a string that was given is never
//! repeated, for it may be a secret in the wrong place.

use crate::{
    AdminApi,
    problem::{Kind, Problem},
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header,
    web::{Bytes, BytesMut, Data},
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::borrow::Cow;

/// A JSON body. Its type must refuse unknown fields.
pub(crate) struct Input<T>(pub T);

/// A JSON body that may be left out.
pub(crate) struct OptionalInput<T>(pub Option<T>);

/// A body of bytes, whatever they are: a file that is brought.
pub(crate) struct Upload(pub Bytes);

impl FromRequest for Upload {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = request
                .app_data::<Data<AdminApi>>()
                .map_or(0, |api| api.settings().max_upload_bytes);
            let body = read_up_to(&request, &mut payload, limit).await?;
            if body.is_empty() {
                return Err(Problem::new(
                    Kind::Malformed,
                    "the request has no body; send the file's bytes as the body",
                ));
            }
            Ok(Self(body))
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Input<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&request, &mut payload).await?;
            if body.is_empty() {
                return Err(Problem::new(
                    Kind::Malformed,
                    "the request has no body; send a JSON object",
                ));
            }
            Ok(Self(parse(&request, &body)?))
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for OptionalInput<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&request, &mut payload).await?;
            Ok(Self(if body.is_empty() {
                None
            } else {
                Some(parse(&request, &body)?)
            }))
        })
    }
}

/// The whole body, if it is within the limit.
pub(crate) async fn read_body(request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Problem> {
    let limit = request
        .app_data::<Data<AdminApi>>()
        .map_or(0, |api| api.settings().max_body_bytes);
    read_up_to(request, payload, limit).await
}

async fn read_up_to(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, format!("a body may have {limit} bytes at most"));
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| match error {
            PayloadError::Overflow => too_large(),
            _ => Problem::new(Kind::Malformed, "the body ended before it was whole"),
        })?;
        if body.len() + piece.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

fn parse<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, Problem> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "send Content-Type: application/json",
        ));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::new(
            Kind::Malformed,
            format!("the body is not UTF-8 at byte {}", error.valid_up_to()),
        )
    })?;
    serde_json::from_str(text).map_err(|error| {
        let detail = without_values(&error.to_string());
        if error.is_data() {
            Problem::new(Kind::Invalid, detail)
        } else {
            Problem::new(Kind::Malformed, detail)
        }
    })
}

/// What the JSON reader says, without the string that it repeats.
pub(crate) fn without_values(message: &str) -> String {
    let Some(start) = message.find("string \"") else {
        return message.to_owned();
    };
    let end = message.rfind("\", expected").unwrap_or(message.len());
    let rest = message.get(end + 1..).unwrap_or_default();
    format!("{}string{rest}", &message[..start])
}

/// Tells "left out" from `null`: left out stays as it is, `null` takes it away.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    json: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(json).map(Some)
}

/// A name or title: one line, not empty.
pub(crate) fn line(field: &'static str, given: &str, most: usize) -> Result<String, Problem> {
    let text: String = given.replace('\0', "").trim().to_owned();
    if text.is_empty() {
        return Err(Problem::invalid(field, format!("{field} must not be empty")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(
            field,
            format!("{field} must be one line without control characters"),
        ));
    }
    within(field, text, most)
}

/// What a list is searched for, as `q`.
pub(crate) fn sought(given: Option<&str>) -> Result<Option<String>, Problem> {
    given.map(|text| line("q", text, 100)).transpose()
}

/// A text of any number of lines. U+0000, which PostgreSQL does not take, is dropped.
pub(crate) fn block(field: &'static str, given: &str, most: usize) -> Result<String, Problem> {
    within(field, given.replace('\0', ""), most)
}

/// The same, not empty.
pub(crate) fn filled_block(field: &'static str, given: &str, most: usize) -> Result<String, Problem> {
    let text = block(field, given, most)?;
    if text.trim().is_empty() {
        return Err(Problem::invalid(field, format!("{field} must not be empty")));
    }
    Ok(text)
}

fn within(field: &'static str, text: String, most: usize) -> Result<String, Problem> {
    let length = text.chars().count();
    if length > most {
        return Err(Problem::invalid(
            field,
            format!("{field} has {length} characters; {most} are allowed"),
        ));
    }
    Ok(text)
}

/// An e-mail address, as far as its form can tell.
pub(crate) fn email(given: &str) -> Result<String, Problem> {
    let address = given.trim();
    let fits = address.len() <= 254
        && !address.chars().any(|c| c.is_whitespace() || c.is_control())
        && address.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
    if fits {
        Ok(address.to_owned())
    } else {
        Err(Problem::invalid(
            "email",
            "email must be an address like name@example.com",
        ))
    }
}

/// A number within bounds.
pub(crate) fn number<N: PartialOrd + std::fmt::Display + Copy>(
    field: impl Into<Cow<'static, str>>,
    given: N,
    least: N,
    most: N,
) -> Result<N, Problem> {
    let field = field.into();
    if given < least || given > most {
        let detail = format!("{field} must be between {least} and {most}; got {given}");
        return Err(Problem::invalid(field, detail));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s20_a_string_in_the_wrong_place_is_not_repeated() {
        #[derive(Debug, Deserialize)]
        struct Body {
            #[expect(dead_code, reason = "only its reading is tested")]
            limit: u32,
        }

        let error = serde_json::from_str::<Body>(r#"{"limit": "canary \", expected"}"#).unwrap_err();

        let shown = without_values(&error.to_string());
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("expected u32"), "{shown}");
    }

    #[test]
    fn nul_is_dropped_and_a_second_line_is_refused() {
        assert_eq!(line("name", " Acme\0 ", 10).unwrap(), "Acme");
        assert!(line("name", "a\nb", 10).is_err());
        assert!(line("name", "\0", 10).is_err());
        assert_eq!(block("text", "a\0\nb", 10).unwrap(), "a\nb");
        assert!(block("text", "12345678901", 10).is_err());
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        assert!(email("a@b").is_ok());
        for bad in ["a", "@b", "a@", "a b@c", "a@b@c", "a@.b"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
