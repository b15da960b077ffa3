//! Buttons for platforms without them.

use crate::read::OPTIONS;
use channel::text::{as_markdown, without_nul};
use pulldown_cmark::{Event, Parser, Tag};

/// A reply's text in CommonMark with a numbered list of these titles below it, for platforms that have no buttons or not
/// so many: "\n\n1. Title\n2. Another". A title is plain text, and is read as such. Without titles the text stays as it
/// is.
///
/// What the text leaves open (a code block, a list that the numbers would go on from) is ended before the list.
pub fn numbered(text: &str, titles: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let titles: Vec<String> = titles.into_iter().map(|title| item(title.as_ref())).collect();
    if titles.is_empty() {
        return text.to_owned();
    }
    let text = text.trim_end();
    if text.trim_start().is_empty() {
        return list(&titles, '.');
    }
    below(text, &titles)
        .or_else(|| below(&with_last_html_as_text(text)?, &titles))
        .unwrap_or_else(|| format!("{}\n\n{}", as_markdown(text), list(&titles, '.')))
}

fn item(title: &str) -> String {
    let words: Vec<&str> = title.split_whitespace().collect();
    as_markdown(&without_nul(&words.join(" ")))
}

fn list(titles: &[String], delimiter: char) -> String {
    let items: Vec<String> = titles
        .iter()
        .enumerate()
        .map(|(at, title)| format!("{}{delimiter} {title}", at + 1))
        .collect();
    items.join("\n")
}

/// The list below what the text leaves open: nothing, a list, which another delimiter ends, or a code block.
fn below(text: &str, titles: &[String]) -> Option<String> {
    let ends = ["", "\n````````", "\n~~~~~~~~"];
    let mut ways = ends.iter().flat_map(|end| [(end, '.'), (end, ')')]);
    ways.find_map(|(end, delimiter)| {
        let above = format!("{text}{end}\n\n");
        let whole = format!("{above}{}", list(titles, delimiter));
        has_list_at(above.len(), &whole).then_some(whole)
    })
}

/// Whether a list that begins here is one of its own, at the outermost level.
fn has_list_at(start: usize, markdown: &str) -> bool {
    let mut depth = 0_usize;
    for (event, at) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::List(Some(1))) if depth == 0 && at.start == start => return true,
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => (),
        }
    }
    false
}

/// A comment or a script that does not end would take the list in.
fn with_last_html_as_text(text: &str) -> Option<String> {
    let (_, at) = Parser::new_ext(text, OPTIONS)
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::Start(Tag::HtmlBlock)))
        .last()?;
    let at = at.start + text.get(at.start..)?.find('<')?;
    Some(format!("{}\\{}", &text[..at], &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plain, compose};
    use proptest::prelude::*;

    const TITLES: [&str; 2] = ["Yes", "No *way* <b>"];

    fn shown(text: &str) -> String {
        compose(&numbered(text, TITLES), &Plain, usize::MAX, str::len).concat()
    }

    #[test]
    fn titles_stand_below_the_text_as_they_were_written() {
        assert_eq!(numbered("Sure?", ["Yes", "No"]), "Sure?\n\n1. Yes\n2. No");
        assert_eq!(numbered("", ["Yes"]), "1. Yes");
        assert_eq!(numbered("Sure?", [""; 0]), "Sure?");
        assert_eq!(shown("**Sure?**"), "Sure?\n\n1. Yes\n2. No *way* <b>");
        assert_eq!(numbered("", [" a\n b\0 "]), "1. a b");
    }

    #[test]
    fn numbers_begin_at_one_below_a_numbered_list() {
        assert_eq!(shown("1. a\n2. b"), "1. a\n2. b\n\n1. Yes\n2. No *way* <b>");
        assert_eq!(shown("- a\n  1. b"), "- a\n  1. b\n\n1. Yes\n2. No *way* <b>");
        assert_eq!(shown("> 1. a"), "1. a\n\n1. Yes\n2. No *way* <b>");
    }

    #[test]
    fn what_the_text_leaves_open_is_ended() {
        for open in [
            "```\ncode",
            "````rust\ncode\n```",
            "~~~\ncode",
            "<!-- code",
            "<script>code",
            "<pre>\ncode",
            "<?code",
            "<![CDATA[code",
            "<!CODE code",
            "<div>\ncode",
            "- ```\n  code",
            "| code |\n|---|",
        ] {
            let shown = shown(open);

            assert!(shown.contains("code"), "{open:?} gave {shown:?}");
            assert!(
                shown.ends_with("\n\n1. Yes\n2. No *way* <b>"),
                "{open:?} gave {shown:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_title_is_lost_whatever_the_text(text in "([-*_`~<>!?\\[\\]()|#\n 1.a]|\\PC){0,60}", title in "\\PC{1,20}") {
            let words = title.split_whitespace().collect::<Vec<_>>().join(" ");

            let text = numbered(&text, [&title]);

            let shown = compose(&text, &Plain, usize::MAX, str::len).concat();
            let last = format!("1. {words}");
            prop_assert!(shown.trim_end().ends_with(last.trim_end()), "{text:?} gave {shown:?}");
        }
    }
}
