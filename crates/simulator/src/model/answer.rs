//! What the model says, and the tokens by which a test knows its own message again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a token begins.
pub const TOKEN_PREFIX: &str = "zq";
/// How long a token is. No word of a natural language begins with its prefix and has only digits after it.
pub const TOKEN_LENGTH: usize = 12;

/// A token that names the message with this number.
pub fn token(number: u64) -> String {
    format!("{TOKEN_PREFIX}{number:010}")
}

/// The tokens in a text, in their order, repeats and all.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| {
        word.len() == TOKEN_LENGTH
            && word
                .strip_prefix(TOKEN_PREFIX)
                .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// What the model says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// The tokens of everything the user wrote since the last answer; without one, what was written last.
    #[default]
    Echo,
    /// Always this.
    Fixed {
        /// This.
        text: String,
    },
    /// The first rule that fits.
    Script {
        /// Tried in their order.
        rules: Vec<Rule>,
        /// When none fits.
        otherwise: String,
    },
    /// Calls the tools of the rules that fit, and then tells what came of it.
    Calls {
        /// All that fit are called at once.
        rules: Vec<CallRule>,
        /// Said once there are results, with the last of them in the place of `{result}`.
        then: String,
        /// When no rule fits.
        otherwise: String,
    },
}

/// A tool that is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRule {
    /// Fits when the user's last words contain this, in any case.
    pub contains: String,
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Fits when the user's last words contain this, in any case.
    pub contains: String,
    /// And this is what is said then.
    pub answer: String,
}

impl Answer {
    /// What is said to these messages of a chat completion request.
    pub(super) fn to(&self, messages: &[Value]) -> String {
        let question = question(messages);
        match self {
            Self::Echo => {
                let echoed: Vec<&str> = tokens(&question).collect();
                if echoed.is_empty() {
                    question
                } else {
                    format!("Heard {}.", echoed.join(" "))
                }
            }
            Self::Fixed { text } => text.clone(),
            Self::Script { rules, otherwise } => {
                let question = question.to_lowercase();
                let fits = rules
                    .iter()
                    .find(|rule| question.contains(&rule.contains.to_lowercase()));
                fits.map_or(otherwise, |rule| &rule.answer).clone()
            }
            Self::Calls { then, otherwise, .. } => match messages.last() {
                Some(last) if last["role"] == "tool" => then.replace("{result}", &text_of(&last["content"])),
                _ => otherwise.clone(),
            },
        }
    }
}

impl Answer {
    /// The tools that are called instead of saying anything: names and arguments.
    pub(super) fn calls(&self, messages: &[Value]) -> Vec<(String, Value)> {
        let Self::Calls { rules, .. } = self else {
            return Vec::new();
        };
        if messages.last().is_some_and(|last| last["role"] == "tool") {
            return Vec::new();
        }
        let question = question(messages).to_lowercase();
        rules
            .iter()
            .filter(|rule| question.contains(&rule.contains.to_lowercase()))
            .map(|rule| (rule.tool.clone(), rule.arguments.clone()))
            .collect()
    }
}

/// Everything the user wrote since the assistant last spoke.
fn question(messages: &[Value]) -> String {
    let role = |message: &Value, role: &str| message["role"] == role;
    let since = messages
        .iter()
        .rposition(|message| role(message, "assistant"))
        .map_or(0, |last| last + 1);
    let texts = messages[since..]
        .iter()
        .filter(|message| role(message, "user"))
        .map(|m| text_of(&m["content"]));
    texts.collect::<Vec<_>>().join("\n")
}

/// Content is a text, or a list of parts of which some are text.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_echo_repeats_what_was_asked_since_the_last_answer_and_nothing_older() {
        let messages = [
            json!({"role": "system", "content": "Be brief. zq0000000009"}),
            json!({"role": "user", "content": format!("one {}", token(1))}),
            json!({"role": "assistant", "content": format!("Heard {}.", token(1))}),
            json!({"role": "user", "content": format!("two ({})", token(2))}),
            json!({"role": "user", "content": [{"type": "text", "text": format!("three {}!", token(3))}]}),
        ];

        assert_eq!(Answer::Echo.to(&messages), "Heard zq0000000002 zq0000000003.");
    }

    #[test]
    fn a_script_answers_with_its_first_rule_that_fits() {
        let rule = |contains: &str, answer: &str| Rule {
            contains: contains.into(),
            answer: answer.into(),
        };
        let script = Answer::Script {
            rules: vec![rule("hours", "Nine to five."), rule("open", "Yes.")],
            otherwise: "What?".into(),
        };
        let asked = |text: &str| script.to(&[json!({"role": "user", "content": text})]);

        assert_eq!(asked("Your opening HOURS?"), "Nine to five.");
        assert_eq!(asked("Are you open?"), "Yes.");
        assert_eq!(asked("Hello"), "What?");
    }
}
