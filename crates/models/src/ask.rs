//! What a model is asked.

use crate::tools::Toolbox;
use domain::Passage;
use serde::Serialize;
use std::fmt;

/// A question, and all that may be used to answer it.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The chatbot's name.
    pub chatbot: &'a str,
    /// What its owner wants of it; may be empty.
    pub instructions: &'a str,
    /// What was found for the question, best first.
    pub passages: &'a [Passage],
    /// What was said before, oldest first.
    pub history: &'a [Said],
    /// What the visitor wrote.
    pub question: &'a str,
    /// What may be called to answer it.
    pub toolbox: Toolbox<'a>,
    /// What is to be done with it.
    pub task: Task,
}

/// What a model does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Answers it from the passages.
    #[default]
    Answer,
    /// Puts it so that it is understood without what was said before.
    Restate,
}

/// One thing that was said.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// By whom.
    pub speaker: Speaker,
    /// What.
    pub text: String,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The visitor.
    Contact,
    /// The chatbot, or a human in its place.
    Bot,
}

/// Nothing of its texts.
impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("passages", &self.passages.len())
            .field("history", &self.history.len())
            .finish_non_exhaustive()
    }
}

/// Nothing of its text.
impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said by {:?}", self.speaker)
    }
}
