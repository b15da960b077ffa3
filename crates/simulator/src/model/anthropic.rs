//! Anthropic: `/v1/messages`. As strict as the API itself in what a client gets wrong most easily.

use super::{
    Model, Provider,
    answer::text_of,
    asked::{self, Dialect, Question, Said},
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

/// What is wrong with a request.
fn mistake(request: &HttpRequest, body: &Value) -> Option<&'static str> {
    let messages = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty());
    let role = |message: &Value, role: &str| message["role"] == role;
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
    } else if messages
        .is_some_and(|messages| messages.iter().any(|m| text_of(&m["content"]).trim().is_empty()))
    {
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
    let messages = body["messages"].as_array().into_iter().flatten().cloned();
    let question = Question {
        messages: std::iter::once(system).chain(messages).collect(),
        streamed: body["stream"] == true,
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

    fn message_start(&self, tokens_in: usize) -> Vec<Bytes> {
        vec![
            event(&json!({"type": "message_start", "message": self.message(&json!([]), None, tokens_in, 1)})),
            event(&json!({
                "type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""},
            })),
            event(&json!({"type": "ping"})),
        ]
    }

    fn message_end(stop: &str, tokens_out: usize) -> Vec<Bytes> {
        vec![
            event(&json!({"type": "content_block_stop", "index": 0})),
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
        let mut events = self.message_start(5);
        events.extend(Self::message_end("refusal", 1));
        events
    }

    fn broken(&self) -> Bytes {
        event(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    }

    fn whole(&self, said: &Said) -> Value {
        let content = json!([{"type": "text", "text": said.text}]);
        self.message(&content, Some("end_turn"), said.words_in, said.words_out)
    }

    fn start(&self, said: &Said) -> Vec<Bytes> {
        self.message_start(said.words_in)
    }

    fn word(&self, word: &str) -> Bytes {
        event(&json!({
            "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word},
        }))
    }

    fn end(&self, said: &Said) -> Vec<Bytes> {
        Self::message_end("end_turn", said.words_out)
    }
}
