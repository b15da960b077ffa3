//! Messages with pictures or buttons, in Slack's blocks.
//!
//! Source: <https://docs.slack.dev/reference/block-kit/blocks>

use crate::dialect::address;
use channel::{Button, OutboundContent};
use serde_json::{Value, json};
use url::Url;

/// UTF-16 code units that a block's text may have.
pub(crate) const MAX_TEXT: usize = 3_000;
/// Buttons below a message.
pub(crate) const MAX_BUTTONS: usize = 25;
/// Characters of a button's title, and of its value.
const MAX_TITLE: usize = 75;
const MAX_VALUE: usize = 2_000;
/// Characters of a picture's address.
const MAX_ADDRESS: usize = 3_000;
/// What Slack shows as a picture.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "gif"];

/// Whether all of these can be tapped in one message.
pub(crate) fn can_be_tapped(buttons: &[Button]) -> bool {
    buttons.len() <= MAX_BUTTONS
        && buttons.iter().all(|button| {
            let title = channel::text::utf16(&button.title);
            !button.title.trim().is_empty()
                && title <= MAX_TITLE
                && !button.value.is_empty()
                && channel::text::utf16(&button.value) <= MAX_VALUE
        })
}

/// `None`: the text says it all.
pub(crate) fn blocks(content: &OutboundContent) -> Option<Value> {
    if content.media.is_empty() && content.buttons.is_empty() {
        return None;
    }
    let mut blocks = Vec::new();
    if !content.text.is_empty() {
        blocks.push(section(&content.text));
    }
    blocks.extend(content.media.iter().map(|url| medium(url)));
    if !content.buttons.is_empty() {
        let elements: Vec<Value> = content.buttons.iter().enumerate().map(button).collect();
        blocks.push(json!({"type": "actions", "elements": elements}));
    }
    Some(Value::Array(blocks))
}

/// A file's address as a link.
pub(crate) fn link(url: &str) -> String {
    let mut link = "<".to_owned();
    address(url, &mut link);
    link.push('>');
    link
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

fn medium(url: &str) -> Value {
    let name = Url::parse(url)
        .ok()
        .and_then(|url| Some(url.path_segments()?.next_back()?.to_owned()))
        .unwrap_or_default();
    let is_picture = name
        .rsplit_once('.')
        .is_some_and(|(_, kind)| PICTURES.iter().any(|picture| kind.eq_ignore_ascii_case(picture)));
    if is_picture && url.len() <= MAX_ADDRESS {
        let name: String = name.chars().take(200).collect();
        json!({"type": "image", "image_url": url, "alt_text": name})
    } else {
        section(&link(url))
    }
}

fn button((at, button): (usize, &Button)) -> Value {
    json!({
        "type": "button",
        "text": {"type": "plain_text", "text": button.title},
        "action_id": format!("choice_{at}"),
        "value": button.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, media: &[&str], buttons: &[(&str, &str)]) -> Option<Value> {
        blocks(&OutboundContent {
            text: text.to_owned(),
            media: media.iter().map(|&url| url.to_owned()).collect(),
            buttons: buttons
                .iter()
                .map(|(title, value)| Button {
                    title: (*title).to_owned(),
                    value: (*value).to_owned(),
                })
                .collect(),
            ..OutboundContent::default()
        })
    }

    #[test]
    fn a_text_alone_needs_no_blocks() {
        assert_eq!(of("hi", &[], &[]), None);
    }

    #[test]
    fn pictures_are_shown_and_other_files_are_linked() {
        let blocks = of(
            "Look!",
            &[
                "https://acme.com/a/Map.PNG?x=1&y=2",
                "https://acme.com/b.pdf?x=1&y=<",
            ],
            &[],
        )
        .unwrap();

        assert_eq!(blocks[0]["text"]["text"], "Look!");
        assert_eq!(
            blocks[1],
            json!({"type": "image", "image_url": "https://acme.com/a/Map.PNG?x=1&y=2", "alt_text": "Map.PNG"})
        );
        assert_eq!(
            blocks[2]["text"],
            json!({"type": "mrkdwn", "text": "<https://acme.com/b.pdf?x=1&amp;y=%3C>"})
        );
    }

    #[test]
    fn buttons_carry_their_value_and_each_has_an_id_of_its_own() {
        let blocks = of("Sure?", &[], &[("Yes & go", "yes"), ("No", "no")]).unwrap();

        let elements = &blocks[1]["elements"];
        assert_eq!(
            elements[0]["text"],
            json!({"type": "plain_text", "text": "Yes & go"})
        );
        assert_eq!(elements[1]["value"], "no");
        assert_ne!(elements[0]["action_id"], elements[1]["action_id"]);
    }

    #[test]
    fn what_slack_does_not_bear_cannot_be_tapped() {
        let button = |title: &str, value: &str| Button {
            title: title.to_owned(),
            value: value.to_owned(),
        };

        assert!(can_be_tapped(&vec![
            button(&"x".repeat(75), &"x".repeat(2_000));
            25
        ]));
        for buttons in [
            vec![button("x", "x"); 26],
            vec![button(&"x".repeat(76), "x")],
            vec![button(" ", "x")],
            vec![button("x", "")],
            vec![button("x", &"x".repeat(2_001))],
        ] {
            assert!(!can_be_tapped(&buttons));
        }
    }
}
