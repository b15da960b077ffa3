//! Ollama's own API.
//!
//! The size of the context is sent along, because Ollama silently cuts the beginning off a prompt that is longer: the
//! rules are what stands there.

use super::{Call, Failed, Heard, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    message: Content,
    #[serde(default)]
    done: bool,
    prompt_eval_count: Option<u32>,
    eval_count: Option<u32>,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    content: String,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

pub(super) fn body(call: &Call<'_>) -> Value {
    json!({
        "model": call.model,
        "messages": call.messages,
        "stream": call.stream,
        "options": {
            "temperature": 0.2,
            "num_predict": call.answer_tokens,
            "num_ctx": call.prompt_tokens.saturating_add(call.answer_tokens as usize),
        },
    })
}

/// A whole answer and a piece of one have the same form.
pub(super) fn read(body: &[u8]) -> Result<Heard, Failed> {
    if let Some(failed) = failure(body) {
        // Once it has begun to answer there is no status: it is the runtime that failed.
        return Err(failed.with_status(Some(500)));
    }
    let value: Value = serde_json::from_slice(body).map_err(|_| Failed::words("not a chat response"))?;
    if value.get("message").is_none() && value.get("done").is_none() {
        return Err(Failed::words("not a chat response"));
    }
    let chunk: Chunk = serde_json::from_value(value).map_err(|_| Failed::words("not a chat response"))?;
    Ok(Heard {
        text: chunk.message.content,
        calls: Vec::new(),
        usage: Usage {
            tokens_in: chunk.prompt_eval_count,
            tokens_out: chunk.eval_count,
        },
        whole: chunk.done,
        ended: chunk.done,
    })
}

pub(super) fn failure(body: &[u8]) -> Option<Failed> {
    let Failure { error } = serde_json::from_slice(body).ok()?;
    Some(Failed::words(&error))
}
