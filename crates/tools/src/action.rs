//! An HTTP action, as its owner wrote it down.

use crate::{schema, template::Template};
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LONGEST_DESCRIPTION: usize = 2_000;
const LONGEST_TEXT: usize = 500;
const MOST_HEADERS: usize = 20;
const LONGEST_LIMIT: u32 = 60;
const LARGEST_RESPONSE: u32 = 256 * 1024;

/// A setting of a tool that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Unfit {
    /// Where.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Unfit {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

/// How it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Sets something.
    Put,
    /// Changes something.
    Patch,
    /// Takes something away.
    Delete,
}

impl Method {
    pub(crate) const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    pub(crate) const fn of_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

/// An HTTP action. Values of secret headers are kept apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAction {
    /// What it does, as the model reads it.
    pub description: String,
    /// JSON Schema of its arguments, which are an object.
    #[serde(default = "no_parameters")]
    pub parameters: Value,
    /// How it is called.
    pub method: Method,
    /// The address, with places for arguments. What has no place goes into the body, or the query where there is none.
    pub url: String,
    /// Headers that are no secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Secret headers, and what may be shown of each.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, String>,
    /// How long a call may take.
    #[serde(default = "usual_limit")]
    pub time_limit_seconds: u32,
    /// How much of the answer the model is shown.
    #[serde(default = "usual_size")]
    pub max_response_bytes: u32,
    /// It changes something: the visitor is asked first.
    pub changes: bool,
    /// What the visitor is asked, with places for arguments; `None`: the description and all arguments.
    #[serde(default)]
    pub confirm_text: Option<String>,
    /// The button, and the word, that says yes.
    #[serde(default = "usual_yes")]
    pub confirm_yes: String,
    /// The button, and the word, that says no.
    #[serde(default = "usual_no")]
    pub confirm_no: String,
}

fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}})
}

const fn usual_limit() -> u32 {
    10
}

const fn usual_size() -> u32 {
    16 * 1024
}

fn usual_yes() -> String {
    "Yes".to_owned()
}

fn usual_no() -> String {
    "No".to_owned()
}

/// Whether a tool may be called this.
pub fn check_name(name: &str) -> Result<(), Unfit> {
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fits {
        Ok(())
    } else {
        Err(Unfit::new(
            "name",
            "has to begin with a letter and be 1 to 64 letters, digits, _ or -, like cancel_order",
        ))
    }
}

/// Headers that the call itself sets, or that would change whom it goes to.
const OURS: [&str; 9] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "te",
    "upgrade",
    "idempotency-key",
    "proxy-authorization",
];

/// Whether a request may bear this header with this value.
pub(crate) fn check_header(field: &str, name: &str, value: &str) -> Result<(), Unfit> {
    let known = HeaderName::try_from(name).ok().filter(|_| !name.is_empty());
    let Some(known) = known else {
        return Err(Unfit::new(field, format!("{name:.40} is no name of a header")));
    };
    if OURS.contains(&known.as_str()) {
        return Err(Unfit::new(field, format!("{name} is set by the call itself")));
    }
    // The value may be a secret in the wrong place: it is not repeated.
    if value.len() > 4_000 || HeaderValue::try_from(value).is_err() {
        return Err(Unfit::new(
            field,
            format!("the value of {name} has to be one line of 4000 characters at most"),
        ));
    }
    Ok(())
}

