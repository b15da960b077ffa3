//! What a reply becomes.

use super::*;
use proptest::prelude::*;

fn button(title: &str, value: &str) -> Button {
    Button {
        title: title.to_owned(),
        value: value.to_owned(),
    }
}

fn composed(text: &str, media: &[&str], buttons: Vec<Button>) -> Vec<OutboundContent> {
    compose(&Reply {
        text: text.to_owned(),
        media: media.iter().map(|&url| url.to_owned()).collect(),
        buttons,
        ..Reply::default()
    })
}

#[test]
fn the_first_part_says_that_it_is() {
    let parts = composed(&"lorem ipsum ".repeat(400), &[], Vec::new());

    assert_eq!(parts.len(), 3);
    let firsts: Vec<bool> = parts.iter().map(|part| part.extra.is_some()).collect();
    assert_eq!(firsts, [true, false, false]);
    assert_eq!(parts[0].extra, Some(json!({"first": true})));
}

#[test]
fn buttons_go_below_the_last_text_five_in_a_row() {
    let buttons: Vec<Button> = (0..7).map(|at| button(&format!("No. {at}"), "same")).collect();

    let parts = composed(&"lorem ipsum ".repeat(200), &[], buttons);

    assert!(parts[0].buttons.is_empty());
    let body = Value::Object(body(&parts[1]));
    let rows: Vec<usize> = body["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["components"].as_array().unwrap().len())
        .collect();
    assert_eq!(rows, [5, 2]);
    assert_eq!(body["components"][0]["components"][1]["custom_id"], "b1:same");
    assert_eq!(
        body["components"][1]["components"][1]["custom_id"], "b6:same",
        "Discord takes no id twice"
    );
}

#[test]
fn buttons_that_discord_does_not_take_are_a_numbered_list() {
    let many: Vec<Button> = (0..26).map(|at| button(&format!("No. {at}"), "x")).collect();
    for buttons in [
        many,
        vec![button(&"x".repeat(81), "y")],
        vec![button("x", &"y".repeat(97))],
        vec![button("  ", "y"), button("x", "y")],
    ] {
        let parts = composed("Which?", &[], buttons);

        assert!(parts.iter().all(|part| part.buttons.is_empty()));
        assert!(parts[0].text.starts_with("Which?\n\n1."), "{}", parts[0].text);
    }
    assert_eq!(
        composed("<!-- -->", &[], vec![button("Yes", "y")])[0].text,
        "1. Yes"
    );
    assert_eq!(
        composed("Sure?", &[], vec![button("Yes", &"y".repeat(96))])[0]
            .buttons
            .len(),
        1
    );
}

#[test]
fn media_are_addresses_below_the_text_as_many_as_discord_shows() {
    let urls: Vec<String> = (0..7).map(|at| format!("https://acme.com/{at}.png")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();

    let parts = composed("Look!", &urls, Vec::new());
    let full = composed(&"x".repeat(MAX_TEXT), &urls[..1], Vec::new());
    let alone = composed("", &urls[..1], Vec::new());

    let counts: Vec<usize> = parts.iter().map(|part| part.media.len()).collect();
    assert_eq!(counts, [5, 2]);
    assert!(written(&parts[0]).starts_with("Look!\nhttps://acme.com/0.png\nhttps://acme.com/1.png"));
    assert_eq!(full.len(), 2);
    assert_eq!((full[1].text.as_str(), full[1].media.len()), ("", 1));
    assert_eq!(written(&alone[0]), "https://acme.com/0.png");
    assert_eq!(alone[0].extra, Some(json!({"first": true})));
}

#[test]
fn a_nonce_is_short_and_the_same_for_the_same_part_only() {
    let (one, other) = (crate::fake::part("hi"), crate::fake::part("hi"));

    assert_eq!(nonce(&one), nonce(&one.clone()));
    assert_ne!(nonce(&one), nonce(&other));
    assert_eq!(nonce(&one).len(), 24);
}

proptest! {
    #[test]
    fn every_message_is_within_the_limit(text in "(\\PC|\n){0,3000}") {
        for part in composed(&text, &["https://acme.com/a.png"], Vec::new()) {
            prop_assert!(text::utf16(&written(&part)) <= MAX_TEXT);
        }
    }
}
