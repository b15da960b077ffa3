//! Marked text as text and entities: <https://core.telegram.org/bots/api#messageentity>.

use crate::dialect::{Kind, Mark};
use serde::{Deserialize, Serialize};

/// Entities that Telegram shows; it passes over the rest.
const MAX_ENTITIES: usize = 100;

/// Text, and how it looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
}

/// How a run of text looks, in Telegram's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(crate) r#type: String,
    /// In UTF-16 code units, as is the length.
    pub(crate) offset: usize,
    pub(crate) length: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<String>,
}

/// A run that is open.
struct Run {
    kind: Kind,
    start: usize,
    carried: Vec<u8>,
}

#[derive(Default)]
struct Reader {
    marked: Marked,
    /// UTF-16 code units so far.
    at: usize,
    open: Vec<Run>,
}

/// What marked text says.
pub(crate) fn read(marked: &str) -> Marked {
    let mut reader = Reader::default();
    let mut quoted_since = None;
    for (number, line) in marked.split('\n').enumerate() {
        let before = reader.at;
        if number > 0 {
            reader.write('\n');
        }
        let is_quoted = line.chars().any(|c| Mark::of(c) == Mark::Quoted);
        match quoted_since {
            None if is_quoted => quoted_since = Some(reader.at),
            Some(start) if !is_quoted => {
                reader.entity("blockquote", start, before);
                quoted_since = None;
            }
            _ => (),
        }
        for c in line.chars() {
            reader.mark(Mark::of(c));
        }
    }
    while let Some(kind) = reader.open.last().map(|run| run.kind) {
        reader.close(kind);
    }
    if let Some(start) = quoted_since {
        reader.entity("blockquote", start, reader.at);
    }
    let mut marked = reader.marked;
    marked
        .entities
        .sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
    marked.entities.truncate(MAX_ENTITIES);
    marked
}

impl Reader {
    fn mark(&mut self, mark: Mark) {
        match mark {
            Mark::Text(c) => self.write(c),
            Mark::Quoted | Mark::Nothing => (),
            Mark::Open(kind) => self.open.push(Run {
                kind,
                start: self.at,
                carried: Vec::new(),
            }),
            Mark::Byte(byte) => {
                if let Some(run) = self.open.last_mut() {
                    run.carried.push(byte);
                }
            }
            Mark::Close(kind) => self.close(kind),
        }
    }

    fn write(&mut self, c: char) {
        self.marked.text.push(c);
        self.at += c.len_utf16();
    }

    fn close(&mut self, kind: Kind) {
        let Some(innermost) = self.open.iter().rposition(|run| run.kind == kind) else {
            return;
        };
        let run = self.open.remove(innermost);
        let carried = String::from_utf8(run.carried).unwrap_or_default();
        // Twice the same is once, and the outer one ends later.
        if self.open.iter().any(|open| open.kind == kind) {
            return;
        }
        self.entity(name(kind), run.start, self.at);
        if let Some(entity) = self.marked.entities.last_mut().filter(|_| self.at > run.start) {
            let carried = Some(carried).filter(|carried| !carried.is_empty());
            match kind {
                Kind::Link => entity.url = carried,
                Kind::Block => entity.language = carried,
                Kind::Bold | Kind::Italic | Kind::Struck | Kind::Code => (),
            }
        }
    }

