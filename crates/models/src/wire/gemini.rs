//! Google's Gemini API.
//!
//! Calls come whole. From Gemini 3 on the first call of each round bears a signature, without which the round is refused
//! when it is sent back; for calls of others there is a word in its place.

use super::{Call, Failed, Heard, ROOM_FOR_THOUGHTS, Usage, blocked, turns};
use crate::{
    pieces::CallPiece,
    tools::{Round, ToolCall},
};
use egress::CheckedUrl;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Why an answer ended that is none.
const FORBIDDEN: &[&str] = &[
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<Counted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Content,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thought: bool,
    #[serde(default)]
    function_call: Option<FunctionCall>,
    #[serde(default)]
    thought_signature: String,
}

#[derive(Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    prompt_token_count: Option<u32>,
    candidates_token_count: Option<u32>,
    thoughts_token_count: Option<u32>,
}

#[derive(Deserialize)]
struct Failure {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Value>,
}

pub(super) fn address(
    base: &CheckedUrl,
    call: &Call<'_>,
) -> (CheckedUrl, Option<(&'static str, &'static str)>) {
    let model = call.model.trim_start_matches("models/");
    if call.stream {
        let url = base.below(&format!("models/{model}:streamGenerateContent"));
        (url, Some(("alt", "sse")))
    } else {
        (base.below(&format!("models/{model}:generateContent")), None)
    }
}

pub(super) fn body(call: &Call<'_>) -> Value {
    let (system, turns) = turns(call.messages);
    let mut contents: Vec<Value> = turns
        .into_iter()
        .map(|turn| {
            let role = if turn.role == "assistant" { "model" } else { "user" };
            json!({"role": role, "parts": [{"text": turn.content}]})
        })
        .collect();
    contents.extend(
        call.toolbox
            .rounds
            .iter()
            .flat_map(|round| as_contents(call, round)),
    );
    let mut body = json!({
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": contents,
        "generationConfig": {"maxOutputTokens": call.answer_tokens.saturating_add(ROOM_FOR_THOUGHTS)},
    });
    if !call.toolbox.tools.is_empty() {
        let declared = call.toolbox.tools.iter().map(|tool| {
            json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})
        });
        body["tools"] = json!([{"functionDeclarations": declared.collect::<Vec<_>>()}]);
        let mode = if call.toolbox.no_more { "NONE" } else { "AUTO" };
        body["toolConfig"] = json!({"functionCallingConfig": {"mode": mode}});
    }
    body
}

/// A round: what the model wanted called, and what came of it.
fn as_contents(call: &Call<'_>, round: &Round) -> [Value; 2] {
    let called: Vec<Value> = round
        .calls
        .iter()
        .enumerate()
        .map(|(place, called)| as_part(call, called, place == 0))
        .collect();
    let results: Vec<Value> = round
        .calls
        .iter()
        .zip(&round.results)
        .map(|(called, result)| {
            let output = call.toolbox.sent(result, call.prompt_tokens);
            json!({"functionResponse": {"id": called.id, "name": called.name, "response": {"output": output}}})
        })
        .collect();
    [
        json!({"role": "model", "parts": called}),
        json!({"role": "user", "parts": results}),
    ]
}

fn as_part(call: &Call<'_>, called: &ToolCall, first: bool) -> Value {
    let mut part = json!({"functionCall": {"id": called.id, "name": called.name, "args": called.object()}});
    let own = called
        .signature
        .as_ref()
        .filter(|signature| signature.signer == call.signer);
    match own {
        Some(signature) => part["thoughtSignature"] = json!(signature.text),
        None if first && wants_signatures(call.model) => part["thoughtSignature"] = json!(UNSIGNED),
        None => {}
    }
    part
}

/// As the documentation has it, in the place of the signature of a call that is another model's.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// Those before Gemini 3 do not.
fn wants_signatures(model: &str) -> bool {
    let model = model.trim_start_matches("models/");
    !model.starts_with("gemini-1") && !model.starts_with("gemini-2")
}

/// A whole answer and a piece of one have the same form.
pub(super) fn read(body: &[u8]) -> Result<Heard, Failed> {
    if let Some(failed) = failure(body) {
        return Err(failed);
    }
    let response: Response =
        serde_json::from_slice(body).map_err(|_| Failed::words("not a generated content"))?;
    let mut heard = Heard::default();
    if let Some(counted) = response.usage_metadata {
        let written = counted.candidates_token_count.or(counted.thoughts_token_count);
        heard.usage = Usage {
            tokens_in: counted.prompt_token_count,
            tokens_out: written.map(|_| {
                let said = counted.candidates_token_count.unwrap_or_default();
                said.saturating_add(counted.thoughts_token_count.unwrap_or_default())
            }),
        };
    }
    if let Some(candidate) = response.candidates.into_iter().flatten().next() {
        if let Some(reason) = candidate
            .finish_reason
            .as_deref()
            .filter(|reason| FORBIDDEN.contains(reason))
        {
            return Err(blocked(reason));
        }
        heard.whole = candidate.finish_reason.is_some();
        for part in candidate.content.parts {
            if let Some(called) = part.function_call {
                heard.calls.push(whole(called, part.thought_signature));
            } else if !part.thought {
                heard.text.push_str(&part.text);
            }
        }
    } else if let Some(reason) = response
        .prompt_feedback
        .and_then(|feedback| feedback.block_reason)
    {
        return Err(blocked(&reason));
    }
    Ok(heard)
}

fn whole(called: FunctionCall, signature: String) -> CallPiece {
    CallPiece {
        id: called.id,
        name: called.name,
        arguments: if called.args.is_null() {
            String::new()
        } else {
            called.args.to_string()
        },
        signature,
        whole: true,
        ..CallPiece::default()
    }
}

pub(super) fn failure(body: &[u8]) -> Option<Failed> {
    let Failure { error } = serde_json::from_slice(body).ok()?;
    let reasons = error
        .details
        .iter()
        .filter_map(|detail| detail["reason"].as_str());
    let codes: Vec<String> = reasons.map(str::to_owned).chain([error.status]).collect();
    let after = error
        .details
        .iter()
        .find_map(|detail| detail["retryDelay"].as_str());
    let failed = Failed::coded(&error.message, codes);
    Some(failed.with_status(error.code).with_after(after.and_then(seconds)))
}

/// `31s`, `0.5s`.
fn seconds(given: &str) -> Option<Duration> {
    let seconds: f64 = given.strip_suffix('s')?.parse().ok()?;
    (0.0..=86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}
