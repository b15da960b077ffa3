//! Cuts texts into passages along their structure: headings, then paragraphs, then sentences.
//!
//! Invariants: every visible character of a text is in some passage or its heading; no passage is cut inside a character
//! or, where it can be helped, inside a sentence; the same text is always cut the same way, so that what did not change
//! can be recognised.

use crate::{clean::clean, script, sentences::sentences};
use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

/// A passage to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Headings above it, outermost first, joined by " > ".
    pub heading: String,
    /// Of a question-and-answer pair: the question.
    pub question: Option<String>,
    /// What it says; of a pair, the answer.
    pub text: String,
}

/// Bumped when the same text would be cut differently: everything is then indexed anew at its next change.
const SPLITTER_VERSION: u8 = 2;

/// A passage is filled up to here, in characters; a character of a script that writes whole words with it counts twice.
const TARGET: usize = 800;
/// It may grow to here for a paragraph that fits then, or rather than leave a small rest.
const LONGEST: usize = 1000;
/// A rest smaller than this joins the passage before it.
const SMALLEST: usize = 150;
/// A passage that begins inside a paragraph repeats the sentence before, up to this long.
const OVERLAP: usize = 160;
/// A line shorter than this was ended on purpose.
const SHORT_LINE: usize = 60;

/// Cuts a text. Lines that begin with one to six `#` and a space are headings.
pub fn text(text: &str) -> Vec<Piece> {
    let text = clean(text);
    let mut pieces = Vec::new();
    for section in sections(&text) {
        let heading = section.headings.join(" > ");
        for passage in passages(&section.paragraphs) {
            pieces.push(Piece {
                heading: heading.clone(),
                question: None,
                text: passage,
            });
        }
    }
    pieces
}

/// A question with its answer: one passage, however long. `None` when one of them is empty.
pub fn pair(question: &str, answer: &str) -> Option<Piece> {
    let (question, answer) = (clean(question), clean(answer));
    let (question, answer) = (question.trim(), answer.trim());
    let complete = !question.is_empty() && !answer.is_empty();
    complete.then(|| Piece {
        heading: String::new(),
        question: Some(question.to_owned()),
        text: answer.to_owned(),
    })
}

/// The same for pieces that are the same, whatever text they were cut from.
pub fn content_hash(pieces: &[Piece]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update([SPLITTER_VERSION]);
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for piece in pieces {
        part(&piece.heading);
        part(piece.question.as_deref().unwrap_or_default());
        part(&piece.text);
    }
    hash.finalize().to_vec()
}

struct Section {
    headings: Vec<String>,
    paragraphs: Vec<String>,
}

/// The parts of a text between its headings.
fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    // The headings above, each with its depth.
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    let mut in_code = false;
    // A heading that has nothing below it: it is all that is said.
    let mut bare: Option<String> = None;

    let mut end =
        |above: &[(usize, String)], lines: &mut Vec<&str>, bare: &mut Option<String>, deeper: bool| {
            let mut paragraphs = paragraphs(lines);
            lines.clear();
            let mut headings: Vec<String> = above.iter().map(|(_, title)| title.clone()).collect();
            if paragraphs.is_empty()
                && !deeper
                && let Some(title) = bare.take()
            {
                headings.pop();
                paragraphs.push(title);
            }
            *bare = None;
            if !paragraphs.is_empty() {
                sections.push(Section { headings, paragraphs });
            }
        };

    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        match heading(line).filter(|_| !in_code) {
            Some((depth, title)) => {
                let deeper = above.last().is_some_and(|(last, _)| depth > *last);
                end(&above, &mut lines, &mut bare, deeper);
                above.retain(|(d, _)| *d < depth);
                bare = Some(title.clone());
                above.push((depth, title));
            }
            None => lines.push(line),
        }
    }
    end(&above, &mut lines, &mut bare, false);
    sections
}

fn heading(line: &str) -> Option<(usize, String)> {
    let line = line.trim();
    let depth = line.bytes().take_while(|b| *b == b'#').count();
    let title = line
        .get(depth..)?
        .strip_prefix([' ', '\t'])?
        .trim()
        .trim_end_matches('#')
        .trim();
    ((1..=6).contains(&depth) && !title.is_empty()).then(|| (depth, title.to_owned()))
}

