//! Keyboards below a message.

use super::refusal;
use crate::played::{Answer, Button};
use serde_json::Value;

/// The buttons of `reply_markup`, inline or as a keyboard; a keyboard's come back as text.
pub(super) fn buttons(markup: Option<&Value>) -> Result<Vec<Button>, Answer> {
    let Some(markup) = markup else {
        return Ok(Vec::new());
    };
    if !markup.is_object() {
        return Err(refusal(
            400,
            "Bad Request: can't parse reply keyboard markup JSON object",
        ));
    }
    let (rows, inline) = match (markup.get("inline_keyboard"), markup.get("keyboard")) {
        (Some(rows), _) => (rows, true),
        (None, Some(rows)) => (rows, false),
        (None, None) => return Ok(Vec::new()),
    };
    let malformed = || {
        refusal(
            400,
            "Bad Request: field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays",
        )
    };
    let rows = rows.as_array().ok_or_else(malformed)?;
    let mut buttons = Vec::new();
    for row in rows {
        for button in row.as_array().ok_or_else(malformed)? {
            buttons.push(one(button, inline)?);
        }
    }
    if buttons.len() > 100 {
        return Err(refusal(400, "Bad Request: BUTTONS_TOO_MUCH"));
    }
    Ok(buttons)
}

fn one(button: &Value, inline: bool) -> Result<Button, Answer> {
    let title = button
        .as_str()
        .or_else(|| button["text"].as_str())
        .unwrap_or_default();
    if title.is_empty() {
        return Err(refusal(
            400,
            "Bad Request: can't parse inline keyboard button: Field \"text\" must be a non-empty String",
        ));
    }
    let value = if !inline {
        title
    } else if let Some(data) = button["callback_data"].as_str() {
        if !(1..=64).contains(&data.len()) {
            return Err(refusal(400, "Bad Request: BUTTON_DATA_INVALID"));
        }
        data
    } else if let Some(url) = button["url"].as_str() {
        url
    } else {
        return Err(refusal(
            400,
            "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ));
    };
    Ok(Button {
        title: title.to_owned(),
        value: value.to_owned(),
    })
}
