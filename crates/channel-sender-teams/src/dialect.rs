//! The Markdown that Teams reads: bold, italic, struck, code, quotations, links and lists; no headings, tables or pictures.
//! <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages>

use dialect::{Dialect, Style};
use std::cell::Cell;

/// Marks that mean something wherever they stand.
const MARKS: [char; 7] = ['\\', '*', '_', '`', '~', '[', ']'];
/// Marks that mean something at the beginning of a line.
const FIRST_MARKS: [char; 4] = ['#', '-', '+', '='];
/// Addresses that a link may have.
const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "tel:"];

/// How Teams writes.
#[derive(Default)]
pub(crate) struct Markdown {
    /// Within code in a line, which a backtick would end.
    in_span: Cell<bool>,
}

impl Dialect for Markdown {
    fn text(&self, text: &str, out: &mut String) {
        let mut rest = text;
        if begins_line(out) {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            let is_item = digits > 0 && after.starts_with(['.', ')']);
            if is_item || rest.starts_with(FIRST_MARKS) {
                out.push_str(number);
                out.push('\\');
                let mark = rest[digits..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[digits..digits + mark]);
                rest = &rest[digits + mark..];
            }
        }
        for word in rest.split_inclusive(char::is_whitespace) {
            escape(word, out);
        }
    }

    fn open(&self, style: &Style, out: &mut String) {
        match style {
            Style::Strong | Style::Heading(_) => out.push_str("**"),
            Style::Emphasis => out.push('*'),
            Style::Struck => out.push_str("~~"),
            Style::Code => {
                self.in_span.set(true);
                out.push('`');
            }
            Style::Link { url, same } if is_link(url, *same) => out.push('['),
            Style::Link { .. } => (),
        }
    }

    fn close(&self, style: &Style, out: &mut String) {
        match style {
            Style::Strong | Style::Heading(_) => out.push_str("**"),
            Style::Emphasis => out.push('*'),
            Style::Struck => out.push_str("~~"),
            Style::Code => {
                self.in_span.set(false);
                out.push('`');
            }
            Style::Link { url, same } if is_link(url, *same) => {
                out.push_str("](");
                for c in url.chars() {
                    match c {
                        '(' => out.push_str("%28"),
                        ')' => out.push_str("%29"),
                        '<' => out.push_str("%3C"),
                        '>' => out.push_str("%3E"),
                        '\\' => out.push_str("%5C"),
                        '"' => out.push_str("%22"),
                        _ => out.push(c),
                    }
                }
                out.push(')');
            }
            Style::Link { .. } => (),
        }
    }

    fn code(&self, text: &str, out: &mut String) {
        if self.in_span.get() {
            out.push_str(&text.replace('`', "'"));
        } else {
            out.push_str(&text.replace("```", "'''"));
        }
    }

    fn quote(&self) -> &str {
        "> "
    }

    fn item(&self, number: Option<u64>) -> String {
        match number {
            Some(number) => format!("{number}. "),
            None => "- ".to_owned(),
        }
    }

    fn open_block(&self, language: Option<&str>, out: &mut String) {
        out.push_str("```");
        out.push_str(language.unwrap_or_default());
        out.push('\n');
    }

    fn close_block(&self, out: &mut String) {
        out.push_str("\n```");
    }

    /// Lines that follow each other directly are one line for Teams.
    fn line_break(&self) -> &str {
        "\n\n"
    }
}

/// Without more than one empty line in a row: a line break is two already.
pub(crate) fn tight(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut in_block = false;
    for line in text.split('\n') {
        if line.trim_start_matches(['>', ' ']).starts_with("```") {
            in_block = !in_block;
        }
        if in_block || !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Teams makes a link of an address by itself.
fn is_link(url: &str, same: bool) -> bool {
    !same && SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// Whether nothing but marks of quotations and lists stands in the line.
fn begins_line(out: &str) -> bool {
    let line = out.rsplit('\n').next().unwrap_or_default();
    let rest = line.trim_start_matches([' ', '>']);
    rest.is_empty()
        || rest == "- "
        || rest
            .strip_suffix(". ")
            .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

/// An address stays as it is where it can: it is made a link of, with a backslash in it as without.
fn escape(word: &str, out: &mut String) {
    let address = word
        .find("http://")
        .or_else(|| word.find("https://"))
        .unwrap_or(word.len());
    for (at, c) in word.char_indices() {
        let in_address = at >= address;
        match c {
            '_' | '~' | '&' if in_address => out.push(c),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            _ if MARKS.contains(&c) => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use channel::text::utf16;
    use proptest::prelude::*;

    fn written(markdown: &str) -> String {
        tight(&dialect::compose(markdown, &Markdown::default(), 20_000, utf16).join("\u{1}"))
    }

    #[test]
    fn what_teams_knows_stays_and_what_it_does_not_is_written_otherwise() {
        for (markdown, expected) in [
            ("**bold** and *italic*", "**bold** and *italic*"),
            ("~~struck~~", "~~struck~~"),
            ("# Title", "**Title**"),
            ("`code`", "`code`"),
            ("``a`b``", "`a'b`"),
            ("```rust\nlet a = \"<b>\";\n```", "```rust\nlet a = \"<b>\";\n```"),
            ("> quoted", "> quoted"),
            (
                "[a link](https://acme.com/a_(b))",
                "[a link](https://acme.com/a_%28b%29)",
            ),
            ("- a\n- b", "- a\n\n- b"),
            ("1. a\n2. b", "1. a\n\n2. b"),
            ("one\ntwo\n\nthree", "one\n\ntwo\n\nthree"),
            ("```\na\n\n\nb\n```\n\nc", "```\na\n\n\nb\n```\n\nc"),
            ("<https://acme.com/a_b?c=1&d=~e>", "https://acme.com/a_b?c=1&d=~e"),
        ] {
            assert_eq!(written(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn what_is_no_mark_is_not_taken_for_one() {
        for (markdown, expected) in [
            (r"5\*3\*2", r"5\*3\*2"),
            ("snake_case_name", r"snake\_case\_name"),
            (r"\[x\]\(y\)", r"\[x\](y)"),
            (r"\<at>Boss\</at>", "&lt;at&gt;Boss&lt;/at&gt;"),
            ("a &lt; b &amp; c", "a &lt; b &amp; c"),
            (r"\# no title", r"\# no title"),
            (r"1\. no item", r"1\. no item"),
            (r"\- no item", r"\- no item"),
            ("a - b + c", "a - b + c"),
            (
                "see https://acme.com/a_b, please_do",
                r"see https://acme.com/a_b, please\_do",
            ),
        ] {
            assert_eq!(written(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn a_link_to_what_is_no_address_of_the_web_is_its_text() {
        assert_eq!(written("[press](javascript:alert(1))"), "press");
    }

    #[test]
    fn right_to_left_and_emoji_stay_as_they_are() {
        assert_eq!(written("**مرحبا** 👨‍👩‍👧‍👦 שלום"), "**مرحبا** 👨‍👩‍👧‍👦 שלום");
    }

    proptest! {
        #[test]
        fn every_fence_that_is_opened_is_closed(markdown in "(```|`|\n|a|> |\\* ){0,60}") {
            for part in dialect::compose(&markdown, &Markdown::default(), 60, utf16) {
                let fences = part.lines().filter(|line| line.trim_start_matches(['>', ' ']).starts_with("```")).count();
                prop_assert!(fences % 2 == 0, "{part:?}");
            }
        }
    }
}
