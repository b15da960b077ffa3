//! The passages' vectors, eight bits a number, and the exact search of all of them.
//!
//! A passage takes 396 bytes at 384 dimensions. The question's vector keeps about fifteen bits a number, so that what is
//! lost is lost on the passages' side only. No approximate index: every passage is looked at, first at the upper four bits
//! of its numbers, which is half as much to read, then those that come near at all eight.

use pulp::Arch;
use std::collections::HashSet;

/// Each number of a passage's vector is one of -127 to 127 steps of its own size.
const STEPS: f32 = 127.0;
/// What is added to a step, so that all are positive: their upper and lower four bits are then kept apart.
const OFFSET: i32 = 128;
/// How far a cosine by the upper bits alone may be off, in sizes of a step: five deviations of its error. What is left out
/// of each number is even over sixteen steps, so deviates by 16/√12, and the question's length is 1.
const BLUR: f32 = 5.0 * 4.62;

/// Vectors by the number of their passage.
#[derive(Clone, Default)]
pub(crate) struct Vectors {
    dimensions: usize,
    /// Ascending.
    numbers: Vec<u64>,
    /// The upper four bits of each step, two to a byte: the first half of a vector's numbers in the lower bits of its
    /// bytes, the second half in the upper ones.
    upper: Vec<u8>,
    /// The lower four bits, in the same order.
    lower: Vec<u8>,
    /// How much one step of each vector is.
    sizes: Vec<f32>,
}

/// How near every passage is to a question.
pub(crate) struct Nearness<'a> {
    vectors: &'a Vectors,
    question: Asked,
    /// By the upper bits alone.
    blurred: Vec<f32>,
    /// How far they may be off.
    blur: f32,
    /// The farthest and the nearest.
    pub range: (f32, f32),
}

/// A question's vector, in steps, its halves apart as those of the passages are.
struct Asked {
    halves: [Vec<i16>; 2],
    /// The sum of its steps.
    sum: i32,
    /// What turns a product of steps into a cosine, but for the passage's own size.
    scale: f32,
}

impl Asked {
    /// `None` for a vector without a direction.
    fn of(question: &[f32]) -> Option<Self> {
        let length = question.iter().map(|x| x * x).sum::<f32>().sqrt();
        let largest = question.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        if length == 0.0 || !length.is_finite() {
            return None;
        }
        // As fine as a sum over all dimensions allows in 32 bits: a step with its offset has eight.
        let finest =
            (i32::MAX as f32 / (2.0 * OFFSET as f32 * question.len() as f32)).min(f32::from(i16::MAX));
        let step = largest / finest.floor();
        let steps: Vec<i16> = question.iter().map(|x| (x / step) as i16).collect();
        let (first, second) = steps.split_at(half(question.len()));
        let mut second = second.to_vec();
        second.resize(first.len(), 0);
        Some(Self {
            sum: steps.iter().map(|step| i32::from(*step)).sum(),
            halves: [first.to_vec(), second],
            scale: step / length,
        })
    }

    /// The sum of the products of its steps and these four bits of a vector's.
    #[inline(always)]
    fn times(&self, bits: &[u8]) -> i32 {
        let [first, second] = &self.halves;
        bits.iter()
            .zip(first)
            .zip(second)
            .map(|((bits, first), second)| {
                i32::from(bits & 15) * i32::from(*first) + i32::from(bits >> 4) * i32::from(*second)
            })
            .sum()
    }
}

