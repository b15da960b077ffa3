//! An answer that is still being written, as much of it as may be shown.
//!
//! Invariant: what is shown grows, and is what the finished answer begins with, wherever the model keeps to the form that
//! it was asked for. Thoughts, references and the word for "no answer" are never shown, not even in halves.

use crate::{citations::without_markers, prompt::NO_ANSWER};

const THINK: &str = "<think>";
const THOUGHT: &str = "</think>";
/// A reference is shorter than this; anything longer is text in brackets.
const LONGEST_MARKER: usize = 40;

/// What may be shown of the text that has come so far.
pub(crate) fn shown(text: &str) -> String {
    let text = text.trim_start();
    if THINK.starts_with(text) {
        return String::new();
    }
    let text = match text.strip_prefix(THINK) {
        Some(thoughts) => thoughts.split_once(THOUGHT).map_or("", |(_, answer)| answer),
        None => text,
    };
    let text = without_half_a_marker(text).replace(NO_ANSWER, "");
    without_markers(without_half_of(NO_ANSWER, text.trim_end()))
}

/// A reference that has begun and not ended may turn out to be one or not. Brackets may stand in brackets.
fn without_half_a_marker(text: &str) -> &str {
    let mut open = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '[' | '【' => open.push(at),
            ']' | '】' => {
                open.pop();
            }
            _ => {}
        }
    }
    // From here on a bracket is near enough to the end to be that of a marker.
    let near = text
        .char_indices()
        .rev()
        .nth(LONGEST_MARKER - 1)
        .map_or(0, |(at, _)| at);
    let half = open.into_iter().find(|&at| at >= near);
    half.map_or(text, |at| &text[..at])
}

/// Without an end that is the beginning of a word and not all of it.
fn without_half_of<'t>(word: &str, text: &'t str) -> &'t str {
    (1..word.len())
        .rev()
        .find_map(|length| text.strip_suffix(&word[..length]))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything that is shown while a text comes byte by byte.
    fn steps(text: &str) -> Vec<String> {
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        ends.map(|end| shown(&text[..end])).collect()
    }

    #[test]
    fn what_is_shown_only_grows_and_ends_as_the_answer() {
        for (text, whole) in [
            ("Two days [1]. Free [2, 3].", "Two days. Free."),
            (
                "<think>Hm [1]</think> By post [1][2], not by NOrse code.",
                "By post, not by NOrse code.",
            ),
            (
                "See [the terms] and 【4†source】 more",
                "See [the terms] and more",
            ),
            ("Yes [[9]7]. No", "Yes. No"),
        ] {
            let steps = steps(text);

            for pair in steps.windows(2) {
                assert!(pair[1].starts_with(&pair[0]), "{:?} then {:?}", pair[0], pair[1]);
            }
            assert_eq!(steps.last().unwrap(), whole);
            assert!(
                steps
                    .iter()
                    .all(|step| !step.contains("[1") && !step.contains("Hm")),
                "{steps:?}"
            );
        }
    }

    #[test]
    fn a_model_that_finds_no_answer_shows_nothing() {
        for text in ["NO_ANSWER", " NO_ANSWER", "<think>hm</think>NO_ANSWER", "<thi"] {
            assert!(
                steps(text).iter().all(String::is_empty),
                "{text:?}: {:?}",
                steps(text)
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_shown_without_references(text in r"[a-zN_O \[\]0-9,【】<>/]{0,60}") {
            for step in steps(&text) {
                prop_assert_eq!(&without_markers(&step), &step);
            }
        }
    }
}
