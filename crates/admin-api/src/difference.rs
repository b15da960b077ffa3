//! What a change changed, for the activity log.
//!
//! Invariant: what may be a secret is never repeated, only that it was changed.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Fields with these words in their names hold secrets.
const SECRET: &[&str] = &[
    "password",
    "secret",
    "token",
    "key",
    "credential",
    "authorization",
    "cookie",
];

/// Longer texts are shown by their beginnings.
const LONGEST: usize = 200;

const MASK: &str = "••••";

/// `{"before": {…}, "after": {…}}` with the fields that differ.
pub(crate) fn between(before: &impl Serialize, after: &impl Serialize) -> Value {
    let fields = |value: Value| match value {
        Value::Object(fields) => fields,
        value => Map::from_iter([("value".to_owned(), value)]),
    };
    let before = fields(serde_json::to_value(before).unwrap_or_default());
    let after = fields(serde_json::to_value(after).unwrap_or_default());
    let changed = |these: &Map<String, Value>, those: &Map<String, Value>| -> Map<String, Value> {
        these
            .iter()
            .filter(|(name, value)| those.get(*name) != Some(value))
            .map(|(name, value)| (name.clone(), shown(name, value)))
            .collect()
    };
    json!({ "before": changed(&before, &after), "after": changed(&after, &before) })
}

fn shown(name: &str, value: &Value) -> Value {
    let name = name.to_lowercase();
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        _ if SECRET.iter().any(|word| name.contains(word)) => json!(MASK),
        Value::String(text) if text.chars().count() > LONGEST => {
            let beginning: String = text.chars().take(LONGEST).collect();
            json!(format!("{beginning}…"))
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shown(name, value)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| shown(&name, item)).collect(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let told = between(
            &json!({"name": "a", "role": "viewer"}),
            &json!({"name": "a", "role": "owner"}),
        );

        assert_eq!(
            told,
            json!({"before": {"role": "viewer"}, "after": {"role": "owner"}})
        );
    }

    #[test]
    fn a_secret_is_masked_however_deep_it_lies_and_that_there_was_none_is_not() {
        let before = json!({"model": {"api_key": "sk-1", "name": "m"}, "bot_token": null});
        let after = json!({"model": {"api_key": "sk-2", "name": "m"}, "bot_token": ["T0KEN"]});

        let told = between(&before, &after);

        assert_eq!(
            told["before"],
            json!({"model": {"api_key": MASK, "name": "m"}, "bot_token": null})
        );
        assert_eq!(told["after"]["bot_token"], MASK);
        assert!(!told.to_string().contains("sk-") && !told.to_string().contains("T0KEN"));
    }

    #[test]
    fn a_long_text_is_told_by_its_beginning() {
        let told = between(&json!({"text": ""}), &json!({"text": "é".repeat(300)}));

        assert_eq!(
            told["after"]["text"].as_str().map(|text| text.chars().count()),
            Some(LONGEST + 1)
        );
    }
}
