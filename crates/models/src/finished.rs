//! From all that a model wrote to an answer.

use crate::{
    answer::Answer,
    citations,
    error::{Detail, ModelError},
    prompt::NO_ANSWER,
    tools::ToolCall,
    wire::Usage,
};
use domain::FallbackReason;

/// The answer, its markers checked against the passages that were in the prompt.
pub(crate) fn answer(
    model: &str,
    text: &str,
    calls: Vec<ToolCall>,
    passages: usize,
    usage: Usage,
) -> Result<Answer, ModelError> {
    // No database keeps a NUL, and it means nothing.
    let text = &text.replace('\0', "");
    let calls: Vec<ToolCall> = calls.into_iter().map(ToolCall::without_nul).collect();
    if !calls.is_empty() {
        return Ok(Answer {
            text: String::new(),
            citations: Vec::new(),
            model: model.to_owned(),
            tokens_in: usage.tokens_in,
            tokens_out: usage.tokens_out,
            fallback: None,
            calls,
        });
    }
    let text = without_thoughts(text).trim();
    if text.is_empty() {
        return Err(bad(200, "the answer is empty"));
    }
    let unknown = text.trim_matches(|c: char| !c.is_alphanumeric()) == NO_ANSWER;
    let (text, citations) = if unknown {
        Default::default()
    } else {
        citations::check(&text.replace(NO_ANSWER, ""), passages)
    };
    Ok(Answer {
        text,
        citations,
        model: model.to_owned(),
        tokens_in: usage.tokens_in,
        tokens_out: usage.tokens_out,
        fallback: unknown.then_some(FallbackReason::NoKnowledge),
        calls,
    })
}

/// An answer that cannot be used, in our words.
pub(crate) fn bad(status: u16, why: &str) -> ModelError {
    ModelError::BadResponse {
        status,
        detail: Detail::of(why, ""),
    }
}

/// Reasoning models served by small runtimes think aloud first.
fn without_thoughts(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map_or("", |(_, answer)| answer),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_in_no_answer_and_in_no_call() {
        let said = answer("m", "Two\0 days.", Vec::new(), 0, Usage::default()).unwrap();
        let call = ToolCall {
            id: "1".to_owned(),
            name: "find\0".to_owned(),
            arguments: serde_json::json!({"a\0": ["b\0", {"c": 1}]}),
            signature: None,
        };
        let called = answer("m", "", vec![call], 0, Usage::default()).unwrap();

        assert_eq!(said.text, "Two days.");
        assert_eq!(called.calls[0].name, "find");
        assert_eq!(
            called.calls[0].arguments,
            serde_json::json!({"a": ["b", {"c": 1}]})
        );
    }

    #[test]
    fn thoughts_are_not_part_of_the_answer() {
        assert_eq!(without_thoughts("<think>hm</think> Two days."), " Two days.");
        assert_eq!(without_thoughts("Two days."), "Two days.");
    }
}
