//! Replies as Messenger and Instagram take them.

use crate::media::extension;
use channel::{Button, OutboundContent, Reply, text};
use dialect::Plain;
use serde_json::{Value, json};

/// Quick replies below one message.
pub const MAX_BUTTONS: usize = 13;
/// UTF-16 code units of a quick reply's title.
pub const MAX_TITLE: usize = 20;
/// UTF-16 code units of a quick reply's value.
const MAX_VALUE: usize = 1000;

/// How one platform sends.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// The longest text, by `measure`.
    pub limit: usize,
    /// The length of a text in the platform's unit.
    pub measure: fn(&str) -> usize,
    /// What an address is sent as that does not say by its ending what lies there.
    pub otherwise: &'static str,
}

/// The messages that a reply becomes: media first, each alone, then the text, with quick replies below the last of it.
/// They vanish when something follows them, so nothing does.
pub fn compose(reply: &Reply, sending: &Sending) -> Vec<OutboundContent> {
    let compose = |text: &str| dialect::compose(text, &Plain, sending.limit, sending.measure);
    let text = text::without_nul(&reply.text);
    let (mut texts, mut buttons) = (compose(&text), reply.buttons.clone());
    if !are_fit(&buttons) || texts.is_empty() {
        texts = compose(&dialect::numbered(
            &text,
            buttons.iter().map(|button| &button.title),
        ));
        buttons.clear();
    }
    let media = reply.media.iter().map(|address| OutboundContent {
        media: vec![address.clone()],
        ..OutboundContent::default()
    });
    let mut parts: Vec<OutboundContent> = media
        .chain(texts.into_iter().map(|text| OutboundContent {
            text,
            ..OutboundContent::default()
        }))
        .collect();
    if let Some(last) = parts.last_mut().filter(|last| !last.text.is_empty()) {
        last.buttons = buttons;
    }
    parts
}

fn are_fit(buttons: &[Button]) -> bool {
    buttons.len() <= MAX_BUTTONS
        && buttons.iter().all(|Button { title, value }| {
            !title.trim().is_empty()
                && !value.is_empty()
                && text::utf16(title) <= MAX_TITLE
                && text::utf16(value) <= MAX_VALUE
                && !title.contains(char::is_control)
        })
}

/// Whether a platform takes this at once.
pub fn is_fit(content: &OutboundContent, sending: &Sending) -> bool {
    (sending.measure)(&content.text) <= sending.limit
        && content.media.len() <= 1
        && (content.text.is_empty() || content.media.is_empty())
        && are_fit(&content.buttons)
}

impl Sending {
    /// The `message` of a call.
    pub fn message(&self, content: &OutboundContent) -> Value {
        if let Some(address) = content.media.first() {
            return json!({"attachment": {
                "type": self.kind(address),
                "payload": {"url": address, "is_reusable": false},
            }});
        }
        let mut message = json!({"text": content.text});
        if !content.buttons.is_empty() {
            message["quick_replies"] = content
                .buttons
                .iter()
                .map(|button| json!({"content_type": "text", "title": button.title, "payload": button.value}))
                .collect();
        }
        message
    }

    fn kind(&self, address: &str) -> &'static str {
        match extension(address).as_str() {
            "png" | "jpg" | "jpeg" | "gif" => "image",
            "mp3" | "m4a" | "aac" | "wav" | "ogg" | "opus" | "amr" => "audio",
            "mp4" | "mov" | "webm" | "avi" | "3gp" => "video",
            "" => self.otherwise,
            _ => "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDING: Sending = Sending {
        limit: 40,
        measure: text::utf16,
        otherwise: "file",
    };

    fn buttons(count: usize, title: &str) -> Vec<Button> {
        (0..count)
            .map(|at| Button {
                title: title.to_owned(),
                value: format!("v{at}"),
            })
            .collect()
    }

    #[test]
    fn media_come_first_and_quick_replies_last() {
        let parts = compose(
            &Reply {
                text:
                    "We have it in two colours, and in three sizes.\n\nWould you like it in red or in blue?"
                        .to_owned(),
                media: vec![
                    "https://acme.com/a.png".to_owned(),
                    "https://acme.com/b.pdf".to_owned(),
                ],
                buttons: buttons(2, "Red"),
                ..Reply::default()
            },
            &SENDING,
        );

        assert!(parts.iter().all(|part| is_fit(part, &SENDING)), "{parts:?}");
        assert_eq!(parts[0].media, ["https://acme.com/a.png"]);
        assert_eq!(parts[1].media, ["https://acme.com/b.pdf"]);
        let last = parts.last().unwrap();
        assert!(
            last.text.ends_with("blue?") && last.buttons.len() == 2,
            "{last:?}"
        );
        assert!(
            parts[..parts.len() - 1]
                .iter()
                .all(|part| part.buttons.is_empty())
        );
    }

    #[test]
    fn what_quick_replies_cannot_bear_becomes_a_numbered_list() {
        for (given, title) in [
            (buttons(14, "Red"), "Red"),
            (buttons(1, "A title of 21 letters"), "A title of 21 letters"),
            (
                vec![Button {
                    title: "Red".to_owned(),
                    value: String::new(),
                }],
                "Red",
            ),
        ] {
            let parts = compose(
                &Reply {
                    text: "Which?".to_owned(),
                    buttons: given,
                    ..Reply::default()
                },
                &Sending {
                    limit: 2000,
                    ..SENDING
                },
            );

            assert_eq!(parts.len(), 1);
            assert!(parts[0].buttons.is_empty());
            assert!(
                parts[0].text.starts_with(&format!("Which?\n\n1. {title}")),
                "{}",
                parts[0].text
            );
        }
    }

    #[test]
    fn buttons_without_a_text_are_one() {
        let parts = compose(
            &Reply {
                media: vec!["https://acme.com/a.png".to_owned()],
                buttons: buttons(1, "Red"),
                ..Reply::default()
            },
            &SENDING,
        );

        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1].text, "1. Red");
    }

    #[test]
    fn a_message_is_a_text_or_an_attachment() {
        let text = OutboundContent {
            text: "Which?".to_owned(),
            buttons: buttons(1, "Red"),
            ..OutboundContent::default()
        };
        assert_eq!(
            SENDING.message(&text),
            json!({"text": "Which?", "quick_replies": [{"content_type": "text", "title": "Red", "payload": "v0"}]})
        );
        for (address, kind) in [
            ("https://a.example/a.JPG", "image"),
            ("https://a.example/a.mp4?x=1", "video"),
            ("https://a.example/a.mp3", "audio"),
            ("https://a.example/a.zip", "file"),
            ("https://a.example/a", "file"),
        ] {
            let media = OutboundContent {
                media: vec![address.to_owned()],
                ..OutboundContent::default()
            };
            assert_eq!(
                SENDING.message(&media),
                json!({"attachment": {"type": kind, "payload": {"url": address, "is_reusable": false}}})
            );
        }
    }
}
