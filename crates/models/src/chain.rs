//! Models in the order in which they are asked: when one fails, the next.
//!
//! Invariants: nothing is asked that the purse has not let pass, and what it let pass is settled; whatever happens to
//! each model is in the path. A model with several keys stands there once with each: when one is refused or takes no more,
//! the next is shown; when the endpoint itself fails, none of them is.

use crate::{
    answer::Answer,
    ask::{Ask, Task},
    breaker::Breakers,
    error::ModelError,
    provider::Provider,
    remote::Remote,
    tokens,
};
use serde::Serialize;
use std::{sync::Arc, time::Instant};

/// Models in the order in which they are asked. Cheap to clone.
#[derive(Clone)]
pub struct Chain {
    links: Vec<Link>,
    breakers: Breakers,
}

#[derive(Clone)]
enum Link {
    Ready {
        model: Remote,
        origin: Option<Origin>,
        /// Links of one number are one model with several keys; `None`: it has one or none.
        keys: Option<usize>,
    },
    /// Something about it is wrong, and it cannot be asked.
    Unusable {
        provider: Provider,
        model: String,
        why: String,
    },
}

/// Who set a model of the installation up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `settings`, or the id of the provider that administrators set up.
    pub source: Arc<str>,
    /// The id of the key that is shown, where there are several.
    pub key: Option<Arc<str>>,
}

impl Origin {
    /// The configuration file.
    pub fn settings() -> Self {
        Self {
            source: "settings".into(),
            key: None,
        }
    }
}

/// What a call may cost at most, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote<'a> {
    /// Whose model.
    pub provider: Provider,
    /// Its name.
    pub model: &'a str,
    /// Tokens of the prompt: estimated from above.
    pub tokens_in: u32,
    /// Tokens of the longest answer.
    pub tokens_out: u32,
}

/// Tokens that a call took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Of the prompt.
    pub tokens_in: u32,
    /// Of the answer.
    pub tokens_out: u32,
}

/// Who lets calls pass, and keeps the account of them.
pub trait Purse: Sync {
    /// A call that was let pass.
    type Held: Send;
    /// Whether calls may pass cannot be found out now.
    type Error;

    /// Lets a call pass; or says, for the owner's eyes, why not.
    fn reserve(
        &self,
        quote: Quote<'_>,
    ) -> impl Future<Output = Result<Result<Self::Held, String>, Self::Error>> + Send;

    /// Takes down what it took; what that cost in millionths of a US dollar, where that is known.
    fn settle(&self, held: Self::Held, used: Used) -> impl Future<Output = Option<i64>> + Send;
}

/// What became of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Whose model.
    pub provider: Provider,
    /// Its name.
    pub model: String,
    /// Of the installation's models: `settings`, or the id of the provider that administrators set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<str>>,
    /// The id of the key that was shown, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// What else than answering it was asked to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// `answered`; the name of the error; `resting`, `over_budget` or `unusable`: it was not asked.
    pub outcome: &'static str,
    /// What else there is to say, for the owner's eyes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long it took.
    pub milliseconds: f64,
    /// Tokens of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u32>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u32>,
    /// What it cost, in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
}

/// An answer, or none; and the way there.
#[derive(Debug)]
pub struct Asked {
    /// The first answer that came.
    pub answer: Option<Answer>,
    /// Every model up to that one.
    pub path: Vec<Tried>,
    /// Whose answer it is: the place in the chain.
    place: Option<usize>,
}

impl Asked {
    /// Whether nothing was answered because a budget is used up.
    pub fn is_over_budget(&self) -> bool {
        self.answer.is_none() && self.path.iter().any(|tried| tried.outcome == OVER_BUDGET)
    }

    /// What all of them cost together: see [`cost_micros`].
    pub fn cost_micros(&self) -> Option<i64> {
        cost_micros(&self.path)
    }

