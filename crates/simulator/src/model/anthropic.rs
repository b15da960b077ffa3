//! Anthropic: `/v1/messages`. As strict as the API itself in what a client gets wrong most easily.

use super::{
    Model, Provider,
    answer::text_of,
    asked::{self, Dialect, Question, Said, halves},
    calls::{self, Wrong},
    trouble::Trouble,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/v1/messages", web::post().to(message));
}

fn error(status: u16, kind: &str, message: &str) -> HttpResponse {
    let id = format!("req_{}", Uuid::new_v4().simple());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": id});
    HttpResponse::build(status).json(body)
}

/// The blocks of a kind in a message.
fn blocks<'m>(message: &'m Value, kind: &'static str) -> impl Iterator<Item = &'m Value> {
    let blocks = message["content"].as_array().into_iter().flatten();
    blocks.filter(move |block| block["type"] == kind)
}

/// A message in OpenAI's form: results are messages of their own there.
fn in_common(message: &Value) -> Vec<Value> {
    let text = text_of(&message["content"]);
    if message["role"] == "assistant" {
        let called = blocks(message, "tool_use").map(|block| {
            calls::call(
                block["id"].as_str().unwrap_or_default(),
                &block["name"],
                &block["input"],
            )
        });
        return vec![calls::calling(&text, called.collect())];
    }
    let results = blocks(message, "tool_result").map(|block| {
        calls::result(
            block["tool_use_id"].as_str().unwrap_or_default(),
            &text_of(&block["content"]),
        )
    });
    let mut messages: Vec<Value> = results.collect();
    if !text.is_empty() {
        messages.push(json!({"role": "user", "content": text}));
    }
    messages
}

/// What is wrong with calls and results.
fn mistaken_calls(body: &Value, messages: &[Value]) -> Option<String> {
    let sent = || body["messages"].as_array().into_iter().flatten();
    let is_id = |id: &str| {
        let sign = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        !id.is_empty() && id.bytes().all(sign)
    };
    for block in sent().flat_map(|message| blocks(message, "tool_use")) {
        if !is_id(block["id"].as_str().unwrap_or_default()) {
            return Some("tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'".to_owned());
        }
        if !block["input"].is_object() {
            return Some("tool_use.input: Input should be a valid dictionary".to_owned());
        }
    }
    let has_calls = sent().any(|message| blocks(message, "tool_use").next().is_some());
    if has_calls && !body["tools"].is_array() {
        let words = "Requests which include `tool_use` or `tool_result` blocks must define tools";
        return Some(words.to_owned());
    }
    let mut tools = body["tools"].as_array().into_iter().flatten();
    if tools.any(|tool| tool["input_schema"]["type"] != "object") {
        return Some("tools.0.input_schema.type: Field required".to_owned());
    }
    Some(match calls::wrong(messages)? {
        Wrong::Unanswered(id) => {
            format!(
                "messages: `tool_use` ids were found without `tool_result` blocks immediately after: {id}"
            )
        }
        Wrong::Unasked(id) => {
            format!("messages: unexpected `tool_use_id` found in `tool_result` blocks: {id}")
        }
        Wrong::Twice(_) => "messages: `tool_use` ids must be unique".to_owned(),
    })
}

/// What is wrong with a request.
fn mistake(request: &HttpRequest, body: &Value) -> Option<&'static str> {
    let messages = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty());
    let role = |message: &Value, role: &str| message["role"] == role;
    let is_empty = |message: &Value| {
        let mut others = ["tool_use", "tool_result"].into_iter();
        text_of(&message["content"]).trim().is_empty()
            && others.all(|kind| blocks(message, kind).next().is_none())
    };
    if asked::header(request, "anthropic-version") != Some("2023-06-01") {
        Some("anthropic-version: header is required")
    } else if !body["max_tokens"].is_u64() {
        Some("max_tokens: Field required")
    } else if messages.is_none() {
        Some("messages: at least one message is required")
    } else if messages
        .is_some_and(|messages| !messages.iter().all(|m| role(m, "user") || role(m, "assistant")))
    {
        Some("messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter")
    } else if messages.is_some_and(|messages| messages.first().is_some_and(|first| !role(first, "user"))) {
        Some("messages: first message must use the \"user\" role")
    } else if messages.is_some_and(|messages| messages.iter().any(is_empty)) {
        Some("messages: text content blocks must be non-empty")
    } else {
        None
    }
}