impl HttpAction {
    /// The first setting that does not fit. The host is checked by [`crate::Tools::check`].
    pub fn check(&self) -> Result<(), Unfit> {
        text("description", &self.description, LONGEST_DESCRIPTION)?;
        schema::compile(&self.parameters).map_err(|problem| Unfit::new("parameters", problem))?;
        let template = Template::read(&self.url)?;
        let required = self.parameters["required"].as_array();
        for place in &template.places {
            if !required.is_some_and(|names| names.iter().any(|name| name == place.as_str())) {
                let problem = format!("{place} stands in the url, so it has to be among \"required\"");
                return Err(Unfit::new("parameters", problem));
            }
        }
        if self.headers.len() + self.secret_headers.len() > MOST_HEADERS {
            return Err(Unfit::new("headers", format!("may be {MOST_HEADERS} at most")));
        }
        for (name, value) in &self.headers {
            check_header("headers", name, value)?;
            if self
                .secret_headers
                .keys()
                .any(|secret| secret.eq_ignore_ascii_case(name))
            {
                return Err(Unfit::new(
                    "headers",
                    format!("{name} is a secret header already"),
                ));
            }
        }
        for name in self.secret_headers.keys() {
            check_header("secret_headers", name, "")?;
        }
        number("time_limit_seconds", self.time_limit_seconds, LONGEST_LIMIT)?;
        number("max_response_bytes", self.max_response_bytes, LARGEST_RESPONSE)?;
        if let Some(question) = &self.confirm_text {
            text("confirm_text", question, LONGEST_TEXT)?;
        }
        text("confirm_yes", &self.confirm_yes, 20)?;
        text("confirm_no", &self.confirm_no, 20)?;
        if self.method == Method::Delete && !self.changes {
            return Err(Unfit::new(
                "changes",
                "a DELETE changes something: it has to be true",
            ));
        }
        Ok(())
    }

    /// What the visitor is asked before it is called. All that would be sent is in it.
    pub fn question(&self, name: &str, arguments: &Value) -> String {
        match &self.confirm_text {
            Some(text) => filled(text, arguments),
            None => usual_question(name, arguments),
        }
    }
}

/// What a visitor is asked before a tool is called that has no words of its own for it.
pub fn usual_question(name: &str, arguments: &Value) -> String {
    filled(
        &format!("Shall I do this: {}?", name.replace(['_', '-'], " ")),
        arguments,
    )
}

/// The text with its places filled, and every argument that has no place below it. The text is the owner's Markdown;
/// arguments are shown as they would be sent, whatever they look like.
fn filled(text: &str, arguments: &Value) -> String {
    let said = |value: &Value| match value {
        Value::String(text) => literal(text),
        other => literal(&other.to_string()),
    };
    let mut question = String::new();
    let mut placed = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        question.push_str(before);
        match after
            .split_once('}')
            .and_then(|(name, behind)| Some((name, arguments.get(name)?, behind)))
        {
            Some((name, value, behind)) => {
                question.push_str(&said(value));
                placed.push(name);
                rest = behind;
            }
            None => {
                question.push('{');
                rest = after;
            }
        }
    }
    question.push_str(rest);
    for (name, value) in arguments.as_object().into_iter().flatten() {
        if !placed.contains(&name.as_str()) {
            let name = literal(&name.replace('_', " "));
            question.push_str(&format!("\n{name}: {}", said(value)));
        }
    }
    question
}

/// Markdown that shows this text and nothing else, on one line. What could not be seen is written as its number.
fn literal(text: &str) -> String {
    let mut shown = String::new();
    let mut is_number = true;
    for (at, c) in text.chars().enumerate() {
        // A mark at the beginning of a line makes a list or a heading of it, and so does one behind a number.
        let begins_block = (at == 0 && matches!(c, '-' | '+' | '=')) || (is_number && matches!(c, '.' | ')'));
        is_number = is_number && c.is_ascii_digit();
        match c {
            '\n' => shown.push('↵'),
            _ if is_unseen(c) => shown.push_str(&format!("(U+{:04X})", u32::from(c))),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '#' | '!' => {
                shown.extend(['\\', c]);
            }
            _ if begins_block => shown.extend(['\\', c]),
            _ => shown.push(c),
        }
    }
    shown
}

/// Characters without a shape of their own, among them those that turn the direction of what follows.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn text(field: &str, value: &str, most: usize) -> Result<(), Unfit> {
    let length = value.chars().count();
    if value.trim().is_empty() || length > most || value.contains('\0') {
        return Err(Unfit::new(
            field,
            format!("has to be 1 to {most} characters; got {length}"),
        ));
    }
    Ok(())
}

