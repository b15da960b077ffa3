//! Calls of tools and their results in a request: every form is brought to OpenAI's, and held to what all of them want.

use serde_json::{Value, json};

/// What is wrong with calls and results.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A call of which the next message does not tell the result.
    Unanswered(String),
    /// A result of no call in the message before.
    Unasked(String),
    /// Two calls with one id.
    Twice(String),
}

/// A message that calls.
pub(super) fn calling(text: &str, calls: Vec<Value>) -> Value {
    if calls.is_empty() {
        json!({"role": "assistant", "content": text})
    } else {
        json!({"role": "assistant", "content": text, "tool_calls": calls})
    }
}

/// One call.
pub(super) fn call(id: &str, name: &Value, arguments: &Value) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
}

/// What came of one.
pub(super) fn result(id: &str, content: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

/// What is wrong with messages in OpenAI's form, if anything is.
pub(super) fn wrong(messages: &[Value]) -> Option<Wrong> {
    let text = |id: &Value| id.as_str().unwrap_or_default().to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for message in messages {
        if message["role"] == "tool" {
            let id = text(&message["tool_call_id"]);
            let Some(place) = open.iter().position(|open| *open == id) else {
                return Some(Wrong::Unasked(id));
            };
            open.remove(place);
            continue;
        }
        if let Some(id) = open.pop() {
            return Some(Wrong::Unanswered(id));
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let id = text(&call["id"]);
            if seen.contains(&id) {
                return Some(Wrong::Twice(id));
            }
            seen.push(id.clone());
            open.push(id);
        }
    }
    open.pop().map(Wrong::Unanswered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(ids: &[&str]) -> Value {
        let calls = ids.iter().map(|id| call(id, &json!("find"), &json!({})));
        calling("", calls.collect())
    }

    #[test]
    fn every_call_is_answered_at_once_and_nothing_else_is() {
        let user = json!({"role": "user", "content": "Where is it?"});
        let cases = [
            (vec![user.clone()], None),
            (
                vec![
                    user.clone(),
                    called(&["a", "b"]),
                    result("b", ""),
                    result("a", ""),
                ],
                None,
            ),
            (
                vec![called(&["a", "b"]), result("b", "")],
                Some(Wrong::Unanswered("a".to_owned())),
            ),
            (
                vec![called(&["a"]), user.clone(), result("a", "")],
                Some(Wrong::Unanswered("a".to_owned())),
            ),
            (vec![user, result("a", "")], Some(Wrong::Unasked("a".to_owned()))),
            (
                vec![called(&["a"]), result("a", ""), called(&["a"]), result("a", "")],
                Some(Wrong::Twice("a".to_owned())),
            ),
        ];
        for (messages, expected) in cases {
            assert_eq!(wrong(&messages), expected, "{messages:?}");
        }
    }
}
