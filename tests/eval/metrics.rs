//! What is measured, and how sure one may be of it.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::HashSet, fmt};

/// A mean over questions, with the interval in which it lies in 95 of 100 resamplings of them.
#[derive(Debug, Clone, Copy)]
pub struct Mean {
    pub value: f64,
    pub from: f64,
    pub to: f64,
}

const RESAMPLINGS: usize = 1000;

impl Mean {
    /// Of one value for each question.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len().max(1);
        let mean = |sum: f64| sum / count as f64;
        // The same in every run.
        let mut random = StdRng::seed_from_u64(7);
        let mut means: Vec<f64> = (0..RESAMPLINGS)
            .map(|_| {
                mean(
                    (0..values.len())
                        .map(|_| values[random.random_range(0..values.len())])
                        .sum(),
                )
            })
            .collect();
        means.sort_by(f64::total_cmp);
        Self {
            value: mean(values.iter().sum()),
            from: means[RESAMPLINGS * 25 / 1000],
            to: means[RESAMPLINGS * 975 / 1000],
        }
    }
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ({:.3}–{:.3})", self.value, self.from, self.to)
    }
}

/// How good one ranking is.
pub struct Ranking {
    pub ndcg: f64,
    pub recall: f64,
    pub mrr: f64,
}

/// nDCG@10, Recall@5 and MRR@10 of documents, best first, each once.
pub fn ranking(found: &[&str], relevant: &HashSet<String>) -> Ranking {
    let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let hits = || {
        (0..)
            .zip(found)
            .filter(|(_, id)| relevant.contains(**id))
            .map(|(place, _)| place)
    };
    let ideal: f64 = (0..relevant.len().min(10)).map(gain).sum();
    Ranking {
        ndcg: hits().take_while(|place| *place < 10).map(gain).sum::<f64>() / ideal,
        recall: hits().take_while(|place| *place < 5).count() as f64 / relevant.len() as f64,
        mrr: hits()
            .find(|place| *place < 10)
            .map_or(0.0, |place| 1.0 / (place + 1) as f64),
    }
}

/// Area under the curve: how often a question with an answer gets a higher value than one without.
pub fn auc(with: &[f32], without: &[f32]) -> f64 {
    let mut without = without.to_vec();
    without.sort_by(f32::total_cmp);
    let better: usize = with
        .iter()
        .map(|value| {
            without.partition_point(|other| other < value) + without.partition_point(|other| other <= value)
        })
        .sum();
    better as f64 / 2.0 / (with.len() * without.len()).max(1) as f64
}

/// Of those without an answer, the share that is answered when 94 of 100 with one are.
pub fn false_answers(with: &[f32], without: &[f32]) -> f64 {
    share(without, threshold(with))
}

/// The value that 94 in 100 of these reach.
pub fn threshold(with: &[f32]) -> f32 {
    let mut with = with.to_vec();
    with.sort_by(f32::total_cmp);
    with.get(with.len() * 6 / 100).copied().unwrap_or_default()
}

/// The share of values that reach a threshold.
pub fn share(values: &[f32], threshold: f32) -> f64 {
    values.iter().filter(|value| **value >= threshold).count() as f64 / values.len().max(1) as f64
}
