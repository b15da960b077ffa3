//! Addresses with places for arguments: `https://api.example.com/orders/{order_id}?full={full}`.
//!
//! Invariant: an argument stays in its place. It cannot end a path segment, begin a query, or climb up a path, and the host
//! has no places at all.

use crate::action::Unfit;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use url::Url;

/// A checked template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    text: String,
    /// The names of its places.
    pub places: BTreeSet<String>,
}

impl Template {
    /// Reads a template, or says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, Unfit> {
        let unfit = |problem: &str| Unfit::new("url", problem);
        let text = text.trim();
        let mut places = BTreeSet::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let end = rest[start..]
                .find('}')
                .ok_or_else(|| unfit("has a { without its }"))?;
            let name = &rest[start + 1..start + end];
            let fits = !name.is_empty()
                && name.len() <= 64
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !fits {
                return Err(unfit(
                    "has a place without a name of letters, digits, _ or -: write {order_id}",
                ));
            }
            plain.push_str(&rest[..start]);
            if !plain.contains("://")
                || !plain[plain.find("://").map_or(0, |at| at + 3)..].contains(['/', '?'])
            {
                return Err(unfit("may have places behind the host only"));
            }
            // What stands for an argument while the address is checked.
            plain.push('x');
            places.insert(name.to_owned());
            rest = &rest[start + end + 1..];
        }
        plain.push_str(rest);
        if plain.contains('}') {
            return Err(unfit("has a } without its {"));
        }
        let url = Url::parse(&plain)
            .map_err(|_| unfit("has to be an address like https://api.example.com/orders/{order_id}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(unfit("has to begin with https:// or http:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unfit(
                "must not hold a user or password; send them in a secret header",
            ));
        }
        if url.fragment().is_some() {
            return Err(unfit("must not have a fragment"));
        }
        Ok(Self {
            text: text.to_owned(),
            places,
        })
    }

    /// The address with every place filled, and the arguments that are left.
    pub fn fill(&self, arguments: &Map<String, Value>) -> Result<(String, Map<String, Value>), String> {
        let mut left = arguments.clone();
        let mut filled = String::new();
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            filled.push_str(before);
            let value = arguments
                .get(name)
                .and_then(as_text)
                .ok_or_else(|| format!("{name} is missing, or is no text, number or truth value"))?;
            let in_path = !filled.contains('?');
            if in_path && (value.is_empty() || value.chars().all(|c| c == '.')) {
                return Err(format!("{name} must not be empty or dots only"));
            }
            filled.push_str(&escaped(&value));
            left.remove(name);
            rest = behind;
        }
        filled.push_str(rest);
        Ok((filled, left))
    }
}

/// Every byte but letters and digits by its number.
fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~' | b'.') {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// A value as it stands in an address.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fill(template: &str, arguments: Value) -> Result<(String, Map<String, Value>), String> {
        Template::read(template)
            .unwrap()
            .fill(arguments.as_object().unwrap())
    }

    #[test]
    fn an_argument_stays_in_its_place() {
        let (url, left) = fill(
            "https://api.example/orders/{id}/x?q={q}",
            json!({"id": "../a b?c#d%2f", "q": "1&admin=1", "more": true}),
        )
        .unwrap();

        assert_eq!(
            url,
            "https://api.example/orders/..%2Fa%20b%3Fc%23d%252f/x?q=1%26admin%3D1"
        );
        assert_eq!(
            Url::parse(&url).unwrap().path(),
            "/orders/..%2Fa%20b%3Fc%23d%252f/x"
        );
        assert_eq!(Value::Object(left), json!({"more": true}));
        for bad in [
            json!({"id": ".."}),
            json!({"id": "."}),
            json!({"id": ""}),
            json!({"id": []}),
            json!({}),
        ] {
            assert!(
                fill("https://api.example/orders/{id}", bad.clone()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for bad in [
            "https://{host}/x",
            "https://api.example{id}/x",
            "{scheme}://api.example/",
            "https://user:pw@api.example/{id}",
            "ftp://api.example/{id}",
            "https://api.example/{id",
            "https://api.example/id}",
            "https://api.example/{}",
            "https://api.example/{a b}",
            "https://api.example/x#{id}",
            "api.example/{id}",
        ] {
            assert_eq!(Template::read(bad).unwrap_err().field, "url", "{bad}");
        }
    }
}
