//! How long a text is as SMS: alphabets, septets and segments (3GPP TS 23.038 and 23.040).
//!
//! A text is sent in the GSM 7-bit alphabet if every character is in it, else wholly in UCS-2. It is one segment while
//! it fits into 140 bytes; longer texts lose 6 bytes of each segment to the header that joins them again. A character
//! is never cut in two: neither an escape sequence of the GSM alphabet nor a surrogate pair.

use std::borrow::Cow;

/// The GSM default alphabet without the escape code: one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: an escape code and a septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Which alphabet a text is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 7 bits a character, 14 for those of the extension table.
    Gsm7,
    /// 16 bits a UTF-16 code unit.
    Ucs2,
}

impl Encoding {
    /// As people in the business write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    /// Units that fit into a message of one segment.
    const fn single(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit into a segment of a longer message.
    const fn joined(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }
}

/// How long a text is as SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// The alphabet.
    pub encoding: Encoding,
    /// Septets in GSM-7, UTF-16 code units in UCS-2.
    pub units: usize,
    /// What the platform bills. An empty text is none.
    pub segments: usize,
}

/// How long a text is as SMS.
pub fn length(text: &str) -> Length {
    let gsm: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (encoding, widths) = match gsm {
        Some(widths) => (Encoding::Gsm7, widths),
        None => (Encoding::Ucs2, text.chars().map(char::len_utf16).collect()),
    };
    let units = widths.iter().sum();
    let segments = if units == 0 {
        0
    } else if units <= encoding.single() {
        1
    } else {
        pack(&widths, encoding.joined())
    };
    Length {
        encoding,
        units,
        segments,
    }
}

/// Segments of `room` units that hold characters of these widths, none of them cut.
fn pack(widths: &[usize], room: usize) -> usize {
    let (mut segments, mut used) = (1, 0);
    for width in widths {
        if used + width > room {
            segments += 1;
            used = 0;
        }
        used += width;
    }
    segments
}

/// Septets of a character. `None`: it is not in the GSM alphabet.
fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// The same text with typographic characters written plainly, if that alone lets it be sent in the GSM alphabet: one
/// curly quotation mark would more than double the bill. Any other text stays as it is.
pub fn economical(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| septets(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match plainly(c) {
            Some(written) => plain.push_str(written),
            None if septets(c).is_some() => plain.push(c),
            None => return Cow::Borrowed(text),
        }
    }
    Cow::Owned(plain)
}

/// What a typographic character is in the GSM alphabet.
const fn plainly(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '`' | '\u{b4}' => "'",
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2026}' => "...",
        '\u{2022}' | '\u{25e6}' | '\u{2043}' => "-",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' | '\t' => " ",
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(text: &str) -> usize {
        length(text).segments
    }

    #[test]
    fn the_alphabet_has_its_127_characters_and_ten_extensions() {
        let mut all: Vec<char> = BASIC.chars().chain(EXTENSION.chars()).collect();
        all.sort_unstable();
        all.dedup();

        assert_eq!((BASIC.chars().count(), EXTENSION.chars().count()), (127, 10));
        assert_eq!(all.len(), 137, "a character is listed twice");
    }

    #[test]
    fn one_segment_holds_160_septets_and_each_of_several_153() {
        assert_eq!(segments(""), 0);
        assert_eq!(segments(&"a".repeat(160)), 1);
        assert_eq!(segments(&"a".repeat(161)), 2);
        assert_eq!(segments(&"a".repeat(306)), 2);
        assert_eq!(segments(&"a".repeat(307)), 3);
    }

    #[test]
    fn a_character_of_the_extension_table_costs_two() {
        assert_eq!(
            length("€"),
            Length {
                encoding: Encoding::Gsm7,
                units: 2,
                segments: 1
            }
        );
        assert_eq!(segments(&"€".repeat(80)), 1);
        assert_eq!(segments(&"[".repeat(81)), 2);
    }

    #[test]
    fn an_escape_sequence_is_not_cut_between_segments() {
        // 306 septets, which two segments would hold if the euro sign could be cut after its escape code.
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(152));

        assert_eq!(length(&text).units, 306);
        assert_eq!(segments(&text), 3);
    }

    #[test]
    fn one_emoji_turns_the_whole_text_to_ucs2() {
        let text = format!("{}👋", "a".repeat(69));

        assert_eq!(
            length("a👋"),
            Length {
                encoding: Encoding::Ucs2,
                units: 3,
                segments: 1
            }
        );
        assert_eq!(length(&text).units, 71);
        assert_eq!(segments(&text), 2);
        assert_eq!(segments(&"я".repeat(70)), 1);
        assert_eq!(segments(&"я".repeat(134)), 2);
        assert_eq!(segments(&"я".repeat(135)), 3);
    }

    #[test]
    fn a_surrogate_pair_is_not_cut_between_segments() {
        // 134 units, which two segments would hold if the pair could be cut.
        let text = format!("{}👋{}", "я".repeat(66), "я".repeat(66));

        assert_eq!(length(&text).units, 134);
        assert_eq!(segments(&text), 3);
    }

    #[test]
    fn typographic_characters_are_written_plainly_where_that_saves_the_alphabet() {
        assert_eq!(economical("“Open” – it’s 9…5"), "\"Open\" - it's 9...5");
        assert_eq!(economical("“Открыто”"), "“Открыто”", "nothing is won here");
        assert_eq!(economical("ça va à côté"), "ça va à côté");
        assert_eq!(economical("plain"), "plain");
    }

    proptest! {
        #[test]
        fn a_text_never_needs_fewer_segments_than_its_units_fill(text in "\\PC{0,400}") {
            let length = length(&text);
            let room = if length.segments == 1 { length.encoding.single() } else { length.encoding.joined() };

            prop_assert!(length.units <= length.segments * room);
        }

        #[test]
        fn writing_plainly_never_makes_a_text_dearer(text in "[a-z “”’–…é€👋я]{0,300}") {
            prop_assert!(segments(&economical(&text)) <= segments(&text));
        }
    }
}