/// Lines put together to paragraphs: a line that only ran out of room goes on in the next.
fn paragraphs(lines: &[&str]) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut open = false;
    let mut length_before = 0;
    for line in lines {
        let line = line.trim();
        if line.is_empty() {
            open = false;
            continue;
        }
        match paragraphs.last_mut() {
            Some(paragraph) if open => {
                let ended = length_before < SHORT_LINE || begins_item(line);
                if ended {
                    paragraph.push('\n');
                } else if !paragraph.ends_with(script::writes_words_in_characters) {
                    paragraph.push(' ');
                }
                paragraph.push_str(line);
            }
            _ => paragraphs.push(line.to_owned()),
        }
        open = true;
        length_before = line.chars().count();
    }
    paragraphs
}

/// A list's item, a table's row, a quotation.
fn begins_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['-', '*', '•', '–', '|', '>', '+'])
        || (after_number.len() < line.len() && after_number.starts_with(['.', ')']))
}

/// A sentence, and what stood before it.
struct Unit {
    text: String,
    size: usize,
    begins_paragraph: bool,
    separator: &'static str,
}

fn units(paragraphs: &[String]) -> Vec<Unit> {
    let mut units = Vec::new();
    for paragraph in paragraphs {
        let mut end_before = 0;
        for range in sentences(paragraph) {
            let between = &paragraph[end_before..range.start];
            let first = end_before == 0;
            end_before = range.end;
            let separator = if first {
                "\n\n"
            } else if between.contains('\n') {
                "\n"
            } else if between.is_empty() {
                ""
            } else {
                " "
            };
            for (i, part) in fitting(&paragraph[range]).into_iter().enumerate() {
                units.push(Unit {
                    size: size(&part),
                    text: part,
                    begins_paragraph: first && i == 0,
                    separator: if i == 0 { separator } else { " " },
                });
            }
        }
    }
    units
}

/// A sentence that is longer than a passage may be, in parts: at spaces if it has any, else between characters.
fn fitting(sentence: &str) -> Vec<String> {
    if size(sentence) <= LONGEST {
        return vec![sentence.to_owned()];
    }
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut filled = 0;
    let mut push = |part: &mut String, filled: &mut usize| {
        let done = part.trim();
        if !done.is_empty() {
            parts.push(done.to_owned());
        }
        part.clear();
        *filled = 0;
    };
    for word in sentence.split_word_bounds() {
        if filled + size(word) > TARGET {
            push(&mut part, &mut filled);
        }
        for character in word.graphemes(true) {
            if filled + size(character) > TARGET {
                push(&mut part, &mut filled);
            }
            part.push_str(character);
            filled += size(character);
        }
    }
    push(&mut part, &mut filled);
    parts
}

fn size(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if script::writes_words_in_characters(c) {
                2
            } else {
                1
            }
        })
        .sum()
}

/// Where passages begin and end among the units. A paragraph that fits into a passage is never cut; one that does not is cut
/// into parts of much the same length, which share a passage with no other; small ones go together.
fn cuts(units: &[Unit]) -> Vec<(usize, usize)> {
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    while at < units.len() {
        let (start, end) = (at, at + paragraph_length(&units[at..]));
        at = end;
        let length = range_size(&units[start..end]);
        let filled = open.map_or(0, |(start, end)| range_size(&units[start..end]));
        let together = filled + length;
        if let Some((begun, _)) = open
            && (together <= TARGET || (filled.min(length) < SMALLEST && together <= LONGEST))
        {
            open = Some((begun, end));
            continue;
        }
        if length <= LONGEST {
            cuts.extend(open.replace((start, end)));
            continue;
        }
        // A small one before it, such as a line that introduces it, stays with its beginning.
        let begun = match open.take() {
            Some((begun, _)) if filled < SMALLEST => begun,
            before => {
                cuts.extend(before);
                start
            }
        };
        cuts.extend(parts(units, begun, end));
    }
    cuts.extend(open);
    cuts
}

