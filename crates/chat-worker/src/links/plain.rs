//! How a text reads when Markdown's escapes, entities and marks are gone from it.

use regex::{Captures, Regex};
use std::{borrow::Cow, ops::Range, sync::LazyLock};

/// A text as it reads, and where each of its bytes stood.
pub(super) struct Plain {
    pub text: String,
    places: Vec<usize>,
}

impl Plain {
    pub fn of(text: &str) -> Self {
        let mut plain = Self {
            text: String::with_capacity(text.len()),
            places: Vec::with_capacity(text.len() + 1),
        };
        let mut from = 0;
        for found in MARK.captures_iter(text) {
            let Some(mark) = found.get(0) else { continue };
            plain.push(&text[from..mark.start()], from, 1);
            if let Some(c) = meant(&found) {
                plain.push(c.encode_utf8(&mut [0; 4]), mark.start(), 0);
            }
            from = mark.end();
        }
        plain.push(&text[from..], from, 1);
        plain.places.push(text.len());
        plain
    }

    fn push(&mut self, text: &str, at: usize, step: usize) {
        self.text.push_str(text);
        self.places.extend((0..text.len()).map(|n| at + n * step));
    }

    /// Where what reads so stood, with the marks in it and behind it.
    pub fn stood(&self, range: Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end]
    }
}

/// The character that an escape or an entity stands for. `None`: a mark, which is not shown.
fn meant(found: &Captures<'_>) -> Option<char> {
    let number = |group: usize, radix: u32| {
        let digits = found.get(group)?.as_str();
        u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)
    };
    let escaped = found.get(1).and_then(|escaped| escaped.as_str().chars().next());
    let named = found.get(4).and_then(|name| {
        let known = NAMED.iter().find(|(known, _)| *known == name.as_str());
        known.map(|(_, c)| *c)
    });
    escaped
        .or_else(|| number(2, 10))
        .or_else(|| number(3, 16))
        .or(named)
}

/// An escape, an entity, or a mark that is not shown.
static MARK: LazyLock<Regex> = LazyLock::new(|| {
    super::regex(concat!(
        r"\\([!-/:-@\[-`{-~])",
        r"|&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})",
        r"|(colon|sol|bsol|period|commat|quest|num|amp|lowbar|hyphen|dash|equals|percnt));",
        r"|[*`~]+|</?[A-Za-z][A-Za-z0-9]*/?>|<!--[^\s<>]*-->",
    ))
});
/// Names of what an address is made of. Others are neither a part of one nor hide one.
const NAMED: &[(&str, char)] = &[
    ("colon", ':'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("period", '.'),
    ("commat", '@'),
    ("quest", '?'),
    ("num", '#'),
    ("amp", '&'),
    ("lowbar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("equals", '='),
    ("percnt", '%'),
];

static ENTITY: LazyLock<Regex> = LazyLock::new(|| super::regex(r"&#?[A-Za-z0-9]+;"));
static ESCAPE: LazyLock<Regex> = LazyLock::new(|| super::regex(r"\\([!-/:-@\[-`{-~])"));

/// Whether it has an entity that may change where it leads. An `&` is in no host.
pub(super) fn has_entity(address: &str) -> bool {
    ENTITY.find_iter(address).any(|entity| entity.as_str() != "&amp;")
}

pub(super) fn unescaped(address: &str) -> Cow<'_, str> {
    ESCAPE.replace_all(address, "$1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_reads_without_its_marks_and_every_letter_knows_where_it_stood() {
        let text = r"a\:b&#58;c&sol;d**e**<b>f</b>";
        let plain = Plain::of(text);

        assert_eq!(plain.text, "a:b:c/def");
        let stood = |range| &text[plain.stood(range)];
        assert_eq!((stood(1..2), stood(3..4), stood(5..6)), (r"\:", "&#58;", "&sol;"));
        assert_eq!(stood(0..plain.text.len()), text);
        assert_eq!(unescaped(r"a\_b\c"), r"a_b\c");
        assert!(has_entity("a&colon;b") && !has_entity("a?b=1&amp;c=2&d"));
    }
}