    /// What went wrong, in words, when nothing was answered.
    pub fn problem(&self) -> Option<String> {
        if self.answer.is_some() {
            return None;
        }
        let words = |tried: &Tried| {
            let detail = tried.detail.as_deref().unwrap_or(tried.outcome);
            if self.path.len() == 1 {
                detail.to_owned()
            } else {
                format!("{} {}: {detail}", tried.provider, tried.model)
            }
        };
        let all: Vec<String> = self.path.iter().map(words).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// What all on the way cost together, in millionths of a US dollar; `None`: nobody knows of one that was asked, or none
/// was.
pub fn cost_micros(path: &[Tried]) -> Option<i64> {
    let asked = path.iter().filter(|tried| !NOT_ASKED.contains(&tried.outcome));
    let costs: Option<Vec<i64>> = asked.map(|tried| tried.cost_micros).collect();
    costs
        .filter(|costs| !costs.is_empty())
        .map(|costs| costs.iter().sum())
}

const ANSWERED: &str = "answered";
const RESTING: &str = "resting";
const OVER_BUDGET: &str = "over_budget";
const UNUSABLE: &str = "unusable";
const NOT_ASKED: &[&str] = &[RESTING, OVER_BUDGET, UNUSABLE];

impl Chain {
    pub(crate) const fn new(breakers: Breakers) -> Self {
        Self {
            links: Vec::new(),
            breakers,
        }
    }

    /// Whether there is no model: whoever answers quotes.
    pub const fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    pub(crate) fn push(&mut self, model: Remote, origin: Option<Origin>) {
        self.links.push(Link::Ready {
            model,
            origin,
            keys: None,
        });
    }

    /// One model once with each of its keys, the first of them first.
    pub(crate) fn push_keys(&mut self, models: impl IntoIterator<Item = (Remote, Origin)>) {
        let keys = Some(self.links.len());
        self.links
            .extend(models.into_iter().map(|(model, origin)| Link::Ready {
                model,
                origin: Some(origin),
                keys,
            }));
    }

    /// A model that cannot be asked, with the reason, in its place in the order.
    pub fn push_unusable(&mut self, provider: Provider, model: &str, why: String) {
        self.links.push(Link::Unusable {
            provider,
            model: model.to_owned(),
            why,
        });
    }

    /// The same models, but first the one whose answer this is: who wanted tools called goes on with what came of it, and
    /// the others are there if it cannot.
    pub fn led_by(mut self, asked: &Asked) -> Self {
        if let Some(place) = asked.place.filter(|&place| place < self.links.len()) {
            self.links.rotate_left(place);
        }
        self
    }

    /// Asks one after the other until one answers, or wants tools called.
    pub async fn ask<P: Purse>(
        &self,
        ask: &Ask<'_>,
        mut heard: Option<&mut (dyn FnMut(&str) + Send)>,
        purse: &P,
    ) -> Result<Asked, P::Error> {
        let mut path = Vec::new();
        let task = (ask.task != Task::Answer).then_some(ask.task);
        // The model whose endpoint failed: another key would not help.
        let mut failed: Option<usize> = None;
        for (place, link) in self.links.iter().enumerate() {
            let (model, origin, keys) = match link {
                Link::Ready { keys, .. } if keys.is_some() && *keys == failed => continue,
                Link::Ready { model, origin, keys } => (ask.task.hurried(model), origin.as_ref(), *keys),
                Link::Unusable { provider, model, why } => {
                    path.push(Tried {
                        task,
                        ..not_asked(*provider, model, None, UNUSABLE, why.clone())
                    });
                    continue;
                }
            };
            let not_asked = |outcome, why| Tried {
                task,
                ..not_asked(model.provider(), model.name(), origin, outcome, why)
            };
            let pass = match self.breakers.pass(model.fingerprint()) {
                Ok(pass) => pass,
                Err(left) => {
                    let why = format!(
                        "it failed again and again and is left alone for {} s",
                        left.as_secs() + 1
                    );
                    path.push(not_asked(RESTING, why));
                    continue;
                }
            };
            let quote = model.quote(ask);
            let held = match purse.reserve(quote).await? {
                Ok(held) => held,
                Err(why) => {
                    path.push(not_asked(OVER_BUDGET, why));
                    failed = keys;
                    continue;
                }
            };
            let started = Instant::now();
            let outcome = match &mut heard {
                None => model.answer(ask).await,
                Some(heard) => model.answer_aloud(ask, &mut **heard).await,
            };
            let milliseconds = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
            let used = used(quote, &outcome);
            let cost_micros = purse.settle(held, used).await;
            let mut tried = Tried {
                provider: model.provider(),
                model: model.name().to_owned(),
                source: origin.map(|origin| origin.source.clone()),
                key: origin.and_then(|origin| origin.key.clone()),
                task,
                outcome: ANSWERED,
                detail: None,
                milliseconds,
                tokens_in: (used.tokens_in > 0).then_some(used.tokens_in),
                tokens_out: (used.tokens_out > 0).then_some(used.tokens_out),
                cost_micros,
            };
            match outcome {
                Ok(answer) => {
                    pass.answered();
                    path.push(tried);
                    return Ok(Asked {
                        answer: Some(answer),
                        path,
                        place: Some(place),
                    });
                }
                Err(error) => {
                    tried.outcome = error.name();
                    tried.detail = Some(error.in_words());
                    if task.is_some() && error.is_of_time() {
                        // A model that is only too slow for this may be quick enough to answer; and whoever asked waits.
                        path.push(tried);
                        break;
                    }
                    if keys.is_some() && error.is_of_the_key() {
                        pass.key_failed(&error);
                    } else {
                        pass.failed(&error);
                        failed = keys;
                    }
                    path.push(tried);
                }
            }
        }
        Ok(Asked {
            answer: None,
            path,
            place: None,
        })
    }
}

fn not_asked(
    provider: Provider,
    model: &str,
    origin: Option<&Origin>,
    outcome: &'static str,
    why: String,
) -> Tried {
    Tried {
        provider,
        model: model.to_owned(),
        source: origin.map(|origin| origin.source.clone()),
        key: origin.and_then(|origin| origin.key.clone()),
        task: None,
        outcome,
        detail: Some(why),
        milliseconds: 0.0,
        tokens_in: None,
        tokens_out: None,
        cost_micros: None,
    }
}

/// What a call took, as the endpoint counts it; where it does not, or nobody can know, as much as it may have been.
fn used(quote: Quote<'_>, outcome: &Result<Answer, ModelError>) -> Used {
    let (tokens_in, tokens_out) = match outcome {
        Ok(answer) => {
            let written = || u32::try_from(estimate(answer)).unwrap_or(u32::MAX);
            (
                answer.tokens_in.unwrap_or(quote.tokens_in),
                answer.tokens_out.unwrap_or_else(written),
            )
        }
        Err(
            ModelError::Unauthorized
            | ModelError::RateLimited { .. }
            | ModelError::Overloaded { .. }
            | ModelError::Unavailable
            | ModelError::Refused(_)
            | ModelError::TooLong,
        ) => (0, 0),
        Err(ModelError::Blocked(_) | ModelError::BadResponse { status: 200, .. }) => (quote.tokens_in, 0),
        Err(ModelError::BadResponse { .. }) => (0, 0),
        Err(ModelError::Silent(_) | ModelError::Timeout(_) | ModelError::CutOff) => {
            (quote.tokens_in, quote.tokens_out)
        }
    };
    // What was let pass is the most that can be owed: an endpoint that says more is mistaken, or means harm.
    Used {
        tokens_in: tokens_in.min(quote.tokens_in),
        tokens_out: tokens_out.min(quote.tokens_out),
    }
}

/// How many tokens were written, calls included.
fn estimate(answer: &Answer) -> usize {
    let calls = answer
        .calls
        .iter()
        .map(|call| tokens::estimate(&call.name) + tokens::estimate(&call.arguments.to_string()));
    tokens::estimate(&answer.text) + calls.sum::<usize>()
}
