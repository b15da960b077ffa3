//! The keys of a version's models, apart from what the version says.
//!
//! Invariant: what a version, a draft's settings or a run's settings are stored as holds no key, sealed or not.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Sealed keys, by the place for which each was given: an address, or the id of a fallback model. A key never goes
/// to another place.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keys(pub(super) BTreeMap<String, String>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// The address of a model, as the place of its key.
fn address(model: &Value) -> String {
    let provider = model["provider"].as_str().unwrap_or("openai_compatible");
    format!("{provider} {}", model["base_url"].as_str().unwrap_or_default())
}

/// Whether a model is to be asked with a key.
fn wants_key(model: &Value) -> bool {
    model["key_shown"].is_string()
}

fn fallbacks(model: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    model["fallbacks"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(|fallback| Some((fallback["id"].as_str()?.to_owned(), fallback)))
}

impl Keys {
    /// Takes the keys out of a model as a chatbot's row has it.
    pub(super) fn take(model: &mut Value, key: Option<&[u8]>) -> Self {
        let mut keys = BTreeMap::new();
        if let Some(key) = key {
            keys.insert(address(model), hex(key));
        }
        if model["fallbacks"].is_array() {
            for (id, fallback) in fallbacks(model) {
                let taken = fallback.as_object_mut().and_then(|fields| fields.remove("key"));
                if let Some(Value::String(sealed)) = taken {
                    keys.insert(id, sealed);
                }
            }
        }
        Self(keys)
    }

    /// Puts the keys that a model wants back into it; the key of its own address is returned. Where a key that is wanted
    /// is not there any more, nothing is shown of one.
    pub(super) fn put(&self, model: &mut Value) -> Option<Vec<u8>> {
        if model["fallbacks"].is_array() {
            for (id, fallback) in fallbacks(model) {
                match self.0.get(&id).filter(|_| wants_key(fallback)) {
                    Some(sealed) => fallback["key"] = Value::String(sealed.clone()),
                    None => forget_shown(fallback),
                }
            }
        }
        let key = self.0.get(&address(model)).filter(|_| wants_key(model));
        let key = key.and_then(|sealed| unhex(sealed));
        if key.is_none() {
            forget_shown(model);
        }
        key
    }

    /// The places of a model that has no key, although one may be remembered for them.
    pub(super) fn unwanted(model: &mut Value) -> Vec<String> {
        let mut places = Vec::new();
        if !wants_key(model) {
            places.push(address(model));
        }
        if model["fallbacks"].is_array() {
            for (id, fallback) in fallbacks(model) {
                if !wants_key(fallback) {
                    places.push(id);
                }
            }
        }
        places
    }

    /// These, and those of `others` for places that have none here.
    pub fn or(mut self, others: &Self) -> Self {
        for (place, sealed) in &others.0 {
            self.0.entry(place.clone()).or_insert_with(|| sealed.clone());
        }
        self
    }
}

fn forget_shown(model: &mut Value) {
    if let Some(fields) = model.as_object_mut() {
        fields.remove("key_shown");
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model() -> Value {
        json!({
            "provider": "openai", "base_url": "https://a.example/v1", "model": "m", "key_shown": "••••1234",
            "fallbacks": [{"id": "f1", "base_url": "https://b.example", "model": "n", "key_shown": "••••5678", "key": "0a0b"}],
        })
    }

    #[test]
    fn what_is_kept_of_a_model_holds_no_key_and_gets_all_of_them_back() {
        let mut stored = model();
        let keys = Keys::take(&mut stored, Some(&[1, 255]));

        assert!(!stored.to_string().contains("0a0b"), "{stored}");
        assert_eq!(keys.put(&mut stored), Some(vec![1, 255]));
        assert_eq!(stored, model());
    }

    #[test]
    fn a_key_goes_to_no_other_address_and_to_no_model_without_one() {
        let keys = Keys::take(&mut model(), Some(&[1]));
        let mut moved = model();
        moved["base_url"] = json!("https://evil.example/v1");
        let mut without = model();
        without.as_object_mut().unwrap().remove("key_shown");

        assert_eq!(keys.put(&mut moved), None);
        assert!(moved.get("key_shown").is_none());
        assert_eq!(keys.put(&mut without), None);
    }
}
