//! Texts, word by word: how what a person wrote is compared with phrases.

/// A text in small letters, word by word, umlauts written out. What ends a sentence ends the line too.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = "";
    let mut chars = text.chars().flat_map(char::to_lowercase).peekable();
    while let Some(c) = chars.next() {
        let spelt = match c {
            'ä' => "ae",
            'ö' => "oe",
            'ü' => "ue",
            'ß' => "ss",
            _ => "",
        };
        if c.is_alphanumeric() {
            if !out.is_empty() {
                out.push_str(gap);
            }
            gap = "";
            if spelt.is_empty() {
                out.push(c);
            } else {
                out.push_str(spelt);
            }
        } else if matches!(c, '\u{308}') {
            // A decomposed umlaut: the letter stands already.
            out.push('e');
        } else if matches!(c, '\'' | '’' | '`' | '\u{301}' | '\u{300}') {
            // "I'd" is one word.
        } else if matches!(c, '.' | '!' | '?' | ';' | '\n' | '…' | '。' | '！' | '？')
            && chars.peek().is_none_or(|next| !next.is_alphanumeric())
        {
            gap = "\n";
        } else if gap.is_empty() {
            gap = " ";
        }
    }
    out
}

/// Whether the phrase stands in the text as whole words, within one sentence. Both as [`plain`] gives them.
pub(crate) fn contains(text: &str, phrase: &str) -> bool {
    !phrase.is_empty()
        && text
            .lines()
            .any(|line| format!(" {line} ").contains(&format!(" {phrase} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_words_and_sentences_lines() {
        assert_eq!(
            plain("  I'd like… a  HUMAN, please! Größe 3.5?\nÜber a\u{308}hnliches"),
            "id like\na human please\ngroesse 3 5\nueber aehnliches"
        );
    }

    #[test]
    fn phrases_are_found_as_whole_words_of_one_sentence() {
        let text = plain("My refund. Please wait");

        assert!(contains(&text, "refund") && contains(&text, "my refund"));
        for none in ["fund", "refund please", ""] {
            assert!(!contains(&text, none), "{none}");
        }
    }
}
