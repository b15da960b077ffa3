//! A call of a platform's API, as it comes in.

use actix_web::HttpRequest;
use bytes::Bytes;
use serde_json::{Map, Value};

/// A call, taken apart.
pub(crate) struct Call {
    pub method: String,
    /// The path below the platform's base, piece by piece, decoded.
    pub path: Vec<String>,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    pub body: Bytes,
}

impl Call {
    pub fn read(request: &HttpRequest, body: Bytes, base: &str) -> Self {
        let path = request.uri().path();
        let below = path.strip_prefix(base).unwrap_or(path);
        let headers = request.headers().iter();
        Self {
            method: request.method().as_str().to_owned(),
            path: below
                .split('/')
                .filter(|piece| !piece.is_empty())
                .map(decode)
                .collect(),
            headers: headers
                .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
                .collect(),
            query: form_urlencoded::parse(request.query_string().as_bytes())
                .into_owned()
                .collect(),
            body,
        }
    }

    /// Method and path, to match on.
    pub fn route(&self) -> (&str, Vec<&str>) {
        (
            self.method.as_str(),
            self.path.iter().map(String::as_str).collect(),
        )
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The `Authorization` header's value after its scheme.
    pub fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, value) = self.header("Authorization")?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then_some(value.trim())
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// MIME type of the body, without parameters.
    pub fn content_type(&self) -> &str {
        let value = self.header("Content-Type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Query, form and JSON object together. What stands in the body wins.
    pub fn params(&self) -> Params {
        let mut params = Map::new();
        let text = |pair: (String, String)| (pair.0, Value::String(pair.1));
        params.extend(self.query.iter().cloned().map(text));
        match self.content_type() {
            "application/json" => {
                if let Some(Value::Object(object)) = self.json() {
                    params.extend(object);
                }
            }
            "application/x-www-form-urlencoded" => {
                params.extend(form_urlencoded::parse(&self.body).into_owned().map(text));
            }
            _ => {}
        }
        Params(params)
    }
}

/// Parameters by name. Forms carry everything as text, JSON does not: both are read alike.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub Map<String, Value>);

impl Params {
    /// A text, or a number as text; `None` if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
        .filter(|text| !text.is_empty())
    }

    /// A structure, which in a form is JSON text. Unreadable text stays text.
    pub fn value(&self, name: &str) -> Option<Value> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(serde_json::from_str(text).unwrap_or_else(|_| text.clone().into())),
            value => Some(value.clone()),
        }
    }

    pub fn list(&self, name: &str) -> Vec<Value> {
        match self.value(name) {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| matches!(text.as_str(), "true" | "1"))
    }

    pub fn raw(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

fn decode(piece: &str) -> String {
    let mut bytes = Vec::with_capacity(piece.len());
    let mut rest = piece.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Length in UTF-16 units: where a platform does not say what a character is, the strictest reading holds.
pub(crate) fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_path_is_decoded_after_it_is_taken_apart() {
        let request = TestRequest::post()
            .uri("/teams/v3/conversations/19%3Aa%2Fb%40thread.v2%3Bmessageid%3D1/activities?x=a+b")
            .to_http_request();

        let call = Call::read(&request, Bytes::new(), "/teams");

        assert_eq!(
            call.path,
            [
                "v3",
                "conversations",
                "19:a/b@thread.v2;messageid=1",
                "activities"
            ]
        );
        assert_eq!(call.query("x"), Some("a b"));
    }

    #[test]
    fn a_form_and_a_json_object_are_read_alike() {
        let read = |content_type: &str, body: &'static str| {
            let request = TestRequest::post().insert_header(("Content-Type", content_type));
            Call::read(&request.to_http_request(), Bytes::from(body), "").params()
        };

        let form = read("application/x-www-form-urlencoded", "id=7&list=%5B1%5D&on=true");
        let json = read(
            "application/json; charset=utf-8",
            r#"{"id":7,"list":[1],"on":true}"#,
        );

        for params in [form, json] {
            assert_eq!(params.text("id").as_deref(), Some("7"));
            assert_eq!(params.list("list"), [Value::from(1)]);
        }
    }
}
