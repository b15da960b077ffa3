//! Anthropic's Messages API.
//!
//! No temperature is sent: the newer models refuse it.

use super::{Call, Failed, Heard, Usage, blocked, turns};
use crate::error::ModelError;
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

/// A block of text, or of something else: thoughts, for one.
#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
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
        content_block: Block,
    },
    ContentBlockDelta {
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
    json!({
        "model": call.model,
        "max_tokens": call.answer_tokens,
        "system": system,
        "messages": turns,
        "stream": call.stream,
    })
}

pub(super) fn whole(body: &[u8]) -> Result<Heard, Failed> {
    if let Some(failed) = failure(body) {
        return Err(failed);
    }
    let message: Message = serde_json::from_slice(body).map_err(|_| Failed::words("not a message"))?;
    let whole = stopped(message.stop_reason)?;
    Ok(Heard {
        text: message.content.into_iter().filter_map(Block::said).collect(),
        usage: message.usage.into(),
        calls: Vec::new(),
        whole,
        ended: whole,
    })
}

pub(super) fn piece(data: &str) -> Result<Heard, Failed> {
    let event = serde_json::from_str(data).map_err(|_| Failed::words("not an event of a message"))?;
    let mut heard = Heard::default();
    match event {
        Event::MessageStart { message } => heard.usage = message.usage.into(),
        Event::ContentBlockStart { content_block: block } | Event::ContentBlockDelta { delta: block } => {
            heard.text = block.said().unwrap_or_default();
        }
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
    fn said(self) -> Option<String> {
        matches!(self.kind.as_str(), "text" | "text_delta").then_some(self.text)
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