/// A long paragraph in parts of much the same length.
fn parts(units: &[Unit], start: usize, end: usize) -> Vec<(usize, usize)> {
    let length = range_size(&units[start..end]);
    let share = length / length.div_ceil(TARGET);
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let (mut from, mut filled) = (start, 0);
    for (i, unit) in units.iter().enumerate().take(end).skip(start) {
        let size = unit.size + 1;
        // The unit goes where more of it belongs.
        let enough = filled + size / 2 > share || filled + size > LONGEST;
        if i > from && enough {
            parts.push((from, i));
            from = i;
            filled = 0;
        }
        filled += size;
    }
    parts.push((from, end));
    if let [.., (before, _), (last, _)] = parts[..]
        && range_size(&units[last..end]) < SMALLEST
        && range_size(&units[before..end]) <= LONGEST
    {
        parts.truncate(parts.len() - 2);
        parts.push((before, end));
    }
    parts
}

fn passages(paragraphs: &[String]) -> Vec<String> {
    let units = units(paragraphs);
    let cuts = cuts(&units);
    cuts.into_iter()
        .map(|(start, end)| {
            let overlaps = start > 0 && !units[start].begins_paragraph && units[start - 1].size <= OVERLAP;
            let from = if overlaps { start - 1 } else { start };
            units[from..end]
                .iter()
                .enumerate()
                .fold(String::new(), |mut text, (i, unit)| {
                    if i > 0 {
                        text.push_str(unit.separator);
                    }
                    text.push_str(&unit.text);
                    text
                })
        })
        .collect()
}

fn range_size(units: &[Unit]) -> usize {
    units.iter().map(|unit| unit.size + 1).sum()
}

