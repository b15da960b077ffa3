//! Promises about what goes out, and about how a platform presents itself.

use crate::Recording;
use channel::{Button, Channel, FieldKind, OutboundContent, Reply};
use proptest::{
    prelude::{Just, Strategy, any, prop},
    prop_oneof,
    test_runner::TestRunner,
};
use std::collections::BTreeSet;

/// A reply longer than the platform takes at once becomes several parts that each fit, with every word in its order.
pub fn cuts_a_long_reply_to_measure<R: Recording>(recording: &R) {
    let words: Vec<String> = (0..4_000).map(|at| format!("word{at}")).collect();

    let parts = recording.channel().compose(&Reply {
        text: words.join(" "),
        ..Reply::default()
    });

    assert!(parts.len() > 1, "the reply was not cut");
    assert!(
        parts.iter().all(|part| recording.fits(part)),
        "a part is larger than the platform takes"
    );
    let sent: Vec<&str> = parts
        .iter()
        .flat_map(|part| part.text.split_whitespace())
        .collect();
    assert_eq!(sent, words, "words were lost, torn or moved");
}

/// Whatever a model writes becomes parts that fit, none of them empty.
pub fn composes_anything<R: Recording>(recording: &R) {
    let channel = recording.channel();
    let text = prop_oneof![
        any::<String>(),
        "(\\PC|\n){0,2000}",
        // Much of the same, as a model that has lost its way writes.
        (
            prop_oneof![
                Just("👨‍👩‍👧‍👦"),
                Just("*"),
                Just("[x]("),
                Just("> "),
                Just("| a "),
                Just("a\u{301}")
            ],
            0..3_000usize
        )
            .prop_map(|(text, times)| text.repeat(times)),
    ];
    let media = prop::collection::vec(Just("https://acme.com/a.png".to_owned()), 0..25);
    TestRunner::default()
        .run(&(text, media), |(text, media)| {
            let carried = media.len();
            let parts = channel.compose(&Reply {
                text,
                media,
                ..Reply::default()
            });
            assert!(
                parts.iter().all(|part| recording.fits(part)),
                "a part is larger than the platform takes"
            );
            assert!(
                parts
                    .iter()
                    .all(|part| !part.text.is_empty() || !part.media.is_empty()),
                "a part is empty"
            );
            assert_eq!(
                parts.iter().map(|part| part.media.len()).sum::<usize>(),
                carried,
                "media were lost"
            );
            Ok(())
        })
        .unwrap();
}

/// Every kind of Markdown there is, and much that is none, loses no word of what a reader should see, and no address.
pub fn keeps_every_word_of_markdown<R: Recording>(recording: &R) {
    // Each `@` becomes a word of its own, and each `%` a page of its own.
    let torture = "# @ **@** `@`\n\n@ **@ *@ ~~@~~*** _@_ ***@** @*\n@ \\\n@\n\n- @\n  - @\n    1. @\n    2. @\n\n       @\n- - @\n-\n\n\
        7. @\n8) @\n\n> @\n> > **@\n> > @**\n@\n> - @\n\n```rust\nlet @ = \"@ ` ``` *@* <@>\";\n\n    @\n```\n\n~~~\n@\n~~~\n\n    @\n\n\
        [@ **@** `@`](https://acme.com/%) ![@](https://acme.com/%) <https://acme.com/%> [@][a] [@]() [](https://acme.com/%)\n\n\
        | @ | **@** |\n|---|:-:|\n| [@](https://acme.com/%) | @ \\| @ |\n| | @\n\n\
        <div class=\"@\">\n@ &amp; @ &lt;@&gt;\n</div>\n\n@ <b>@</b> <br> @ < @ > @ & @\n\n\
        **@ *@ __@ ~~@ `@ [@](@ ![@ <@ ||@ {{@ \\*@\\* \0@ #@ +@ =@ @_@_@ @*@\n\n---\n\n```\n@ **@\n";
    let (mut words, mut pages, mut text) = (Vec::new(), Vec::new(), String::new());
    let torture = format!("[a]: https://acme.com/% \"title\"\n\n{}", torture.repeat(40));
    for piece in torture.split_inclusive(['@', '%']) {
        let (before, mark) = piece.split_at(piece.trim_end_matches(['@', '%']).len());
        text.push_str(before);
        let (kind, all) = match mark {
            "@" => ("word", &mut words),
            "%" => ("page", &mut pages),
            _ => continue,
        };
        let name = format!("{kind}{:05}", all.len());
        text.push_str(&name);
        all.push(name);
    }

    let parts = compose(recording, text, Vec::new());

    assert_eq!(
        first_missing(&parts, &words),
        None,
        "a word was lost, torn or moved"
    );
    let sent: String = parts.iter().map(everything).collect();
    for page in pages {
        assert!(sent.contains(&page), "the address of {page} was lost");
    }
    assert!(
        parts.iter().all(|part| !part.text.contains('\0')),
        "a part has U+0000, which PostgreSQL refuses"
    );
}

/// What a reader sees as one emoji is one, wherever the reply was cut.
pub fn tears_no_emoji<R: Recording>(recording: &R) {
    for emoji in ["👨‍👩‍👧‍👦", "👩🏽‍🚀", "🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👍🏿", "1️⃣", "❤️‍🔥", "e\u{301}"]
    {
        for text in [
            emoji.repeat(8_000),
            format!("**{}**", emoji.repeat(8_000)),
            format!("word {emoji} ").repeat(4_000),
        ] {
            let written = text.matches(emoji).count();

            let parts = compose(recording, text, Vec::new());

            assert!(parts.len() > 1, "the reply was not cut");
            let whole: usize = parts.iter().map(|part| part.text.matches(emoji).count()).sum();
            assert_eq!(whole, written, "{emoji} was torn or lost");
        }
    }
}

