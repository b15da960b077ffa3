//! CommonMark as plain text: SMS knows no bold, no links and no lists, and a reader should not see their marks.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

/// What a reader of plain text should see.
pub fn plain(markdown: &str) -> String {
    let mut writer = Writer::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        writer.write(event);
    }
    writer.out.trim().to_owned()
}

/// What stands between what was written and what comes next.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Line,
    Paragraph,
}

#[derive(Default)]
struct Writer {
    out: String,
    gap: Gap,
    /// The open lists, each with the number of its next item if it has numbers.
    lists: Vec<Option<u64>>,
    /// The open links and pictures: where their text began, and where they lead.
    links: Vec<(usize, String)>,
    /// An item's mark was just written: what follows stands beside it.
    beside_mark: bool,
    first_cell: bool,
}

impl Writer {
    fn write(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text(&text),
            Event::SoftBreak | Event::HardBreak => self.out.push('\n'),
            Event::Rule => self.leave(Gap::Paragraph),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => (), // not asked for in the options
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::BlockQuote(_) => {
                self.leave(self.between_blocks());
            }
            Tag::Table(_) => self.leave(Gap::Paragraph),
            Tag::TableHead | Tag::TableRow => {
                self.leave(Gap::Line);
                self.first_cell = true;
            }
            Tag::TableCell => {
                let separator = if std::mem::take(&mut self.first_cell) {
                    ""
                } else {
                    " | "
                };
                self.text(separator);
            }
            Tag::List(start) => {
                self.leave(self.between_blocks());
                self.lists.push(start);
            }
            Tag::Item => self.item(),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.close_gap();
                self.links.push((self.out.len(), dest_url.into_string()));
            }
            // Marks that plain text does not have; and extensions that were not asked for.
            _ => (),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock | TagEnd::BlockQuote(_) => {
                self.leave(self.between_blocks());
            }
            TagEnd::CodeBlock => {
                self.out.truncate(self.out.trim_end_matches('\n').len());
                self.leave(self.between_blocks());
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.beside_mark = false;
                self.leave(self.between_blocks());
            }
            TagEnd::Item => {
                self.beside_mark = false;
                self.leave(Gap::Line);
            }
            TagEnd::Table => self.leave(Gap::Paragraph),
            TagEnd::Link | TagEnd::Image => self.end_of_link(),
            _ => (),
        }
    }

    /// Within a list everything stands close together.
    const fn between_blocks(&self) -> Gap {
        if self.lists.is_empty() {
            Gap::Paragraph
        } else {
            Gap::Line
        }
    }

    fn leave(&mut self, gap: Gap) {
        if !self.beside_mark {
            self.gap = self.gap.max(gap);
        }
    }

    fn close_gap(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        if !self.out.is_empty() {
            self.out.push_str(match gap {
                Gap::None => "",
                Gap::Line => "\n",
                Gap::Paragraph => "\n\n",
            });
        }
        self.beside_mark = false;
    }

    fn text(&mut self, text: &str) {
        self.close_gap();
        self.out.push_str(text);
    }

    fn item(&mut self) {
        self.beside_mark = false;
        self.leave(Gap::Line);
        self.close_gap();
        let depth = self.lists.len().saturating_sub(1);
        self.out.push_str(&"  ".repeat(depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number = number.saturating_add(1);
            }
            Some(None) | None => self.out.push_str("- "),
        }
        self.beside_mark = true;
    }

    /// A link's address stands behind its text, unless the text is the address.
    fn end_of_link(&mut self) {
        let Some((start, address)) = self.links.pop() else {
            return;
        };
        let shown = ["mailto:", "tel:"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme))
            .unwrap_or(&address);
        let text = self.out.get(start..).unwrap_or_default().trim();
        if shown.is_empty() || text == shown || text == address {
            return;
        }
        let addition = if text.is_empty() {
            shown.to_owned()
        } else {
            format!(" ({shown})")
        };
        self.out.push_str(&addition);
    }

    /// Text that merely looks like HTML stays; a line break is one, and comments were never to be seen.
    fn html(&mut self, html: &CowStr<'_>) {
        let name: String = html
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_ascii_lowercase();
        match name.as_str() {
            "<br>" | "<br/>" => self.out.push('\n'),
            _ if name.starts_with("<!--") => (),
            _ => self.text(html),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_disappear_and_words_stay() {
        assert_eq!(
            plain("**Open** *daily* `9-17`, ~~never~~ always"),
            "Open daily 9-17, never always"
        );
        assert_eq!(
            plain("# Hours\nWe open at nine.\n\nAnd close at five."),
            "Hours\n\nWe open at nine.\n\nAnd close at five."
        );
    }

    #[test]
    fn a_links_address_stands_behind_its_text() {
        assert_eq!(
            plain("See [our shop](https://acme.com/shop)."),
            "See our shop (https://acme.com/shop)."
        );
        assert_eq!(plain("See <https://acme.com>."), "See https://acme.com.");
        assert_eq!(plain("[https://acme.com](https://acme.com)"), "https://acme.com");
        assert_eq!(
            plain("Write to <help@acme.com> or [call](tel:+14155550123)"),
            "Write to help@acme.com or call (+14155550123)"
        );
        assert_eq!(
            plain("![map](https://acme.com/map.png)"),
            "map (https://acme.com/map.png)"
        );
        assert_eq!(plain("[](https://acme.com)"), "https://acme.com");
    }

    #[test]
    fn lists_keep_their_numbers_and_their_depth() {
        assert_eq!(
            plain("Bring:\n\n- a pen\n- paper\n  - lined\n  - plain\n\nThanks"),
            "Bring:\n\n- a pen\n- paper\n  - lined\n  - plain\n\nThanks"
        );
        assert_eq!(plain("3. three\n4. four"), "3. three\n4. four");
        assert_eq!(plain("- one\n\n- two\n\n  still two"), "- one\n- two\nstill two");
    }

    #[test]
    fn lines_that_somebody_wrote_stay_lines() {
        assert_eq!(plain("1 Main Street\nSpringfield"), "1 Main Street\nSpringfield");
        assert_eq!(plain("one<br>two"), "one\ntwo");
    }

    #[test]
    fn a_table_becomes_lines() {
        assert_eq!(
            plain("| day | open |\n|---|---|\n| Mon | 9 |\n| Tue | 10 |"),
            "day | open\nMon | 9\nTue | 10"
        );
    }

    #[test]
    fn code_stays_as_it_is_and_comments_go() {
        assert_eq!(plain("```\na * b\n```\n<!-- secret -->\n\nend"), "a * b\n\nend");
        assert_eq!(plain("if a <b> c"), "if a <b> c");
    }

    #[test]
    fn text_that_was_typed_comes_out_as_it_was_typed() {
        for typed in [
            "5*3*2 = 30",
            "1. not a list\n- nor this",
            "    indented",
            "# no heading",
            "a_b_c <tag> &amp; [x](y)",
        ] {
            assert_eq!(
                plain(&channel::text::as_markdown(typed)),
                typed.trim(),
                "{typed:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_readable(markdown: String) {
            plain(&markdown);
        }

        #[test]
        fn typed_words_survive_escaping(typed in "[ -~]{0,60}") {
            let seen = plain(&channel::text::as_markdown(&typed));

            prop_assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), typed.split_whitespace().collect::<Vec<_>>());
        }
    }
}
