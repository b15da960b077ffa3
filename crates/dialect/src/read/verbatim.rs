//! Blocks of code, and HTML.

use super::{DEEPEST_QUOTE, Reader, capped};
use crate::atom::{Block, Place, Run};
use std::rc::Rc;

/// Bytes that the name of a programming language may have.
const LONGEST_LANGUAGE: usize = 32;

impl Reader {
    pub(super) fn code_block(&mut self) {
        let text = self.verbatim.take().unwrap_or_default();
        let block = Rc::new(Block {
            language: self.language.take(),
        });
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        // Empty lines at either end say nothing.
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let first = lines.iter().position(|line| !line.is_empty());
        let last = lines.iter().rposition(|line| !line.is_empty());
        let (Some(first), Some(last)) = (first, last) else {
            return;
        };
        for line in &lines[first..=last] {
            let place = Place {
                quote: capped(self.quotes, DEEPEST_QUOTE),
                block: Some(block.clone()),
                ..Place::default()
            };
            self.space.clear();
            self.put(
                place,
                vec![Run {
                    styles: Rc::default(),
                    text: (*line).to_owned(),
                }],
            );
            self.lines = 1;
        }
    }

    /// HTML is text, but a line break is one, and comments were never to be seen.
    pub(super) fn html(&mut self, html: &str) {
        let mut rest = html;
        let mut comments_end = true;
        while let Some(at) = rest.find('<') {
            let (before, tag) = rest.split_at(at);
            self.text(before);
            let length = if let Some(length) = line_break(tag) {
                self.text("\n");
                length
            } else if comments_end && tag.starts_with("<!--") {
                // One that does not end hides nothing: it would hide the rest of the reply.
                let end = tag.find("-->");
                comments_end = end.is_some();
                end.map_or(0, |end| end + "-->".len())
            } else {
                0
            };
            if length == 0 {
                self.text("<");
            }
            rest = &tag[length.max(1)..];
        }
        self.text(rest);
    }
}

/// The length of the `<br>` that HTML begins with.
fn line_break(html: &str) -> Option<usize> {
    let end = html.bytes().take(8).position(|byte| byte == b'>')?;
    let name = html.get(1..end)?.trim_end_matches(['/', ' ']);
    name.eq_ignore_ascii_case("br").then_some(end + 1)
}

/// The name of a programming language, if it looks like one.
pub(super) fn language(info: &str) -> Option<String> {
    let name = info.split(|c: char| c.is_whitespace() || c == ',').next()?;
    let is_name = !name.is_empty()
        && name.len() <= LONGEST_LANGUAGE
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '.' | '_'));
    is_name.then(|| name.to_owned())
}
