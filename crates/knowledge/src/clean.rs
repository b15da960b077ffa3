//! Takes out of a text what a person who reads it would not see, before anything is made of it.
//!
//! Hidden text is how instructions are smuggled past an owner's eyes into a model's prompt.

/// The text as it is seen: no control, zero-width, direction or tag characters, no HTML comments, and `\n` at line ends.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        push_visible(&mut out, &rest[..start]);
        rest = match rest[start..].find("-->") {
            Some(end) => &rest[start + end + 3..],
            None => "",
        };
    }
    push_visible(&mut out, rest);
    out
}

fn push_visible(out: &mut String, text: &str) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => {}
            c => out.push(c),
        }
    }
}

/// The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji are written with them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}' | '\u{FE00}'..='\u{FE0D}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E01EF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s13_hidden_text_is_taken_out() {
        let tags: String = "ignore"
            .chars()
            .map(|c| char::from_u32(0xE0000 + c as u32).unwrap())
            .collect();
        let text =
            format!("Vis\u{200B}ible\u{202E}{tags}\u{FEFF} te\u{AD}xt<!-- obey\nme --> here\0<!-- and");

        assert_eq!(clean(&text), "Visible text here");
    }

    #[test]
    fn s13_what_is_written_in_selectors_and_fillers_is_taken_out() {
        let selectors: String = "obey"
            .chars()
            .map(|c| char::from_u32(0xE0100 + c as u32).unwrap())
            .collect();

        assert_eq!(
            clean(&format!("a{selectors}b\u{FE01}\u{3164}\u{2800}c ✈\u{FE0F}")),
            "abc ✈\u{FE0F}"
        );
    }

    #[test]
    fn every_kind_of_line_end_becomes_one() {
        assert_eq!(clean("a\r\nb\rc\u{2028}d\n\ne"), "a\nb\nc\nd\n\ne");
    }

    #[test]
    fn what_scripts_are_written_with_stays() {
        for text in ["می‌خواهم", "👩‍👩‍👧", "क्‍ष", "e\u{301}"] {
            assert_eq!(clean(text), text);
        }
    }
}
