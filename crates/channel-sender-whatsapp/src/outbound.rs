//! Cuts replies into messages.

use crate::dialect::Marks;
use channel::{Button, OutboundContent, Reply, TemplateUse, text};
use meta_graph::media::extension;
use std::collections::BTreeSet;

/// UTF-16 code units of a message's text.
pub(crate) const MAX_TEXT: usize = 4096;
/// UTF-16 code units of a text with buttons, a list, or media.
pub(crate) const MAX_BODY: usize = 1024;
/// Buttons of one message.
pub(crate) const MAX_BUTTONS: usize = 3;
/// Rows of one list.
const MAX_ROWS: usize = 10;
/// Limits that are tried for a text with buttons, so that the last of its messages can bear them.
const LIMITS: [usize; 4] = [MAX_TEXT, 3072, 2048, MAX_BODY];

/// How buttons are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Below the text.
    Buttons,
    /// As a list that opens with a tap.
    List,
}

/// How these can be shown. `None`: as a numbered list in the text. WhatsApp wants titles and ids to differ.
pub(crate) fn shown(buttons: &[Button]) -> Option<Shown> {
    let differ =
        |of: fn(&Button) -> &str| buttons.iter().map(of).collect::<BTreeSet<_>>().len() == buttons.len();
    let fit = |count: usize, title: usize, value: usize| {
        (1..=count).contains(&buttons.len())
            && buttons.iter().all(|button| {
                !button.title.trim().is_empty()
                    && !button.value.is_empty()
                    && !button.title.contains(char::is_control)
                    && text::utf16(&button.title) <= title
                    && text::utf16(&button.value) <= value
            })
    };
    if !differ(|button| &button.title) || !differ(|button| &button.value) {
        None
    } else if fit(MAX_BUTTONS, 20, 256) {
        Some(Shown::Buttons)
    } else if fit(MAX_ROWS, 24, 200) {
        Some(Shown::List)
    } else {
        None
    }
}

/// The messages that a reply becomes: a template, or media, then text. A short text goes with the first of the media;
/// buttons go below the last text.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    if let Some(template) = &reply.template {
        return vec![OutboundContent {
            template: Some(cleaned(template)),
            ..OutboundContent::default()
        }];
    }
    let (mut texts, buttons) = texts(&text::without_nul(&reply.text), &reply.buttons);
    let mut parts: Vec<OutboundContent> = reply
        .media
        .iter()
        .map(|address| OutboundContent {
            media: vec![address.clone()],
            ..OutboundContent::default()
        })
        .collect();
    if let (Some(first), [text], true) = (parts.first_mut(), texts.as_slice(), buttons.is_empty())
        && text::utf16(text) <= MAX_BODY
        && Kind::of(&first.media[0]) != Kind::Audio
    {
        first.text.clone_from(text);
        texts.clear();
    }
    parts.extend(texts.into_iter().map(|text| OutboundContent {
        text,
        ..OutboundContent::default()
    }));
    if let Some(last) = parts.last_mut() {
        last.buttons = buttons;
    }
    parts
}

/// The texts, and the buttons that go below the last of them. Buttons need a text above them.
fn texts(text: &str, buttons: &[Button]) -> (Vec<String>, Vec<Button>) {
    let compose = |text: &str, limit| dialect::compose(text, &Marks, limit, text::utf16);
    if shown(buttons).is_some() {
        let bearing = LIMITS
            .iter()
            .map(|&limit| compose(text, limit))
            .find(|texts| texts.last().is_some_and(|last| text::utf16(last) <= MAX_BODY));
        if let Some(texts) = bearing {
            return (texts, buttons.to_vec());
        }
    }
    let text = dialect::numbered(text, buttons.iter().map(|button| &button.title));
    (compose(&text, MAX_TEXT), Vec::new())
}

/// WhatsApp refuses line breaks, tabs and more than four spaces in a template's values.
fn cleaned(template: &TemplateUse) -> TemplateUse {
    let clean = |value: &String| value.split_whitespace().collect::<Vec<_>>().join(" ");
    TemplateUse {
        parameters: template.parameters.iter().map(clean).collect(),
        ..template.clone()
    }
}

/// What WhatsApp takes an address for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// JPEG and PNG only.
    Image,
    /// MP4 and 3GP only.
    Video,
    /// Without a caption.
    Audio,
    /// Anything else, and what cannot be told.
    Document,
}

impl Kind {
    pub(crate) fn of(address: &str) -> Self {
        match extension(address).as_str() {
            "jpg" | "jpeg" | "png" => Self::Image,
            "mp4" | "3gp" | "3gpp" => Self::Video,
            "mp3" | "m4a" | "aac" | "amr" | "ogg" | "opus" => Self::Audio,
            _ => Self::Document,
        }
    }

