//! The JSON Schema of a tool's arguments.

use jsonschema::Validator;
use serde_json::Value;

/// The most bytes of a schema.
pub(crate) const LARGEST: usize = 16 * 1024;

/// The schema of an object, ready to check arguments with; or what is wrong with it.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    if schema["type"] != "object" {
        return Err("has to describe an object: {\"type\": \"object\", \"properties\": {…}}".to_owned());
    }
    if schema.to_string().len() > LARGEST {
        return Err(format!("may have {LARGEST} bytes at most"));
    }
    jsonschema::validator_for(schema)
        .map_err(|error| format!("is no JSON Schema: {}", brief(&error.to_string())))
}

/// What does not fit, without the value itself where it is long.
pub(crate) fn check(validator: &Validator, arguments: &Value) -> Result<(), String> {
    validator.validate(arguments).map_err(|error| {
        let place = error.instance_path().to_string();
        let problem = brief(&error.to_string());
        if place.is_empty() {
            problem
        } else {
            format!("{place}: {problem}")
        }
    })
}

fn brief(text: &str) -> String {
    text.chars().take(200).collect()
}
