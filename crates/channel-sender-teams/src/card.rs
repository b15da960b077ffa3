//! Buttons, as an Adaptive Card: <https://adaptivecards.io/explorer/Action.Submit.html>

use channel::Button;
use serde_json::{Value, json};

/// Buttons that a card bears without being cut short on a telephone.
pub(crate) const MAX_BUTTONS: usize = 6;
/// UTF-16 code units that fit on a button.
pub(crate) const MAX_TITLE: usize = 60;
/// Bytes of a button's value.
pub(crate) const MAX_VALUE: usize = 2_000;

/// A card with this text and these buttons, as an attachment.
pub(crate) fn attachment(text: &str, buttons: &[Button]) -> Value {
    let actions: Vec<Value> = buttons
        .iter()
        .map(|button| {
            json!({
                "type": "Action.Submit",
                "title": button.title,
                "data": {"choice": button.value, "title": button.title},
            })
        })
        .collect();
    json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.2",
            "body": [{"type": "TextBlock", "text": text, "wrap": true}],
            "actions": actions,
        },
    })
}

/// Title and value of the button that was pressed, from the data that came back. `None`: it is of no card of ours.
pub(crate) fn pressed(data: &Value) -> Option<(String, String)> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    // A button that was not ours may hold a bare text.
    let choice = text(&data["choice"]).or_else(|| text(data))?;
    Some((text(&data["title"]).unwrap_or_else(|| choice.clone()), choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_button_sends_back_is_its_title_and_value() {
        let button = Button {
            title: "Yes".to_owned(),
            value: "y-1".to_owned(),
        };

        let card = attachment("Sure?", &[button]);

        let action = &card["content"]["actions"][0];
        assert_eq!(
            pressed(&action["data"]),
            Some(("Yes".to_owned(), "y-1".to_owned()))
        );
        assert_eq!(card["content"]["body"][0]["text"], "Sure?");
    }

    #[test]
    fn data_of_others_is_read_as_far_as_it_goes() {
        assert_eq!(pressed(&json!("red")), Some(("red".to_owned(), "red".to_owned())));
        assert_eq!(
            pressed(&json!({"choice": "red"})),
            Some(("red".to_owned(), "red".to_owned()))
        );
        for data in [
            json!(null),
            json!({}),
            json!({"title": "x"}),
            json!({"choice": 7}),
            json!(""),
            json!([1]),
        ] {
            assert_eq!(pressed(&data), None, "{data}");
        }
    }
}
