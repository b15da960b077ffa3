//! What replies become.

use super::*;
use proptest::prelude::*;

fn reply(text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        ..Reply::default()
    }
}

fn buttons(titles: &[(&str, &str)]) -> Vec<Button> {
    titles
        .iter()
        .map(|(title, value)| Button {
            title: (*title).to_owned(),
            value: (*value).to_owned(),
        })
        .collect()
}

fn entities(content: &OutboundContent) -> Vec<Entity> {
    let extra: Extra = serde_json::from_value(content.extra.clone().unwrap_or(json!({}))).unwrap();
    extra.entities
}

#[test]
fn markdown_becomes_text_with_entities() {
    let parts = compose(&reply("We **open** at [nine](https://acme.com)."));

    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].text, "We open at nine.");
    let extra = json!({"first": true, "entities": [
        {"type": "bold", "offset": 3, "length": 4},
        {"type": "text_link", "offset": 11, "length": 4, "url": "https://acme.com"},
    ]});
    assert_eq!(parts[0].extra, Some(extra));
}

#[test]
fn a_long_reply_is_cut_at_4096_utf16_units_of_what_is_shown() {
    let parts = compose(&reply(&"**👋👋👋👋** ".repeat(1_000)));

    assert!(parts.len() > 1);
    assert!(
        parts.iter().all(
            |part| (3_900..=MAX_TEXT).contains(&text::utf16(&part.text)) || part == parts.last().unwrap()
        ),
        "a part is not as long as it may be"
    );
    assert!(
        parts
            .iter()
            .all(|part| part.text.starts_with('👋') && part.text.ends_with('👋'))
    );
}

#[test]
fn bold_goes_on_in_the_next_message() {
    let parts = compose(&reply(&format!("**{}**", "word ".repeat(1_000).trim_end())));

    assert_eq!(parts.len(), 2);
    for part in &parts {
        let covered: usize = entities(part).iter().map(|entity| entity.length).sum();
        assert!(
            covered + 2 >= text::utf16(&part.text),
            "{covered} of {}",
            part.text.len()
        );
    }
}

#[test]
fn only_the_first_message_says_whom_it_answers() {
    let parts = compose(&reply(&"word ".repeat(2_000)));

    assert_eq!(parts[0].extra.as_ref().unwrap()["first"], true);
    assert!(parts[1..].iter().all(|part| part.extra.is_none()));
}

#[test]
fn media_go_one_a_message_and_the_last_carries_the_text_and_the_buttons() {
    let parts = compose(&Reply {
        media: vec![
            "https://acme.com/1.png".to_owned(),
            "https://acme.com/2.pdf".to_owned(),
        ],
        buttons: buttons(&[("Yes", "y")]),
        ..reply("**Look!**")
    });

    assert_eq!(parts.len(), 2);
    assert_eq!(
        (
            parts[0].text.as_str(),
            parts[0].media.len(),
            parts[0].buttons.len()
        ),
        ("", 1, 0)
    );
    assert_eq!(
        (parts[1].text.as_str(), parts[1].media[0].as_str()),
        ("Look!", "https://acme.com/2.pdf")
    );
    assert_eq!((parts[1].buttons.len(), entities(&parts[1]).len()), (1, 1));
}

#[test]
fn a_text_that_is_too_long_for_a_caption_follows_the_media() {
    for (length, expected) in [(MAX_CAPTION, 1), (MAX_CAPTION + 1, 2)] {
        let parts = compose(&Reply {
            media: vec!["https://acme.com/1.png".to_owned()],
            buttons: buttons(&[("Yes", "y")]),
            ..reply(&"x".repeat(length))
        });

        assert_eq!(parts.len(), expected);
        let last = parts.last().unwrap();
        assert_eq!((last.text.len(), last.buttons.len()), (length, 1));
    }
}

#[test]
fn buttons_that_telegram_bears_are_buttons_on_the_last_message() {
    let parts = compose(&Reply {
        buttons: buttons(&[("Yes", "y"), ("No", &"n".repeat(64))]),
        ..reply(&"word ".repeat(1_000))
    });

    assert_eq!((parts[0].buttons.len(), parts[1].buttons.len()), (0, 2));
}

#[test]
fn buttons_that_telegram_does_not_bear_are_a_numbered_list() {
    let many: Vec<(String, String)> = (0..=MAX_BUTTONS)
        .map(|at| (format!("T{at}"), at.to_string()))
        .collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(title, value)| (title.as_str(), value.as_str()))
        .collect();
    let long = "n".repeat(65);
    // 64 bytes, not characters.
    let wide = "é".repeat(33);
    for refused in [
        many.as_slice(),
        &[("Yes", "y"), ("No", &long)],
        &[("Yes", "y"), ("No", &wide)],
        &[("Yes", "")],
        &[(&long, "y")],
    ] {
        let parts = compose(&Reply {
            buttons: buttons(refused),
            ..reply("Which?")
        });

        assert_eq!(parts.len(), 1);
        assert!(parts[0].buttons.is_empty());
        let begin = format!("Which?\n\n1. {}", refused[0].0);
        assert!(parts[0].text.starts_with(&begin), "{}", parts[0].text);
    }
}

#[test]
fn buttons_with_nothing_above_them_are_a_numbered_list_because_telegram_needs_a_text() {
    let parts = compose(&Reply {
        buttons: buttons(&[("Yes *really*", "y"), ("No", "n")]),
        ..Reply::default()
    });

    assert_eq!(parts.len(), 1);
    assert_eq!(
        (parts[0].text.as_str(), parts[0].buttons.len()),
        ("1. Yes *really*\n2. No", 0)
    );
    assert!(compose(&Reply::default()).is_empty());
}

#[test]
fn what_cannot_be_seen_is_no_message() {
    for text in ["", "  \n ", "\u{10f000}", "&#x10F001;", "\0"] {
        assert!(compose(&reply(text)).is_empty(), "{text:?}");
    }
}

#[test]
fn an_address_is_sent_as_what_its_ending_says() {
    for (url, expected) in [
        ("https://acme.com/a.JPG?x=.pdf", "sendPhoto"),
        ("https://acme.com/a.webp", "sendPhoto"),
        ("https://acme.com/a.mp4", "sendVideo"),
        ("https://acme.com/a.mp3", "sendAudio"),
        ("https://acme.com/a.pdf", "sendDocument"),
        ("https://acme.com/a.gif", "sendDocument"),
        ("https://acme.png/a", "sendDocument"),
        ("nonsense", "sendDocument"),
    ] {
        assert_eq!(method_for(url).0, expected, "{url}");
    }
}

proptest! {
    #[test]
    fn whatever_is_written_fits_with_its_entities(
        text in "(\\PC|\n|\\*\\*|> |`){0,600}",
        media in prop::collection::vec(Just("https://acme.com/a.png".to_owned()), 0..3),
        titles in prop::collection::vec("\\PC{0,80}", 0..5),
    ) {
        let buttons = titles.into_iter().map(|title| Button { title, value: "v".to_owned() }).collect();
        for part in compose(&Reply { text, media, buttons, template: None }) {
            let limit = if part.media.is_empty() { MAX_TEXT } else { MAX_CAPTION };
            let units = text::utf16(&part.text);
            prop_assert!(units <= limit);
            prop_assert!(!part.text.is_empty() || !part.media.is_empty());
            prop_assert!(entities(&part).iter().all(|entity| entity.offset + entity.length <= units));
        }
    }
}
