//! Whatever comes is cut to measure, and in time.

use super::{chars, cut};
use crate::{Plain, atom::is_visible, compose};
use proptest::prelude::*;
use std::time::{Duration, Instant};
use unicode_segmentation::UnicodeSegmentation;

/// Replies of a model that has lost its way, or of somebody who means harm.
fn pathological() -> Vec<(&'static str, String)> {
    let times = |text: &str, times: usize| text.repeat(times);
    vec![
        ("quotes", times(">", 100_000)),
        ("quoted lines", times("> a\n", 25_000)),
        ("brackets", times("[", 100_000)),
        ("brackets and back", times("[", 50_000) + &times("]", 50_000)),
        ("links", times("[a](", 25_000)),
        ("images", times("![", 50_000)),
        ("emphasis", times("*a ", 33_000) + &times("*", 33_000)),
        ("emphasis in emphasis", times("*a **a ", 14_000)),
        ("styles", times("*a _", 25_000)),
        ("lists", times("+ ", 50_000) + "a"),
        ("lists without text", times("+ ", 50_000)),
        ("numbered lists", times("1. ", 33_000)),
        ("lists and quotes", times("> - ", 25_000)),
        (
            "list with blank lines",
            times("+ ", 40_000) + "a" + &times("\n", 20_000) + "b",
        ),
        ("fences", times("```\n", 25_000)),
        (
            "backticks",
            (1..440).map(|count| times("`", count) + " ").collect(),
        ),
        ("comments", times("<!--", 25_000)),
        ("inline comments", times("a <!--", 16_000)),
        ("tags", times("<br ", 25_000)),
        (
            "wide table",
            times("|a", 16_000) + "|\n" + &times("|-", 16_000) + "|\n" + &times("a\n", 16_000),
        ),
        (
            "table rows",
            "|a|b|\n|-|-|\n".to_owned() + &times("|a|\n", 20_000),
        ),
        ("definitions", times("[a]: b\n", 14_000)),
        (
            "references",
            "[a]: ".to_owned() + &times("b", 50_000) + "\n\n" + &times("[a]", 16_000),
        ),
        ("one word", times("a", 100_000)),
        ("one character", "a".to_owned() + &times("\u{301}", 50_000)),
        ("families", times("👨‍👩‍👧‍👦", 4_000)),
        ("styled letters", times("*a*_b_", 16_000)),
        ("one link", format!("[{}](http://x)", times("a ", 50_000))),
        ("one address", format!("[a](http://{})", times("x", 100_000))),
        ("one line of code", format!("```\n{}", times("a", 100_000))),
        ("one run of code", format!("`{}`", times("a ", 50_000))),
        ("lines of code", times("\n    a", 16_000)),
        ("spaces", "a".to_owned() + &times(" ", 100_000) + "b"),
        ("empty lines", times("\n", 100_000) + "a"),
        ("words", times("a ", 50_000)),
        ("entities", times("&#42;", 20_000)),
        ("escapes", times("\\*", 50_000)),
    ]
}

#[test]
fn time_grows_with_the_length_only() {
    for (name, text) in pathological() {
        for limit in [160, 40_000] {
            let begun = Instant::now();

            let parts = cut(&text, limit);

            let took = begun.elapsed();
            println!("{name} at {limit}: {} parts in {took:?}", parts.len());
            assert!(
                parts
                    .iter()
                    .all(|part| chars(part) <= limit && !part.trim().is_empty()),
                "{name}"
            );
            assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        }
    }
}

/// Markdown as it comes, with much of what has a meaning in it.
fn markdown() -> impl Strategy<Value = String> {
    let scrap = prop_oneof![
        4 => "[a-z]{1,8}",
        2 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => prop::sample::select(vec![
            "\n\n", "**", "*", "_", "~~", "`", "```\n", "\n```rs\n", "> ", "\n> ", "- ", "\n  - ", "1. ", "# ", "[", "](http://x/y)",
            "![", "](", ")", "<http://x>", "<b>", "<br>", "<!--", "-->", "|", "\n|-|-|\n", "---\n", "\\", "&amp;", "&#0;", "\0", "\t",
            "\r\n", "👨‍👩‍👧‍👦", "a\u{301}\u{302}", "。", "{", "}", "\u{a0}", "\u{200b}", "\u{202e}", "ש",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(scrap, 0..80).prop_map(|scraps| scraps.concat())
}

/// Braces that open without one that closes.
fn unbalanced(text: &str) -> i32 {
    let mut chars = text.chars();
    let mut open = 0;
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '{' => open += 1,
            '}' => open -= 1,
            _ => (),
        }
    }
    open
}

fn letters(parts: &[String]) -> String {
    parts.concat().chars().filter(|&c| is_visible(c)).collect()
}

proptest! {
    #[test]
    fn whatever_is_written_fits(text in markdown(), limit in 0..120_usize) {
        for part in cut(&text, limit) {
            prop_assert!(chars(&part) <= limit, "{part:?}");
            prop_assert!(!part.trim().is_empty(), "{part:?}");
            prop_assert_eq!(unbalanced(&part), 0, "{:?}", part);
        }
    }

    #[test]
    fn a_cut_takes_nothing_away(text in markdown(), limit in 60..200_usize) {
        let text = text.replace('(', "");

        let parts = compose(&text, &Plain, limit, chars);

        prop_assert_eq!(letters(&parts), letters(&compose(&text, &Plain, usize::MAX, chars)));
    }

    #[test]
    fn all_words_survive_in_order(
        words in prop::collection::vec(("[a-z]{1,10}[.,!]?", prop::sample::select(vec![" ", "\n", "\n\n"])), 0..200),
        limit in 11..100_usize,
    ) {
        let text: String = words.iter().flat_map(|(word, gap)| [word.as_str(), gap]).collect();

        let parts = compose(&text, &Plain, limit, chars);

        let seen: Vec<_> = parts.iter().flat_map(|part| part.split_whitespace()).collect();
        prop_assert_eq!(seen, words.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>());
        prop_assert!(parts.iter().all(|part| chars(part) <= limit));
    }

    #[test]
    fn no_character_of_a_reader_is_torn(text in "([a-z👋]|👨‍👩‍👧‍👦|e\u{301}|🇩🇪|[ ]){0,120}", limit in 11..40_usize) {
        let parts = compose(&text, &Plain, limit, chars);

        let seen: Vec<_> = parts.iter().flat_map(|part| part.graphemes(true)).filter(|g| *g != " ").collect();
        prop_assert_eq!(seen, text.graphemes(true).filter(|g| *g != " ").collect::<Vec<_>>());
    }
}
