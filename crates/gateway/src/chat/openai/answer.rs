//! A chatbot's answer in OpenAI's form, whole or in pieces.

use super::{error::OpenAiError, request::Request};
use crate::chat::{
    ask::{Asked, Step},
    item::Item,
};
use actix_web::{HttpResponse, http::StatusCode};
use domain::InboundState;
use process::sse::{self, Events, Gone};
use serde_json::{Value, json};
use std::time::Duration;
use store::chat::Outcome;
use tokio::time::Instant;

/// Characters that make about a token, where nobody has counted.
const CHARACTERS_PER_TOKEN: usize = 4;

/// An answer that can be given.
struct Answer {
    text: String,
    item: Option<Item>,
    usage: Value,
}

/// Waits for all of it.
pub async fn whole(wanted: &Request, mut asked: Asked, limit: Duration) -> Result<HttpResponse, OpenAiError> {
    let outcome = asked.until(limit, Outcome::is_final).await?;
    let answer = answer_of(wanted, &asked, outcome.as_ref()).await?;
    Ok(HttpResponse::Ok().json(json!({
        "id": id(&asked),
        "object": "chat.completion",
        "created": chrono::Utc::now().timestamp(),
        "model": wanted.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": answer.text, "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": answer.usage,
        "botsmith": about(&asked, answer.item.as_ref()),
    })))
}

/// What we know beyond OpenAI's form.
fn about(asked: &Asked, item: Option<&Item>) -> Value {
    json!({
        "conversation": asked.place.conversation,
        "message_id": asked.message(),
        "citations": item.map(|item| &item.citations),
    })
}

fn id(asked: &Asked) -> String {
    format!("chatcmpl-{}", asked.message().as_uuid().simple())
}

async fn answer_of(
    wanted: &Request,
    asked: &Asked,
    outcome: Option<&Outcome>,
) -> Result<Answer, OpenAiError> {
    let Some(outcome) = outcome.filter(|outcome| outcome.is_final()) else {
        return Err(OpenAiError::unanswered(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "the chatbot did not answer in time; its answer can be read later over the chat API".to_owned(),
        ));
    };
    let mut replies = asked.replies(outcome).await?;
    let text = replies
        .iter()
        .map(|item| item.text.as_str())
        .collect::<Vec<_>>()
        .join("\n\n");
    if replies.is_empty() {
        let (status, code, words) = match outcome.state {
            InboundState::ForHuman => (
                StatusCode::CONFLICT,
                "human_has_taken_over",
                "a person has taken this conversation over and will answer",
            ),
            _ => (
                StatusCode::BAD_GATEWAY,
                "not_answered",
                "the chatbot did not answer this",
            ),
        };
        let message = match &outcome.reason {
            Some(reason) => format!("{words}: {reason}"),
            None => words.to_owned(),
        };
        return Err(OpenAiError::unanswered(status, code, message));
    }
    let counted = |tokens: Option<i32>, text: usize| {
        tokens.map_or(text.div_ceil(CHARACTERS_PER_TOKEN) as i64, i64::from)
    };
    let asked_for = wanted.question.chars().count();
    let (prompt, completion) = (
        counted(outcome.tokens.0, asked_for),
        counted(outcome.tokens.1, text.chars().count()),
    );
    Ok(Answer {
        text,
        item: replies.pop(),
        usage: json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        }),
    })
}

/// Gives it in pieces, as it is written.
pub fn stream(wanted: Request, asked: Asked, limit: Duration) -> HttpResponse {
    sse::respond(move |events| async move {
        let mut pieces = Pieces {
            created: chrono::Utc::now().timestamp(),
            id: id(&asked),
            wanted,
            said: String::new(),
            events,
        };
        pieces.tell(asked, limit).await
    })
}

struct Pieces {
    wanted: Request,
    id: String,
    created: i64,
    /// What was given of the text so far.
    said: String,
    events: Events,
}

impl Pieces {
    async fn tell(&mut self, mut asked: Asked, limit: Duration) -> Result<(), Gone> {
        let begun = json!({"role": "assistant", "content": "", "refusal": null});
        self.chunk(begun, Value::Null).await?;
        let deadline = Instant::now() + limit;
        loop {
            let step = tokio::select! {
                step = asked.next(deadline) => step,
                () = self.events.gone() => return Err(Gone),
                () = tokio::time::sleep(sse::ALIVE_EVERY) => {
                    self.events.alive().await?;
                    continue;
                }
            };
            let outcome = match step {
                Ok(Step::Draft(text)) => {
                    if let Some(more) = text.strip_prefix(&self.said).filter(|more| !more.is_empty()) {
                        self.say(more).await?;
                    }
                    continue;
                }
                Ok(Step::Typing) => continue,
                Ok(Step::Reached(outcome)) if outcome.is_final() => Ok(Some(outcome)),
                Ok(Step::Reached(_)) => continue,
                Ok(Step::TimeUp) => Ok(None),
                Err(error) => Err(OpenAiError::from(error)),
            };
            let answer = match outcome {
                Ok(outcome) => answer_of(&self.wanted, &asked, outcome.as_ref()).await,
                Err(error) => Err(error),
            };
            return match answer {
                Ok(answer) => self.end(&asked, answer).await,
                Err(error) => self.events.data(&error.body().to_string()).await,
            };
        }
    }

    async fn end(&mut self, asked: &Asked, answer: Answer) -> Result<(), Gone> {
        let rest = match answer.text.strip_prefix(&self.said) {
            Some(rest) => rest.to_owned(),
            None => format!("\n\n{}", answer.text),
        };
        if !rest.is_empty() {
            self.say(&rest).await?;
        }
        let mut last = self.form(json!({}), "stop".into());
        last["botsmith"] = about(asked, answer.item.as_ref());
        self.events.data(&last.to_string()).await?;
        if self.wanted.include_usage {
            let mut usage = self.form(json!({}), Value::Null);
            usage["choices"] = json!([]);
            usage["usage"] = answer.usage;
            self.events.data(&usage.to_string()).await?;
        }
        self.events.data("[DONE]").await
    }

    async fn say(&mut self, more: &str) -> Result<(), Gone> {
        self.said.push_str(more);
        self.chunk(json!({"content": more}), Value::Null).await
    }

    async fn chunk(&self, delta: Value, finish_reason: Value) -> Result<(), Gone> {
        let chunk = self.form(delta, finish_reason);
        self.events.data(&chunk.to_string()).await
    }

    fn form(&self, delta: Value, finish_reason: Value) -> Value {
        let mut form = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.wanted.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}],
        });
        if self.wanted.include_usage {
            form["usage"] = Value::Null;
        }
        form
    }
}
