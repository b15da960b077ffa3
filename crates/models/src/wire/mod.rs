//! The wire formats of the providers: what is sent, and what is heard, in one form for all.
//!
//! Written by hand, because the client crates that were looked at (`genai`, `rig`) take a plain HTTP client that reaches
//! any address, read bodies of any size, and put whole bodies, prompts and keys included, into their errors.

mod anthropic;
mod failure;
mod gemini;
mod ollama;
mod openai;
#[cfg(test)]
mod tests;

pub(crate) use failure::Failed;

use crate::{
    error::ModelError,
    lines::Lines,
    pieces::CallPiece,
    prompt::Message,
    provider::Provider,
    sse::{Events, TooLong},
    tools::Toolbox,
};
use egress::CheckedUrl;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What is asked of a model.
pub(crate) struct Call<'a> {
    pub model: &'a str,
    /// The system's message first, the question last.
    pub messages: &'a [Message],
    /// What the model may have called, and what was called.
    pub toolbox: Toolbox<'a>,
    /// Whose signatures can be read here: see [`crate::tools::Signature`].
    pub signer: u64,
    pub answer_tokens: u32,
    pub prompt_tokens: usize,
    pub stream: bool,
    /// OpenAI's newer models refuse `max_tokens` and `temperature`; everybody else knows nothing newer.
    pub newer: bool,
}

/// What a model said: all of it, or the next piece.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub text: String,
    /// Of calls that the model wants made.
    pub calls: Vec<CallPiece>,
    pub usage: Usage,
    /// The answer is whole: it may end here.
    pub whole: bool,
    /// Nothing more will come.
    pub ended: bool,
}

/// Tokens, as the endpoint counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub tokens_in: Option<u32>,
    pub tokens_out: Option<u32>,
}

impl Usage {
    /// What was counted later counts.
    pub(crate) fn update(&mut self, later: Self) {
        self.tokens_in = later.tokens_in.or(self.tokens_in);
        self.tokens_out = later.tokens_out.or(self.tokens_out);
    }
}

/// How the pieces of an answer are told apart.
pub(crate) enum Frames {
    Events(Events),
    Lines(Lines),
}

impl Frames {
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        match self {
            Self::Events(events) => events.push(piece),
            Self::Lines(lines) => lines.push(piece),
        }
    }

    /// What the end of the stream ends.
    pub(crate) fn end(&mut self) -> Option<String> {
        match self {
            // By the standard an event without its empty line is none.
            Self::Events(_) => None,
            Self::Lines(lines) => lines.end(),
        }
    }
}

/// Models that think before they write, and whose thoughts count as output, have so much room for them.
const ROOM_FOR_THOUGHTS: u32 = 1_024;

/// How many tokens an answer may take, thoughts included.
pub(crate) const fn most_written(provider: Provider, answer_tokens: u32) -> u32 {
    match provider {
        Provider::OpenAi | Provider::Gemini => answer_tokens.saturating_add(ROOM_FOR_THOUGHTS),
        Provider::Anthropic | Provider::Ollama | Provider::OpenAiCompatible => answer_tokens,
    }
}

/// Where a call goes, and what is added to its query.
pub(crate) fn address(
    provider: Provider,
    base: &CheckedUrl,
    call: &Call<'_>,
) -> (CheckedUrl, Option<(&'static str, &'static str)>) {
    match provider {
        Provider::OpenAi | Provider::OpenAiCompatible => (base.below("chat/completions"), None),
        Provider::Anthropic => (base.below("messages"), None),
        Provider::Gemini => gemini::address(base, call),
        Provider::Ollama => (base.below("api/chat"), None),
    }
}

/// What is sent.
pub(crate) fn body(provider: Provider, call: &Call<'_>) -> Value {
    match provider {
        Provider::OpenAi | Provider::OpenAiCompatible => openai::body(call),
        Provider::Anthropic => anthropic::body(call),
        Provider::Gemini => gemini::body(call),
        Provider::Ollama => ollama::body(call),
    }
}

/// The headers beside the usual ones. `None`: the key cannot be in a header.
pub(crate) fn headers(provider: Provider, key: Option<&SecretString>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if provider == Provider::Anthropic {
        let version = HeaderValue::from_static("2023-06-01");
        headers.insert(HeaderName::from_static("anthropic-version"), version);
    }
    if let Some(key) = key {
        let key = key.expose_secret();
        let (name, value) = match provider {
            Provider::Anthropic => ("x-api-key", key.to_owned()),
            Provider::Gemini => ("x-goog-api-key", key.to_owned()),
            Provider::OpenAi | Provider::OpenAiCompatible | Provider::Ollama => {
                ("authorization", format!("Bearer {key}"))
            }
        };
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Some(headers)
}

/// How a streamed answer is cut.
pub(crate) fn frames(provider: Provider) -> Frames {
    match provider {
        Provider::Ollama => Frames::Lines(Lines::default()),
        _ => Frames::Events(Events::default()),
    }
}

/// Reads a whole answer, or says what it is instead.
pub(crate) fn whole(provider: Provider, body: &[u8]) -> Result<Heard, Failed> {
    match provider {
        Provider::OpenAi | Provider::OpenAiCompatible => openai::whole(body),
        Provider::Anthropic => anthropic::whole(body),
        Provider::Gemini => gemini::read(body),
        Provider::Ollama => ollama::read(body),
    }
}

/// Reads a piece of a streamed answer.
pub(crate) fn piece(provider: Provider, data: &str) -> Result<Heard, Failed> {
    match provider {
        Provider::OpenAi | Provider::OpenAiCompatible => openai::piece(data),
        Provider::Anthropic => anthropic::piece(data),
        Provider::Gemini => gemini::read(data.as_bytes()),
        Provider::Ollama => ollama::read(data.as_bytes()),
    }
}

/// What a refusal's body says.
pub(crate) fn failure(provider: Provider, body: &[u8]) -> Failed {
    let said = match provider {
        Provider::OpenAi | Provider::OpenAiCompatible => openai::failure(body),
        Provider::Anthropic => anthropic::failure(body),
        Provider::Gemini => gemini::failure(body),
        Provider::Ollama => ollama::failure(body),
    };
    said.unwrap_or_else(|| Failed::words(&String::from_utf8_lossy(&body[..body.len().min(4096)])))
}

/// The system's message, and the others as turns: the first is the user's, none is empty, and no two of one speaker
/// follow each other.
fn turns(messages: &[Message]) -> (String, Vec<Message>) {
    let mut system = String::new();
    let mut turns: Vec<Message> = Vec::new();
    for message in messages
        .iter()
        .filter(|message| !message.content.trim().is_empty())
    {
        match (message.role, turns.last_mut()) {
            ("system", _) => system.push_str(&message.content),
            ("assistant", None) => {}
            (role, Some(last)) if last.role == role => {
                last.content.push_str("\n\n");
                last.content.push_str(&message.content);
            }
            _ => turns.push(message.clone()),
        }
    }
    (system, turns)
}

/// An answer that the provider's rules forbid.
fn blocked(why: &str) -> Failed {
    Failed::is(ModelError::Blocked(crate::error::Detail::of(why, "")))
}
