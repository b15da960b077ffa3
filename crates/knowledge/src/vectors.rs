//! The passages' vectors, eight bits a number, and the exact search of all of them.
//!
//! A passage takes 396 bytes at 384 dimensions. The question's vector keeps about fifteen bits a number, so that what is
//! lost is lost on the passages' side only. No approximate index: every passage is looked at.

use pulp::Arch;
use std::collections::HashSet;

/// Each number of a passage's vector is one of -127 to 127 steps of its own size.
const STEPS: f32 = 127.0;

/// Vectors by the number of their passage.
#[derive(Clone, Default)]
pub(crate) struct Vectors {
    dimensions: usize,
    /// Ascending.
    numbers: Vec<u64>,
    steps: Vec<i8>,
    /// How much one step of each vector is.
    sizes: Vec<f32>,
}

/// How near every passage is to a question.
pub(crate) struct Nearness<'a> {
    vectors: &'a Vectors,
    cosines: Vec<f32>,
    /// The farthest and the nearest.
    pub range: (f32, f32),
}

impl Vectors {
    /// Adds one that has a higher number than all before. Vectors of another length than the first are left out: they are
    /// another model's.
    pub(crate) fn push(&mut self, number: u64, vector: &[f32]) {
        if self.numbers.is_empty() {
            self.dimensions = vector.len();
        }
        if vector.len() != self.dimensions || vector.is_empty() {
            return;
        }
        let largest = vector.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let size = if largest > 0.0 { largest / STEPS } else { 1.0 };
        self.numbers.push(number);
        self.sizes.push(size);
        self.steps.extend(
            vector
                .iter()
                .map(|x| (x / size).round().clamp(-STEPS, STEPS) as i8),
        );
    }

    /// Adds another's under a new number, that is higher than all before. Nothing where it has none.
    pub(crate) fn push_copy(&mut self, number: u64, other: &Self, old: u64) {
        let Ok(at) = other.numbers.binary_search(&old) else {
            return;
        };
        if self.numbers.is_empty() {
            self.dimensions = other.dimensions;
        }
        if self.dimensions == other.dimensions {
            self.numbers.push(number);
            self.sizes.push(other.sizes[at]);
            self.steps.extend_from_slice(other.row(at));
        }
    }

    /// Takes out those of these numbers.
    pub(crate) fn remove(&mut self, gone: &HashSet<u64>) {
        if gone.is_empty() {
            return;
        }
        let mut kept = Self {
            dimensions: self.dimensions,
            ..Self::default()
        };
        for (i, number) in self.numbers.iter().enumerate() {
            if !gone.contains(number) {
                kept.numbers.push(*number);
                kept.sizes.push(self.sizes[i]);
                kept.steps.extend_from_slice(self.row(i));
            }
        }
        *self = kept;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is one under this number.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.numbers.binary_search(&number).is_ok()
    }

    /// How much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.numbers.len() * (size_of::<u64>() + size_of::<f32>() + self.dimensions)
    }

    fn row(&self, i: usize) -> &[i8] {
        &self.steps[i * self.dimensions..(i + 1) * self.dimensions]
    }

    /// How near every passage is to a question. `None` when there is nothing to compare: no vectors, or of another model.
    pub(crate) fn nearness(&self, question: &[f32]) -> Option<Nearness<'_>> {
        if self.is_empty() || question.len() != self.dimensions {
            return None;
        }
        let length = question.iter().map(|x| x * x).sum::<f32>().sqrt();
        let largest = question.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        if length == 0.0 || !length.is_finite() {
            return None;
        }
        // As fine as a sum over all dimensions allows in 32 bits.
        let finest = (i32::MAX as f32 / (STEPS * self.dimensions as f32)).min(f32::from(i16::MAX));
        let step = largest / finest.floor();
        let steps: Vec<i16> = question.iter().map(|x| (x / step) as i16).collect();
        let mut cosines = vec![0.0f32; self.numbers.len()];
        // With the widest instructions that this machine has.
        Arch::new().dispatch(|| {
            let rows = self.steps.chunks_exact(self.dimensions);
            for ((row, size), cosine) in rows.zip(&self.sizes).zip(&mut cosines) {
                let sum: i32 = row
                    .iter()
                    .zip(&steps)
                    .map(|(a, b)| i32::from(*a) * i32::from(*b))
                    .sum();
                *cosine = sum as f32 * size;
            }
        });
        let scale = step / length;
        let mut range = (f32::MAX, f32::MIN);
        for cosine in &mut cosines {
            *cosine *= scale;
            range = (range.0.min(*cosine), range.1.max(*cosine));
        }
        Some(Nearness {
            vectors: self,
            cosines,
            range,
        })
    }
}

