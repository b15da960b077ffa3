//! Ollama's own API.
//!
//! The size of the context is sent along, because Ollama silently cuts the beginning off a prompt that is longer: the
//! rules are what stands there. Calls come whole, and without ids in older versions; results are told apart by the tool's
//! name and their order. There is no way to forbid calls but to offer no tools.

use super::{Call, Failed, Heard, Usage};
use crate::pieces::CallPiece;
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
    #[serde(default)]
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

pub(super) fn body(call: &Call<'_>) -> Value {
    let mut body = json!({
        "model": call.model,
        "messages": messages(call),
        "stream": call.stream,
        "options": {
            "temperature": 0.2,
            "num_predict": call.answer_tokens,
            "num_ctx": call.prompt_tokens.saturating_add(call.answer_tokens as usize),
        },
    });
    if !call.toolbox.tools.is_empty() && !call.toolbox.no_more {
        let described = call.toolbox.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        });
        body["tools"] = described.collect();
    }
    body
}

/// The prompt, and then each round: what the model wanted called, and what came of it.
fn messages(call: &Call<'_>) -> Vec<Value> {
    let mut messages: Vec<Value> = call.messages.iter().map(|message| json!(message)).collect();
    for round in call.toolbox.rounds {
        let calls: Vec<Value> = round
            .calls
            .iter()
            .map(|called| json!({"function": {"name": called.name, "arguments": called.object()}}))
            .collect();
        messages.push(json!({"role": "assistant", "content": "", "tool_calls": calls}));
        for (called, result) in round.calls.iter().zip(&round.results) {
            let content = call.toolbox.sent(result, call.prompt_tokens);
            messages.push(json!({"role": "tool", "tool_name": called.name, "content": content}));
        }
    }
    messages
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
        calls: chunk
            .message
            .tool_calls
            .into_iter()
            .flatten()
            .map(whole)
            .collect(),
        usage: Usage {
            tokens_in: chunk.prompt_eval_count,
            tokens_out: chunk.eval_count,
        },
        whole: chunk.done,
        ended: chunk.done,
    })
}

fn whole(called: Called) -> CallPiece {
    CallPiece {
        id: called.id,
        name: called.function.name,
        arguments: match called.function.arguments {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        },
        whole: true,
        ..CallPiece::default()
    }
}

pub(super) fn failure(body: &[u8]) -> Option<Failed> {
    let Failure { error } = serde_json::from_slice(body).ok()?;
    Some(Failed::words(&error))
}