const fn half(dimensions: usize) -> usize {
    dimensions.div_ceil(2)
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
        self.numbers.push(number);
        // With the widest instructions that this machine has.
        Arch::new().dispatch(|| self.push_steps(vector));
    }

    #[inline(always)]
    fn push_steps(&mut self, vector: &[f32]) {
        // Numbers without sign are ordered as their bits are, which is found for many of them at once.
        let largest = vector.iter().fold(0, |largest, x| x.abs().to_bits().max(largest));
        let largest = f32::from_bits(largest);
        let size = if largest > 0.0 { largest / STEPS } else { 1.0 };
        self.sizes.push(size);
        let step = |x: &f32| ((x / size).round_ties_even().clamp(-STEPS, STEPS) as i32 + OFFSET) as u8;
        let (first, second) = vector.split_at(half(self.dimensions));
        let (paired, alone) = first.split_at(second.len());
        let at = self.upper.len();
        self.upper.resize(at + second.len(), 0);
        self.lower.resize(at + second.len(), 0);
        let kept = self.upper[at..].iter_mut().zip(&mut self.lower[at..]);
        for ((first, second), (upper, lower)) in paired.iter().zip(second).zip(kept) {
            let (first, second) = (step(first), step(second));
            *upper = first >> 4 | second & 0xF0;
            *lower = first & 0x0F | second << 4;
        }
        for first in alone.iter().map(step) {
            self.upper.push(first >> 4 | OFFSET as u8);
            self.lower.push(first & 0x0F);
        }
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
            self.copy(number, other, at);
        }
    }

    fn copy(&mut self, number: u64, other: &Self, at: usize) {
        self.numbers.push(number);
        self.sizes.push(other.sizes[at]);
        let row = other.row(at);
        self.upper.extend_from_slice(&other.upper[row.clone()]);
        self.lower.extend_from_slice(&other.lower[row]);
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
                kept.copy(*number, self, i);
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
        self.numbers.len() * (size_of::<u64>() + size_of::<f32>() + 2 * half(self.dimensions))
    }

    fn row(&self, i: usize) -> std::ops::Range<usize> {
        let width = half(self.dimensions);
        i * width..(i + 1) * width
    }

    /// How near every passage is to a question. `None` when there is nothing to compare: no vectors, or of another model.
    pub(crate) fn nearness(&self, question: &[f32]) -> Option<Nearness<'_>> {
        if self.is_empty() || question.len() != self.dimensions {
            return None;
        }
        let question = Asked::of(question)?;
        // What the lower bits are on the average, and what was added to all of them.
        let rest = (7.5 - OFFSET as f32) * question.sum as f32;
        let mut blurred = vec![0.0f32; self.numbers.len()];
        let mut range = (f32::MAX, f32::MIN);
        // With the widest instructions that this machine has.
        Arch::new().dispatch(|| {
            let rows = self.upper.chunks_exact(half(self.dimensions));
            for ((row, size), cosine) in rows.zip(&self.sizes).zip(&mut blurred) {
                let upper = 16.0 * question.times(row) as f32;
                *cosine = (upper + rest) * size * question.scale;
                range = (range.0.min(*cosine), range.1.max(*cosine));
            }
        });
        let largest = self.sizes.iter().copied().fold(0.0f32, f32::max);
        let mut nearness = Nearness {
            vectors: self,
            question,
            blurred,
            blur: BLUR * largest,
            range,
        };
        nearness.range = nearness.sharpened(range);
        Some(nearness)
    }
}

impl Nearness<'_> {
    /// The cosine of question and passage, where the passage has a vector.
    pub(crate) fn of(&self, number: u64) -> Option<f32> {
        let at = self.vectors.numbers.binary_search(&number).ok()?;
        Some(self.at(at))
    }

    fn at(&self, i: usize) -> f32 {
        let row = self.vectors.row(i);
        let (upper, lower) = (&self.vectors.upper[row.clone()], &self.vectors.lower[row]);
        let sum = 16 * self.question.times(upper) + self.question.times(lower) - OFFSET * self.question.sum;
        sum as f32 * self.vectors.sizes[i] * self.question.scale
    }

    /// The true range, from that of the upper bits.
    fn sharpened(&self, (farthest, nearest): (f32, f32)) -> (f32, f32) {
        let mut range = (f32::MAX, f32::MIN);
        for (i, cosine) in self.blurred.iter().enumerate() {
            if *cosine <= farthest + 2.0 * self.blur || *cosine >= nearest - 2.0 * self.blur {
                let cosine = self.at(i);
                range = (range.0.min(cosine), range.1.max(cosine));
            }
        }
        range
    }

    /// The numbers of the `k` nearest, in no order.
    pub(crate) fn nearest(&self, k: usize) -> Vec<u64> {
        let mut order: Vec<u32> = (0..).take(self.blurred.len()).collect();
        if k > 0 && k < order.len() {
            let blurred = |i: u32| self.blurred[i as usize];
            let (_, last, _) =
                order.select_nth_unstable_by(k - 1, |&a, &b| blurred(b).total_cmp(&blurred(a)));
            // Whoever is among the k nearest is not farther than the last of those that only seem so.
            let farthest = blurred(*last) - 2.0 * self.blur;
            let mut near: Vec<(f32, u32)> = (0..)
                .zip(&self.blurred)
                .filter(|(_, cosine)| **cosine >= farthest)
                .map(|(i, _)| (self.at(i as usize), i))
                .collect();
            near.select_nth_unstable_by(k - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            order = near.into_iter().take(k).map(|(_, i)| i).collect();
        }
        order.truncate(k);
        order
            .into_iter()
            .map(|i| self.vectors.numbers[i as usize])
            .collect()
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