fn number(field: &str, value: u32, most: u32) -> Result<(), Unfit> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(Unfit::new(
            field,
            format!("has to be between 1 and {most}; got {value}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(change: Value) -> HttpAction {
        let mut all = json!({
            "description": "Cancels an order.", "method": "POST", "url": "https://api.example/orders/{order_id}/cancel",
            "parameters": {
                "type": "object", "required": ["order_id"],
                "properties": {"order_id": {"type": "string"}, "reason": {"type": "string"}},
            },
            "changes": true,
        });
        for (name, value) in change.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn a_setting_that_does_not_fit_is_named() {
        assert_eq!(action(json!({})).check(), Ok(()));
        for (change, field) in [
            (json!({"description": " "}), "description"),
            (json!({"parameters": {"type": "string"}}), "parameters"),
            (
                json!({"parameters": {"type": "object", "properties": {"a": {"type": "strong"}}}}),
                "parameters",
            ),
            (
                json!({"parameters": {"type": "object", "properties": {"order_id": {}}}}),
                "parameters",
            ),
            (json!({"url": "https://{order_id}/"}), "url"),
            (json!({"headers": {"Host": "x"}}), "headers"),
            (json!({"headers": {"X-A": "a\nb"}}), "headers"),
            (
                json!({"headers": {"X-A": "1"}, "secret_headers": {"x-a": "…"}}),
                "headers",
            ),
            (json!({"secret_headers": {"a b": ""}}), "secret_headers"),
            (json!({"time_limit_seconds": 0}), "time_limit_seconds"),
            (json!({"max_response_bytes": 1_000_000}), "max_response_bytes"),
            (json!({"confirm_yes": ""}), "confirm_yes"),
            (json!({"method": "DELETE", "changes": false}), "changes"),
        ] {
            assert_eq!(
                action(change.clone()).check().unwrap_err().field,
                field,
                "{change}"
            );
        }
        for bad in ["", "1a", "a b", "ä"] {
            assert_eq!(check_name(bad).unwrap_err().field, "name");
        }
    }

    #[test]
    fn a_question_names_everything_that_would_be_sent() {
        let arguments = json!({"order_id": "A-17", "reason": "too late"});

        assert_eq!(
            action(json!({})).question("cancel_order", &arguments),
            "Shall I do this: cancel order?\norder id: A-17\nreason: too late"
        );
        assert_eq!(
            action(json!({"confirm_text": "Cancel order {order_id}?"})).question("cancel_order", &arguments),
            "Cancel order A-17?\nreason: too late"
        );
    }

    #[test]
    fn an_argument_is_shown_as_it_would_be_sent_whatever_it_looks_like() {
        for (value, shown) in [
            ("https://evil.example/a?b=1", "https://evil.example/a?b=1"),
            ("<!-- hidden", r"\<\!-- hidden"),
            ("[pay](https://evil.example)", r"\[pay\](https://evil.example)"),
            ("*a* `b` ~~c~~ &amp; d|e", r"\*a\* \`b\` \~\~c\~\~ \&amp; d\|e"),
            ("- a-b", r"\- a-b"),
            ("1. one 2.5", r"1\. one 2.5"),
            ("# a", r"\# a"),
            ("a\nid: 18", "a↵id: 18"),
            ("a\u{202E}b\tc", "a(U+202E)b(U+0009)c"),
            ("A-17, 3.5", "A-17, 3.5"),
        ] {
            assert_eq!(literal(value), shown, "{value:?}");
        }
        let arguments = json!({"a": "<!--", "b": 5, "c_d": "-->", "<e>": ["*"]});
        let question = usual_question("pay", &arguments);
        for line in [r"a: \<\!--", "b: 5", r"c d: \--\>", r#"\<e\>: \["\*"\]"#] {
            assert!(
                question.lines().any(|asked| asked == line),
                "{line} in {question}"
            );
        }
    }
}
