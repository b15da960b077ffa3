//! The dialect of platforms that know no marks at all.

use crate::{Dialect, Style, read::shown};

/// Text without marks, for platforms that would show them as they are: a link's address stands behind its text, items
/// of lists have a dash or their number, and everything else is its text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plain;

impl Dialect for Plain {
    fn text(&self, text: &str, out: &mut String) {
        out.push_str(text);
    }

    fn open(&self, _style: &Style, _out: &mut String) {}

    fn close(&self, style: &Style, out: &mut String) {
        if let Style::Link { url, same: false } = style {
            out.extend([" (", shown(url), ")"]);
        }
    }

    fn code(&self, text: &str, out: &mut String) {
        out.push_str(text);
    }

    fn quote(&self) -> &str {
        ""
    }

    fn item(&self, number: Option<u64>) -> String {
        match number {
            Some(number) => format!("{number}. "),
            None => "- ".to_owned(),
        }
    }

    fn open_block(&self, _language: Option<&str>, _out: &mut String) {}

    fn close_block(&self, _out: &mut String) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use proptest::prelude::*;

    fn plain(markdown: &str) -> String {
        compose(markdown, &Plain, usize::MAX, str::len).concat()
    }

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
        fn typed_words_survive_escaping(typed in "[ -~]{0,60}") {
            let seen = plain(&channel::text::as_markdown(&typed));

            prop_assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), typed.split_whitespace().collect::<Vec<_>>());
        }
    }
}
