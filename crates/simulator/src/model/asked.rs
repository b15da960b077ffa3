//! A question and what becomes of it, whichever API it came by.

use super::{Fate, Model, Provider, trouble::Trouble};
use crate::connection;
use actix_web::{Error, HttpRequest, HttpResponse, web::BytesMut};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::time::Duration;

/// How long a provider that limits asks to be left alone.
pub(super) const LEAVE_ALONE_SECONDS: u64 = 7;

/// What was asked, in the form of OpenAI's messages.
pub(super) struct Question {
    pub messages: Vec<Value>,
    pub streamed: bool,
    /// No tool may be called.
    pub no_calls: bool,
}

/// What the model says.
pub(super) struct Said {
    pub text: String,
    pub words_in: usize,
    pub words_out: usize,
    /// Tools that it wants called instead: names and arguments.
    pub calls: Vec<(String, Value)>,
}

/// One provider's API.
pub(super) trait Dialect {
    const PROVIDER: Provider;
    /// Of a streamed answer.
    const CONTENT_TYPE: &str = "text/event-stream";

    fn key(request: &HttpRequest) -> Option<&str>;
    fn wrong_key(&self) -> HttpResponse;
    fn failure(&self, status: u16) -> HttpResponse;
    /// `None`: this provider has no words for it.
    fn trouble(&self, trouble: Trouble) -> Option<HttpResponse>;
    fn blocked(&self) -> Value;
    fn blocked_stream(&self) -> Vec<Bytes>;
    /// An error in the middle of a stream.
    fn broken(&self) -> Bytes;
    fn whole(&self, said: &Said) -> Value;
    fn start(&self, said: &Said) -> Vec<Bytes>;
    fn word(&self, word: &str) -> Bytes;
    fn end(&self, said: &Said) -> Vec<Bytes>;
}

/// One server-sent event without a name.
pub(super) fn sse(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

/// A text in two, as the beginning and the rest of something that comes in pieces.
pub(super) fn halves(text: &str) -> (&str, &str) {
    let half = (0..=text.len() / 2)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    text.split_at(half)
}

pub(super) fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

pub(super) async fn answer<D: Dialect>(
    request: &HttpRequest,
    model: &Model,
    dialect: D,
    body: Value,
    question: Question,
) -> HttpResponse {
    let words_in = question
        .messages
        .iter()
        .map(|m| super::answer::text_of(&m["content"]).split_whitespace().count())
        .sum();
    let (behaviour, fate) = model.ask(D::PROVIDER, question.streamed, body);
    if let Some(key) = &behaviour.api_key
        && D::key(request) != Some(key)
    {
        return dialect.wrong_key();
    }
    let cut = match fate {
        Fate::Silence => std::future::pending().await,
        Fate::Error(status) => {
            tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
            return dialect.failure(status);
        }
        Fate::Answer { cut } => cut,
    };
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    let calls = if question.no_calls {
        Vec::new()
    } else {
        behaviour.answer.calls(&question.messages)
    };
    let text = match behaviour.trouble {
        _ if !calls.is_empty() => String::new(),
        Some(Trouble::Nothing) => String::new(),
        _ => behaviour.answer.to(&question.messages),
    };
    let said = Said {
        words_in,
        words_out: text.split_whitespace().count() + calls.iter().map(words).sum::<usize>(),
        text,
        calls,
    };
    if let Some(trouble) = behaviour.trouble
        && let Some(response) = in_trouble(&dialect, trouble, &said, question.streamed)
    {
        return response;
    }
    if !question.streamed {
        if cut {
            connection::cut(request);
        }
        return HttpResponse::Ok().json(dialect.whole(&said));
    }
    let mut events = dialect.start(&said);
    events.extend(said.text.split_inclusive(' ').map(|word| dialect.word(word)));
    let half = matches!(behaviour.trouble, Some(Trouble::Half | Trouble::Broken));
    if cut || half {
        events.truncate(events.len().div_ceil(2));
    } else {
        events.extend(dialect.end(&said));
    }
    if behaviour.trouble == Some(Trouble::Broken) {
        events.push(dialect.broken());
    }
    let scissors = cut.then(|| connection::scissors(request));
    streamed(D::CONTENT_TYPE, events, behaviour.word_ms, scissors)
}

/// How many a call is.
fn words((_, arguments): &(String, Value)) -> usize {
    1 + arguments.as_object().map_or(0, |arguments| 2 * arguments.len())
}

/// What comes instead of an answer; `None`: what comes is some of it.
fn in_trouble<D: Dialect>(
    dialect: &D,
    trouble: Trouble,
    said: &Said,
    streamed_too: bool,
) -> Option<HttpResponse> {
    if let Some(mut response) = dialect.trouble(trouble) {
        if trouble == Trouble::RateLimited && D::PROVIDER != Provider::Gemini {
            response
                .headers_mut()
                .insert(actix_web::http::header::RETRY_AFTER, LEAVE_ALONE_SECONDS.into());
        }
        return Some(response);
    }
    let json = "application/json";
    Some(match trouble {
        Trouble::Blocked if streamed_too => {
            streamed(D::CONTENT_TYPE, dialect.blocked_stream(), 0, None::<fn()>)
        }
        Trouble::Blocked => HttpResponse::Ok().json(dialect.blocked()),
        Trouble::Garbage if streamed_too => {
            let garbage = Bytes::from_static(b"data: <html>Bad gateway</html>\n\n");
            streamed(D::CONTENT_TYPE, vec![garbage], 0, None::<fn()>)
        }
        Trouble::Garbage => HttpResponse::Ok()
            .content_type("text/html")
            .body("<html>Bad gateway</html>"),
        Trouble::Half if !streamed_too => {
            let whole = dialect.whole(said).to_string();
            let half: String = whole.chars().take(whole.chars().count() / 2).collect();
            HttpResponse::Ok().content_type(json).body(half)
        }
        Trouble::Broken if !streamed_too => dialect.failure(500),
        Trouble::Hanging => {
            let content_type = if streamed_too { D::CONTENT_TYPE } else { json };
            let never = stream::pending::<Result<Bytes, Error>>();
            // A first piece of nothing makes the head leave.
            let first = stream::once(async { Ok(BytesMut::new().freeze()) });
            HttpResponse::Ok()
                .content_type(content_type)
                .streaming(first.chain(never))
        }
        _ => return None,
    })
}

fn streamed(
    content_type: &'static str,
    events: Vec<Bytes>,
    word_ms: u64,
    scissors: Option<impl FnOnce() + 'static>,
) -> HttpResponse {
    let pause = Duration::from_millis(word_ms);
    let words = stream::iter(events).then(move |event| async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok::<_, Error>(event)
    });
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type)
        .insert_header(("Cache-Control", "no-cache"));
    let Some(scissors) = scissors else {
        return response.streaming(words);
    };
    let end = stream::once(async move {
        // What has been said shall arrive before the line goes dead.
        tokio::time::sleep(Duration::from_millis(20)).await;
        scissors();
        Ok::<_, Error>(Bytes::new())
    });
    response.streaming(words.chain(end))
}
