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

/// Below this the chatbot rather says that it does not know. On the questions above: of those that a chatbot of one
/// subject can answer it refuses 8 in 100, of those off its subject it answers 2 in 100.
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
}

/// So many of the first passages are looked at: the best sentence is seldom further down.
const FIRST: usize = 3;

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
    let signals = Signals {
        coverage: best(|p| p.signals.coverage),
        quote_coverage: best(|p| p.signals.quote_coverage),
        relative_score: best(|p| p.signals.relative_score),
        names: best(|p| p.signals.names),
        neighbours: best(|p| p.signals.neighbours),
        quote_score: quoted.quote_score,
        pair_likeness: quoted.signals.pair_likeness,
        words: quoted.signals.words,
    };
    Confidence {
        value: value(&signals),
        signals,
    }
}

fn value(s: &Signals) -> f32 {
    let text = -5.61
        + 1.07 * s.coverage
        + 0.80 * s.quote_coverage
        + 1.49 * s.relative_score
        + 1.30 * s.names
        + 1.79 * s.neighbours
        + 0.40 * s.quote_score
        - 2.01 / f32::from(s.words.max(1));
    // A pair's question says what it answers: another question needs more than common words. Not learned, the data has
    // no pairs: questions that share half of their words with it are judged as text would be.
    let pair = s.pair_likeness.map_or(0.0, |likeness| 6.0 * (likeness - 0.5));
    1.0 / (1.0 + (-(text + pair)).exp())
}
