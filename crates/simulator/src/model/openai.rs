//! OpenAI: `/v1/chat/completions` and `/v1/models`.

use super::{
    Model, Provider,
    asked::{self, Dialect, Question, Said, halves, sse},
    calls::{self, Wrong},
    embeddings,
    trouble::Trouble,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/v1/chat/completions", web::post().to(complete))
        .route("/v1/embeddings", web::post().to(embeddings::embed))
        .route("/v1/models", web::get().to(models));
}

async fn models() -> HttpResponse {
    let model = json!({"id": "simulated", "object": "model", "created": 0, "owned_by": "simulator"});
    HttpResponse::Ok().json(json!({"object": "list", "data": [model]}))
}

fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    HttpResponse::build(status).json(body)
}

async fn complete(request: HttpRequest, model: web::Data<Model>, body: web::Json<Value>) -> HttpResponse {
    let body = body.into_inner();
    let Some(messages) = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
    else {
        let message = "'messages' must be a list with at least one message";
        return error(400, "invalid_request_error", None, message);
    };
    if let Some(mistake) = mistake(messages) {
        return error(400, "invalid_request_error", None, &mistake);
    }
    let question = Question {
        messages: messages.clone(),
        streamed: body["stream"] == true,
        no_calls: body["tool_choice"] == "none",
    };
    let dialect = OpenAi {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        created: chrono::Utc::now().timestamp(),
        model: body["model"].as_str().unwrap_or("simulated").to_owned(),
        with_usage: body["stream_options"]["include_usage"] == true,
    };
    asked::answer(&request, &model, dialect, body, question).await
}

/// What is wrong with calls and results.
fn mistake(messages: &[Value]) -> Option<String> {
    match calls::wrong(messages)? {
        Wrong::Unanswered(id) => Some(format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
             The following tool_call_ids did not have response messages: {id}"
        )),
        Wrong::Unasked(_) => Some(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                .to_owned(),
        ),
        // Nobody minds here.
        Wrong::Twice(_) => None,
    }
}

struct OpenAi {
    id: String,
    created: i64,
    model: String,
    with_usage: bool,
}

impl OpenAi {
    fn chunk(&self, choices: &Value, usage: &Value) -> Bytes {
        sse(&json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices, "usage": usage,
        }))
    }

    fn delta(&self, delta: &Value, reason: Option<&str>) -> Bytes {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
        self.chunk(&choices, &Value::Null)
    }

    fn usage(said: &Said) -> Value {
        json!({
            "prompt_tokens": said.words_in, "completion_tokens": said.words_out,
            "total_tokens": said.words_in + said.words_out,
        })
    }
}

const fn reason(said: &Said) -> &'static str {
    if said.calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

fn called(said: &Said) -> Vec<Value> {
    let called = said.calls.iter().map(|(name, arguments)| {
        let id = format!("call_{}", Uuid::new_v4().simple());
        calls::call(&id, &json!(name), arguments)
    });
    called.collect()
}

impl Dialect for OpenAi {
    const PROVIDER: Provider = Provider::OpenAi;

    fn key(request: &HttpRequest) -> Option<&str> {
        asked::header(request, "Authorization")?.strip_prefix("Bearer ")
    }

    fn wrong_key(&self) -> HttpResponse {
        let code = Some("invalid_api_key");
        error(401, "invalid_request_error", code, "Incorrect API key provided")
    }

    fn failure(&self, status: u16) -> HttpResponse {
        let message = "The server had an error while processing your request";
        error(status, "server_error", None, message)
    }

    fn trouble(&self, trouble: Trouble) -> Option<HttpResponse> {
        Some(match trouble {
            Trouble::RateLimited => {
                let code = Some("rate_limit_exceeded");
                error(429, "requests", code, "Rate limit reached for requests")
            }
            Trouble::Overloaded => error(503, "server_error", None, "The engine is currently overloaded"),
            Trouble::TooLong => error(
                400,
                "invalid_request_error",
                Some("context_length_exceeded"),
                "This model's maximum context length is 8192 tokens.",
            ),
            _ => return None,
        })
    }

    fn blocked(&self) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": null, "refusal": "I can't help with that."},
                "finish_reason": "stop",
            }],
            "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11},
        })
    }

    fn blocked_stream(&self) -> Vec<Bytes> {
        vec![
            self.delta(
                &json!({"role": "assistant", "content": null, "refusal": ""}),
                None,
            ),
            self.delta(&json!({"refusal": "I can't help with that."}), None),
            self.delta(&json!({}), Some("stop")),
            Bytes::from_static(b"data: [DONE]\n\n"),
        ]
    }

    fn broken(&self) -> Bytes {
        sse(
            &json!({"error": {"message": "The server had an error", "type": "server_error", "param": null, "code": null}}),
        )
    }

    fn whole(&self, said: &Said) -> Value {
        let message = if said.calls.is_empty() {
            json!({"role": "assistant", "content": said.text, "refusal": null})
        } else {
            json!({"role": "assistant", "content": null, "tool_calls": called(said)})
        };
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": message,
                "finish_reason": reason(said),
            }],
            "usage": Self::usage(said),
        })
    }

    fn start(&self, said: &Said) -> Vec<Bytes> {
        let mut start = vec![self.delta(
            &json!({"role": "assistant", "content": "", "refusal": null}),
            None,
        )];
        for (index, call) in called(said).into_iter().enumerate() {
            let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
            let (first, second) = halves(arguments);
            let mut begun = call.clone();
            begun["index"] = index.into();
            begun["function"]["arguments"] = "".into();
            start.push(self.delta(&json!({"tool_calls": [begun]}), None));
            for piece in [first, second] {
                let piece = json!({"index": index, "function": {"arguments": piece}});
                start.push(self.delta(&json!({"tool_calls": [piece]}), None));
            }
        }
        start
    }

    fn word(&self, word: &str) -> Bytes {
        self.delta(&json!({"content": word}), None)
    }

    fn end(&self, said: &Said) -> Vec<Bytes> {
        let mut end = vec![self.delta(&json!({}), Some(reason(said)))];
        if self.with_usage {
            end.push(self.chunk(&json!([]), &Self::usage(said)));
        }
        end.push(Bytes::from_static(b"data: [DONE]\n\n"));
        end
    }
}
