//! A language model behind an OpenAI-compatible address, whose every word and mishap is decided beforehand.

mod answer;
mod api;
mod embeddings;

pub use answer::{Answer, Rule, TOKEN_LENGTH, TOKEN_PREFIX, token, tokens};
pub(crate) use api::routes;

use chrono::{DateTime, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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

    /// From now on it behaves like this.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// The last requests, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.iter().cloned().collect()
    }

    /// Requests since the start.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    fn ask(&self, body: Value) -> (Behaviour, Fate) {
        let mut state = self.state();
        if state.asked.len() == state.keep {
            state.asked.pop_front();
        }
        state.asked.push_back(Asked { at: Utc::now(), body });
        state.count += 1;
        let behaviour = state.behaviour.clone();
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
