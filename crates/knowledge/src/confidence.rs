//! Whether what was found answers the question at all.
//!
//! The weights come from a logistic regression on half of SQuAD 2.0's development set (16 articles, 646 paragraphs, 2,910
//! answerable questions), in which each question was asked of chatbots of three sizes that know the answer (all articles;
//! its article; four paragraphs) and of such that do not (all articles but its own; another article; four paragraphs of
//! another article; and, counting a tenth, of those that lack only its paragraph). Predicted for articles that were not
//! learned from, the area under the curve is 0.988 for questions off the one subject that a chatbot knows, 0.995 for
//! chatbots of four paragraphs, 0.966 when one article of sixteen is missing, 0.865 when one paragraph of all is. It hardly tells
//! questions that were written to look answerable (0.58): words alone do not say enough for that.

use domain::Passage;

/// Below this the chatbot rather says that it does not know. On the questions above, by words alone: of those that a chatbot
/// of one subject can answer it refuses 8 in 100, of those off its subject it answers 2 in 100; with meaning 6 and less
/// than 1.
pub const DEFAULT_THRESHOLD: f32 = 0.4;

/// How sure one may be that the passages answer the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// From 0 to 1.
    pub value: f32,
    /// What it was made of.
    pub signals: Signals,
}

/// The best of the first passages in each respect: see `domain::PassageSignals`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// Share of the question's words in a passage.
    pub coverage: f32,
    /// Share of the question's words in the sentence that would be quoted.
    pub quote_coverage: f32,
    /// Score, as a share of what the best thinkable passage would reach.
    pub relative_score: f32,
    /// Share of the question's names and numbers in a passage.
    pub names: f32,
    /// Share of the question's neighbouring words that are neighbours in the quote.
    pub neighbours: f32,
    /// How likely the answer stands in the quote.
    pub quote_score: f32,
    /// How alike the question and that of the best-fitting pair are, where the quote is a pair's.
    pub pair_likeness: Option<f32>,
    /// How many words the question is about.
    pub words: u16,
    /// Among how many passages they were found.
    pub among: u64,
    /// How near the meanings of question and passage are; `None` where they were not compared.
    pub cosine: Option<f32>,
    /// How near those of the question and the nearest sentence are.
    pub quote_cosine: Option<f32>,
}

/// With meaning fewer questions need be refused than the threshold would: with this, 94 in 100 of those that a chatbot of one
/// subject can answer are still answered, and of those whose article is missing 6 in 100 and no more 10; with what many
/// passages take, below, 5.
const CAREFUL: f32 = -0.89;
/// So many passages a chatbot of one subject has, for which the threshold was chosen.
const A_SUBJECT: f32 = 100.0;
/// How much surer one has to be for each e times as many.
const CHANCE: f32 = 0.12;
/// So many of the first passages are looked at: the best sentence is seldom further down.
pub(crate) const FIRST: usize = 3;

impl Confidence {
    /// Whether the passages may be answered from.
    pub fn suffices(&self) -> bool {
        self.value >= DEFAULT_THRESHOLD
    }
}

/// How sure one may be that these passages, as a search found them, answer its question.
pub fn confidence(passages: &[Passage]) -> Confidence {
    let first = &passages[..passages.len().min(FIRST)];
    let Some(quoted) = first
        .iter()
        .max_by(|a, b| a.quote_score.total_cmp(&b.quote_score))
    else {
        return Confidence {
            value: 0.0,
            signals: Signals::default(),
        };
    };
    let best = |of: fn(&Passage) -> f32| first.iter().map(of).fold(0.0f32, f32::max);
    let nearest = |of: fn(&Passage) -> Option<f32>| first.iter().filter_map(of).max_by(f32::total_cmp);
    let signals = Signals {
        coverage: best(|p| p.signals.coverage),
        quote_coverage: best(|p| p.signals.quote_coverage),
        relative_score: best(|p| p.signals.relative_score),
        names: best(|p| p.signals.names),
        neighbours: best(|p| p.signals.neighbours),
        quote_score: quoted.quote_score,
        pair_likeness: quoted.signals.pair_likeness,
        words: quoted.signals.words,
        among: quoted.signals.among,
        cosine: nearest(|p| p.signals.cosine),
        quote_cosine: nearest(|p| p.signals.quote_cosine),
    };
    Confidence {
        value: signals.value(),
        signals,
    }
}

impl Signals {
    /// How sure they make one that the question is answered, from 0 to 1.
    pub fn value(&self) -> f32 {
        let meant = self.cosine.zip(self.quote_cosine);
        let text = match meant {
            Some((cosine, quote_cosine)) => self.by_words_and_meaning(cosine, quote_cosine),
            None => self.by_words(),
        };
        let more = match self.pair_likeness {
            // A pair's question says what it answers: another question needs more than common words. Not learned, the data
            // has no pairs: questions that share half of their words with it are judged as text would be.
            Some(likeness) => 6.0 * (likeness - 0.5),
            None if meant.is_some() => CAREFUL - self.chance(),
            None => 0.0,
        };
        1.0 / (1.0 + (-(text + more)).exp())
    }

    /// How much of it chance may have done: the nearest of many passages is nearer than that of a few, whatever is asked.
    fn chance(&self) -> f32 {
        let times = self.among as f32 / A_SUBJECT;
        CHANCE * times.max(1.0).ln()
    }

    fn by_words(&self) -> f32 {
        -5.61
            + 1.07 * self.coverage
            + 0.80 * self.quote_coverage
            + 1.49 * self.relative_score
            + 1.30 * self.names
            + 1.79 * self.neighbours
            + 0.40 * self.quote_score
            - 2.01 / f32::from(self.words.max(1))
    }

    /// Fitted in the same way. For articles that were not learned from, the area under the curve is 0.998 for questions
    /// off the one subject, 0.987 when an article is missing, 0.842 when a paragraph is, 0.633 for those written to look
    /// answerable.
    fn by_words_and_meaning(&self, cosine: f32, quote_cosine: f32) -> f32 {
        -10.27 + 4.58 * self.coverage + 1.97 * self.quote_coverage - 5.69 * self.relative_score
            + 1.31 * self.names
            + 2.58 * self.neighbours
            + 4.94 * cosine
            + 9.87 * quote_cosine
            + 2.77 / f32::from(self.words.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_meaning_the_surer() {
        let at = |cosine: f32| {
            let signals = Signals {
                coverage: 0.5,
                relative_score: 0.3,
                names: 1.0,
                words: 4,
                cosine: Some(cosine),
                quote_cosine: Some(cosine),
                ..Signals::default()
            };
            signals.value()
        };

        assert!(at(0.1) < 0.1, "{}", at(0.1));
        assert!(at(0.7) > 0.8, "{}", at(0.7));
    }
}
