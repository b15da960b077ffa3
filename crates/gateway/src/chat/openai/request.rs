//! What is asked of `/v1/chat/completions`, as far as it is taken.

use super::error::OpenAiError;
use domain::Direction;
use serde::Deserialize;
use std::collections::BTreeMap;
use store::chat::Past;

const MOST_CHARACTERS: usize = 32_000;
/// What was said before counts this far back.
const MOST_PAST: usize = 40;
/// Of what was said before, so much of each message is kept, in characters.
const MOST_OF_PAST: usize = 8_000;

/// A request. What is not named here is not taken.
#[derive(Deserialize)]
struct Body {
    model: String,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// What is taken of a request.
#[derive(Debug)]
pub struct Request {
    /// As the caller named it.
    pub model: String,
    /// What was said before, oldest first.
    pub past: Vec<Past>,
    pub question: String,
    pub stream: bool,
    pub include_usage: bool,
    pub user: Option<String>,
    /// A conversation that is kept here.
    pub conversation: Option<String>,
}

impl Request {
    pub fn read(body: &[u8]) -> Result<Self, OpenAiError> {
        let body: Body =
            serde_json::from_slice(body).map_err(|error| OpenAiError::invalid("body", error.to_string()))?;
        if body.n.is_some_and(|n| n != 1) {
            return Err(OpenAiError::invalid("n", "a chatbot gives one answer".to_owned()));
        }
        let Some(last) = body.messages.iter().rposition(|message| message.role == "user") else {
            return Err(OpenAiError::invalid(
                "messages",
                "there has to be a message with the role user".to_owned(),
            ));
        };
        let question = match &body.messages[last].content {
            Some(Content::Parts(parts)) if parts.iter().any(|part| part.kind != "text") => {
                return Err(OpenAiError::invalid(
                    "messages",
                    "the question may have parts of the type text only".to_owned(),
                ));
            }
            content => text(content.as_ref()),
        };
        if question.trim().is_empty() {
            return Err(OpenAiError::invalid(
                "messages",
                "the last user message is empty".to_owned(),
            ));
        }
        if question.chars().count() > MOST_CHARACTERS {
            return Err(OpenAiError::invalid(
                "messages",
                format!("the last user message has more than {MOST_CHARACTERS} characters"),
            ));
        }
        let mut past: Vec<Past> = body.messages[..last].iter().filter_map(past).collect();
        past.drain(..past.len().saturating_sub(MOST_PAST));
        let conversation = body
            .metadata
            .and_then(|mut metadata| metadata.remove("conversation"))
            .and_then(|named| named.as_str().map(str::to_owned));
        Ok(Self {
            model: body.model,
            past,
            question,
            stream: body.stream == Some(true),
            include_usage: body
                .stream_options
                .is_some_and(|options| options.include_usage == Some(true)),
            user: body.user.filter(|user| !user.is_empty()),
            conversation,
        })
    }
}

fn past(message: &Message) -> Option<Past> {
    let direction = match message.role.as_str() {
        "user" => Direction::Inbound,
        "assistant" => Direction::Outbound,
        _ => return None,
    };
    let text: String = text(message.content.as_ref())
        .chars()
        .filter(|c| *c != '\0')
        .take(MOST_OF_PAST)
        .collect();
    (!text.trim().is_empty()).then_some(Past { direction, text })
}

fn text(content: Option<&Content>) -> String {
    match content {
        None => String::new(),
        Some(Content::Text(text)) => text.clone(),
        Some(Content::Parts(parts)) => parts
            .iter()
            .filter_map(|part| part.text.as_deref())
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(messages: Value) -> Result<Request, OpenAiError> {
        Request::read(json!({"model": "m", "messages": messages}).to_string().as_bytes())
    }

    #[test]
    fn the_last_user_message_is_the_question_and_what_was_said_before_is_past() {
        let request = read(json!([
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": [{"type": "text", "text": "I am"}, {"type": "text", "text": "Ada"}]},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "assistant", "content": "Hello Ada"},
            {"role": "tool", "content": "42"},
            {"role": "user", "content": "Who am I?"},
            {"role": "assistant", "content": "You are"},
        ]))
        .unwrap();

        assert_eq!(request.question, "Who am I?");
        let past: Vec<_> = request
            .past
            .iter()
            .map(|past| (past.direction, past.text.as_str()))
            .collect();
        assert_eq!(
            past,
            [
                (Direction::Inbound, "I am\nAda"),
                (Direction::Outbound, "Hello Ada")
            ]
        );
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        for messages in [
            json!([]),
            json!([{"role": "system", "content": "x"}]),
            json!([{"role": "user", "content": " "}]),
            json!([{"role": "user", "content": "x".repeat(MOST_CHARACTERS + 1)}]),
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]),
            json!("hello"),
        ] {
            assert!(read(messages.clone()).is_err(), "{messages}");
        }
        let two = json!({"model": "m", "n": 2, "messages": [{"role": "user", "content": "x"}]});
        assert!(Request::read(two.to_string().as_bytes()).is_err());
    }
}
