//! Replies marked for [`crate::marked`], which turns the marks into entities: formatting by position.
//!
//! Invariant: a mark is a character of a private plane that no text of a reply holds, because it is taken out of all text
//! that comes in; so nothing that somebody writes can be taken for a mark, and there is nothing to escape.

use ::dialect::{Dialect, Style};
use std::ops::RangeInclusive;
use url::Url;

/// The characters that are marks. Nobody else gives them a meaning: they are private use.
const MARKS: RangeInclusive<char> = '\u{10f000}'..='\u{10f1ff}';
/// Begins a run of the kind whose number is added to it.
const OPEN: u32 = 0x10_f000;
/// Ends it.
const CLOSE: u32 = 0x10_f010;
/// Stands at the beginning of a line that is in a quotation.
const QUOTED: char = '\u{10f020}';
const QUOTED_TEXT: &str = "\u{10f020}";
/// A byte of what a link or a code block carries, added to it; right behind the mark that opens it.
const BYTE: u32 = 0x10_f100;

/// What a run of text can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bold,
    Italic,
    Struck,
    Code,
    Block,
    Link,
}

const KINDS: [Kind; 6] = [
    Kind::Bold,
    Kind::Italic,
    Kind::Struck,
    Kind::Code,
    Kind::Block,
    Kind::Link,
];

/// A character of a reply in this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Open(Kind),
    Close(Kind),
    Byte(u8),
    Quoted,
    /// Kept for marks, and none.
    Nothing,
    /// Not a mark.
    Text(char),
}

impl Mark {
    pub(crate) fn of(c: char) -> Self {
        let kind = |first: u32| KINDS.get((u32::from(c) - first) as usize).copied();
        match u32::from(c) {
            _ if !MARKS.contains(&c) => Self::Text(c),
            _ if c == QUOTED => Self::Quoted,
            at if at >= BYTE => Self::Byte((at - BYTE) as u8),
            at if at >= CLOSE => kind(CLOSE).map_or(Self::Nothing, Self::Close),
            _ => kind(OPEN).map_or(Self::Nothing, Self::Open),
        }
    }
}

fn mark(first: u32, number: u32, out: &mut String) {
    out.extend(char::from_u32(first + number));
}

fn carry(bytes: &str, out: &mut String) {
    for byte in bytes.bytes() {
        mark(BYTE, u32::from(byte), out);
    }
}

/// Telegram's dialect.
pub(crate) struct Marking;

impl Dialect for Marking {
    fn text(&self, text: &str, out: &mut String) {
        out.extend(text.chars().filter(|c| !MARKS.contains(c)));
    }

    fn open(&self, style: &Style, out: &mut String) {
        if let Some(kind) = kind(style) {
            mark(OPEN, kind as u32, out);
        }
        if let Style::Link { url, .. } = style
            && is_linkable(url)
        {
            carry(url, out);
        }
    }

    fn close(&self, style: &Style, out: &mut String) {
        match style {
            Style::Link { url, same } if !is_linkable(url) => {
                if !same {
                    let shown = url.strip_prefix("mailto:").or_else(|| url.strip_prefix("tel:"));
                    out.push_str(" (");
                    self.text(shown.unwrap_or(url), out);
                    out.push(')');
                }
            }
            style => {
                if let Some(kind) = kind(style) {
                    mark(CLOSE, kind as u32, out);
                }
            }
        }
    }

    fn code(&self, text: &str, out: &mut String) {
        self.text(text, out);
    }

    fn quote(&self) -> &str {
        QUOTED_TEXT
    }

    fn item(&self, number: Option<u64>) -> String {
        match number {
            Some(number) => format!("{number}. "),
            None => "• ".to_owned(),
        }
    }

    fn open_block(&self, language: Option<&str>, out: &mut String) {
        mark(OPEN, Kind::Block as u32, out);
        carry(language.unwrap_or_default(), out);
    }

    fn close_block(&self, out: &mut String) {
        mark(CLOSE, Kind::Block as u32, out);
    }
}

fn kind(style: &Style) -> Option<Kind> {
    Some(match style {
        Style::Strong | Style::Heading(_) => Kind::Bold,
        Style::Emphasis => Kind::Italic,
        Style::Struck => Kind::Struck,
        Style::Code => Kind::Code,
        Style::Link { url, .. } if is_linkable(url) => Kind::Link,
        Style::Link { .. } => return None,
    })
}

/// Telegram takes links to the web and into itself; others are written out.
fn is_linkable(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "tg") && url.has_host())
}
