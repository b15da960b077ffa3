//! Anthropic's Messages API.
//!
//! No temperature is sent: the newer models refuse it. Calls and their results are blocks; what comes of all calls of a round
//! is in the one message behind them.

use super::{Call, Failed, Heard, Usage, blocked, turns};
use crate::{
    error::ModelError,
    pieces::{self, CallPiece},
    tools::Round,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Block>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Counted,
}

/// A block of text, a call, or something else: thoughts, for one. Or what is added to such a block.
#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    partial_json: String,
}

#[derive(Deserialize, Default)]
struct Counted {
    input_tokens: Option<u32>,
    cache_creation_input_tokens: Option<u32>,
    cache_read_input_tokens: Option<u32>,
    output_tokens: Option<u32>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        #[serde(default)]
        index: usize,
        content_block: Block,
    },
    ContentBlockDelta {
        #[serde(default)]
        index: usize,
        delta: Block,
    },
    MessageDelta {
        delta: Stop,
        #[serde(default)]
        usage: Counted,
    },
    MessageStop,
    Error {
        error: Words,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Stop {
    #[serde(default)]
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

impl From<Words> for Failed {
    fn from(words: Words) -> Self {
        Self::coded(&words.message, [words.kind])
    }
}

impl From<Counted> for Usage {
    fn from(counted: Counted) -> Self {
        let cached = counted.cache_creation_input_tokens.unwrap_or_default()
            + counted.cache_read_input_tokens.unwrap_or_default();
        Self {
            tokens_in: counted.input_tokens.map(|tokens| tokens.saturating_add(cached)),
            tokens_out: counted.output_tokens,
        }
    }
}

pub(super) fn body(call: &Call<'_>) -> Value {
    let (system, turns) = turns(call.messages);
    let mut messages: Vec<Value> = turns.iter().map(|turn| json!(turn)).collect();
    for (number, round) in call.toolbox.rounds.iter().enumerate() {
        messages.extend(as_messages(call, number, round));
    }
    let mut body = json!({
        "model": call.model,
        "max_tokens": call.answer_tokens,
        "system": system,
        "messages": messages,
        "stream": call.stream,
    });
    if !call.toolbox.tools.is_empty() {
        let described = call.toolbox.tools.iter().map(|tool| {
            json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
        });
        body["tools"] = described.collect();
        let choice = if call.toolbox.no_more { "none" } else { "auto" };
        body["tool_choice"] = json!({"type": choice});
    }
    body
}

/// A round: what the model wanted called, and what came of it. The ids are ours: those of other providers' models may have
/// signs that are refused here, or come twice.
fn as_messages(call: &Call<'_>, number: usize, round: &Round) -> [Value; 2] {
    let called: Vec<Value> = round
        .calls
        .iter()
        .enumerate()
        .map(|(place, called)| {
            let id = pieces::id(number, place);
            json!({"type": "tool_use", "id": id, "name": called.name, "input": called.object()})
        })
        .collect();
    let results: Vec<Value> = round
        .results
        .iter()
        .enumerate()
        .map(|(place, result)| {
            let content = call.toolbox.sent(result, call.prompt_tokens);
            json!({"type": "tool_result", "tool_use_id": pieces::id(number, place), "content": content})
        })
        .collect();
    [
        json!({"role": "assistant", "content": called}),
        json!({"role": "user", "content": results}),
    ]
}

pub(super) fn whole(body: &[u8]) -> Result<Heard, Failed> {
    if let Some(failed) = failure(body) {
        return Err(failed);
    }
    let message: Message = serde_json::from_slice(body).map_err(|_| Failed::words("not a message"))?;
    let whole = stopped(message.stop_reason)?;
    let mut heard = Heard {
        usage: message.usage.into(),
        whole,
        ended: whole,
        ..Heard::default()
    };
    for (index, block) in message.content.into_iter().enumerate() {
        block.read(index, &mut heard);
    }
    Ok(heard)
}

pub(super) fn piece(data: &str) -> Result<Heard, Failed> {
    let event = serde_json::from_str(data).map_err(|_| Failed::words("not an event of a message"))?;
    let mut heard = Heard::default();
    match event {
        Event::MessageStart { message } => heard.usage = message.usage.into(),
        Event::ContentBlockStart {
            index,
            content_block: block,
        }
        | Event::ContentBlockDelta { index, delta: block } => block.read(index, &mut heard),
        Event::MessageDelta { delta, usage } => {
            heard.usage = usage.into();
            heard.whole = stopped(delta.stop_reason)?;
        }
        Event::MessageStop => (heard.whole, heard.ended) = (true, true),
        Event::Error { error } => return Err(error.into()),
        Event::Other => {}
    }
    Ok(heard)
}

impl Block {
    /// `index`: which of the blocks of the message it is.
    fn read(self, index: usize, heard: &mut Heard) {
        match self.kind.as_str() {
            "text" | "text_delta" => heard.text.push_str(&self.text),
            "tool_use" => heard.calls.push(CallPiece {
                index: Some(index),
                id: self.id,
                name: self.name,
                // While it is streamed there is nothing in it yet: the arguments come in pieces.
                arguments: match self.input {
                    Value::Object(input) if !input.is_empty() => Value::Object(input).to_string(),
                    _ => String::new(),
                },
                ..CallPiece::default()
            }),
            "input_json_delta" => heard.calls.push(CallPiece {
                index: Some(index),
                arguments: self.partial_json,
                ..CallPiece::default()
            }),
            _ => {}
        }
    }
}

/// Whether it stopped, for a reason that leaves an answer.
fn stopped(reason: Option<String>) -> Result<bool, Failed> {
    match reason.as_deref() {
        Some("refusal") => Err(blocked("refusal")),
        Some("model_context_window_exceeded") => Err(Failed::is(ModelError::TooLong)),
        reason => Ok(reason.is_some()),
    }
}

pub(super) fn failure(body: &[u8]) -> Option<Failed> {
    let Failure { error } = serde_json::from_slice(body).ok()?;
    Some(error.into())
}
