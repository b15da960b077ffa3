//! Cutting text at a platform's limit, in the platform's unit, without breaking what a reader sees as one.

use unicode_segmentation::UnicodeSegmentation;

/// Cuts `text` into pieces whose `measure` is at most `limit`, preferring to end a piece at a paragraph, then a line,
/// then a sentence, then a word, and never inside what a reader sees as one character (an extended grapheme cluster),
/// unless one alone is over the limit. White space at a cut is dropped. No text gives no piece.
///
/// `measure` must grow with its text; `limit` is in its unit.
pub fn split(text: &str, limit: usize, measure: impl Fn(&str) -> usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if measure(rest) <= limit {
            pieces.push(rest.to_owned());
            break;
        }
        let fits = longest_fitting(rest, limit, &measure);
        let end = best_break(rest, fits);
        pieces.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    pieces
}

/// The end of the longest run of whole graphemes that fits; at least one grapheme, or one character of it.
fn longest_fitting(text: &str, limit: usize, measure: &impl Fn(&str) -> usize) -> usize {
    let ends: Vec<usize> = text
        .grapheme_indices(true)
        .map(|(start, grapheme)| start + grapheme.len())
        .collect();
    let fitting = ends.partition_point(|&end| measure(&text[..end]) <= limit);
    if fitting > 0 {
        return ends[fitting - 1];
    }
    let chars: Vec<usize> = text[..ends[0]]
        .char_indices()
        .map(|(start, c)| start + c.len_utf8())
        .collect();
    chars[chars
        .partition_point(|&end| measure(&text[..end]) <= limit)
        .max(1)
        - 1]
}

/// The best place to end a piece that may be `fits` bytes long.
fn best_break(text: &str, fits: usize) -> usize {
    let head = &text[..fits];
    // A cut exactly between two words needs no search.
    if text[fits..].starts_with(char::is_whitespace) {
        return fits;
    }
    // A piece shorter than half the limit looks worse than a cut at a lesser boundary.
    let early = fits / 2;
    let after =
        |position: Option<usize>, length: usize| position.map(|at| at + length).filter(|&at| at >= early);
    after(head.rfind("\n\n"), 2)
        .or_else(|| after(head.rfind('\n'), 1))
        .or_else(|| after(head.rfind(". ").max(head.rfind("! ")).max(head.rfind("? ")), 2))
        .or_else(|| {
            head.rfind(char::is_whitespace)
                .map(|at| at + 1)
                .filter(|&at| at > 1)
        })
        .map_or(fits, |at| floor(text, at))
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Length in UTF-16 code units, the unit of most platforms' limits.
pub fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Text without U+0000, which PostgreSQL's text refuses.
pub fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// Plain text as CommonMark that reads the same: for a [`crate::Reply`] whose text somebody typed, and did not mark up.
pub fn as_markdown(plain: &str) -> String {
    let mut markdown = String::with_capacity(plain.len());
    let mut line_begins = true;
    for c in plain.chars() {
        match c {
            // An indented line would be code.
            ' ' if line_begins => markdown.push_str("&#32;"),
            '\t' if line_begins => markdown.push_str("&#9;"),
            _ if c.is_ascii_punctuation() => markdown.extend(['\\', c]),
            _ => markdown.push(c),
        }
        line_begins = matches!(c, '\n' | '\r');
    }
    markdown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_escaped() {
        assert_eq!(as_markdown("5*3*2 = 30"), r"5\*3\*2 \= 30");
    }

    #[test]
    fn a_short_text_stays_whole() {
        assert_eq!(split(" hello ", 10, utf16), ["hello"]);
        assert!(split("  ", 10, utf16).is_empty());
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        assert_eq!(
            split("one two three four", 9, utf16),
            ["one two", "three", "four"]
        );
        assert_eq!(
            split("one two three four", 8, utf16),
            ["one two", "three", "four"]
        );
    }

    #[test]
    fn a_word_longer_than_the_limit_is_cut_where_it_must_be() {
        assert_eq!(split("abcdefghij", 4, utf16), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn a_family_emoji_is_never_torn() {
        let family = "👨‍👩‍👧‍👦";
        let text = family.repeat(3);

        for piece in split(&text, utf16(family) + 3, utf16) {
            assert_eq!(piece, family);
        }
    }

    #[test]
    fn an_emoji_larger_than_the_limit_still_ends() {
        let pieces = split("👨‍👩‍👧‍👦x", 3, utf16);

        assert_eq!(pieces.concat(), "👨‍👩‍👧‍👦x");
    }

    #[test]
    fn a_cut_prefers_the_end_of_a_sentence() {
        assert_eq!(
            split("It is open. We close at six.", 17, utf16),
            ["It is open.", "We close at six."]
        );
    }
}
