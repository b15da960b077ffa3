//! Text taken apart where a line may be cut.

/// A piece of text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Word(&'a str),
    /// White space within a line.
    Space(&'a str),
    /// Line breaks.
    Lines(usize),
    /// Nothing, but a place where a line may be cut: some scripts have no spaces.
    Seam,
}

/// The pieces of a text, all of it in their order.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = Kind::of(first);
        let end = match kind {
            Kind::Word => end_of_word(rest),
            _ => rest.find(|c| Kind::of(c) != kind).unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(end);
        pieces.push(match kind {
            Kind::Word => Piece::Word(piece),
            Kind::Space => Piece::Space(piece),
            Kind::Line => Piece::Lines(piece.matches('\n').count().max(1)),
        });
        if kind == Kind::Word && after.chars().next().map(Kind::of) == Some(Kind::Word) {
            pieces.push(Piece::Seam);
        }
        rest = after;
    }
    pieces
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Word,
    Space,
    Line,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Self::Line,
            // These hold what is beside them together.
            '\u{a0}' | '\u{202f}' => Self::Word,
            _ if c.is_whitespace() => Self::Space,
            _ => Self::Word,
        }
    }
}

/// The end of the word that `text` begins with: white space, or after the punctuation of a script without spaces.
fn end_of_word(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        let Some(&(at, next)) = chars.peek() else {
            break;
        };
        if Kind::of(next) != Kind::Word || (is_wide_stop(c) && !is_wide_stop(next) && !closes(next)) {
            return at;
        }
    }
    text.len()
}

const fn is_wide_stop(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '、' | '，' | '；' | '：')
}

const fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）' | '】' | '》' | '\u{200d}' | '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}'
    )
}

/// Whether a sentence ends with this word.
pub(crate) fn ends_sentence(word: &str) -> bool {
    word.trim_end_matches(closes)
        .ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '۔', '।'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_script_without_spaces_has_a_seam_after_its_punctuation() {
        assert_eq!(
            pieces("「开。」关，\u{a0}x y"),
            [
                Piece::Word("「开。」关，"),
                Piece::Seam,
                Piece::Word("\u{a0}x"),
                Piece::Space(" "),
                Piece::Word("y")
            ]
        );
    }

    #[test]
    fn a_sentence_may_end_in_a_quotation_mark() {
        assert!(ends_sentence("done.\"") && ends_sentence("好。」") && !ends_sentence("3.5"));
    }

    proptest! {
        #[test]
        fn no_piece_is_empty_and_no_word_is_lost(text in "(\\PC|[ \n。，])*") {
            let words: String = pieces(&text).iter().map(|piece| match piece {
                Piece::Word(word) => *word,
                _ => "",
            }).collect();

            prop_assert_eq!(words, text.chars().filter(|&c| Kind::of(c) == Kind::Word).collect::<String>());
        }
    }
}