/// How many units the paragraph has that begins here.
fn paragraph_length(units: &[Unit]) -> usize {
    units
        .iter()
        .skip(1)
        .position(|unit| unit.begins_paragraph)
        .map_or(units.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(pieces: &[Piece]) -> Vec<(&str, &str)> {
        pieces
            .iter()
            .map(|p| (p.heading.as_str(), p.text.as_str()))
            .collect()
    }

    #[test]
    fn passages_carry_the_headings_above_them() {
        let pieces = text(
            "Hello.\n\n# Shop\nWe sell.\n## Delivery\nTwo days.\n\n## Returns ##\n30 days.\n# Contact\nCall us.",
        );

        assert_eq!(
            texts(&pieces),
            [
                ("", "Hello."),
                ("Shop", "We sell."),
                ("Shop > Delivery", "Two days."),
                ("Shop > Returns", "30 days."),
                ("Contact", "Call us."),
            ]
        );
    }

    #[test]
    fn a_heading_with_nothing_below_it_is_what_is_said() {
        let pieces = text("# Hours\n## Open 9 to 5\n## Closed on Sundays\n");

        assert_eq!(
            texts(&pieces),
            [("Hours", "Open 9 to 5"), ("Hours", "Closed on Sundays")]
        );
    }

    #[test]
    fn a_hash_in_code_or_without_a_space_is_no_heading() {
        let pieces = text("```\n# comment\n```\n#1 in town\n");

        assert!(pieces.iter().all(|piece| piece.heading.is_empty()));
        assert!(pieces[0].text.contains("# comment") && pieces[0].text.contains("#1 in town"));
    }

    #[test]
    fn a_long_text_is_cut_between_sentences_and_overlaps() {
        let sentence =
            |i: usize| format!("Sentence number {i} says something that nobody else has said before.");
        let long: String = (0..40).map(sentence).collect::<Vec<_>>().join(" ");

        let pieces = text(&long);

        assert!(pieces.len() >= 3);
        for piece in &pieces {
            assert!(piece.text.chars().count() <= LONGEST + OVERLAP);
            assert!(
                piece.text.starts_with("Sentence") && piece.text.ends_with('.'),
                "{}",
                piece.text
            );
        }
        for two in pieces.windows(2) {
            let first = sentences(&two[1].text)[0].clone();
            assert!(two[0].text.ends_with(&two[1].text[first]), "no overlap");
        }
    }

    #[test]
    fn a_paragraph_is_kept_whole_where_it_can_be() {
        let paragraph = |word: &str| format!("{} end.", word.repeat(80));
        let whole = format!("{}\n\n{}", paragraph("alpha "), paragraph("beta "));

        let pieces = text(&whole);

        assert_eq!(pieces.len(), 2);
        assert!(pieces[1].text.starts_with("beta") && !pieces[0].text.contains("beta"));
    }

    #[test]
    fn a_paragraph_that_fits_is_not_cut_and_one_that_does_not_shares_no_passage() {
        let paragraph = |word: &str, size: usize| {
            let sentence = format!("{word} says so. ");
            sentence.repeat(size / sentence.len()).trim().to_owned()
        };
        let texts: Vec<String> = [
            ("Ada", 950),
            ("Bob", 700),
            ("Cyd", 1_300),
            ("Dan", 300),
            ("Eve", 300),
        ]
        .map(|(word, size)| paragraph(word, size))
        .to_vec();

        let pieces = text(&texts.join("\n\n"));

        let [ada, bob, cyd, more, both] = pieces.as_slice() else {
            panic!("{} passages", pieces.len())
        };
        assert_eq!((&ada.text, &bob.text), (&texts[0], &texts[1]));
        assert!(!cyd.text.contains("Bob") && !more.text.contains("Dan"));
        assert!(
            cyd.text.len().abs_diff(more.text.len()) < 60,
            "{} and {}",
            cyd.text.len(),
            more.text.len()
        );
        assert_eq!(both.text, format!("{}\n\n{}", texts[3], texts[4]));
    }

    #[test]
    fn lines_that_ran_out_of_room_are_joined_and_lists_are_not() {
        let wrapped = "This line was broken only because the window it was typed in was narrow,\nand goes on here.\n- first\n- second";

        assert_eq!(
            text(wrapped)[0].text,
            "This line was broken only because the window it was typed in was narrow, and goes on here.\n- first\n- second"
        );
    }

    #[test]
    fn chinese_is_cut_between_sentences_too() {
        let long = "我们每天都会发货，通常两天之内就能送到您的手中。".repeat(60);

        let pieces = text(&long);

        assert!(pieces.len() > 2);
        assert!(
            pieces.iter().all(
                |piece| piece.text.ends_with('。') && piece.text.chars().count() <= LONGEST / 2 + OVERLAP
            )
        );
    }

    #[test]
    fn a_pair_is_one_passage_and_an_empty_one_none() {
        let answer = "Yes. ".repeat(1000);

        assert_eq!(pair(" Do you ship? ", &answer).unwrap().text, answer.trim());
        assert_eq!(pair("?\u{200B}", "  \u{FEFF}"), None);
    }

    #[test]
    fn the_hash_tells_pieces_apart() {
        let piece = |heading: &str, text: &str| Piece {
            heading: heading.into(),
            question: None,
            text: text.into(),
        };

        assert_eq!(
            content_hash(&[piece("a", "bc")]),
            content_hash(&[piece("a", "bc")])
        );
        assert_ne!(
            content_hash(&[piece("a", "bc")]),
            content_hash(&[piece("ab", "c")])
        );
    }

    proptest! {
        #[test]
        fn nothing_that_can_be_seen_is_lost(given in r"([a-zäß漢字กขé🙂#.!? \n*-]|  ){0,3000}") {
            let pieces = text(&given);
            let all: String = pieces.iter().map(|p| format!("{} {}", p.heading, p.text)).collect();

            for c in clean(&given).chars().filter(|c| c.is_alphanumeric()) {
                prop_assert!(all.contains(c), "{c} was lost");
            }
            for piece in &pieces {
                prop_assert!(!piece.text.trim().is_empty());
                prop_assert!(size(&piece.text) <= LONGEST + OVERLAP + 40, "{} is too long", size(&piece.text));
            }
        }

        #[test]
        fn any_text_is_cut_without_panic(given in ".{0,2000}") {
            let _ = text(&given);
        }
    }
}
