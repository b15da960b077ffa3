//! Scripts that put no spaces between words.

/// Whether words of this character's script are not set apart by spaces, or carry their grammar without one (Korean):
/// pairs of characters are then searched instead of words.
pub(crate) const fn has_no_words(c: char) -> bool {
    writes_words_in_characters(c)
        || matches!(c,
            '\u{0E00}'..='\u{0EFF}' // Thai, Lao
            | '\u{1000}'..='\u{109F}' // Myanmar
            | '\u{1780}'..='\u{17FF}') // Khmer
}

/// Whether this is a character of Chinese, Japanese or Korean, each of which says about what two Latin letters say or more.
pub(crate) const fn writes_words_in_characters(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{323AF}')
}
