//! Passages that say the same: one of them is enough.
//!
//! Invariant: nothing is taken away that might be the answer. A passage goes only when an earlier one has nearly all of its
//! words, the very same numbers, and every word of the question that it has itself.

use crate::{
    analyze::{Analyzer, Term},
    question::Question,
};
use std::collections::HashSet;
use store::chunks::Chunk;

/// The share of all their words that two passages have in common.
const COMMON: f32 = 0.9;
/// Shorter ones are entries of lists, which differ by a word.
const FEWEST: usize = 12;

/// What a passage says, for comparing.
pub(crate) struct Said {
    chunk: Chunk,
    words: HashSet<String>,
    numbers: HashSet<String>,
    /// Which of the question's words it has.
    asked: HashSet<usize>,
}

impl Said {
    pub(crate) fn of(chunk: Chunk, question: &Question<'_>, analyzer: &Analyzer) -> Self {
        let terms: Vec<Term> = analyzer.terms(&chunk.text);
        Self {
            numbers: terms
                .iter()
                .filter(|term| term.text.contains(char::is_numeric))
                .map(|term| term.text.clone())
                .collect(),
            asked: terms
                .iter()
                .filter_map(|term| question.place(&term.text))
                .collect(),
            words: terms.into_iter().map(|term| term.text).collect(),
            chunk,
        }
    }

    pub(crate) const fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// Whether an earlier one makes this one needless.
    pub(crate) fn is_said_by(&self, earlier: &Self) -> bool {
        let (chunk, other) = (&self.chunk, &earlier.chunk);
        if chunk.question != other.question {
            return false;
        }
        if chunk.text == other.text {
            return true;
        }
        let fewest = self.words.len().min(earlier.words.len());
        if fewest < FEWEST || self.numbers != earlier.numbers || !self.asked.is_subset(&earlier.asked) {
            return false;
        }
        let common = self.words.intersection(&earlier.words).count();
        let all = self.words.len() + earlier.words.len() - common;
        common as f32 >= COMMON * all as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use domain::{ChunkId, DocumentId};
    use std::convert::Infallible;

    const TERMS: &str = "Parcels within the country take two working days to arrive, counted from the morning on which \
        the warehouse hands them to the post. Shipping to islands takes a whole week, except in winter.";

    fn is_needless(text: &str, earlier: &str, asked: &str) -> bool {
        let chunk = |text: &str| Chunk {
            id: ChunkId::new(),
            document: DocumentId::new(),
            title: "Terms".to_owned(),
            url: None,
            heading: String::new(),
            question: None,
            text: text.to_owned(),
            since_version: 1,
        };
        let analyzer = Analyzer::new(Language::ENGLISH);
        let question = Question::new(asked, &analyzer, 10, |_| Ok::<_, Infallible>(1)).unwrap();
        let (chunk, earlier) = (chunk(text), chunk(earlier));
        let said = |chunk| Said::of(chunk, &question, &analyzer);
        said(chunk).is_said_by(&said(earlier))
    }

    #[test]
    fn the_same_in_other_punctuation_is_said_once() {
        assert!(is_needless(TERMS, TERMS, "parcels"));
        assert!(is_needless(
            &TERMS.to_uppercase().replace(',', " –"),
            TERMS,
            "parcels"
        ));
    }

    #[test]
    fn another_number_or_a_word_that_was_asked_for_is_another_answer() {
        let price = |euros: u32| format!("{TERMS} It costs {euros} euros.");
        let by_ship = format!("{TERMS} By ferry.");

        assert!(!is_needless(&price(5), &price(7), "parcels"));
        assert!(!is_needless(&by_ship, TERMS, "Is there a ferry?"));
        assert!(is_needless(&by_ship, TERMS, "parcels"));
        assert!(!is_needless("Room A is open.", "Room B is open.", "room"));
    }
}
