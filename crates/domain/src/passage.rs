//! A passage that retrieval found for a question: what answers are made of and measured by.

use crate::{ChunkId, DocumentId};
use std::{fmt, ops::Range};

/// One passage of a chatbot's knowledge, found for one question.
#[derive(Clone, PartialEq)]
pub struct Passage {
    /// Its place in the record.
    pub chunk: ChunkId,
    /// The document it was cut from.
    pub document: DocumentId,
    /// The document's title, as the owner sees it.
    pub title: String,
    /// Of a page: its address.
    pub url: Option<String>,
    /// The headings above it, outermost first, joined by " > "; empty when there are none.
    pub heading: String,
    /// What it says. Of a question-and-answer pair: the answer.
    pub text: String,
    /// Of a question-and-answer pair: the question.
    pub question: Option<String>,
    /// How well it fits the question, higher is better. Comparable within one search only.
    pub score: f32,
    /// What the search saw while finding it, for deciding whether it answers the question at all.
    pub signals: PassageSignals,
    /// Where in `text` the answer most likely stands, on sentence boundaries. Of a pair: all of it.
    pub quote: Range<usize>,
    /// How likely the answer stands there, higher is better. Comparable within one search only.
    pub quote_score: f32,
}

/// How a passage meets its question, in shares from 0 to 1. Words count by their rarity in the chatbot's knowledge: a rare
/// word that is missing weighs more than a common one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PassageSignals {
    /// How many different words the question is about. The same for all passages of a search.
    pub words: u16,
    /// Among how many passages it was found. The same for all passages of a search.
    pub among: u64,
    /// Share of the question's words that stand anywhere in the passage, its title and headings.
    pub coverage: f32,
    /// Share of the question's words that stand in the sentences of `quote`; of a pair, in the pair.
    pub quote_coverage: f32,
    /// Of the question's neighbouring words, the share that are neighbours in the quote too, or in the pair's question.
    pub neighbours: f32,
    /// Share of the question's names and numbers that stand in the passage, its title and headings; 1 when it has none.
    pub names: f32,
    /// The score, as a share of what the best thinkable passage would reach.
    pub relative_score: f32,
    /// How alike the question and the pair's own question are; `None` for a passage that is no pair.
    pub pair_likeness: Option<f32>,
    /// BM25, the part of the score that words give. Not a share: comparable within one search only.
    pub bm25: f32,
    /// How near the meanings of question and passage are, from -1 to 1: the other part of the score. `None` where
    /// meanings were not compared.
    pub cosine: Option<f32>,
    /// The same of the question and the quote; of a pair, and the pair's question.
    pub quote_cosine: Option<f32>,
}

impl Passage {
    /// The part of the text that most likely answers the question.
    pub fn quoted(&self) -> &str {
        self.text.get(self.quote.clone()).unwrap_or(&self.text)
    }
}

/// Without any of its text: knowledge is the owner's, and logs are not the place for it.
impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage")
            .field("chunk", &self.chunk)
            .field("document", &self.document)
            .field("score", &self.score)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}
