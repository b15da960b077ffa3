//! Reads a passage with a question in mind: which of its words are there, how near to each other, and in which sentence
//! the answer most likely stands.

use crate::{
    analyze::{Analyzer, Term},
    question::Question,
    quote::{self, Features},
    sentences::sentences,
};
use domain::{Passage, PassageSignals};
use std::ops::Range;
use store::chunks::Chunk;

/// A sentence this short says little alone: the next one goes with it.
const SHORT_QUOTE: usize = 40;

/// How much the answer of a pair with the same question goes before a sentence with the same words.
const WRITTEN_FOR_IT: f32 = 2.0;

/// Everything of a passage that is searched.
pub(crate) fn searchable(chunk: &Chunk) -> String {
    to_embed(
        &chunk.title,
        &chunk.heading,
        chunk.question.as_deref(),
        &chunk.text,
    )
}

/// What a passage's vector is made of: its title, headings, a pair's question and its text.
pub fn to_embed(title: &str, heading: &str, question: Option<&str>, text: &str) -> String {
    [title, heading, question.unwrap_or_default(), text]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// How a passage was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    /// Of words and meaning together.
    pub score: f32,
    /// As a share of the search's best.
    pub share_of_best: f32,
    pub bm25: f32,
    pub cosine: Option<f32>,
}

/// A sentence that may be quoted, or the question of a pair.
#[derive(Clone)]
pub(crate) struct Sentence {
    /// Where in the passage's text; of a pair, all of it.
    pub range: Range<usize>,
    pub features: Features,
    /// What is added to its score besides.
    pub extra: f32,
}

/// Which of a question's words are somewhere.
#[derive(Clone)]
struct Found(Vec<bool>);

impl Found {
    fn none(question: &Question<'_>) -> Self {
        Self(vec![false; question.words.len()])
    }

    fn of(question: &Question<'_>, terms: &[Term]) -> Self {
        let mut found = Self::none(question);
        terms
            .iter()
            .filter_map(|term| question.place(&term.text))
            .for_each(|i| found.0[i] = true);
        found
    }

    fn with(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| *a || *b).collect())
    }

    fn share(&self, question: &Question<'_>) -> f32 {
        question.share(|i| self.0[i])
    }
}

/// A passage as it answers a question, and what of it may be quoted.
pub(crate) fn read(
    chunk: &Chunk,
    hit: Hit,
    question: &Question<'_>,
    analyzer: &Analyzer,
    average_terms: f32,
) -> (Passage, Vec<Sentence>) {
    let around = [
        &chunk.title,
        &chunk.heading,
        chunk.question.as_ref().unwrap_or(&String::new()),
    ]
    .map(|text| analyzer.terms(text))
    .concat();
    let terms = analyzer.terms(&chunk.text);
    let in_context = Found::of(question, &around);
    let in_passage = Found::of(question, &terms).with(&in_context);
    let coverage = in_passage.share(question);

    let pair = chunk.question.as_ref().map(|own| Pair {
        likeness: likeness(question, own, &analyzer.question_terms(own), analyzer),
        neighbours: neighbours(question, &analyzer.terms(own)),
    });
    let sentences = match &pair {
        Some(pair) => vec![Sentence {
            range: 0..chunk.text.len(),
            features: Features {
                coverage,
                coverage_around: coverage,
                coverage_of_passage: coverage,
                share_of_best: hit.share_of_best,
                neighbours: pair.neighbours,
                kind: question
                    .kind
                    .found_in(&chunk.text, question.text, analyzer.language()),
                news: terms.len() as f32,
                first: true,
            },
            extra: WRITTEN_FOR_IT * pair.likeness,
        }],
        None => sentence_features(
            &chunk.text,
            &terms,
            &in_context,
            coverage,
            hit.share_of_best,
            question,
            analyzer,
        ),
    };
    let signals = PassageSignals {
        words: u16::try_from(question.words.len()).unwrap_or(u16::MAX),
        among: question.passages,
        coverage,
        quote_coverage: 0.0,
        neighbours: 0.0,
        names: names(question, &in_passage),
        relative_score: relative_score(question, &around, &terms, average_terms),
        pair_likeness: pair.map(|pair| pair.likeness),
        bm25: hit.bm25,
        cosine: hit.cosine,
        quote_cosine: None,
    };
    let mut passage = Passage {
        chunk: chunk.id,
        document: chunk.document,
        title: chunk.title.clone(),
        url: chunk.url.clone(),
        heading: chunk.heading.clone(),
        text: chunk.text.clone(),
        question: chunk.question.clone(),
        score: hit.score,
        signals,
        quote: 0..chunk.text.len(),
        quote_score: 0.0,
    };
    let scored = sentences
        .iter()
        .map(|sentence| (sentence, quote::score(&sentence.features) + sentence.extra));
    // Of equals the first.
    if let Some((best, score)) = scored.rev().max_by(|(_, a), (_, b)| a.total_cmp(b)) {
        choose(&mut passage, best, score);
    }
    (passage, sentences)
}

