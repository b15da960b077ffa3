//! Whether what was found answers the question at all.

use domain::Passage;

/// How sure one may be that the passages answer the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// From 0 to 1: of questions with this value, about this share is answered by the passages.
    pub value: f32,
    /// What it was made of.
    pub signals: Signals,
}

/// What a confidence was made of.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// The best passage's share of the question's words.
    pub coverage: f32,
}

pub(crate) const COUNT: usize = 16;

pub(crate) fn vector(passages: &[Passage]) -> [f32; COUNT] {
    let Some(top) = passages.first() else { return [0.0; COUNT] };
    let best = |of: fn(&Passage) -> f32| passages.iter().take(3).map(of).fold(0.0f32, f32::max);
    let second = passages.get(1).map_or(0.0, |p| p.score);
    let s = top.signals;
    [
        best(|p| p.signals.coverage),
        best(|p| p.signals.quote_coverage),
        s.known,
        best(|p| p.signals.relative_score),
        best(|p| p.signals.names),
        best(|p| p.signals.proximity),
        best(|p| p.signals.kind_found),
        if top.score > 0.0 { 1.0 - second / top.score } else { 0.0 },
        1.0 / f32::from(s.words.max(1)),
        s.coverage,
        best(|p| p.signals.neighbours),
        best(|p| p.signals.rarest),
        best(|p| p.signals.evidence).ln_1p(),
        best(|p| p.quote_score),
        if top.score > 0.0 { 1.0 - passages.get(4).map_or(0.0, |p| p.score) / top.score } else { 0.0 },
        s.quote_coverage,
    ]
}
