//! What a search found, and a closer look at which sentence to quote.

use crate::{
    quote,
    reading::{self, Sentence},
};
use domain::{ChunkId, Passage};
use std::ops::Range;
use store::chunks::Chunk;

/// A passage that was left out because a better one says the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// The passage.
    pub chunk: ChunkId,
    /// Its document's title.
    pub title: String,
    /// Its score.
    pub score: f32,
    /// The one that says the same.
    pub like: ChunkId,
}

/// The passages that fit a question best.
#[derive(Default)]
pub struct Found {
    /// The best first, no two of them the same.
    pub passages: Vec<Passage>,
    /// Those that were left out for them.
    pub dropped: Vec<Dropped>,
    /// Of each passage, what may be quoted.
    pub(crate) sentences: Vec<Vec<Sentence>>,
    closer: Vec<Closer>,
}

/// A sentence that is looked at closely.
struct Closer {
    passage: usize,
    sentence: usize,
    /// To the question; 0 until it is known.
    cosine: f32,
}

/// What is seen of a sentence: for fitting the weights in `quote`.
pub struct Seen {
    /// The place of its passage.
    pub passage: usize,
    /// What would be quoted.
    pub range: Range<usize>,
    /// Shares of the question's words, and the like, in the order of `quote::Features`; the cosine; what else counts.
    pub features: [f32; 10],
}

/// Sentences are looked for in so many passages: the answer is seldom further down.
const PASSAGES: usize = 5;

impl Found {
    pub(crate) fn push(&mut self, (passage, sentences): (Passage, Vec<Sentence>)) {
        self.passages.push(passage);
        self.sentences.push(sentences);
    }

    pub(crate) fn drop_for(&mut self, chunk: &Chunk, score: f32, like: &Chunk) {
        self.dropped.push(Dropped {
            chunk: chunk.id,
            title: chunk.title.clone(),
            score,
            like: like.id,
        });
    }

    /// Puts the passages in the order of these scores, one for each, and keeps the best.
    pub(crate) fn reorder(&mut self, scores: &[f32], count: usize) {
        let passages = std::mem::take(&mut self.passages).into_iter();
        let sentences = std::mem::take(&mut self.sentences);
        let mut all: Vec<_> = passages.zip(sentences).zip(scores).collect();
        // Of equals the one that was before.
        all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        all.truncate(count);
        for (found, _) in all {
            self.push(found);
        }
        self.closer.clear();
    }

    /// Keeps the first passages.
    pub fn keep(&mut self, count: usize) {
        self.passages.truncate(count);
        self.sentences.truncate(count);
        self.closer.clear();
    }

    /// Keeps these passages.
    pub fn retain(&mut self, wanted: impl Fn(&Passage) -> bool) {
        let mut stays = self.passages.iter().map(&wanted).collect::<Vec<_>>().into_iter();
        self.sentences.retain(|_| stays.next().unwrap_or_default());
        self.passages.retain(wanted);
        self.closer.clear();
    }

    /// The sentences (of a pair: its question) that most likely answer by their words, at most `count`. Their vectors, in
    /// this order, are what [`Found::look_closer`] takes.
    pub fn to_look_at(&mut self, count: usize) -> Vec<String> {
        let mut all: Vec<(f32, usize, usize)> = Vec::new();
        for (p, sentences) in self.sentences.iter().enumerate().take(PASSAGES) {
            all.extend(
                sentences
                    .iter()
                    .enumerate()
                    .map(|(s, sentence)| (quote::score(&sentence.features) + sentence.extra, p, s)),
            );
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(count);
        self.closer = all
            .into_iter()
            .map(|(_, passage, sentence)| Closer {
                passage,
                sentence,
                cosine: 0.0,
            })
            .collect();
        self.closer
            .iter()
            .map(|closer| {
                let passage = &self.passages[closer.passage];
                let range = &self.sentences[closer.passage][closer.sentence].range;
                let text = || passage.text[range.clone()].to_owned();
                passage.question.clone().unwrap_or_else(text)
            })
            .collect()
    }

    /// Chooses anew what to quote, now that the meanings of the sentences are known too. `question` and `sentences`:
    /// vectors of length 1 of the same model.
    pub fn look_closer<Vector: AsRef<[f32]>>(&mut self, question: &[f32], sentences: &[Vector]) {
        let mut best: Vec<Option<(f32, usize, f32)>> = vec![None; self.passages.len()];
        for (closer, vector) in self.closer.iter_mut().zip(sentences) {
            let cosine: f32 = question.iter().zip(vector.as_ref()).map(|(a, b)| a * b).sum();
            closer.cosine = cosine;
            let (p, s) = (closer.passage, closer.sentence);
            let sentence = &self.sentences[p][s];
            let score = quote::score_with_meaning(&sentence.features, cosine) + sentence.extra;
            if best[p].is_none_or(|(highest, ..)| score > highest) {
                best[p] = Some((score, s, cosine));
            }
        }
        let lowest = best
            .iter()
            .flatten()
            .map(|(score, ..)| *score)
            .fold(f32::MAX, f32::min);
        for (p, best) in best.into_iter().enumerate() {
            let passage = &mut self.passages[p];
            match best {
                Some((score, s, cosine)) => {
                    reading::choose(passage, &self.sentences[p][s], score);
                    passage.signals.quote_cosine = Some(cosine);
                }
                // Not looked at, because others were likelier: those scores are of another kind.
                None => passage.quote_score = passage.quote_score.min(lowest - 1.0),
            }
        }
    }

    /// What was seen of the sentences that were looked at closely.
    pub fn seen(&self) -> impl Iterator<Item = Seen> {
        self.closer.iter().map(|closer| {
            let Sentence {
                range,
                features: f,
                extra,
            } = &self.sentences[closer.passage][closer.sentence];
            Seen {
                passage: closer.passage,
                range: range.clone(),
                features: [
                    f.coverage,
                    f.coverage_around,
                    f.coverage_of_passage,
                    f.share_of_best,
                    f.neighbours,
                    f.kind,
                    f.news,
                    f32::from(u8::from(f.first)),
                    closer.cosine,
                    *extra,
                ],
            }
        })
    }
}