impl Nearness<'_> {
    /// The cosine of question and passage, where the passage has a vector.
    pub(crate) fn of(&self, number: u64) -> Option<f32> {
        let at = self.vectors.numbers.binary_search(&number).ok()?;
        self.cosines.get(at).copied()
    }

    /// The numbers of the `k` nearest, in no order.
    pub(crate) fn nearest(&self, k: usize) -> Vec<u64> {
        let mut order: Vec<usize> = (0..self.cosines.len()).collect();
        if k < order.len() {
            order.select_nth_unstable_by(k, |&a, &b| self.cosines[b].total_cmp(&self.cosines[a]));
            order.truncate(k);
        }
        order.into_iter().map(|i| self.vectors.numbers[i]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of length 1 that look random, the same in every run.
    fn made(count: usize, dimensions: usize) -> Vec<Vec<f32>> {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..count)
            .map(|_| {
                // Sums of several, so that they are bell-shaped as real ones are.
                let mut vector: Vec<f32> = (0..dimensions).map(|_| next() + next() + next()).collect();
                let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
                vector.iter_mut().for_each(|x| *x /= length);
                vector
            })
            .collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn vectors(all: &[Vec<f32>]) -> Vectors {
        let mut vectors = Vectors::default();
        for (number, vector) in (0..).zip(all) {
            vectors.push(number, vector);
        }
        vectors
    }

    #[test]
    fn the_ten_nearest_are_those_of_the_full_vectors() {
        let all = made(4_000, 384);
        let vectors = vectors(&all[100..]);
        let mut same = 0;
        for question in &all[..100] {
            let mut exact: Vec<u64> = (0..3_900).collect();
            exact.sort_by(|a, b| {
                let of = |i: u64| cosine(question, &all[100 + i as usize]);
                of(*b).total_cmp(&of(*a))
            });
            let nearness = vectors.nearness(question).unwrap();
            let found = nearness.nearest(10);
            same += exact[..10].iter().filter(|number| found.contains(number)).count();
            for number in found {
                let error = nearness.of(number).unwrap() - cosine(question, &all[100 + number as usize]);
                assert!(error.abs() < 2e-3, "{error}");
            }
        }

        // Random vectors lie far closer together than those of texts.
        assert!(same >= 975, "{same} of 1000");
        assert!(vectors.bytes() / 3_900 <= 400);
    }

    #[test]
    fn what_was_taken_out_is_not_found_and_the_rest_is_as_before() {
        let all = made(50, 16);
        let mut vectors = vectors(&all);
        let before = vectors.nearness(&all[7]).unwrap().of(9);

        vectors.remove(&HashSet::from([7, 8]));

        let nearness = vectors.nearness(&all[7]).unwrap();
        assert_eq!((nearness.of(7), nearness.of(9)), (None, before));
        assert_eq!(nearness.nearest(100).len(), 48);
    }

    #[test]
    fn vectors_of_another_model_are_not_compared() {
        let mut vectors = vectors(&made(3, 16));
        vectors.push(9, &[1.0; 8]);

        assert!(vectors.nearness(&[1.0; 8]).is_none());
        assert!(vectors.nearness(&[1.0; 16]).unwrap().of(9).is_none());
        assert!(vectors.nearness(&[0.0; 16]).is_none());
    }
}
