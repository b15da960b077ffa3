//! Why knowledge could not be searched.

use std::sync::Arc;
use store::StoreError;

/// A search failed. Cheap to clone: everybody who waited for the same snapshot hears the same.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KnowledgeError {
    /// The record could not be read: try again later where the source says so.
    #[error("the chatbot's knowledge cannot be read")]
    Store(#[source] Arc<StoreError>),
    /// The workspace has no such chatbot.
    #[error("there is no such chatbot")]
    NoChatbot,
    /// The copy could not be made or searched: a defect of ours.
    #[error("the chatbot's knowledge cannot be searched")]
    Index(#[source] Arc<tantivy::TantivyError>),
    /// A passage could not be packed or unpacked: a defect of ours.
    #[error("the chatbot's knowledge cannot be kept in memory")]
    Packing(#[source] Arc<std::io::Error>),
    /// The task that made the copy ended without one: the process is shutting down, or out of memory.
    #[error("the search of the chatbot's knowledge was interrupted")]
    Interrupted,
}

impl From<StoreError> for KnowledgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<tantivy::TantivyError> for KnowledgeError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(Arc::new(error))
    }
}

impl KnowledgeError {
    /// Whether the same search may succeed later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Interrupted => true,
            Self::NoChatbot | Self::Index(_) | Self::Packing(_) => false,
        }
    }
}
