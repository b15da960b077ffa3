//! Forms of words that WhatsApp has approved.

use super::api::detailed;
use crate::played::Answer;
use serde_json::{Value, json};

/// All there are: name, language, words.
const TEMPLATES: &[(&str, &str, &str)] = &[
    ("hello", "en_US", "Hello {{1}}"),
    ("order_ready", "en_US", "Hello {{1}}, your order {{2}} is ready."),
    ("goodbye", "de", "Auf Wiedersehen!"),
];

pub(super) fn all() -> Vec<Value> {
    let shown = TEMPLATES
        .iter()
        .enumerate()
        .map(|(position, (name, language, text))| {
            json!({
                "id": (position + 1).to_string(), "name": name, "language": language, "status": "APPROVED",
                "category": "UTILITY", "components": [{"type": "BODY", "text": text}],
            })
        });
    shown.collect()
}

/// The words of a template, filled in.
pub(super) fn filled(template: &Value) -> Result<String, Answer> {
    let name = template["name"].as_str().unwrap_or_default();
    let language = template["language"]["code"].as_str().unwrap_or_default();
    let known = TEMPLATES
        .iter()
        .find(|known| (known.0, known.1) == (name, language));
    let Some((_, _, words)) = known else {
        return Err(detailed(
            404,
            132_001,
            "Template name does not exist in the translation",
            &format!("template name ({name}) does not exist in {language}"),
        ));
    };
    let components = template["components"].as_array().into_iter().flatten();
    let body = components.filter(|component| component["type"] == "body");
    let values: Vec<&str> = body
        .flat_map(|body| body["parameters"].as_array().into_iter().flatten())
        .map(|parameter| parameter["text"].as_str().unwrap_or_default())
        .collect();
    let expected = words.matches("{{").count();
    if values.len() != expected {
        return Err(detailed(
            400,
            132_000,
            "Number of parameters does not match the expected number of params",
            &format!(
                "body: number of localizable_params ({}) does not match the expected number of params ({expected})",
                values.len()
            ),
        ));
    }
    let mut filled = (*words).to_owned();
    for (position, value) in values.into_iter().enumerate() {
        if value.is_empty() || value.contains(['\n', '\t']) || value.contains("     ") {
            return Err(detailed(
                400,
                100,
                "Invalid parameter",
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            ));
        }
        filled = filled.replace(&format!("{{{{{}}}}}", position + 1), value);
    }
    Ok(filled)
}
