//! A chatbot's knowledge: splitting, indexing, searching, and telling whether what was found is an answer.
//!
//! PostgreSQL is the record; what is kept here is a copy in memory, made from it and thrown away at will.

mod alike;
mod analyze;
mod clean;
mod confidence;
mod curated;
mod error;
mod found;
mod fusion;
mod groups;
mod kind;
mod language;
mod meaning;
#[cfg(test)]
mod measure;
mod passages;
mod question;
mod quote;
mod reading;
mod retriever;
mod script;
mod sentences;
mod snapshot;
pub mod split;
mod stop_words;
mod vectors;

pub use confidence::{Confidence, DEFAULT_THRESHOLD, Signals, confidence};
pub use curated::curated;
pub use error::KnowledgeError;
pub use found::{Dropped, Found, Seen};
pub use groups::groups;
pub use meaning::{Meaning, Reranked};
pub use reading::to_embed;
pub use retriever::{Retriever, Searched, Settings};
pub use snapshot::{Embeddings, Snapshot};
