//! Questions that mean nothing alone: "and on Sundays?", "how much is it?". They are searched for together with what was
//! asked before.
//!
//! Invariant: a question that stands by itself is never mixed with another one, so that an earlier subject does not answer
//! what it has nothing to do with.

use domain::Direction;
use store::turns::Earlier;

/// More words than this say what they are about.
const FEW: usize = 2;
/// With a word that points back, a question may be this long.
const MANY: usize = 9;

/// Whoever writes more than this, in words or characters, says all of what they mean.
const WHOLE_WORDS: usize = 16;
const WHOLE_CHARACTERS: usize = 140;

/// How a question goes on from the one before, as its first words.
const BEGINNINGS: &[&str] = &[
    "and ",
    "or ",
    "but ",
    "also ",
    "what about ",
    "how about ",
    "what if ",
    "why ",
    "und ",
    "oder ",
    "aber ",
    "auch ",
    "was ist mit ",
    "wie ist es mit ",
    "warum ",
    "et ",
    "ou ",
    "mais ",
    "aussi ",
    "pourquoi ",
    "y ",
    "o ",
    "pero ",
    "también ",
    "por qué ",
    "e ",
    "ma ",
    "perché ",
    "а ",
    "и ",
    "или ",
];
/// Words that stand for something that was named before.
const POINTING: &[&str] = &[
    "it", "its", "that", "this", "they", "them", "their", "those", "these", "there", "he", "she", "him",
    "her", "one", "ones", "then", "es", "das", "dies", "diese", "dieser", "sie", "ihn", "ihm", "dort",
    "dann", "davon", "dafür", "dazu", "ça", "cela", "celui", "celle", "ils", "elles", "eso", "esto", "ese",
    "esa", "ellos", "quello", "questo", "это", "этот", "они", "там",
];
/// Short and complete: nothing before them matters.
const COMPLETE: &[&str] = &[
    "hi", "hello", "hey", "thanks", "thank", "ok", "okay", "yes", "no", "bye", "hallo", "danke", "ja",
    "nein", "bonjour", "merci", "oui", "non", "hola", "gracias", "sí", "ciao", "grazie",
];

/// Words that say nothing of what is asked about.
const EMPTY: &[&str] = &[
    "how", "much", "many", "long", "what", "when", "where", "who", "which", "why", "is", "are", "was",
    "were", "do", "does", "did", "can", "could", "will", "would", "should", "must", "may", "have", "has",
    "the", "a", "an", "to", "on", "in", "at", "of", "for", "with", "from", "about", "i", "you", "we", "my",
    "your", "me", "us", "and", "or", "but", "also", "if", "be", "get", "cost", "wie", "viel", "viele",
    "lange", "was", "wann", "wo", "wer", "welche", "warum", "ist", "sind", "kann", "muss", "darf", "wird",
    "der", "die", "ein", "eine", "zu", "am", "im", "an", "auf", "für", "mit", "von", "ich", "wir", "mein",
    "und", "oder", "aber", "auch", "kostet", "kosten",
];

/// Whether the question names something itself: knowledge that does not have the word has no answer, whatever was asked
/// before.
pub(crate) fn names_something(question: &str) -> bool {
    words(&question.to_lowercase())
        .iter()
        .any(|word| !EMPTY.contains(word) && !POINTING.contains(word))
}

fn words(lower: &str) -> Vec<&str> {
    lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether the question is short enough to leave something out, in whatever language.
pub(crate) fn may_rest_on_others(question: &str) -> bool {
    let trimmed = question.trim();
    let lower = trimmed.to_lowercase();
    let words = words(&lower);
    let says_nothing = words.is_empty() || (COMPLETE.contains(&words[0]) && words.len() <= 3);
    !says_nothing && words.len() <= WHOLE_WORDS && trimmed.chars().count() <= WHOLE_CHARACTERS
}

/// Whether the question may need what was said before it to be understood, as far as its words tell.
pub(crate) fn may_follow_up(question: &str) -> bool {
    let lower = question.trim().to_lowercase();
    let words = words(&lower);
    let Some(first) = words.first() else {
        return false;
    };
    if COMPLETE.contains(first) && words.len() <= 3 {
        return false;
    }
    let points_back = words.iter().any(|word| POINTING.contains(word));
    let goes_on = BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning));
    (words.len() <= MANY && (points_back || goes_on)) || words.len() <= FEW
}

/// What is searched for in its place: the contact's question before it, and itself. `None`: nothing was asked before.
/// `earlier`: what was said, oldest first, without the question.
pub(crate) fn condensed(question: &str, earlier: &[Earlier]) -> Option<String> {
    let before = earlier
        .iter()
        .rev()
        .filter(|message| message.direction == Direction::Inbound)
        // One that goes on itself is about what the one before it is about.
        .take(2)
        .map(|message| message.text.trim())
        .filter(|text| !text.is_empty());
    let mut parts = Vec::new();
    for text in before {
        parts.push(text);
        if !may_follow_up(text) {
            break;
        }
    }
    if parts.is_empty() {
        return None;
    }
    parts.reverse();
    parts.push(question.trim());
    Some(parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(messages: &[(Direction, &str)]) -> Vec<Earlier> {
        messages
            .iter()
            .map(|(direction, text)| Earlier {
                direction: *direction,
                text: (*text).to_owned(),
            })
            .collect()
    }

    #[test]
    fn what_points_back_or_goes_on_may_be_a_follow_up_and_a_whole_question_is_none() {
        for question in [
            "And on Sundays?",
            "how much is it?",
            "What about islands?",
            "Und am Sonntag?",
            "Why?",
            "in winter",
            "Can I send them back after a month?",
        ] {
            assert!(may_follow_up(question), "{question}");
        }
        for question in [
            "How long do parcels within the country take?",
            "Do you repair bicycles?",
            "Hello!",
            "thanks a lot",
            "",
        ] {
            assert!(!may_follow_up(question), "{question}");
        }
    }

    #[test]
    fn a_short_question_of_any_language_may_rest_on_others_and_a_greeting_or_a_long_one_does_not() {
        for question in [
            "Ya pazar günleri?",
            "那周日呢？",
            "And on Sundays?",
            "Do you repair bicycles?",
        ] {
            assert!(may_rest_on_others(question), "{question}");
        }
        let long = "My parcel was sent to the wrong house last week ".repeat(3);
        for question in ["Hello!", "thanks a lot", "", "?", &long] {
            assert!(!may_rest_on_others(question), "{question}");
        }
    }

    #[test]
    fn a_question_that_names_something_is_told_from_one_that_only_points() {
        assert!(names_something("And pizza?"));
        assert!(!names_something("And how much is it?"));
    }

    #[test]
    fn it_is_searched_for_with_the_question_before_it_and_a_chain_with_its_beginning() {
        let said = earlier(&[
            (Direction::Inbound, "Where is the workshop of the company?"),
            (Direction::Outbound, "In Bristol."),
            (Direction::Inbound, "How long do parcels within the country take?"),
            (Direction::Outbound, "Two working days."),
            (Direction::Inbound, "And to islands?"),
            (Direction::Outbound, "A week."),
        ]);

        assert_eq!(
            condensed("And in winter?", &said).unwrap(),
            "How long do parcels within the country take?\nAnd to islands?\nAnd in winter?"
        );
        assert_eq!(
            condensed("And to islands?", &said[..4]).unwrap(),
            "How long do parcels within the country take?\nAnd to islands?"
        );
        assert_eq!(condensed("And to islands?", &[]), None);
    }
}
