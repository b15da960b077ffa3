//! A language model behind the APIs of OpenAI, Anthropic, Gemini and Ollama, whose every word and mishap is decided
//! beforehand.

mod answer;
mod anthropic;
mod asked;
mod calls;
mod embeddings;
mod gemini;
mod ollama;
mod openai;
mod trouble;

pub use answer::{Answer, CallRule, Rule, TOKEN_LENGTH, TOKEN_PREFIX, token, tokens};
pub use trouble::Trouble;

use actix_web::web;
use chrono::{DateTime, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The routes of all APIs.
pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    openai::routes(routes);
    anthropic::routes(routes);
    gemini::routes(routes);
    ollama::routes(routes);
}

/// Whose API a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// OpenAI's, at `/v1`.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic's, at `/v1` as well.
    Anthropic,
    /// Gemini's, at `/v1beta`.
    Gemini,
    /// Ollama's, at the root.
    Ollama,
}

impl Provider {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Ollama];

    /// The path of its API, as it belongs behind the simulator's address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Anthropic => "/v1",
            Self::Gemini => "/v1beta",
            Self::Ollama => "",
        }
    }
}

/// How the model behaves from now on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// What it says.
    pub answer: Answer,
    /// Milliseconds until the first word.
    pub latency_ms: u64,
    /// Milliseconds between words, when it streams.
    pub word_ms: u64,
    /// What every request gets instead of an answer.
    pub trouble: Option<Trouble>,
    /// Share of requests answered with an error.
    pub error_share: f64,
    /// That error's HTTP status; 500 when it is 0.
    pub error_status: u16,
    /// Share of requests never answered.
    pub silent_share: f64,
    /// Share of answers whose connection ends half way.
    pub cut_share: f64,
    /// The key it asks for; any will do when it is `None`.
    pub api_key: Option<String>,
}

impl Behaviour {
    /// Answers with the tokens of the question, after so long.
    pub fn echo(latency: Duration) -> Self {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        Self {
            answer: Answer::Echo,
            latency_ms,
            ..Self::default()
        }
    }

    /// Nothing but trouble.
    pub fn in_trouble(trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            ..Self::default()
        }
    }

    /// Answers always the same, at once.
    pub fn fixed(text: impl Into<String>) -> Self {
        Self {
            answer: Answer::Fixed { text: text.into() },
            ..Self::default()
        }
    }
}

/// One request, as it came in.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// When.
    pub at: DateTime<Utc>,
    /// By whose API.
    pub provider: Provider,
    /// Whether the answer was wanted piece by piece.
    pub streamed: bool,
    /// The whole body.
    pub body: Value,
}

/// The model. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Model {
    state: Arc<Mutex<State>>,
}

struct State {
    behaviour: Behaviour,
    /// Providers that behave otherwise.
    others: HashMap<Provider, Behaviour>,
    chance: StdRng,
    asked: VecDeque<Asked>,
    count: u64,
    keep: usize,
}

/// What happens to one request.
enum Fate {
    Answer { cut: bool },
    Error(u16),
    Silence,
}

impl Model {
    pub(crate) fn new(keep: usize, seed: u64) -> Self {
        // A prompt is long; a thousand of them tell a test enough.
        let keep = keep.clamp(1, 1000);
        let state = State {
            behaviour: Behaviour::default(),
            others: HashMap::new(),
            chance: StdRng::seed_from_u64(seed),
            asked: VecDeque::new(),
            count: 0,
            keep,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it behaves like this, whoever provides it.
    pub fn behave(&self, behaviour: Behaviour) {
        let mut state = self.state();
        state.behaviour = behaviour;
        state.others.clear();
    }

    /// From now on this provider's behaves like this.
    pub fn behave_as(&self, provider: Provider, behaviour: Behaviour) {
        self.state().others.insert(provider, behaviour);
    }

    /// The last requests, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.iter().cloned().collect()
    }

    /// Requests since the start.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    fn ask(&self, provider: Provider, streamed: bool, body: Value) -> (Behaviour, Fate) {
        let mut state = self.state();
        if state.asked.len() == state.keep {
            state.asked.pop_front();
        }
        state.asked.push_back(Asked {
            at: Utc::now(),
            provider,
            streamed,
            body,
        });
        state.count += 1;
        let behaviour = state.others.get(&provider).unwrap_or(&state.behaviour).clone();
        let mut by_chance = |share: f64| share > 0.0 && state.chance.random_bool(share.min(1.0));
        let fate = if by_chance(behaviour.silent_share) {
            Fate::Silence
        } else if by_chance(behaviour.error_share) {
            Fate::Error(if behaviour.error_status == 0 {
                500
            } else {
                behaviour.error_status
            })
        } else {
            Fate::Answer {
                cut: by_chance(behaviour.cut_share),
            }
        };
        (behaviour, fate)
    }
}
