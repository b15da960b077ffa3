//! OpenAI's chat completions, and whoever speaks them.

use super::{Call, Failed, Heard, ROOM_FOR_THOUGHTS, Usage, blocked};
use crate::{pieces::CallPiece, prompt::Message, tools::ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

/// What was said, or a tool's call or result.
#[derive(Serialize)]
#[serde(untagged)]
enum Turn<'a> {
    Said(&'a Message),
    Tool(Value),
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "delta")]
    message: Content,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Called>>,
}

/// A call, or a piece of one.
#[derive(Deserialize)]
struct Called {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    /// JSON as a text; from some endpoints as it is.
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct Counted {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureDetail,
}

/// OpenAI sends an object, some others plain text.
#[derive(Deserialize)]
#[serde(untagged)]
enum FailureDetail {
    Object {
        message: String,
        /// A word; elsewhere a number.
        #[serde(default)]
        code: Value,
        #[serde(default, rename = "type")]
        kind: Value,
    },
    Text(String),
}

pub(super) fn body(call: &Call<'_>) -> Value {
    json!(Request {
        model: call.model,
        messages: turns(call),
        tools: tools(call),
        tool_choice: (call.toolbox.no_more && !call.toolbox.tools.is_empty()).then_some("none"),
        max_tokens: (!call.newer).then_some(call.answer_tokens),
        max_completion_tokens: call
            .newer
            .then(|| call.answer_tokens.saturating_add(ROOM_FOR_THOUGHTS)),
        temperature: (!call.newer).then_some(0.2),
        stream: call.stream,
        stream_options: call.stream.then(|| json!({"include_usage": true})),
    })
}

/// The prompt, and then each round: what the model wanted called, and what came of it.
fn turns<'a>(call: &Call<'a>) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = call.messages.iter().map(Turn::Said).collect();
    for round in call.toolbox.rounds {
        let calls: Vec<Value> = round.calls.iter().map(as_called).collect();
        turns.push(Turn::Tool(
            json!({"role": "assistant", "content": null, "tool_calls": calls}),
        ));
        for result in &round.results {
            let content = call.toolbox.sent(result, call.prompt_tokens);
            turns.push(Turn::Tool(
                json!({"role": "tool", "tool_call_id": result.call, "content": content}),
            ));
        }
    }
    turns
}

fn as_called(called: &ToolCall) -> Value {
    let arguments = match &called.arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    json!({"id": called.id, "type": "function", "function": {"name": called.name, "arguments": arguments}})
}

fn tools(call: &Call<'_>) -> Vec<Value> {
    let described = call.toolbox.tools.iter().map(|tool| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    });
    described.collect()
}

pub(super) fn whole(body: &[u8]) -> Result<Heard, Failed> {
    let completion: Completion = serde_json::from_slice(body)
        .map_err(|_| failure(body).unwrap_or_else(|| Failed::words("not a chat completion")))?;
    read(completion)
}

pub(super) fn piece(data: &str) -> Result<Heard, Failed> {
    if data.trim() == "[DONE]" {
        return Ok(Heard {
            whole: true,
            ended: true,
            ..Heard::default()
        });
    }
    if let Some(failed) = failure(data.as_bytes()) {
        return Err(failed);
    }
    let chunk = serde_json::from_str(data).map_err(|_| Failed::words("not a chat completion chunk"))?;
    read(chunk)
}

fn read(completion: Completion) -> Result<Heard, Failed> {
    let mut heard = Heard::default();
    if let Some(counted) = completion.usage {
        heard.usage = Usage {
            tokens_in: counted.prompt_tokens,
            tokens_out: counted.completion_tokens,
        };
    }
    if let Some(choice) = completion.choices.into_iter().next() {
        if let Some(refusal) = choice.message.refusal.filter(|refusal| !refusal.is_empty()) {
            return Err(blocked(&refusal));
        }
        if choice.finish_reason.as_deref() == Some("content_filter") {
            return Err(blocked("content_filter"));
        }
        heard.whole = choice.finish_reason.is_some();
        heard.text = choice.message.content.unwrap_or_default();
        heard.calls = choice
            .message
            .tool_calls
            .into_iter()
            .flatten()
            .map(called)
            .collect();
    }
    Ok(heard)
}

fn called(called: Called) -> CallPiece {
    let (name, arguments) = called
        .function
        .map(|function| (function.name.unwrap_or_default(), function.arguments))
        .unwrap_or_default();
    CallPiece {
        index: called.index,
        id: called.id.unwrap_or_default(),
        name,
        arguments: match arguments {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        },
        ..CallPiece::default()
    }
}

pub(super) fn failure(body: &[u8]) -> Option<Failed> {
    let Failure { error } = serde_json::from_slice(body).ok()?;
    Some(match error {
        FailureDetail::Text(message) => Failed::words(&message),
        FailureDetail::Object { message, code, kind } => {
            let status = code.as_u64().and_then(|code| u16::try_from(code).ok());
            let codes = [code, kind]
                .into_iter()
                .filter_map(|code| code.as_str().map(str::to_owned));
            Failed::coded(&message, codes).with_status(status.filter(|status| (400..600).contains(status)))
        }
    })
}
