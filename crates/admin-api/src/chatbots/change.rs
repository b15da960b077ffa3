//! A change of what a chatbot does: from what was typed to what is to be published or kept as a draft.

use super::{ChatbotChange, MOST_FALLBACK, MOST_INSTRUCTIONS, model};
use crate::{AdminApi, caller::Seat, input, problem::Problem};
use domain::ChatbotId;
use store::versions::Candidate;

/// Makes the change; what was changed.
pub(crate) async fn apply(
    api: &AdminApi,
    seat: &Seat,
    chatbot: ChatbotId,
    candidate: &mut Candidate,
    change: ChatbotChange,
) -> Result<Vec<&'static str>, Problem> {
    let mut changed = Vec::new();
    let mut note = |field: &'static str| changed.push(field);
    let behaviour = &mut candidate.behaviour;

    if let Some(name) = &change.name {
        behaviour.name = input::line("name", name, 100)?;
        note("name");
    }
    if let Some(instructions) = &change.instructions {
        behaviour.instructions = input::block("instructions", instructions, MOST_INSTRUCTIONS)?;
        note("instructions");
    }
    if let Some(text) = &change.fallback_text {
        behaviour.fallback_text = input::filled_block("fallback_text", text, MOST_FALLBACK)?;
        note("fallback_text");
    }
    if let Some(seconds) = change.max_answer_age_seconds {
        behaviour.max_answer_age_seconds = answer_age(seconds)?;
        note("max_answer_age_seconds");
    }
    if let Some(given) = change.model {
        let kept = behaviour
            .model
            .take()
            .map(|stored| (stored, candidate.model_key.take()));
        (behaviour.model, candidate.model_key) = match given {
            Some(given) => model::read(api, seat, chatbot, given, kept).await?,
            None => (None, None),
        };
        note("model");
    }
    Ok(changed)
}

pub(super) fn answer_age(seconds: i32) -> Result<i32, Problem> {
    input::number("max_answer_age_seconds", seconds, 30, 7 * 24 * 3_600)
}
