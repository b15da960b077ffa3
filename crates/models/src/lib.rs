//! Language models: how a question and the passages that answer it become an answer with citations.
//!
//! Two kinds: an endpoint of one of the providers, and the extractive answerer, which quotes the best passage and needs no
//! model at all. Invariants: the text of a passage is data and never an instruction; every citation of an answer names a
//! passage that was in its prompt; neither a key nor a text is ever in an error, a log or a debug print.

mod answer;
mod ask;
mod breaker;
mod chain;
mod citations;
mod draft;
mod endpoint;
mod error;
mod extractive;
mod finished;
mod lines;
mod model;
mod pieces;
mod prompt;
mod provider;
mod remote;
mod restate;
mod settings;
mod sse;
mod tokens;
mod tools;
mod wire;

pub use answer::Answer;
pub use ask::{Ask, Said, Speaker, Task};
pub use chain::{Asked, Chain, Origin, Purse, Quote, Tried, Used, cost_micros};
pub use citations::without_markers;
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Detail, ModelError};
pub use model::{Described, Model, Models, OpenError};
pub use prompt::PROMPT_VERSION;
pub use provider::Provider;
pub use remote::Remote;
pub use restate::Restated;
pub use settings::{FallbackSettings, Settings};
pub use tools::{Round, Signature, Tool, ToolCall, ToolResult, Toolbox};

#[cfg(test)]
mod tests {
    use domain::{ChunkId, DocumentId, Passage, PassageSignals};

    /// A passage that says this.
    pub(crate) fn passage(text: &str) -> Passage {
        Passage {
            chunk: ChunkId::new(),
            document: DocumentId::new(),
            title: "Terms".to_owned(),
            url: None,
            heading: String::new(),
            text: text.to_owned(),
            question: None,
            score: 1.0,
            signals: PassageSignals::default(),
            quote: 0..text.len(),
            quote_score: 1.0,
        }
    }
}
