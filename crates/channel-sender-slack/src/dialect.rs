//! How Slack writes: `*bold*`, `_italic_`, `~struck~`, backticks for code, `>` for quotations, `<url|text>` for links.
//!
//! It escapes `& < >` and nothing else, so a character that could be taken for another mark is written as one that looks
//! like it. <https://docs.slack.dev/messaging/formatting-message-text>

use crate::text::escape;
use ::dialect::{Dialect, Style};
use url::Url;

/// Slack's marks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mrkdwn;

impl Dialect for Mrkdwn {
    fn text(&self, text: &str, out: &mut String) {
        let mut before = out.chars().next_back();
        for word in text.split_inclusive(char::is_whitespace) {
            if is_address(word) {
                escape(word, out);
            } else {
                defuse(word, before, out);
            }
            before = word.chars().next_back();
        }
    }

    fn open(&self, style: &Style, out: &mut String) {
        match style {
            Style::Link { url, .. } if is_linkable(url) => {
                out.push('<');
                address(url, out);
                out.push('|');
            }
            style => out.push_str(mark(style)),
        }
    }

    fn close(&self, style: &Style, out: &mut String) {
        match style {
            Style::Link { url, .. } if is_linkable(url) => out.push('>'),
            Style::Link { url, same: false } => {
                out.push_str(" (");
                escape(url, out);
                out.push(')');
            }
            style => out.push_str(mark(style)),
        }
    }

    fn code(&self, text: &str, out: &mut String) {
        // Within a line a backtick would end the code; in a block only three would.
        if out.ends_with('`') {
            escape(&text.replace('`', "ˋ"), out);
        } else {
            escape(&text.replace("```", "ˋˋˋ"), out);
        }
    }

    fn quote(&self) -> &str {
        "> "
    }

    fn item(&self, number: Option<u64>) -> String {
        number.map_or_else(|| "• ".to_owned(), |number| format!("{number}. "))
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

fn is_linkable(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "mailto" | "tel"))
}

/// An address as it may stand between `<` and `|`.
pub(crate) fn address(url: &str, out: &mut String) {
    for c in url.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '|' => out.push_str("%7C"),
            _ => out.push(c),
        }
    }
}

/// What must stay as it is to lead anywhere.
fn is_address(word: &str) -> bool {
    word.contains("://") || word.contains('@') || word.starts_with("www.")
}

/// Slack takes a mark for one at the edge of a word; between two letters, or alone between spaces, it does not.
fn defuse(word: &str, mut before: Option<char>, out: &mut String) {
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied();
        let within_a_word =
            before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        let alone = before.is_some_and(char::is_whitespace) && after.is_some_and(char::is_whitespace);
        let c_out = if within_a_word || alone { c } else { lookalike(c) };
        escape(c_out.encode_utf8(&mut [0; 4]), out);
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
    use channel::text::as_markdown;

    fn written(markdown: &str) -> String {
        ::dialect::compose(markdown, &Mrkdwn, usize::MAX, str::len).concat()
    }

    #[test]
    fn marks_are_slacks() {
        for (markdown, expected) in [
            (
                "**bold** *italic* ~~struck~~ `code`",
                "*bold* _italic_ ~struck~ `code`",
            ),
            ("# Hours", "*Hours*"),
            ("> said", "> said"),
            ("- a\n- b", "• a\n• b"),
            ("1. a\n2. b", "1. a\n2. b"),
            ("```rust\nlet x = `y` < 1;\n```", "```\nlet x = `y` &lt; 1;\n```"),
            (
                "[our shop](https://acme.com/a_b_c?d=1&e=2)",
                "<https://acme.com/a_b_c?d=1&amp;e=2|our shop>",
            ),
            (
                "<https://acme.com/_x_>",
                "<https://acme.com/_x_|https://acme.com/_x_>",
            ),
            ("[mail](mailto:a_b@acme.com)", "<mailto:a_b@acme.com|mail>"),
            ("[a|b](https://acme.com/a|b)", "<https://acme.com/a%7Cb|a|b>"),
            ("[file](ftp://acme.com/x)", "file (ftp://acme.com/x)"),
        ] {
            assert_eq!(written(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn nobody_is_called_by_what_a_model_writes() {
        for (markdown, expected) in [
            ("\\<!channel> \\<@U0001>", "&lt;!channel&gt; &lt;@U0001&gt;"),
            ("a & b &amp; c", "a &amp; b &amp; c"),
            ("`<!here>`", "`&lt;!here&gt;`"),
            ("[x](https://acme.com/<!here>)", "x"),
        ] {
            let written = written(markdown);

            assert!(written.contains(expected), "{markdown} gave {written}");
            assert!(
                !["<!", "<@", "<#"].iter().any(|mark| written.contains(mark)),
                "{markdown} gave {written}"
            );
        }
    }

    #[test]
    fn what_somebody_typed_is_not_taken_for_a_mark() {
        for (typed, expected) in [
            ("5*3*2 = 30", "5*3*2 = 30"),
            ("5 * 3 * 2", "5 * 3 * 2"),
            ("snake_case_name", "snake_case_name"),
            ("*not bold*", "∗not bold∗"),
            ("~no~ _no_", "∼no∼ ˍnoˍ"),
            ("a_b@acme.com", "a_b@acme.com"),
        ] {
            assert_eq!(written(&as_markdown(typed)), expected, "{typed}");
        }
    }
}
