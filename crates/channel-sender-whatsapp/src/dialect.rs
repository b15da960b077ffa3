//! How WhatsApp writes: `*bold*`, `_italic_`, `~struck~`, backticks for code, `> ` for quotations.
//!
//! It has no escape, so a character that could be taken for a mark is written as one that looks like it. See "WhatsApp
//! Help Center, How to format your messages".

use dialect::{Dialect, Style};

/// WhatsApp's marks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks;

impl Dialect for Marks {
    fn text(&self, text: &str, out: &mut String) {
        let mut before = out.chars().next_back();
        for word in text.split_inclusive(char::is_whitespace) {
            if is_address(word) {
                out.push_str(word);
            } else {
                defuse(word, before, out);
            }
            before = word.chars().next_back();
        }
    }

    fn open(&self, style: &Style, out: &mut String) {
        out.push_str(mark(style));
    }

    fn close(&self, style: &Style, out: &mut String) {
        out.push_str(mark(style));
        if let Style::Link { url, same: false } = style {
            let url = url
                .strip_prefix("mailto:")
                .or_else(|| url.strip_prefix("tel:"))
                .unwrap_or(url);
            out.extend([" (", url, ")"]);
        }
    }

    fn code(&self, text: &str, out: &mut String) {
        // Within a line a backtick would end the code; in a block only three would.
        if out.ends_with('`') {
            out.push_str(&text.replace('`', "ˋ"));
        } else {
            out.push_str(&text.replace("```", "ˋˋˋ"));
        }
    }

    fn quote(&self) -> &str {
        "> "
    }

    fn item(&self, number: Option<u64>) -> String {
        number.map_or_else(|| "- ".to_owned(), |number| format!("{number}. "))
    }

    fn open_block(&self, _language: Option<&str>, out: &mut String) {
        out.push_str("```\n");
    }

    fn close_block(&self, out: &mut String) {
        out.push_str("\n```");
    }
}

const fn mark(style: &Style) -> &'static str {
    match style {
        Style::Strong | Style::Heading(_) => "*",
        Style::Emphasis => "_",
        Style::Struck => "~",
        Style::Code => "`",
        Style::Link { .. } => "",
    }
}

/// What must stay as it is to lead anywhere.
fn is_address(word: &str) -> bool {
    word.contains("://") || word.contains('@') || word.starts_with("www.")
}

/// WhatsApp takes a mark for one at the edge of a word; between two letters, or alone between spaces, it does not.
fn defuse(word: &str, mut before: Option<char>, out: &mut String) {
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied();
        let within_a_word =
            before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        let alone = before.is_some_and(char::is_whitespace) && after.is_some_and(char::is_whitespace);
        out.push(if within_a_word || alone { c } else { lookalike(c) });
        before = Some(c);
    }
}

const fn lookalike(c: char) -> char {
    match c {
        '*' => '∗',
        '_' => 'ˍ',
        '~' => '∼',
        '`' => 'ˋ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(markdown: &str) -> String {
        dialect::compose(markdown, &Marks, usize::MAX, str::len).concat()
    }

    #[test]
    fn marks_are_whatsapps() {
        for (markdown, expected) in [
            (
                "**bold** *italic* ~~struck~~ `code`",
                "*bold* _italic_ ~struck~ `code`",
            ),
            ("# Hours", "*Hours*"),
            ("> said", "> said"),
            ("- a\n- b", "- a\n- b"),
            ("1. a\n2. b", "1. a\n2. b"),
            ("```rust\nlet x = `y`;\n```", "```\nlet x = `y`;\n```"),
            (
                "[our shop](https://acme.com/a_b_c)",
                "our shop (https://acme.com/a_b_c)",
            ),
            ("<https://acme.com/_x_>", "https://acme.com/_x_"),
            ("[mail](mailto:a_b@acme.com)", "mail (a_b@acme.com)"),
        ] {
            assert_eq!(written(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn what_somebody_typed_is_not_taken_for_a_mark() {
        for (typed, expected) in [
            ("5*3*2 = 30", "5*3*2 = 30"),
            ("5 * 3 * 2", "5 * 3 * 2"),
            ("snake_case_name", "snake_case_name"),
            ("*not bold*", "∗not bold∗"),
            ("_not italic_", "ˍnot italicˍ"),
            ("~5 or ~6", "∼5 or ∼6"),
            ("`no code`", "ˋno codeˋ"),
            ("see https://acme.com/*a*", "see https://acme.com/*a*"),
            ("a_b_@acme.com", "a_b_@acme.com"),
        ] {
            assert_eq!(written(&channel::text::as_markdown(typed)), expected, "{typed}");
        }
    }

    #[test]
    fn a_backtick_in_code_does_not_end_it() {
        assert_eq!(written("``a`b``"), "`aˋb`");
        assert_eq!(written("````\n```\n````"), "```\nˋˋˋ\n```");
    }
}
