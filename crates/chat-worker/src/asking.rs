//! Asks the models, does what they want called, and asks again with what came of it, until there is an answer.
//!
//! Invariants: every call of a model goes through the chain, which reserves and settles what it costs and goes on to the
//! next model when one fails, with the same calls and results; whatever was asked on the way is in the path, and counted.

use crate::{
    actions::{Calls, MOST_ROUNDS, Question},
    answer::Listener,
    purse::Purse,
};
use domain::{FallbackReason, Passage};
use models::{Answer, Ask, Asked, Chain, Model, Restated, Toolbox, Tried};
use store::{StoreError, budgets::AtLimit};

/// What came of asking.
pub(crate) struct Spoken {
    pub answer: Answer,
    /// Why it is none of a model's.
    pub error: Option<String>,
    /// The models that were asked, round by round.
    pub path: Vec<Tried>,
    /// What the visitor has to be asked instead.
    pub question: Option<Question>,
}

impl Spoken {
    /// The same, where models were asked before to put the question in full: it is part of what the answer took.
    pub fn after(mut self, restated: Restated) -> Self {
        self.path.splice(0..0, restated.path);
        self.answer.tokens_in = sum(restated.tokens_in, self.answer.tokens_in);
        self.answer.tokens_out = sum(restated.tokens_out, self.answer.tokens_out);
        self
    }
}

/// Quotes the best passage; or tells of a call that was made, which has to be told in any case.
pub(crate) async fn quote(ask: &Ask<'_>, calls: &Calls<'_>) -> Spoken {
    let (mut answer, _) = Model::Extractive.answer_or_quote(ask).await;
    if let Some(done) = calls.in_our_words() {
        answer.text = done;
        answer.citations.clear();
        answer.fallback = None;
    }
    Spoken {
        answer,
        error: None,
        path: Vec::new(),
        question: None,
    }
}

/// The name under which answers that the owner wrote for just this question are recorded.
const CURATED: &str = "curated";

/// The owner's own answer to just this question, word for word: no model is asked. `None`: there is none.
pub(crate) fn curated(passages: &[Passage]) -> Option<Spoken> {
    let place = knowledge::curated(passages)?;
    Some(Spoken {
        answer: Answer {
            text: passages[place].text.clone(),
            citations: vec![place],
            model: CURATED.to_owned(),
            tokens_in: None,
            tokens_out: None,
            fallback: None,
            calls: Vec::new(),
        },
        error: None,
        path: Vec::new(),
        question: None,
    })
}

/// Asks until there is an answer, or the visitor has to be asked. `to_quote`: what is quoted from if there is none.
pub(crate) async fn ask(
    mut chain: Chain,
    ask: Ask<'_>,
    to_quote: &Ask<'_>,
    purse: &Purse<'_>,
    calls: &mut Calls<'_>,
    mut listener: Option<Listener<'_>>,
) -> Result<Spoken, StoreError> {
    let mut taken = Taken::default();
    let mut left = MOST_ROUNDS;
    loop {
        let rounds = calls.rounds.clone();
        let ask = Ask {
            toolbox: Toolbox {
                tools: calls.tools(),
                rounds: &rounds,
                no_more: left == 0,
            },
            ..ask
        };
        let heard: Option<&mut (dyn FnMut(&str) + Send)> = match &mut listener {
            None => None,
            Some(listener) => Some(&mut **listener),
        };
        let mut asked = chain.ask(&ask, heard, purse).await?;
        note_failures(&asked);
        taken.add(&asked);
        chain = chain.led_by(&asked);
        let Some(mut answer) = asked.answer.take() else {
            return Ok(taken.spoken(without(&asked, to_quote, purse, calls).await));
        };
        let wanted = std::mem::take(&mut answer.calls);
        let is_answer = wanted.is_empty() || left == 0;
        let question = if is_answer {
            None
        } else {
            calls.round(wanted).await
        };
        if is_answer || question.is_some() {
            return Ok(taken.spoken(Spoken {
                answer,
                error: None,
                path: Vec::new(),
                question,
            }));
        }
        left -= 1;
    }
}

/// What is said when no model answered.
async fn without(asked: &Asked, to_quote: &Ask<'_>, purse: &Purse<'_>, calls: &Calls<'_>) -> Spoken {
    let over_budget = asked.is_over_budget();
    let mut spoken = quote(to_quote, calls).await;
    if over_budget && purse.at_limit() == Some(AtLimit::FallbackText) && calls.in_our_words().is_none() {
        spoken.answer.text.clear();
        spoken.answer.citations.clear();
    }
    spoken.answer.fallback = Some(if over_budget {
        FallbackReason::BudgetUsedUp
    } else {
        FallbackReason::ModelUnavailable
    });
    spoken.error = asked.problem();
    spoken
}

/// What all rounds took.
#[derive(Default)]
struct Taken {
    path: Vec<Tried>,
    tokens_in: Option<u32>,
    tokens_out: Option<u32>,
}

impl Taken {
    fn add(&mut self, asked: &Asked) {
        if let Some(answer) = &asked.answer {
            self.tokens_in = sum(self.tokens_in, answer.tokens_in);
            self.tokens_out = sum(self.tokens_out, answer.tokens_out);
        }
        self.path.extend(asked.path.iter().cloned());
    }

    fn spoken(self, spoken: Spoken) -> Spoken {
        Spoken {
            answer: Answer {
                tokens_in: self.tokens_in,
                tokens_out: self.tokens_out,
                ..spoken.answer
            },
            path: self.path,
            ..spoken
        }
    }
}

fn sum(before: Option<u32>, more: Option<u32>) -> Option<u32> {
    match (before, more) {
        (Some(before), Some(more)) => Some(before.saturating_add(more)),
        (before, more) => before.or(more),
    }
}

/// What the endpoints said is in the record, for the owner; not here.
fn note_failures(asked: &Asked) {
    let failed = asked.path.len() - usize::from(asked.answer.is_some());
    for tried in &asked.path[..failed] {
        tracing::warn!(
            provider = tried.provider.name(),
            model = tried.model,
            outcome = tried.outcome,
            "a model gave no answer"
        );
        metrics::counter!("botsmith_model_errors_total", "outcome" => tried.outcome).increment(1);
    }
}
