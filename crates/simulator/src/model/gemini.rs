//! Gemini: `/v1beta/models/{model}:generateContent` and `:streamGenerateContent`.

use super::{
    Model, Provider,
    asked::{self, Dialect, LEAVE_ALONE_SECONDS, Question, Said, sse},
    calls,
    trouble::Trouble,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/v1beta/models/{model}", web::post().to(generate));
}

fn error(code: u16, status: &str, message: &str, details: &Value) -> HttpResponse {
    let body = json!({"error": {"code": code, "message": message, "status": status, "details": details}});
    HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).json(body)
}

/// The text of a content's parts.
fn text(content: &Value) -> String {
    let parts = content["parts"].as_array().into_iter().flatten();
    parts
        .filter_map(|part| part["text"].as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The parts of a content that have this field.
fn parts<'c>(content: &'c Value, field: &'static str) -> impl Iterator<Item = &'c Value> {
    let parts = content["parts"].as_array().into_iter().flatten();
    parts.filter(move |part| part[field].is_object())
}

/// A content in OpenAI's form. Calls and responses without ids are matched by their order.
fn in_common(place: usize, content: &Value) -> Vec<Value> {
    let id = |of: &Value, turn: usize, place: usize| match of["id"].as_str() {
        Some(id) => format!("{turn} {id}"),
        None => format!("{turn} {place}"),
    };
    if content["role"] == "model" {
        let called = parts(content, "functionCall").enumerate().map(|(nth, part)| {
            let called = &part["functionCall"];
            calls::call(&id(called, place, nth), &called["name"], &called["args"])
        });
        return vec![calls::calling(&text(content), called.collect())];
    }
    let responses = parts(content, "functionResponse").enumerate().map(|(nth, part)| {
        let response = &part["functionResponse"];
        let output = response["response"]["output"].as_str().unwrap_or_default();
        calls::result(&id(response, place.saturating_sub(1), nth), output)
    });
    let mut messages: Vec<Value> = responses.collect();
    if messages.is_empty() {
        messages.push(json!({"role": "user", "content": text(content)}));
    }
    messages
}

/// What is wrong with calls and responses.
fn mistake(model: &str, contents: &[Value], messages: &[Value]) -> Option<&'static str> {
    let called = |content: &Value| parts(content, "functionCall").cloned().collect::<Vec<_>>();
    for called in contents.iter().map(called) {
        if called
            .iter()
            .any(|part| !part["functionCall"]["args"].is_object())
        {
            return Some(
                "Invalid value at 'function_call.args' (type.googleapis.com/google.protobuf.Struct)",
            );
        }
        let unsigned = called
            .first()
            .is_some_and(|part| !part["thoughtSignature"].is_string());
        if unsigned && model.starts_with("gemini-3") {
            return Some("Function call is missing a thought_signature in functionCall parts.");
        }
    }
    calls::wrong(messages).map(|_| {
        "Please ensure that the number of function response parts is equal to the number of function call parts of the \
         function call turn."
    })
}

async fn generate(
    request: HttpRequest,
    path: web::Path<String>,
    model: web::Data<Model>,
    body: web::Json<Value>,
) -> HttpResponse {
    let (path, body) = (path.into_inner(), body.into_inner());
    let Some((name, method)) = path.split_once(':') else {
        return HttpResponse::NotFound().finish();
    };
    let streamed = match method {
        "generateContent" => false,
        // Without it the answer is a JSON array, which nobody wants.
        "streamGenerateContent" if request.query_string() == "alt=sse" => true,
        _ => return HttpResponse::NotFound().finish(),
    };
    let contents = body["contents"]
        .as_array()
        .filter(|contents| !contents.is_empty());
    let Some(contents) = contents else {
        let message = "* GenerateContentRequest.contents: contents is not specified\n";
        return error(400, "INVALID_ARGUMENT", message, &json!([]));
    };
    if !contents
        .iter()
        .all(|content| content["role"] == "user" || content["role"] == "model")
    {
        let message = "Please use a valid role: user, model.";
        return error(400, "INVALID_ARGUMENT", message, &json!([]));
    }
    let system = json!({"role": "system", "content": text(&body["systemInstruction"])});
    let turns = contents
        .iter()
        .enumerate()
        .flat_map(|(place, content)| in_common(place, content));
    let messages: Vec<Value> = std::iter::once(system).chain(turns).collect();
    if let Some(mistake) = mistake(name, contents, &messages) {
        return error(400, "INVALID_ARGUMENT", mistake, &json!([]));
    }
    let question = Question {
        messages,
        streamed,
        no_calls: body["toolConfig"]["functionCallingConfig"]["mode"] == "NONE",
    };
    let dialect = Gemini {
        model: name.to_owned(),
    };
    asked::answer(&request, &model, dialect, body, question).await
}

struct Gemini {
    model: String,
}

fn in_words(text: &str) -> Value {
    json!([{"text": text}])
}

/// The parts that call; the first one bears the thoughts of all.
fn in_calls(said: &Said) -> Value {
    let mut parts: Vec<Value> = said
        .calls
        .iter()
        .map(|(name, arguments)| {
            let id = Uuid::new_v4().simple().to_string();
            json!({"functionCall": {"id": id, "name": name, "args": arguments}})
        })
        .collect();
    if let Some(first) = parts.first_mut() {
        first["thoughtSignature"] = "dGhvdWdodHM=".into();
    }
    parts.into()
}

impl Gemini {
    fn response(&self, parts: &Value, finish: Option<&str>, said: Option<&Said>) -> Value {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
        if let Some(finish) = finish {
            candidate["finishReason"] = finish.into();
        }
        let mut usage = json!({"promptTokenCount": 0, "totalTokenCount": 0});
        if let Some(said) = said {
            usage = json!({
                "promptTokenCount": said.words_in, "candidatesTokenCount": said.words_out,
                "totalTokenCount": said.words_in + said.words_out,
            });
        }
        json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": self.model})
    }
}

impl Dialect for Gemini {
    const PROVIDER: Provider = Provider::Gemini;

    fn key(request: &HttpRequest) -> Option<&str> {
        asked::header(request, "x-goog-api-key")
    }

    fn wrong_key(&self) -> HttpResponse {
        let details = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
            "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"},
        }]);
        let message = "API key not valid. Please pass a valid API key.";
        error(400, "INVALID_ARGUMENT", message, &details)
    }

    fn failure(&self, status: u16) -> HttpResponse {
        error(status, "INTERNAL", "An internal error has occurred.", &json!([]))
    }

    fn trouble(&self, trouble: Trouble) -> Option<HttpResponse> {
        Some(match trouble {
            Trouble::RateLimited => {
                let details = json!([{
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": format!("{LEAVE_ALONE_SECONDS}s"),
                }]);
                let message = "You exceeded your current quota, please check your plan and billing details.";
                error(429, "RESOURCE_EXHAUSTED", message, &details)
            }
            Trouble::Overloaded => {
                let message = "The model is overloaded. Please try again later.";
                error(503, "UNAVAILABLE", message, &json!([]))
            }
            Trouble::TooLong => error(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                &json!([]),
            ),
            _ => return None,
        })
    }

    fn blocked(&self) -> Value {
        json!({
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}, "modelVersion": self.model,
        })
    }

    fn blocked_stream(&self) -> Vec<Bytes> {
        vec![
            sse(&self.response(&in_words("Well, "), None, None)),
            sse(&json!({
                "candidates": [{"finishReason": "SAFETY", "index": 0}],
                "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}, "modelVersion": self.model,
            })),
        ]
    }

    fn broken(&self) -> Bytes {
        let message = "The model is overloaded. Please try again later.";
        sse(&json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}))
    }

    fn whole(&self, said: &Said) -> Value {
        let parts = if said.calls.is_empty() {
            in_words(&said.text)
        } else {
            in_calls(said)
        };
        self.response(&parts, Some("STOP"), Some(said))
    }

    /// Calls come whole, each in a piece.
    fn start(&self, said: &Said) -> Vec<Bytes> {
        let calls = in_calls(said);
        let calls = calls.as_array().into_iter().flatten();
        calls
            .map(|part| sse(&self.response(&json!([part]), None, None)))
            .collect()
    }

    fn word(&self, word: &str) -> Bytes {
        sse(&self.response(&in_words(word), None, None))
    }

    /// It has no mark for the end: the last piece has a reason, and then the stream ends.
    fn end(&self, said: &Said) -> Vec<Bytes> {
        vec![sse(&self.response(&in_words(""), Some("STOP"), Some(said)))]
    }
}