/// Arabic and Hebrew stay in the order in which they were written, and so do the marks of direction.
pub fn keeps_right_to_left_text<R: Recording>(recording: &R) {
    let words = [
        "مرحبًا",
        "بالعالم،",
        "שָׁלוֹם",
        "עולם",
        "\u{2067}‏English\u{2069}",
        "\u{200f}2026\u{200f}",
        "می\u{200c}خواهم",
    ];
    let text = "WORDS\n\n- WORDS\n\n> WORDS\n\n**WORDS**\n\n".replace("WORDS", &words.join(" "));

    let parts = compose(recording, text.repeat(100), Vec::new());

    let wanted: Vec<String> = words
        .iter()
        .cycle()
        .take(words.len() * 400)
        .map(|&word| word.to_owned())
        .collect();
    assert_eq!(
        first_missing(&parts, &wanted),
        None,
        "a word was lost, torn or turned around"
    );
}

/// However many buttons a reply has, and however long their titles are: each can be tapped with its own value, or read.
pub fn loses_no_button<R: Recording>(recording: &R) {
    for count in [1, 2, 3, 4, 5, 6, 10, 11, 13, 14, 25, 26, 40] {
        for length in [1, 18, 24, 30, 70, 90, 300] {
            keeps_buttons(recording, "Which one?", count, length);
        }
    }
    let long = "word ".repeat(1_000);
    for text in ["", "```\nleft open", "1. A list", "<!-- left open", &long] {
        for (count, length) in [(1, 1), (3, 18), (10, 24), (13, 18), (40, 300)] {
            keeps_buttons(recording, text, count, length);
        }
    }
}

fn keeps_buttons<R: Recording>(recording: &R, text: &str, count: usize, length: usize) {
    let buttons: Vec<Button> = (0..count)
        .map(|at| Button {
            title: format!("{at:02} {}", "title ".repeat(50)[..length].trim_end()),
            value: format!("value{at}"),
        })
        .collect();

    let parts = compose(recording, text.to_owned(), buttons.clone());

    let tapped: Vec<&Button> = parts.iter().flat_map(|part| &part.buttons).collect();
    let read: Vec<&str> = parts
        .iter()
        .flat_map(|part| part.text.split_whitespace())
        .collect();
    let read = read.join(" ");
    for button in &buttons {
        assert!(
            tapped.contains(&button) || read.contains(&button.title),
            "of {count} buttons with titles of {length} below {text:?} one was lost: {}",
            button.title
        );
    }
    assert!(
        tapped.iter().all(|button| buttons.contains(button)),
        "a button is not as it was given"
    );
}

/// The parts of a reply, each of which the platform takes and none of which is empty.
fn compose<R: Recording>(recording: &R, text: String, buttons: Vec<Button>) -> Vec<OutboundContent> {
    let parts = recording.channel().compose(&Reply {
        text,
        buttons,
        ..Reply::default()
    });
    assert!(
        parts.iter().all(|part| recording.fits(part)),
        "a part is larger than the platform takes"
    );
    assert!(
        parts.iter().all(|part| !part.text.trim().is_empty()),
        "a part is empty"
    );
    parts
}

/// The first of the words that does not stand whole in a part, behind the word before it.
fn first_missing<'a>(parts: &[OutboundContent], words: &'a [String]) -> Option<&'a str> {
    let mut parts = parts.iter().map(|part| part.text.as_str());
    let mut rest = parts.next().unwrap_or_default();
    for word in words {
        let after = loop {
            match rest.find(word.as_str()) {
                Some(at) => break at + word.len(),
                None => match parts.next() {
                    Some(next) => rest = next,
                    None => return Some(word),
                },
            }
        };
        rest = &rest[after..];
    }
    None
}

/// All that is sent of a part, wherever the platform's code has put it.
fn everything(part: &OutboundContent) -> String {
    let extra = part.extra.as_ref().map(ToString::to_string);
    format!("{}\n{}\n", part.text, extra.unwrap_or_default())
}

/// The dashboard can draw the platform's form from what it says of itself.
pub fn describes_itself(channel: &impl Channel) {
    let (platform, setup) = (channel.platform(), channel.setup());

    assert!(
        can_stand_in_a_url(platform.as_str()),
        "{platform} cannot stand in a URL"
    );
    assert!(
        !setup.title.is_empty() && !setup.steps.is_empty(),
        "{platform} says nothing of itself"
    );
    let names: BTreeSet<_> = setup.fields.iter().map(|field| field.name).collect();
    assert_eq!(
        names.len(),
        setup.fields.len(),
        "{platform} has two fields of one name"
    );
    assert!(
        setup
            .fields
            .iter()
            .all(|field| !field.label.is_empty() && !field.help.is_empty()),
        "a field says nothing"
    );
    assert!(
        setup.fields.iter().any(|field| field.kind == FieldKind::Secret),
        "{platform} needs no secret"
    );
    assert!(
        setup
            .steps
            .iter()
            .any(|step| step.detail.contains("{webhook_url}")),
        "no step says where to put the webhook"
    );
    assert!(setup.limits.sends_per_second > 0.0, "{platform} can never send");
}

fn can_stand_in_a_url(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
