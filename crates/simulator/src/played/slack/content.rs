//! What a message says, within Slack's limits. From docs.slack.dev/reference/block-kit/blocks.

use super::api::refusal;
use crate::played::{Answer, Button, Outgoing, Params, utf16};
use serde_json::{Value, json};

/// Above this Slack cuts a text in two without a word; a bot that sends so much has a mistake.
const TEXT: usize = 4_000;
/// Standard Markdown, in all of a message.
const MARKDOWN: usize = 12_000;
/// In one section of blocks.
const BLOCK_TEXT: usize = 3_000;
const BLOCKS: usize = 50;
const ELEMENTS: usize = 25;

/// Fills text, buttons and media in.
pub(super) fn fill(params: &Params, outgoing: &mut Outgoing) -> Result<(), Answer> {
    let (text, markdown) = (params.text("text"), params.text("markdown_text"));
    let blocks = params.list("blocks");
    if markdown.is_some() && (text.is_some() || !blocks.is_empty()) {
        return Err(refusal("markdown_text_conflict"));
    }
    if params.value("blocks").is_some_and(|blocks| !blocks.is_array()) {
        return Err(refusal("invalid_blocks_format"));
    }
    let limit = if markdown.is_some() { MARKDOWN } else { TEXT };
    outgoing.text = text.or(markdown).unwrap_or_default();
    if outgoing.text.is_empty() && blocks.is_empty() {
        return Err(refusal("no_text"));
    }
    if utf16(&outgoing.text) > limit {
        return Err(refusal("msg_too_long"));
    }
    if blocks.len() > BLOCKS {
        return Err(invalid("no more than 50 items allowed [json-pointer:/blocks]"));
    }
    for (position, one) in blocks.iter().enumerate() {
        block(one, &format!("/blocks/{position}"), outgoing)?;
    }
    let mut raw = params.clone();
    for name in ["blocks", "metadata"] {
        if let Some(value) = params.value(name) {
            raw.0.insert(name.to_owned(), value);
        }
    }
    outgoing.raw = raw.raw();
    Ok(())
}

fn invalid(problem: &str) -> Answer {
    Answer::json(
        200,
        json!({"ok": false, "error": "invalid_blocks", "errors": [problem],
               "response_metadata": {"messages": [format!("[ERROR] {problem}")]}}),
    )
}

/// A text of a block, within a limit.
fn limited<'a>(text: &'a Value, limit: usize, at: &str) -> Result<&'a str, Answer> {
    let text = text.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| invalid(&format!("must be more than 0 characters [json-pointer:{at}]")))?;
    if utf16(text) > limit {
        return Err(invalid(&format!(
            "must be less than {} characters [json-pointer:{at}]",
            limit + 1
        )));
    }
    Ok(text)
}

fn block(block: &Value, at: &str, outgoing: &mut Outgoing) -> Result<(), Answer> {
    match block["type"].as_str() {
        Some("section") if block["text"].is_null() && block["fields"].is_array() => {}
        Some("section") => {
            limited(&block["text"]["text"], BLOCK_TEXT, &format!("{at}/text/text"))?;
        }
        Some("header") => {
            limited(&block["text"]["text"], 150, &format!("{at}/text/text"))?;
        }
        Some("markdown") => {
            limited(&block["text"], MARKDOWN, &format!("{at}/text"))?;
        }
        Some("image") => {
            let url = limited(&block["image_url"], 3_000, &format!("{at}/image_url"))?;
            limited(&block["alt_text"], 2_000, &format!("{at}/alt_text"))?;
            outgoing.media.push(url.to_owned());
        }
        Some("actions") => {
            let elements = block["elements"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            if !(1..=ELEMENTS).contains(&elements.len()) {
                return Err(invalid(&format!(
                    "must have 1 to 25 items [json-pointer:{at}/elements]"
                )));
            }
            let mut names: Vec<&str> = elements
                .iter()
                .filter_map(|one| one["action_id"].as_str())
                .collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            if names.len() < count {
                return Err(invalid(&format!(
                    "`action_id` must be unique [json-pointer:{at}/elements]"
                )));
            }
            for (position, element) in elements.iter().enumerate() {
                let at = format!("{at}/elements/{position}");
                let title = limited(&element["text"]["text"], 75, &format!("{at}/text/text"))?;
                let value = match element["url"].as_str() {
                    Some(url) => url,
                    None => limited(&element["value"], 2_000, &format!("{at}/value"))?,
                };
                outgoing.buttons.push(Button {
                    title: title.to_owned(),
                    value: value.to_owned(),
                });
            }
        }
        Some("divider" | "context" | "rich_text" | "file" | "video") => {}
        _ => return Err(invalid(&format!("unsupported type [json-pointer:{at}/type]"))),
    }
    Ok(())
}