async fn message(request: HttpRequest, model: web::Data<Model>, body: web::Json<Value>) -> HttpResponse {
    let body = body.into_inner();
    if let Some(mistake) = mistake(&request, &body) {
        return error(400, "invalid_request_error", mistake);
    }
    let system = json!({"role": "system", "content": body["system"]});
    let messages = body["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(in_common);
    let messages: Vec<Value> = std::iter::once(system).chain(messages).collect();
    if let Some(mistake) = mistaken_calls(&body, &messages) {
        return error(400, "invalid_request_error", &mistake);
    }
    let question = Question {
        messages,
        streamed: body["stream"] == true,
        no_calls: body["tool_choice"]["type"] == "none",
    };
    let dialect = Anthropic {
        id: format!("msg_{}", Uuid::new_v4().simple()),
        model: body["model"].clone(),
    };
    asked::answer(&request, &model, dialect, body, question).await
}

struct Anthropic {
    id: String,
    model: Value,
}

fn event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

fn empty_text() -> Value {
    json!({"type": "text", "text": ""})
}

/// A block that calls.
fn called(name: &str, input: &Value) -> Value {
    json!({"type": "tool_use", "id": format!("toolu_{}", Uuid::new_v4().simple()), "name": name, "input": input})
}

const fn stop(said: &Said) -> &'static str {
    if said.calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    }
}

impl Anthropic {
    fn message(&self, content: &Value, stop: Option<&str>, tokens_in: usize, tokens_out: usize) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop, "stop_sequence": null,
            "usage": {
                "input_tokens": tokens_in, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": tokens_out,
            },
        })
    }

    fn message_start(&self, tokens_in: usize, block: &Value) -> Vec<Bytes> {
        vec![
            event(&json!({"type": "message_start", "message": self.message(&json!([]), None, tokens_in, 1)})),
            event(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
            event(&json!({"type": "ping"})),
        ]
    }

    /// The end of the last block, and of all.
    fn message_end(index: usize, stop: &str, tokens_out: usize) -> Vec<Bytes> {
        vec![
            event(&json!({"type": "content_block_stop", "index": index})),
            event(&json!({
                "type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
                "usage": {"output_tokens": tokens_out},
            })),
            event(&json!({"type": "message_stop"})),
        ]
    }
}

impl Dialect for Anthropic {
    const PROVIDER: Provider = Provider::Anthropic;

    fn key(request: &HttpRequest) -> Option<&str> {
        asked::header(request, "x-api-key")
    }

    fn wrong_key(&self) -> HttpResponse {
        error(401, "authentication_error", "invalid x-api-key")
    }

    fn failure(&self, status: u16) -> HttpResponse {
        error(status, "api_error", "Internal server error")
    }

    fn trouble(&self, trouble: Trouble) -> Option<HttpResponse> {
        Some(match trouble {
            Trouble::RateLimited => error(
                429,
                "rate_limit_error",
                "This request would exceed your organization's rate limit of 50 requests per minute.",
            ),
            Trouble::Overloaded => error(529, "overloaded_error", "Overloaded"),
            Trouble::TooLong => error(
                400,
                "invalid_request_error",
                "prompt is too long: 208310 tokens > 200000 maximum",
            ),
            _ => return None,
        })
    }

    fn blocked(&self) -> Value {
        self.message(&json!([]), Some("refusal"), 5, 1)
    }

    fn blocked_stream(&self) -> Vec<Bytes> {
        let mut events = self.message_start(5, &empty_text());
        events.extend(Self::message_end(0, "refusal", 1));
        events
    }

    fn broken(&self) -> Bytes {
        event(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    }

    fn whole(&self, said: &Said) -> Value {
        let content = if said.calls.is_empty() {
            json!([{"type": "text", "text": said.text}])
        } else {
            said.calls
                .iter()
                .map(|(name, arguments)| called(name, arguments))
                .collect()
        };
        self.message(&content, Some(stop(said)), said.words_in, said.words_out)
    }

    /// A block without a word, or the calls without the end of the last one.
    fn start(&self, said: &Said) -> Vec<Bytes> {
        let Some((name, _)) = said.calls.first() else {
            return self.message_start(said.words_in, &empty_text());
        };
        let mut events = self.message_start(said.words_in, &called(name, &json!({})));
        for (index, (name, arguments)) in said.calls.iter().enumerate() {
            if let Some(before) = index.checked_sub(1) {
                let block = called(name, &json!({}));
                events.push(event(&json!({"type": "content_block_stop", "index": before})));
                events.push(event(
                    &json!({"type": "content_block_start", "index": index, "content_block": block}),
                ));
            }
            let arguments = arguments.to_string();
            let (first, second) = halves(&arguments);
            for piece in ["", first, second] {
                let delta = json!({"type": "input_json_delta", "partial_json": piece});
                events.push(event(
                    &json!({"type": "content_block_delta", "index": index, "delta": delta}),
                ));
            }
        }
        events
    }

    fn word(&self, word: &str) -> Bytes {
        event(&json!({
            "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word},
        }))
    }

    fn end(&self, said: &Said) -> Vec<Bytes> {
        Self::message_end(said.calls.len().saturating_sub(1), stop(said), said.words_out)
    }
}
