//! What an answer says about itself.

use crate::{ChunkId, DocumentId};
use serde::{Deserialize, Serialize};

/// A passage that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The passage.
    pub chunk: ChunkId,
    /// The document it was cut from.
    pub document: DocumentId,
    /// The document's title, as the owner sees it.
    pub title: String,
    /// Of a page: its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Why an answer is not the model's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// Nothing in the knowledge answers the question.
    NoKnowledge,
    /// The model failed, or took longer than its time limit.
    ModelUnavailable,
    /// A budget for models is used up.
    BudgetUsedUp,
}
