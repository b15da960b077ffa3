//! From what was said to what is sent, and the record of how it came to be.

use crate::{answer::Answered, asking::Spoken, cited};
use domain::{FallbackReason, Passage};
use models::PROMPT_VERSION;
use serde_json::{Map, Value, json};
use std::time::Duration;
use store::{chatbots::Chatbot, tool_calls::Changes, turns::AnswerRecord};

/// How long it took.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    /// The models that put the question in full, where any were asked to.
    pub restate: Option<Duration>,
    pub retrieve: Duration,
    /// All models, and the tools that they called.
    pub model: Duration,
}

impl Took {
    /// For the metrics.
    pub fn measure(self) {
        for (stage, took) in self.stages() {
            metrics::histogram!("botsmith_stage_seconds", "stage" => stage).record(took.as_secs_f64());
        }
    }
}

impl Took {
    fn stages(self) -> impl Iterator<Item = (&'static str, Duration)> {
        let restate = self.restate.map(|took| ("restate", took));
        restate
            .into_iter()
            .chain([("retrieve", self.retrieve), ("model", self.model)])
    }

    fn in_milliseconds(self) -> Value {
        self.stages()
            .map(|(stage, took)| (stage.to_owned(), json!(milliseconds(took))))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Of a reply for which no model was asked.
pub(crate) fn of_nothing(question: String) -> AnswerRecord {
    AnswerRecord {
        question,
        searched_for: None,
        passages: json!([]),
        citations: json!([]),
        model: "none".to_owned(),
        fallback: None,
        prompt_version: PROMPT_VERSION,
        tokens_in: None,
        tokens_out: None,
        stages: json!({}),
        error: None,
        unanswered: false,
        calls: json!([]),
        removed_links: Vec::new(),
        path: json!([]),
        cost_micros: None,
    }
}

/// The answer, with its sources; the bot's own words where there is none; or what the visitor has to be asked first.
pub(crate) fn assemble(
    bot: &Chatbot,
    question: String,
    passages: &[Passage],
    spoken: Spoken,
    took: Took,
) -> Answered {
    let cost_micros = models::cost_micros(&spoken.path);
    let Spoken {
        answer, error, path, ..
    } = spoken;
    let cited: Vec<&Passage> = answer
        .citations
        .iter()
        .filter_map(|&cited| passages.get(cited))
        .collect();
    let asks = spoken.question.is_some();
    let nothing_found = !asks && answer.text.trim().is_empty();
    let (text, buttons) = match spoken.question {
        Some(question) => (question.text, question.buttons),
        None if nothing_found => (bot.fallback_text.clone(), Vec::new()),
        None => (cited::with_sources(&answer, &cited), Vec::new()),
    };
    let fallback = answer
        .fallback
        .or(nothing_found.then_some(FallbackReason::NoKnowledge))
        .filter(|_| !asks);
    let record = AnswerRecord {
        // A budget that is used up says nothing of the knowledge.
        unanswered: nothing_found && !question.is_empty() && fallback != Some(FallbackReason::BudgetUsedUp),
        passages: cited::considered(passages),
        citations: json!(cited::citations(&cited)),
        model: answer.model,
        fallback: fallback.and_then(|reason| serde_json::to_value(reason).ok()?.as_str().map(str::to_owned)),
        tokens_in: answer.tokens_in.and_then(|tokens| i32::try_from(tokens).ok()),
        tokens_out: answer.tokens_out.and_then(|tokens| i32::try_from(tokens).ok()),
        stages: took.in_milliseconds(),
        error,
        path: json!(path),
        cost_micros,
        ..of_nothing(question)
    };
    Answered {
        text,
        record,
        handoff: None,
        buttons,
        calls: Changes::default(),
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
