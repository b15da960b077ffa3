//! Questions that ask much the same, together.

use crate::{analyze::Analyzer, language::Language};
use std::collections::{HashMap, HashSet};

/// From here on two questions are about the same.
const ALIKE: f32 = 0.5;
/// So many different words of a question are looked at: more say what a letter is about, not a question.
const MOST_TERMS: usize = 40;
/// So many groups with the same word are looked at: a word that is in more says little.
const MOST_LEADERS: usize = 100;

/// Puts questions together that share their rarer words. Groups and what is in them are places in `questions`; the largest
/// group stands first, and of those as large the one whose first question does. Each question is in one group.
pub fn groups<Text: AsRef<str>>(questions: &[Text]) -> Vec<Vec<usize>> {
    let analyzer = Analyzer::new(Language::of(questions.iter().map(AsRef::as_ref)));
    let terms: Vec<HashSet<String>> = questions
        .iter()
        .map(|question| {
            let terms = analyzer.question_terms(question.as_ref());
            terms.into_iter().take(MOST_TERMS).map(|term| term.text).collect()
        })
        .collect();
    let weights = weights(&terms);
    // Where each term occurs among the groups' first questions: only those can be alike.
    let mut leaders: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, own) in terms.iter().enumerate() {
        let candidates: HashSet<usize> = own
            .iter()
            .filter_map(|term| leaders.get(term.as_str()))
            .flatten()
            .copied()
            .collect();
        let best = candidates
            .into_iter()
            .map(|group| (group, likeness(own, &terms[groups[group][0]], &weights)))
            .filter(|(_, likeness)| *likeness >= ALIKE)
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        if let Some((group, _)) = best {
            groups[group].push(place);
            continue;
        }
        for term in own {
            let known = leaders.entry(term).or_default();
            if known.len() < MOST_LEADERS {
                known.push(groups.len());
            }
        }
        groups.push(vec![place]);
    }
    groups.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].cmp(&b[0])));
    groups
}

/// The rarer a term is among the questions, the more it says.
fn weights(terms: &[HashSet<String>]) -> HashMap<&str, f32> {
    let mut counts: HashMap<&str, f32> = HashMap::new();
    for term in terms.iter().flatten() {
        *counts.entry(term).or_default() += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of questions")]
    let all = terms.len() as f32;
    for count in counts.values_mut() {
        *count = (1.0 + all / *count).ln();
    }
    counts
}

/// The weight of what two questions share, as a share of what the heavier one has.
fn likeness(a: &HashSet<String>, b: &HashSet<String>, weights: &HashMap<&str, f32>) -> f32 {
    let weight = |terms: &mut dyn Iterator<Item = &String>| -> f32 {
        terms.filter_map(|term| weights.get(term.as_str())).sum()
    };
    let shared = weight(&mut a.intersection(b));
    let heavier = weight(&mut a.iter()).max(weight(&mut b.iter()));
    if heavier > 0.0 { shared / heavier } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_the_same_are_one_group_and_the_largest_is_first() {
        let asked = [
            "Can I pay by invoice?",
            "Do you ship to Norway?",
            "is shipping to norway possible",
            "Shipping Norway?",
            "Paying by invoice",
            "Where are you?",
        ];

        assert_eq!(groups(&asked), [vec![1, 2, 3], vec![0, 4], vec![5]]);
    }

    #[test]
    fn what_shares_a_common_word_only_stays_apart() {
        let asked = [
            "Do you ship to Norway?",
            "Do you ship kettles to schools in Sweden?",
            "Do you ship on Sundays?",
        ];

        assert_eq!(groups(&asked).len(), 3);
        assert_eq!(groups::<&str>(&[]), Vec::<Vec<usize>>::new());
    }
}
