//! What a visitor says of themselves, held against what the owner asks.

use super::{error::ChatError, identity};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use store::{
    leads::Lead,
    widgets::{Field, FieldKind, WidgetSettings},
};

const LONGEST: usize = 200;

fn wrong(name: &str, problem: impl AsRef<str>) -> ChatError {
    let name: String = name.chars().take(40).collect();
    ChatError::invalid("lead", format!("{name} {}", problem.as_ref()))
}

/// The lead in what was sent. The first thing that does not fit is named.
pub fn checked(
    said: &BTreeMap<String, Value>,
    asked: &WidgetSettings,
    now: DateTime<Utc>,
) -> Result<Lead, ChatError> {
    for name in said.keys() {
        if name != "consent" && !asked.asked().any(|field| field.name == *name) {
            return Err(wrong(name, "is not asked here"));
        }
    }
    let mut lead = Lead::default();
    for field in asked.asked() {
        let Some(value) = value(field, said.get(&field.name))? else {
            continue;
        };
        let place = match field.kind {
            FieldKind::Email if lead.email.is_none() => &mut lead.email,
            FieldKind::Phone if lead.phone.is_none() => &mut lead.phone,
            FieldKind::Text if field.name == "name" => &mut lead.name,
            _ => {
                lead.fields.insert(field.name.clone(), value);
                continue;
            }
        };
        *place = Some(value);
    }
    if let Some(words) = &asked.consent
        && asked.asked().next().is_some()
    {
        if said.get("consent") != Some(&Value::Bool(true)) {
            return Err(wrong("consent", "has to be true: the visitor has to agree first"));
        }
        lead.consented_at = Some(now);
        lead.consent_text = Some(words.clone());
    }
    Ok(lead)
}

fn value(field: &Field, said: Option<&Value>) -> Result<Option<String>, ChatError> {
    let text = match said {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() <= LONGEST => identity::line_up_to(text, LONGEST),
        Some(_) => {
            let problem = format!("has to be a text of {LONGEST} characters at most");
            return Err(wrong(&field.name, problem));
        }
    };
    let Some(text) = text else {
        return if field.required {
            Err(wrong(&field.name, "is missing"))
        } else {
            Ok(None)
        };
    };
    match field.misfit(&text) {
        Some(problem) => Err(wrong(&field.name, problem)),
        None => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked() -> WidgetSettings {
        serde_json::from_value(json!({
            "pre_chat": [{"name": "name"}, {"name": "email", "type": "email", "required": true},
                         {"name": "phone", "type": "phone"}, {"name": "company"}],
            "consent": "I agree."
        }))
        .unwrap()
    }

    fn lead(said: Value) -> Result<Lead, String> {
        let said = serde_json::from_value(said).unwrap();
        checked(&said, &asked(), Utc::now()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_asked_is_kept_in_its_place() {
        let kept = lead(
            json!({"name": " Ada\nL. ", "email": "ada@example.com", "phone": "+44 20 7946 0018",
                               "company": "F&K", "consent": true}),
        )
        .unwrap();

        assert_eq!(kept.name.as_deref(), Some("Ada L."));
        assert_eq!(kept.email.as_deref(), Some("ada@example.com"));
        assert_eq!(kept.phone.as_deref(), Some("+44 20 7946 0018"));
        assert_eq!(kept.fields["company"], "F&K");
        assert!(kept.consented_at.is_some());
        assert_eq!(kept.consent_text.as_deref(), Some("I agree."));
    }

    #[test]
    fn a_choice_is_one_of_those_offered_and_what_is_not_asked_is_refused() {
        let asked: WidgetSettings = serde_json::from_value(json!({"pre_chat": [
            {"name": "size", "type": "choice", "choices": ["1 to 10", "more"], "required": true},
            {"name": "budget", "ask": false, "required": true},
        ]}))
        .unwrap();
        let lead = |said: Value| checked(&serde_json::from_value(said).unwrap(), &asked, Utc::now());

        assert_eq!(lead(json!({"size": "more"})).unwrap().fields["size"], "more");
        for (said, says) in [
            (json!({"size": "less"}), "size has to be one of: 1 to 10, more"),
            (json!({}), "size is missing"),
            (json!({"size": "more", "budget": "1"}), "budget is not asked"),
        ] {
            let refused = lead(said).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let good = json!({"email": "ada@example.com", "consent": true});
        for (name, value, says) in [
            ("role", json!("admin"), "role is not asked"),
            ("email", json!(null), "email is missing"),
            ("email", json!(" "), "email is missing"),
            ("email", json!("ada@example"), "email has to be"),
            ("email", json!("a@b.c\n<x>"), "email has to be"),
            ("phone", json!("+1"), "phone has to be"),
            ("phone", json!("call me at 1234567"), "phone has to be"),
            ("company", json!({"$ne": 1}), "company has to be a text"),
            ("company", json!("x".repeat(201)), "company has to be a text"),
            ("consent", json!("yes"), "consent has to be true"),
        ] {
            let mut said = good.clone();
            said[name] = value;
            let refused = lead(said).unwrap_err();
            assert!(refused.contains(says), "{name}: {refused}");
        }
    }
}