    fn entity(&mut self, name: &str, start: usize, end: usize) {
        if end > start {
            self.marked.entities.push(Entity {
                r#type: name.to_owned(),
                offset: start,
                length: end - start,
                url: None,
                language: None,
            });
        }
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bold => "bold",
        Kind::Italic => "italic",
        Kind::Struck => "strikethrough",
        Kind::Code => "code",
        Kind::Block => "pre",
        Kind::Link => "text_link",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Marking;
    use channel::text::utf16;
    use proptest::prelude::*;

    fn marked(markdown: &str) -> Marked {
        let mut messages = ::dialect::compose(markdown, &Marking, 4096, |text| utf16(&read(text).text));
        assert_eq!(messages.len(), 1, "{markdown:?} is one message");
        read(&messages.remove(0))
    }

    /// The text, and each entity's name with what it covers and carries.
    fn seen(markdown: &str) -> (String, Vec<String>) {
        let Marked { text, entities } = marked(markdown);
        let units: Vec<u16> = text.encode_utf16().collect();
        let shown = entities
            .into_iter()
            .map(|entity| {
                let covered =
                    String::from_utf16(&units[entity.offset..entity.offset + entity.length]).unwrap();
                let carried = entity
                    .url
                    .or(entity.language)
                    .map(|carried| format!(" {carried}"));
                format!("{}: {covered}{}", entity.r#type, carried.unwrap_or_default())
            })
            .collect();
        (text, shown)
    }

    #[test]
    fn marks_become_entities_and_leave_the_text() {
        for (markdown, text, entities) in [
            ("**Open** daily", "Open daily", &["bold: Open"][..]),
            ("# Hours\n\nnine", "Hours\n\nnine", &["bold: Hours"]),
            (
                "*soft* ~~old~~ `x*y`",
                "soft old x*y",
                &["italic: soft", "strikethrough: old", "code: x*y"],
            ),
            ("**a *b* c**", "a b c", &["bold: a b c", "italic: b"]),
            (
                "See [our shop](https://acme.com/a_(b)?x=1&y=ü).",
                "See our shop.",
                &["text_link: our shop https://acme.com/a_(b)?x=1&y=ü"],
            ),
            (
                "```rust\nfn a() {}\n  b\n```",
                "fn a() {}\n  b",
                &["pre: fn a() {}\n  b rust"],
            ),
            ("```\n<b>\n```", "<b>", &["pre: <b>"]),
            (
                "> so\n> it is\n\nYes",
                "so\nit is\n\nYes",
                &["blockquote: so\nit is"],
            ),
            ("> a\n>\n> > b", "a\n\nb", &["blockquote: a\n\nb"]),
            ("1. one\n2. two\n\n- x", "1. one\n2. two\n\n• x", &[]),
            ("5 * 3 < 4 & _x_y", "5 * 3 < 4 & _x_y", &[]),
        ] {
            let (seen_text, seen_entities) = seen(markdown);

            assert_eq!(seen_text, text, "{markdown:?}");
            assert_eq!(seen_entities, entities, "{markdown:?}");
        }
    }

    #[test]
    fn what_comes_before_counts_in_utf16_units() {
        let Marked { entities, .. } = marked("👨‍👩‍👧 ü שלום **b 👋**");

        assert_eq!((entities[0].offset, entities[0].length), (16, 4));
    }

    #[test]
    fn a_link_that_telegram_does_not_take_is_written_out() {
        for (markdown, text) in [
            ("[us](mailto:help@acme.com)", "us (help@acme.com)"),
            ("[page](/page)", "page (/page)"),
            ("[x](javascript:alert(1))", "x (javascript:alert(1))"),
            ("<help@acme.com>", "help@acme.com"),
        ] {
            assert_eq!(seen(markdown), (text.to_owned(), vec![]), "{markdown}");
        }
    }

    #[test]
    fn a_mark_that_somebody_wrote_is_taken_out() {
        for markdown in [
            "a\u{10f000}b\u{10f105}\u{10f020}c",
            "a&#x10F000;b&#x10F020;c",
            "a\u{10f1ff}bc",
        ] {
            assert_eq!(seen(markdown), ("abc".to_owned(), vec![]), "{markdown:?}");
        }
        assert_eq!(seen("`a\u{10f000}b`").1, ["code: ab"]);
    }

    #[test]
    fn more_entities_than_telegram_shows_are_left_out() {
        let Marked { text, entities } = marked(&"**b** x ".repeat(150));

        assert_eq!(entities.len(), MAX_ENTITIES);
        assert_eq!(text.matches('b').count(), 150);
    }

    proptest! {
        #[test]
        fn every_entity_covers_whole_characters_of_the_text(
            markdown in prop::collection::vec(
                prop::sample::select(vec!["**", "*", "_", "`", "~~", "> ", "\n", "\n\n", "- ", "[", "](https://a.b)", "x", "👋", " ", "```", "\u{10f001}", "&#x10f111;"]),
                0..80,
            ).prop_map(|words| words.concat())
        ) {
            for message in ::dialect::compose(&markdown, &Marking, 40, |text| utf16(&read(text).text)) {
                let Marked { text, entities } = read(&message);
                let units: Vec<u16> = text.encode_utf16().collect();
                prop_assert!(units.len() <= 40);
                prop_assert!(text.chars().all(|c| matches!(Mark::of(c), Mark::Text(_))));
                for entity in entities {
                    let covered = units.get(entity.offset..entity.offset + entity.length);
                    prop_assert!(covered.is_some_and(|covered| String::from_utf16(covered).is_ok()));
                    prop_assert!(entity.length > 0);
                }
            }
        }
    }
}