    /// As WhatsApp names it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn buttons(titles: &[&str]) -> Vec<Button> {
        titles
            .iter()
            .map(|title| Button {
                title: (*title).to_owned(),
                value: format!("value of {title}"),
            })
            .collect()
    }

    fn with_buttons(text: &str, buttons: Vec<Button>) -> Vec<OutboundContent> {
        compose(&Reply {
            text: text.to_owned(),
            buttons,
            ..Reply::default()
        })
    }

    #[test]
    fn a_few_buttons_are_buttons_more_a_list_and_what_does_not_fit_is_numbered() {
        let eleven: Vec<String> = (0..11).map(|at| format!("Colour {at}")).collect();
        for (titles, expected) in [
            (vec!["Red", "Blue", "Green"], Some(Shown::Buttons)),
            (vec!["A title of 21 letters"], Some(Shown::List)),
            (vec!["Red", "Blue", "Green", "White"], Some(Shown::List)),
            (eleven.iter().map(String::as_str).collect(), None),
            (vec!["A title of twenty-five le"], None),
            (vec!["Red", "Red"], None),
            (vec!["Red", " "], None),
            (vec!["Two\nlines"], None),
            (vec!["👨‍👩‍👧‍👦👨‍👩‍👧‍👦"], Some(Shown::List)),
        ] {
            assert_eq!(shown(&buttons(&titles)), expected, "{titles:?}");
        }
        let numbered = with_buttons("Which **colour**?", buttons(&["Red", "Red"]));
        assert_eq!(numbered.len(), 1);
        assert_eq!(numbered[0].text, "Which *colour*?\n\n1. Red\n2. Red");
        assert!(numbered[0].buttons.is_empty());
    }

    #[test]
    fn buttons_go_below_the_last_text_which_is_short_enough_to_bear_them() {
        let text = "All of our colours are made to last for years. ".repeat(120);

        let parts = with_buttons(&text, buttons(&["Red", "Blue"]));

        assert!(parts.len() > 1);
        let (last, others) = parts.split_last().unwrap();
        assert_eq!(last.buttons.len(), 2);
        assert!(text::utf16(&last.text) <= MAX_BODY);
        assert!(
            others
                .iter()
                .all(|part| part.buttons.is_empty() && text::utf16(&part.text) <= MAX_TEXT)
        );
        let words = |text: &str| text.split_whitespace().count();
        assert_eq!(
            parts.iter().map(|part| words(&part.text)).sum::<usize>(),
            words(&text)
        );
    }

    #[test]
    fn buttons_without_a_text_are_numbered() {
        let parts = with_buttons("", buttons(&["Red", "Blue"]));

        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].text, "1. Red\n2. Blue");
    }

    #[test]
    fn a_short_text_goes_with_the_first_of_the_media_that_bears_one() {
        let compose = |text: &str, media: &[&str], buttons: Vec<Button>| {
            compose(&Reply {
                text: text.to_owned(),
                media: media.iter().map(|address| (*address).to_owned()).collect(),
                buttons,
                ..Reply::default()
            })
        };
        let (png, mp3) = ("https://acme.com/a.png", "https://acme.com/a.mp3");

        let captioned = compose("Look!", &[png, mp3], Vec::new());
        let spoken = compose("Listen!", &[mp3], Vec::new());
        let long = compose(&"long ".repeat(300), &[png], Vec::new());
        let asked = compose("Which?", &[png], buttons(&["Red"]));

        assert_eq!(captioned.len(), 2);
        assert_eq!(
            (captioned[0].text.as_str(), captioned[0].media.len()),
            ("Look!", 1)
        );
        assert_eq!(
            (spoken[0].text.as_str(), spoken[1].text.as_str()),
            ("", "Listen!")
        );
        assert_eq!((long.len(), long[0].text.as_str()), (2, ""));
        assert_eq!(
            (asked.len(), asked[0].text.as_str(), asked[1].buttons.len()),
            (2, "", 1)
        );
    }

    #[test]
    fn a_template_stands_for_everything_else_and_its_values_are_cleaned() {
        let parts = compose(&Reply {
            text: "not this".to_owned(),
            template: Some(TemplateUse {
                name: "order_ready".to_owned(),
                language: "en_US".to_owned(),
                parameters: vec![" two\nlines\tand      spaces ".to_owned()],
            }),
            ..Reply::default()
        });

        assert_eq!(parts.len(), 1);
        assert_eq!(
            parts[0].template.as_ref().unwrap().parameters,
            ["two lines and spaces"]
        );
        assert!(parts[0].text.is_empty());
    }

    #[test]
    fn an_address_is_sent_as_what_it_ends_with() {
        for (address, kind) in [
            ("https://acme.com/a.JPG?x=1", "image"),
            ("https://acme.com/a.mp4", "video"),
            ("https://acme.com/a.ogg", "audio"),
            ("https://acme.com/a.webp", "document"),
            ("https://acme.com/a.pdf", "document"),
            ("https://acme.com/a", "document"),
        ] {
            assert_eq!(Kind::of(address).as_str(), kind, "{address}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_message_is_within_its_limit(text in "(\\PC|\n){0,6000}", count in 0..12usize) {
            let titles: Vec<String> = (0..count).map(|at| format!("Title {at}")).collect();
            let titles: Vec<&str> = titles.iter().map(String::as_str).collect();

            let parts = with_buttons(&text, buttons(&titles));

            for part in &parts {
                let limit = if part.buttons.is_empty() { MAX_TEXT } else { MAX_BODY };
                prop_assert!(!part.text.is_empty() && text::utf16(&part.text) <= limit);
            }
            prop_assert!(count == 0 || !parts.is_empty());
        }
    }
}
