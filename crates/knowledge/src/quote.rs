//! How likely the answer stands in a sentence.

/// What is seen of a sentence. Shares from 0 to 1, of the question's words by their weight.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Features {
    /// In the sentence.
    pub coverage: f32,
    /// In it, the ones beside it, the title and the headings.
    pub coverage_around: f32,
    /// In the whole passage.
    pub coverage_of_passage: f32,
    /// The passage's score, as a share of the search's best.
    pub share_of_best: f32,
    /// Of the question's neighbouring words, those that are neighbours here.
    pub neighbours: f32,
    /// Whether it holds the kind of thing that is asked for.
    pub kind: f32,
    /// How many of its words are not the question's: an answer says something new.
    pub news: f32,
    /// Whether it begins the passage.
    pub first: bool,
    /// Of a pair: how alike the questions are.
    pub likeness: f32,
}

pub(crate) const COUNT: usize = 10;

pub(crate) fn vector(features: &Features) -> [f32; COUNT] {
    [
        features.coverage,
        features.coverage_around,
        features.coverage_of_passage,
        features.share_of_best,
        features.neighbours,
        features.kind,
        features.kind * features.coverage,
        (1.0 + features.news).ln(),
        if features.first { 1.0 } else { 0.0 },
        features.likeness,
    ]
}

pub(crate) const WEIGHTS: [f32; COUNT] = [3.46, 3.49, 2.89, 3.58, 2.29, 0.9, 2.5, -0.1, -0.17, 4.0];

/// Higher is likelier. Comparable between the passages of one search.
pub(crate) fn score(features: &Features) -> f32 {
    vector(features).iter().zip(WEIGHTS).map(|(feature, weight)| feature * weight).sum()
}
