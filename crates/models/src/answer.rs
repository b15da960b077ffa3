//! What a model answered.

use crate::tools::ToolCall;
use domain::FallbackReason;
use std::fmt;

/// An answer and what it rests on.
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// The answer. `[1]` in it refers to the first of `citations`, `[2]` to the second.
    pub text: String,
    /// Places in `Ask::passages` (from 0), in the order in which the text refers to them, each once. All of them were
    /// in the prompt.
    pub citations: Vec<usize>,
    /// The model's name; `extractive` without one.
    pub model: String,
    /// Tokens of the prompt, where the endpoint counts them.
    pub tokens_in: Option<u32>,
    /// Tokens of the answer, where the endpoint counts them.
    pub tokens_out: Option<u32>,
    /// Why this is not the model's own answer. With `NoKnowledge` the text is empty: the chatbot's own words belong there.
    pub fallback: Option<FallbackReason>,
    /// What the model wants called before it answers; the text is none then.
    pub calls: Vec<ToolCall>,
}

/// Nothing of its text.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("model", &self.model)
            .field("citations", &self.citations)
            .field("fallback", &self.fallback)
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}