/// Makes this sentence the one that is quoted.
pub(crate) fn choose(passage: &mut Passage, sentence: &Sentence, score: f32) {
    passage.quote = sentence.range.clone();
    passage.quote_score = score;
    passage.signals.quote_coverage = sentence.features.coverage;
    passage.signals.neighbours = sentence.features.neighbours;
}

/// A pair's own question, beside the one that is asked.
struct Pair {
    likeness: f32,
    neighbours: f32,
}

/// Every sentence of a passage, and what is seen of it.
fn sentence_features(
    text: &str,
    terms: &[Term],
    in_context: &Found,
    coverage_of_passage: f32,
    share_of_best: f32,
    question: &Question<'_>,
    analyzer: &Analyzer,
) -> Vec<Sentence> {
    let ranges = sentences(text);
    let mut rest = terms;
    let read: Vec<(&[Term], Found)> = ranges
        .iter()
        .map(|range| {
            let length = rest
                .iter()
                .take_while(|term| term.range.start < range.end)
                .count();
            let (here, after) = rest.split_at(length);
            rest = after;
            (here, Found::of(question, here))
        })
        .collect();
    let features = ranges.iter().enumerate().map(|(i, range)| {
        let (terms, found) = &read[i];
        let mut near = found.with(in_context);
        if let Some((_, before)) = i.checked_sub(1).and_then(|before| read.get(before)) {
            near = near.with(before);
        }
        if let Some((_, after)) = read.get(i + 1) {
            near = near.with(after);
        }
        Features {
            coverage: found.share(question),
            coverage_around: near.share(question),
            coverage_of_passage,
            share_of_best,
            neighbours: neighbours(question, terms),
            kind: question
                .kind
                .found_in(&text[range.clone()], question.text, analyzer.language()),
            news: terms
                .iter()
                .filter(|term| question.place(&term.text).is_none())
                .count() as f32,
            first: i == 0,
        }
    });
    let quoted = ranges
        .iter()
        .enumerate()
        .map(|(i, range)| match ranges.get(i + 1) {
            Some(next) if range.len() < SHORT_QUOTE => range.start..next.end,
            _ => range.clone(),
        });
    quoted
        .zip(features)
        .map(|(range, features)| Sentence {
            range,
            features,
            extra: 0.0,
        })
        .collect()
}

/// The share of the question's names and numbers that were found.
fn names(question: &Question<'_>, found: &Found) -> f32 {
    let weight = |has: bool| -> f32 {
        let words = question.words.iter().zip(&found.0);
        words
            .filter(|(word, found)| word.name && (**found || !has))
            .map(|(word, _)| word.weight)
            .sum()
    };
    let all = weight(false);
    if all > 0.0 { weight(true) / all } else { 1.0 }
}

/// BM25 with the question's own weights, as a share of its limit.
fn relative_score(question: &Question<'_>, around: &[Term], terms: &[Term], average_terms: f32) -> f32 {
    let mut counts = vec![0.0f32; question.words.len()];
    for term in around.iter().chain(terms) {
        if let Some(i) = question.place(&term.text) {
            counts[i] += 1.0;
        }
    }
    let length = (around.len() + terms.len()) as f32;
    let norm = 1.2 * (0.25 + 0.75 * length / average_terms.max(1.0));
    let reached: f32 = question
        .words
        .iter()
        .zip(counts)
        .map(|(word, count)| word.weight * count / (count + norm))
        .sum();
    if question.total > 0.0 {
        reached / question.total
    } else {
        0.0
    }
}

/// Of the pairs of words that follow each other in the question, the share that stands near each other here.
fn neighbours(question: &Question<'_>, terms: &[Term]) -> f32 {
    let pairs = question.words.len().saturating_sub(1);
    if pairs == 0 {
        return 0.0;
    }
    let places: Vec<(usize, usize)> = terms
        .iter()
        .enumerate()
        .filter_map(|(at, term)| Some((at, question.place(&term.text)?)))
        .collect();
    let near = (0..pairs).filter(|first| {
        places.iter().any(|(at, word)| {
            word == first
                && places
                    .iter()
                    .any(|(other, next)| next == &(first + 1) && at.abs_diff(*other) <= 4)
        })
    });
    near.count() as f32 / pairs as f32
}

/// How alike two questions are: the weight of the words they share, of all their words.
fn likeness(question: &Question<'_>, own: &str, own_terms: &[Term], analyzer: &Analyzer) -> f32 {
    let found = Found::of(question, own_terms);
    let shared: f32 = question
        .words
        .iter()
        .zip(&found.0)
        .filter(|(_, found)| **found)
        .map(|(word, _)| word.weight)
        .sum();
    let usual = question.total / question.words.len().max(1) as f32;
    let mut seen = std::collections::HashSet::new();
    let only_own: f32 = own_terms
        .iter()
        .filter(|term| question.place(&term.text).is_none() && seen.insert(&term.text))
        .map(|term| {
            if analyzer.is_light(&own[term.range.clone()]) {
                usual / 3.0
            } else {
                usual
            }
        })
        .sum();
    let all = question.total + only_own;
    if all > 0.0 { shared / all } else { 0.0 }
}
