//! Google's Gemini API.

use super::{Call, Failed, Heard, ROOM_FOR_THOUGHTS, Usage, blocked, turns};
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
struct Part {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thought: bool,
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
    let contents: Vec<Value> = turns
        .into_iter()
        .map(|turn| {
            let role = if turn.role == "assistant" { "model" } else { "user" };
            json!({"role": role, "parts": [{"text": turn.content}]})
        })
        .collect();
    json!({
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": contents,
        "generationConfig": {"maxOutputTokens": call.answer_tokens.saturating_add(ROOM_FOR_THOUGHTS)},
    })
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
        let said = candidate.content.parts.into_iter().filter(|part| !part.thought);
        heard.text = said.map(|part| part.text).collect();
    } else if let Some(reason) = response
        .prompt_feedback
        .and_then(|feedback| feedback.block_reason)
    {
        return Err(blocked(&reason));
    }
    Ok(heard)
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
