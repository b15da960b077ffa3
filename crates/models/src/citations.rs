//! The markers `[1]` in an answer.
//!
//! Invariant: what comes out refers only to passages that were in the prompt. A marker that the model made up is taken
//! out, and those that remain are numbered by their first mention.

use std::ops::Range;

/// One marker, as it was found.
struct Marker {
    /// Where it stands, its brackets included.
    range: Range<usize>,
    /// What it refers to, from 1.
    numbers: Vec<usize>,
}

/// An answer's text with checked markers, and what they refer to: places among the passages, from 0.
pub(crate) fn check(text: &str, passages: usize) -> (String, Vec<usize>) {
    let known = settled(text, |number| (1..=passages).contains(&number).then_some(number));
    let mut cited: Vec<usize> = Vec::new();
    let text = rewrite(&known, |number| {
        let passage = number.checked_sub(1)?;
        let place = cited
            .iter()
            .position(|known| *known == passage)
            .unwrap_or_else(|| {
                cited.push(passage);
                cited.len() - 1
            });
        Some(place + 1)
    });
    (text, cited)
}

/// An answer's text for a place where references mean nothing, such as an SMS.
pub fn without_markers(text: &str) -> String {
    settled(text, |_| None)
}

/// Whoever nests brackets deeper than this wants something else than to refer to a passage.
const DEEPEST: usize = 8;

/// Taking a marker out can bring brackets together that were none before: again, until nothing changes. Brackets that are
/// still not done with then become round ones, so that they refer to nothing.
fn settled(text: &str, number: impl Fn(usize) -> Option<usize>) -> String {
    let mut text = text.trim().to_owned();
    for _ in 0..DEEPEST {
        let next = rewrite(&text, &number);
        if next == text {
            return text;
        }
        text = next;
    }
    text.replace(['[', '【'], "(").replace([']', '】'], ")")
}

/// Replaces the number of every marker, and takes out those without a replacement.
fn rewrite(text: &str, mut number: impl FnMut(usize) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for marker in markers(text) {
        let before = &text[rest..marker.range.start];
        let mut kept: Vec<usize> = marker.numbers.into_iter().filter_map(&mut number).collect();
        kept.dedup();
        out.push_str(before);
        if kept.is_empty() {
            // The space before a marker goes with it: "so [9]." becomes "so."
            out.truncate(out.trim_end_matches(' ').len());
        } else {
            out.extend(kept.into_iter().map(|number| format!("[{number}]")));
        }
        rest = marker.range.end;
    }
    out.push_str(&text[rest..]);
    out.trim().to_owned()
}

/// `[1]`, `[1, 2]`, `[1][2]`, `[passage 3]`, and `【4†source】` as some models write them.
fn markers(text: &str) -> Vec<Marker> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, open)) = text[at..].char_indices().find(|(_, c)| matches!(c, '[' | '【')) {
        let start = at + start;
        let inside = start + open.len_utf8();
        let close = if open == '[' { ']' } else { '】' };
        at = inside;
        // A marker is short; anything longer is text in brackets.
        let Some(length) = text[inside..]
            .char_indices()
            .take(40)
            .find(|(_, c)| *c == close)
            .map(|(i, _)| i)
        else {
            continue;
        };
        let content = &text[inside..inside + length];
        if let Some(numbers) = numbers(content, open) {
            at = inside + length + close.len_utf8();
            found.push(Marker {
                range: start..at,
                numbers,
            });
        }
    }
    found
}

fn numbers(content: &str, open: char) -> Option<Vec<usize>> {
    let content = if open == '【' {
        content.split('†').next().unwrap_or(content)
    } else {
        content
    };
    let content = content.trim();
    let content = ["passages", "passage", "sources", "source"]
        .iter()
        .find_map(|word| {
            content
                .get(..word.len())
                .filter(|c| c.eq_ignore_ascii_case(word))
                .map(|w| &content[w.len()..])
        })
        .unwrap_or(content);
    let parts = content
        .split([',', ';', ' ', '，', '、'])
        .filter(|part| !part.is_empty());
    let numbers: Vec<usize> = parts
        .map(|part| {
            // What does not fit is a made-up number like any other.
            part.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| part.parse().unwrap_or(usize::MAX))
        })
        .collect::<Option<_>>()?;
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brackets_without_end_are_soon_done_with_and_refer_to_nothing() {
        let nested = format!("{}{}", "[".repeat(200_000), "9]".repeat(200_000));

        let (text, cited) = check(&nested, 3);

        assert!(cited.is_empty() && !text.contains('[') && !text.contains(']'));
        assert_eq!(check("So [[9]1].", 3), ("So [1].".to_owned(), vec![0]));
    }

    #[test]
    fn markers_are_numbered_by_their_first_mention() {
        let (text, cited) = check("By post [3]. In two days [1, 3]. Free [3][1].", 3);

        assert_eq!(text, "By post [1]. In two days [2][1]. Free [1][2].");
        assert_eq!(cited, [2, 0]);
    }

    #[test]
    fn made_up_markers_are_taken_out_with_their_space() {
        let (text, cited) = check("Yes [9]. Free [1] [0]. Always [99999999999999999999].", 2);

        assert_eq!(text, "Yes. Free [1]. Always.");
        assert_eq!(cited, [0]);
    }

    #[test]
    fn a_marker_that_hides_in_another_is_found() {
        assert_eq!(check("Yes [[9]7].", 2), ("Yes.".to_owned(), vec![]));
        assert_eq!(check("Yes [[[9]8]1].", 2), ("Yes [1].".to_owned(), vec![0]));
        assert_eq!(without_markers("Yes [[1]2]."), "Yes.");
    }

    #[test]
    fn other_brackets_stay() {
        for text in [
            "see [the terms] or [a1]",
            "x[",
            "[]",
            "[ ]",
            "list: [one, two]",
            "【说明】",
        ] {
            assert_eq!(check(text, 3), (text.to_owned(), vec![]));
        }
    }

    #[test]
    fn the_forms_that_models_write_are_understood() {
        let (text, cited) = check("A【2†source】 B [passage 1] C [Source 2]", 2);

        assert_eq!(text, "A[1] B [2] C [1]");
        assert_eq!(cited, [1, 0]);
    }

    #[test]
    fn a_text_message_carries_no_markers() {
        assert_eq!(
            without_markers("By post [1], in two days [2]."),
            "By post, in two days."
        );
    }

    proptest! {
        #[test]
        fn every_marker_that_is_left_refers_to_a_citation(text in r"[a-z .\[\]0-9,【】†]{0,60}", passages in 0usize..5) {
            let (text, cited) = check(&text, passages);

            prop_assert!(cited.iter().all(|passage| *passage < passages));
            for marker in markers(&text) {
                prop_assert!(marker.numbers.iter().all(|n| (1..=cited.len()).contains(n)), "{text}");
            }
            prop_assert!(markers(&without_markers(&text)).is_empty());
        }
    }
}
