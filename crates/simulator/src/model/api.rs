//! `/v1/chat/completions`, `/v1/embeddings` and `/v1/models`.

use super::{Fate, Model, answer::text_of, embeddings};
use crate::connection;
use actix_web::{Error, HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/v1/chat/completions", web::post().to(complete))
        .route("/v1/embeddings", web::post().to(embeddings::embed))
        .route("/v1/models", web::get().to(models));
}

async fn models() -> HttpResponse {
    let model = json!({"id": "simulated", "object": "model", "created": 0, "owned_by": "simulator"});
    HttpResponse::Ok().json(json!({"object": "list", "data": [model]}))
}

fn error(status: u16, kind: &str, message: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": null}});
    HttpResponse::build(status).json(body)
}

async fn complete(request: HttpRequest, model: web::Data<Model>, body: web::Json<Value>) -> HttpResponse {
    let body = body.into_inner();
    let Some(messages) = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
    else {
        return error(
            400,
            "invalid_request_error",
            "'messages' must be a list with at least one message",
        );
    };
    let name = body["model"].as_str().unwrap_or("simulated").to_owned();
    let words_in: usize = messages
        .iter()
        .map(|m| text_of(&m["content"]).split_whitespace().count())
        .sum();
    let streamed = body["stream"] == true;
    let with_usage = body["stream_options"]["include_usage"] == true;
    let messages = messages.clone();

    let (behaviour, fate) = model.ask(body);
    if let Some(key) = &behaviour.api_key {
        let given = request
            .headers()
            .get("Authorization")
            .and_then(|value| value.to_str().ok());
        if given.and_then(|value| value.strip_prefix("Bearer ")) != Some(key) {
            return error(401, "invalid_request_error", "Incorrect API key provided");
        }
    }
    let cut = match fate {
        Fate::Silence => std::future::pending().await,
        Fate::Error(status) => {
            tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
            return error(
                status,
                "server_error",
                "The server had an error while processing your request",
            );
        }
        Fate::Answer { cut } => cut,
    };
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    let answer = behaviour.answer.to(&messages);
    let words_out = answer.split_whitespace().count();
    let usage = json!({
        "prompt_tokens": words_in, "completion_tokens": words_out, "total_tokens": words_in + words_out,
    });
    let id = format!("chatcmpl-{}", Uuid::new_v4().simple());
    let created = chrono::Utc::now().timestamp();
    if !streamed {
        if cut {
            connection::cut(&request);
        }
        return HttpResponse::Ok().json(json!({
            "id": id,
            "object": "chat.completion",
            "created": created,
            "model": name,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": answer},
                "finish_reason": "stop",
            }],
            "usage": usage,
        }));
    }

    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": name,
            "choices": choices, "usage": usage,
        });
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let delta = |delta: Value, reason: Value| {
        chunk(
            json!([{"index": 0, "delta": delta, "finish_reason": reason}]),
            Value::Null,
        )
    };
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(
        answer
            .split_inclusive(' ')
            .map(|word| delta(json!({"content": word}), Value::Null)),
    );
    if cut {
        events.truncate(events.len().div_ceil(2));
    } else {
        events.push(delta(json!({}), "stop".into()));
        if with_usage {
            events.push(chunk(json!([]), usage));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    }
    let pause = Duration::from_millis(behaviour.word_ms);
    let words = stream::iter(events).then(move |event| async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok::<_, Error>(event)
    });
    let response = HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-cache"))
        .take();
    let mut response = response;
    if cut {
        let scissors = connection::scissors(&request);
        let end = stream::once(async move {
            // What has been said shall arrive before the line goes dead.
            tokio::time::sleep(Duration::from_millis(20)).await;
            scissors();
            Ok::<_, Error>(Bytes::new())
        });
        return response.streaming(words.chain(end));
    }
    response.streaming(words)
}
