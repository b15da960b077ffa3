//! Whether one run is worse than another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One question of a run, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Which golden question it is.
    pub golden: Option<Uuid>,
    /// As it was asked.
    pub question: String,
    /// Whether something had to be found.
    pub to_be_found: bool,
    /// Where it stood, from 1.
    pub rank: Option<i32>,
    /// Whether everything was as expected.
    pub passed: bool,
}

/// How well a run did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// How many questions it has.
    pub questions: i64,
    /// How many of them were answered as expected.
    pub passed: i64,
    /// In how many something had to be found.
    pub ranked: i64,
    /// The share of those in which it was found among the passages that an answer may rest on.
    pub hit_at_k: f64,
    /// The mean of 1/rank over them, 0 where it was not found.
    pub mrr: f64,
}

/// What got worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worse {
    /// In words.
    pub reasons: Vec<String>,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Scores>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Scores>,
    /// The questions that did worse.
    #[serde(default)]
    pub questions: Vec<Change>,
}

/// A question that did worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// As it was asked.
    pub question: String,
    /// Where it was found before.
    pub rank_before: Option<i32>,
    /// Where it is found now.
    pub rank_after: Option<i32>,
    /// Whether it was answered as expected.
    pub passed_before: bool,
    /// Whether it is now.
    pub passed_after: bool,
}

/// A mean that differs by less is the same.
const SAME: f64 = 1e-9;

impl Scores {
    /// Of these questions.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 golden questions")]
    pub fn of(tried: &[Tried]) -> Self {
        let to_be_found: Vec<&Tried> = tried.iter().filter(|tried| tried.to_be_found).collect();
        let share = |sum: f64| match to_be_found.len() {
            0 => 0.0,
            ranked => sum / ranked as f64,
        };
        let hits = to_be_found.iter().filter(|tried| tried.rank.is_some()).count();
        let reciprocal = to_be_found
            .iter()
            .filter_map(|tried| tried.rank)
            .map(|rank| 1.0 / f64::from(rank.max(1)));
        Self {
            questions: count(tried.len()),
            passed: count(tried.iter().filter(|tried| tried.passed).count()),
            ranked: count(to_be_found.len()),
            hit_at_k: share(hits as f64),
            mrr: share(reciprocal.sum()),
        }
    }
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// What got worse from one run to another, over the questions that both have. `None`: nothing.
pub fn worse(before: &[Tried], after: &[Tried]) -> Option<Worse> {
    let pairs: Vec<(&Tried, &Tried)> = after
        .iter()
        .filter_map(|after| {
            let same = |before: &&Tried| before.golden == after.golden && before.question == after.question;
            Some((before.iter().find(same)?, after))
        })
        .collect();
    let of = |pick: fn(&(&Tried, &Tried)) -> Tried| Scores::of(&pairs.iter().map(pick).collect::<Vec<_>>());
    let (was, is) = (of(|pair| pair.0.clone()), of(|pair| pair.1.clone()));
    let mut reasons = Vec::new();
    if is.passed < was.passed {
        reasons.push(format!(
            "answered as expected: {} of {} before, {} now",
            was.passed, was.questions, is.passed
        ));
    }
    if is.hit_at_k < was.hit_at_k - SAME {
        reasons.push(format!(
            "hit@k: {:.2} before, {:.2} now",
            was.hit_at_k, is.hit_at_k
        ));
    }
    if is.mrr < was.mrr - SAME {
        reasons.push(format!("MRR: {:.2} before, {:.2} now", was.mrr, is.mrr));
    }
    if reasons.is_empty() {
        return None;
    }
    let questions = pairs
        .iter()
        .filter(|(before, after)| did_worse(before, after))
        .map(|(before, after)| Change {
            question: after.question.clone(),
            rank_before: before.rank,
            rank_after: after.rank,
            passed_before: before.passed,
            passed_after: after.passed,
        })
        .collect();
    Some(Worse {
        reasons,
        before: Some(was),
        after: Some(is),
        questions,
    })
}

fn did_worse(before: &Tried, after: &Tried) -> bool {
    let place = |tried: &Tried| tried.rank.unwrap_or(i32::MAX);
    (before.passed && !after.passed) || place(after) > place(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(question: &str, rank: Option<i32>, passed: bool) -> Tried {
        Tried {
            golden: None,
            question: question.to_owned(),
            to_be_found: true,
            rank,
            passed,
        }
    }

    #[test]
    fn a_run_is_scored_by_what_had_to_be_found() {
        let mut free = tried("c", None, true);
        free.to_be_found = false;

        let scores = Scores::of(&[tried("a", Some(2), true), tried("b", None, false), free]);

        assert_eq!((scores.questions, scores.passed, scores.ranked), (3, 2, 2));
        assert!((scores.hit_at_k - 0.5).abs() < SAME && (scores.mrr - 0.25).abs() < SAME);
    }

    #[test]
    fn an_answer_that_is_lost_makes_it_worse_and_one_that_is_won_does_not() {
        let before = [tried("a", Some(1), true), tried("b", Some(1), false)];
        let lost = [tried("a", Some(1), false), tried("b", Some(1), false)];
        let won = [tried("a", Some(1), true), tried("b", Some(1), true)];

        let verdict = worse(&before, &lost).unwrap();

        assert_eq!(verdict.questions.len(), 1);
        assert_eq!(verdict.questions[0].question, "a");
        assert!(verdict.reasons[0].contains("1 of 2 before, 0 now"), "{verdict:?}");
        assert_eq!(worse(&before, &won), None);
        assert_eq!(worse(&before, &before), None);
    }

    #[test]
    fn what_is_found_further_down_makes_it_worse() {
        let verdict = worse(&[tried("a", Some(1), true)], &[tried("a", Some(3), true)]).unwrap();

        assert!(verdict.reasons[0].starts_with("MRR"), "{verdict:?}");
        assert_eq!(
            (verdict.questions[0].rank_before, verdict.questions[0].rank_after),
            (Some(1), Some(3))
        );
    }

    #[test]
    fn a_question_that_is_new_makes_nothing_worse() {
        let before = [tried("a", Some(1), true)];

        assert_eq!(
            worse(&before, &[tried("a", Some(1), true), tried("new", None, false)]),
            None
        );
        assert_eq!(worse(&[], &[tried("new", None, false)]), None);
    }
}
