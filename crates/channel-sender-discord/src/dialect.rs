//! Discord's Markdown: <https://support.discord.com/hc/en-us/articles/210298617>.
//!
//! Invariant: no character of somebody's text is taken for a mark: what could be one has a backslash before it, but for
//! addresses, which Discord finds by itself and reads to their end.

use ::dialect::{Dialect, Style};
use url::Url;

/// Levels of headings that there are; the others are strong.
const LEVELS: u8 = 3;
/// Takes no room, and breaks up what would be a mark.
const NOTHING: char = '\u{200b}';

/// Discord's dialect.
pub(crate) struct Markdown;

impl Dialect for Markdown {
    fn text(&self, text: &str, out: &mut String) {
        for word in text.split_inclusive(char::is_whitespace) {
            let (before, address) = word.split_at(address_in(word));
            for c in before.chars() {
                if is_mark(c, out) {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push_str(address);
        }
    }

    fn open(&self, style: &Style, out: &mut String) {
        match style {
            Style::Heading(level) if *level <= LEVELS && is_plain_beginning(line(out)) => {
                out.extend(std::iter::repeat_n('#', usize::from(*level)));
                out.push(' ');
            }
            Style::Strong | Style::Heading(_) => out.push_str("**"),
            Style::Emphasis => out.push('*'),
            Style::Struck => out.push_str("~~"),
            // A single backtick within two is one.
            Style::Code => out.push_str("``"),
            Style::Link { url, same } if !same && is_linkable(url) => out.push('['),
            Style::Link { .. } => (),
        }
    }

    fn close(&self, style: &Style, out: &mut String) {
        match style {
            Style::Heading(_) if is_heading(line(out)) => (),
            Style::Link { same: true, .. } => (),
            Style::Link { url, .. } if is_linkable(url) => {
                // Brackets of its own would end it.
                out.extend(["](", &url.replace('(', "%28").replace(')', "%29"), ")"]);
            }
            Style::Link { url, .. } => {
                let shown = url.strip_prefix("mailto:").or_else(|| url.strip_prefix("tel:"));
                out.push_str(" (");
                self.text(shown.unwrap_or(url), out);
                out.push(')');
            }
            style => self.open(style, out),
        }
    }

    fn code(&self, text: &str, out: &mut String) {
        if is_in_block(out) {
            out.push_str(&text.replace("```", &format!("`{NOTHING}`{NOTHING}`")));
            return;
        }
        for c in text.chars() {
            if c == '`' {
                out.extend([NOTHING, c, NOTHING]);
            } else {
                out.push(c);
            }
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
        out.extend(["```", language.unwrap_or_default(), "\n"]);
    }

    fn close_block(&self, out: &mut String) {
        out.push_str("\n```");
    }
}

/// What stands in the line so far.
fn line(out: &str) -> &str {
    out.rsplit('\n').next().unwrap_or_default()
}

/// Nothing stands in the line, or only what quotes it.
fn is_plain_beginning(line: &str) -> bool {
    line.chars().all(|c| matches!(c, '>' | ' '))
}

/// The line is marked as a heading. A number sign that somebody wrote has a backslash before it.
fn is_heading(line: &str) -> bool {
    line.trim_start_matches(['>', ' ']).starts_with('#')
}

/// Nothing stands in the line but marks of quotations and lists, so that more of them would count.
fn is_beginning(line: &str) -> bool {
    line.chars()
        .all(|c| matches!(c, '>' | ' ' | '-' | '.') || c.is_ascii_digit())
}

fn is_mark(c: char, out: &str) -> bool {
    match c {
        '\\' | '*' | '_' | '~' | '|' | '`' | '[' | ']' | '<' => true,
        '#' | '-' | '>' | '+' => is_beginning(line(out)),
        // "1990." would begin a list, whose items Discord counts anew.
        '.' => {
            let line = line(out);
            is_beginning(line) && line.ends_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    }
}

/// A fence that was opened is not closed yet.
fn is_in_block(out: &str) -> bool {
    let fences = out
        .lines()
        .filter(|line| line.trim_start_matches(['>', ' ']).starts_with("```"));
    fences.count() % 2 == 1
}

/// Where in a word an address begins, of which Discord makes a link and in which it takes nothing for a mark. The word's
/// end: there is none.
fn address_in(word: &str) -> usize {
    let at = word.find("https://").or_else(|| word.find("http://"));
    at.filter(|&at| {
        let (before, address) = word.split_at(at);
        !before.ends_with(char::is_alphanumeric)
            && !address.contains(['<', '>', '\\', '"', '|', '`', '\u{feff}'])
            && Url::parse(address.trim_end()).is_ok()
    })
    .unwrap_or(word.len())
}

/// Discord takes links to the web only; others are written out.
fn is_linkable(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use channel::text::{as_markdown, utf16};

    fn written(markdown: &str) -> String {
        ::dialect::compose(markdown, &Markdown, usize::MAX, utf16).concat()
    }

    #[test]
    fn every_style_has_its_mark() {
        for (markdown, expected) in [
            ("**a** *b* ~~c~~ `d`", "**a** *b* ~~c~~ ``d``"),
            ("***a***", "***a***"),
            ("# One\n\ntext", "# One\n\ntext"),
            ("### Three *i*", "### Three *i*"),
            ("#### Four", "**Four**"),
            ("> # Quoted", "> # Quoted"),
            ("- # In a list", "- **In a list**"),
            ("- a\n  - b\n\n3. c\n4. d", "- a\n  - b\n\n3. c\n4. d"),
            ("> a\n> b", "> a\n> b"),
            ("```rust\nlet a = b * c;\n```", "```rust\nlet a = b * c;\n```"),
            (
                "[Our *shop*](https://acme.com/a_(b))",
                "[Our *shop*](https://acme.com/a_%28b%29)",
            ),
            ("<https://acme.com/a_b_c>", "https://acme.com/a_b_c"),
            ("[mail](mailto:a_b@acme.com)", "mail (a\\_b@acme.com)"),
        ] {
            assert_eq!(written(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn what_somebody_typed_is_no_mark() {
        for (typed, expected) in [
            ("5*3*2 = 30", "5\\*3\\*2 = 30"),
            ("a_b ~c~ ||d|| `e`", "a\\_b \\~c\\~ \\|\\|d\\|\\| \\`e\\`"),
            ("# no heading", "\\# no heading"),
            ("-# no small print", "\\-# no small print"),
            ("> no quotation", "\\> no quotation"),
            ("- no list", "\\- no list"),
            ("1990. no list", "1990\\. no list"),
            ("a - b > c # d. 3.5", "a - b > c # d. 3.5"),
            ("<@123> <#1> <t:1>", "\\<@123> \\<#1> \\<t:1>"),
            ("[x](y)", "\\[x\\](y)"),
            ("back\\slash", "back\\\\slash"),
        ] {
            assert_eq!(written(&as_markdown(typed)), expected, "{typed}");
        }
    }

    #[test]
    fn an_address_stays_one_and_nothing_hides_behind_it() {
        assert_eq!(
            written("See https://acme.com/a_b_c*d now, (http://acme.com/a_b) _http://x_y"),
            "See https://acme.com/a_b_c*d now, (http://acme.com/a_b) \\_http://x_y",
        );
        assert_eq!(
            written("xhttp://a_b https:// a_b"),
            "xhttp://a\\_b https:// a\\_b"
        );
        assert_eq!(
            written("https://acme.com\u{a0}a_b"),
            "https://acme.com\u{a0}a\\_b"
        );
        assert_eq!(written("https://acme.com/\\<@123>"), "https://acme.com/\\<@123>");
    }

    #[test]
    fn backticks_in_code_do_not_end_it() {
        let inline = written("`` a`b ``");
        let block = written("````\na ``` b ` c\n````");

        assert_eq!(inline, "``a\u{200b}`\u{200b}b``");
        assert_eq!(block, "```\na `\u{200b}`\u{200b}` b ` c\n```");
    }
}
