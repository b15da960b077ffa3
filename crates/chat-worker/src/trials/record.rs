//! How an answer came to be, as a run keeps it: the fields that an answer's own row has.

use domain::FallbackReason;
use serde_json::{Value, json};
use store::turns::AnswerRecord;

/// As it is kept.
pub(super) fn kept(record: &AnswerRecord) -> Value {
    json!({
        "question": record.question,
        "searched_for": record.searched_for,
        "model": record.model,
        "fallback": record.fallback,
        "prompt_version": record.prompt_version,
        "tokens_in": record.tokens_in,
        "tokens_out": record.tokens_out,
        "stages": record.stages,
        "passages": record.passages,
        "citations": record.citations,
        "error": record.error,
        "calls": record.calls,
        "removed_links": record.removed_links,
        "path": record.path,
        "cost_micros": record.cost_micros,
    })
}

/// Why it is not the model's own.
pub(super) fn fallback(record: &AnswerRecord) -> Option<FallbackReason> {
    let name = record.fallback.as_deref()?;
    serde_json::from_value(Value::from(name)).ok()
}
