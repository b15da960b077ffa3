//! A question, weighed against the knowledge it is asked of.

use crate::{analyze::Analyzer, kind::Kind};
use std::collections::HashMap;

/// Before anything is known of a chatbot's knowledge, this many imagined passages stand in for it, so that three
/// passages do not decide which words are rare.
const IMAGINED: f32 = 20.0;
/// In how many of them a word stands.
const USUAL_SHARE: f32 = 0.02;
/// In how many of them a word stands that questions of any subject have.
const LIGHT_SHARE: f32 = 0.3;
/// And how much less it counts.
const LIGHT: f32 = 0.5;

/// One word of a question.
pub(crate) struct Word {
    pub term: String,
    /// How much it says.
    pub weight: f32,
    /// Whether it stands anywhere in the knowledge.
    pub known: bool,
    /// Whether it is a name or a number as far as one can see.
    pub name: bool,
}

/// A question, ready to be compared with passages.
pub(crate) struct Question<'a> {
    pub text: &'a str,
    /// How many passages it is asked of.
    pub passages: u64,
    /// Each word once, in the question's order.
    pub words: Vec<Word>,
    /// The place of each term in `words`.
    places: HashMap<String, usize>,
    pub total: f32,
    pub kind: Kind,
}

impl<'a> Question<'a> {
    /// `frequency`: in how many of `passages` passages a term stands.
    pub(crate) fn new<E>(
        text: &'a str,
        analyzer: &Analyzer,
        passages: u64,
        frequency: impl Fn(&str) -> Result<u64, E>,
    ) -> Result<Self, E> {
        let mut words: Vec<Word> = Vec::new();
        let mut places = HashMap::new();
        for term in analyzer.question_terms(text) {
            if places.contains_key(&term.text) {
                continue;
            }
            let written = &text[term.range.clone()];
            let light = analyzer.is_light(written);
            let count = frequency(&term.text)?;
            let first = text[..term.range.start].trim().is_empty();
            places.insert(term.text.clone(), words.len());
            words.push(Word {
                weight: weight(passages, count, light),
                known: count > 0,
                name: written.starts_with(char::is_numeric)
                    || (!first && written.starts_with(char::is_uppercase)),
                term: term.text,
            });
        }
        let total = words.iter().map(|word| word.weight).sum();
        Ok(Self {
            text,
            passages,
            words,
            places,
            total,
            kind: Kind::asked_by(text, analyzer.language()),
        })
    }

    /// The place of a term among the words.
    pub(crate) fn place(&self, term: &str) -> Option<usize> {
        self.places.get(term).copied()
    }

    /// The share of the question's weight that these words have.
    pub(crate) fn share(&self, has: impl Fn(usize) -> bool) -> f32 {
        if self.total == 0.0 {
            return 0.0;
        }
        let found: f32 = self
            .words
            .iter()
            .enumerate()
            .filter(|(i, _)| has(*i))
            .map(|(_, word)| word.weight)
            .sum();
        found / self.total
    }
}

fn weight(passages: u64, count: u64, light: bool) -> f32 {
    let share = if light { LIGHT_SHARE } else { USUAL_SHARE };
    let passages = passages as f32 + IMAGINED;
    let count = count as f32 + IMAGINED * share;
    let rarity = (1.0 + (passages - count + 0.5) / (count + 0.5)).ln();
    if light { rarity * LIGHT } else { rarity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use std::convert::Infallible;

    #[test]
    fn a_rare_word_weighs_more_and_a_light_one_less() {
        let analyzer = Analyzer::new(Language::ENGLISH);
        let frequency = |term: &str| Ok::<_, Infallible>(if term == "deliveri" { 90 } else { 0 });

        let question = Question::new(
            "How long does delivery to Iceland take?",
            &analyzer,
            100,
            frequency,
        )
        .unwrap();

        let weight = |term: &str| question.words[question.place(term).unwrap()].weight;
        assert!(weight("iceland") > 2.0 * weight("long"));
        assert!(weight("long") > weight("deliveri"));
        assert!(question.words[question.place("iceland").unwrap()].name);
        assert!((question.share(|_| true) - 1.0).abs() < 1e-6);
    }
}
