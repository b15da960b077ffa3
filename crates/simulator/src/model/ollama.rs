//! Ollama: `/api/chat`, in lines of JSON.

use super::{
    Model, Provider,
    asked::{self, Dialect, Question, Said},
    trouble::Trouble,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/api/chat", web::post().to(chat));
}

fn error(status: u16, message: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(json!({"error": message}))
}

async fn chat(request: HttpRequest, model: web::Data<Model>, body: web::Json<Value>) -> HttpResponse {
    let body = body.into_inner();
    let Some(name) = body["model"].as_str().filter(|name| !name.is_empty()) else {
        return error(400, "model is required");
    };
    let dialect = Ollama {
        model: name.to_owned(),
    };
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let called = |message: &Value| message["tool_calls"].as_array().cloned().unwrap_or_default();
    if messages
        .iter()
        .flat_map(called)
        .any(|call| !call["function"]["arguments"].is_object())
    {
        let words = "json: cannot unmarshal string into Go struct field \
                     ChatRequest.messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments";
        return error(400, words);
    }
    let question = Question {
        messages: messages.to_vec(),
        // It streams unless told not to.
        streamed: body["stream"] != false,
        no_calls: false,
    };
    asked::answer(&request, &model, dialect, body, question).await
}

struct Ollama {
    model: String,
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

/// One call, its arguments as they are.
fn called((name, arguments): &(String, Value)) -> Value {
    json!({"function": {"name": name, "arguments": arguments}})
}

impl Ollama {
    fn chunk(&self, content: &str) -> Value {
        json!({
            "model": self.model, "created_at": chrono::Utc::now(),
            "message": {"role": "assistant", "content": content}, "done": false,
        })
    }

    fn last(&self, content: &str, words_in: usize, words_out: usize) -> Value {
        let mut chunk = self.chunk(content);
        chunk["done"] = true.into();
        chunk["done_reason"] = "stop".into();
        chunk["prompt_eval_count"] = words_in.into();
        chunk["eval_count"] = words_out.into();
        chunk["total_duration"] = 4_883_583_458_u64.into();
        chunk
    }
}

impl Dialect for Ollama {
    const PROVIDER: Provider = Provider::Ollama;
    const CONTENT_TYPE: &str = "application/x-ndjson";

    fn key(request: &HttpRequest) -> Option<&str> {
        asked::header(request, "Authorization")?.strip_prefix("Bearer ")
    }

    fn wrong_key(&self) -> HttpResponse {
        error(401, "unauthorized")
    }

    fn failure(&self, status: u16) -> HttpResponse {
        error(status, "llama runner process has terminated: exit status 2")
    }

    fn trouble(&self, trouble: Trouble) -> Option<HttpResponse> {
        Some(match trouble {
            Trouble::RateLimited => error(429, "you have reached your hourly usage limit"),
            Trouble::Overloaded => error(
                503,
                "server busy, please try again.  maximum pending requests exceeded",
            ),
            Trouble::TooLong => error(400, "the input length exceeds the available context size"),
            _ => return None,
        })
    }

    /// It has no rules of its own: the model says in words that it will not.
    fn blocked(&self) -> Value {
        self.last("", 5, 0)
    }

    fn blocked_stream(&self) -> Vec<Bytes> {
        vec![line(&self.last("", 5, 0))]
    }

    fn broken(&self) -> Bytes {
        line(&json!({"error": "an error was encountered while running the model: unexpected EOF"}))
    }

    fn whole(&self, said: &Said) -> Value {
        let mut whole = self.last(&said.text, said.words_in, said.words_out);
        if !said.calls.is_empty() {
            whole["message"]["tool_calls"] = said.calls.iter().map(called).collect();
        }
        whole
    }

    /// Calls come whole, each in a piece.
    fn start(&self, said: &Said) -> Vec<Bytes> {
        let calls = said.calls.iter().map(|call| {
            let mut chunk = self.chunk("");
            chunk["message"]["tool_calls"] = json!([called(call)]);
            line(&chunk)
        });
        calls.collect()
    }

    fn word(&self, word: &str) -> Bytes {
        line(&self.chunk(word))
    }

    fn end(&self, said: &Said) -> Vec<Bytes> {
        vec![line(&self.last("", said.words_in, said.words_out))]
    }
}
