//! Cuts replies into activities, and hands them to Teams.

use crate::{
    Teams, api,
    card::{self, MAX_BUTTONS, MAX_TITLE, MAX_VALUE},
    credentials::Credentials,
    dialect::{Markdown, tight},
    errors,
};
use channel::{Button, OutboundContent, OutboundPart, Reply, SendError, Sent, text};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// UTF-16 code units of text in one activity. Teams takes about 100 KB of UTF-16 with everything around it, and asks to
/// stay below 80: <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/agent-message-size-limit>
pub(crate) const MAX_TEXT: usize = 15_000;
/// UTF-16 code units of text on a card: more belongs into a message of its own.
const MAX_CARD_TEXT: usize = 1_000;
/// What stands on a card of buttons whose question stands above it.
const ABOVE: &str = "👆";

/// The activities that a reply becomes: text, then media one by one, then the buttons. Teams cuts an activity with both
/// text and media in two and tells the ids of neither, so there are none.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let on_card = fits_card(&reply.buttons);
    let titles = reply.buttons.iter().map(|button| &button.title);
    let markdown = if on_card {
        reply.text.clone()
    } else {
        dialect::numbered(&reply.text, titles)
    };
    let mut texts = written(&markdown);
    let card = (on_card && !reply.buttons.is_empty()).then(|| OutboundContent {
        text: texts
            .pop_if(|text| reads_well_on_card(text))
            .unwrap_or_else(|| ABOVE.to_owned()),
        buttons: reply.buttons.clone(),
        ..OutboundContent::default()
    });
    let texts = texts.into_iter().map(|text| OutboundContent {
        text,
        ..OutboundContent::default()
    });
    let media = reply.media.iter().map(|url| OutboundContent {
        media: vec![url.clone()],
        ..OutboundContent::default()
    });
    texts.chain(media).chain(card).collect()
}

/// The texts that fit into an activity each.
fn written(markdown: &str) -> Vec<String> {
    let texts = dialect::compose(markdown, &Markdown::default(), MAX_TEXT, text::utf16);
    texts.iter().map(|text| tight(text)).collect()
}

fn fits_card(buttons: &[Button]) -> bool {
    buttons.len() <= MAX_BUTTONS
        && buttons.iter().all(|button| {
            !button.title.trim().is_empty()
                && text::utf16(&button.title) <= MAX_TITLE
                && !button.value.is_empty()
                && button.value.len() <= MAX_VALUE
        })
}

/// A card knows neither code nor quotations.
fn reads_well_on_card(text: &str) -> bool {
    text::utf16(text) <= MAX_CARD_TEXT
        && !text.contains('`')
        && !text.lines().any(|line| line.trim_start().starts_with('>'))
}

/// The activity that carries this content.
pub(crate) fn activity(content: &OutboundContent) -> Value {
    if !content.buttons.is_empty() {
        return json!({"type": "message", "attachments": [card::attachment(&content.text, &content.buttons)]});
    }
    let attachments: Vec<Value> = content.media.iter().filter_map(|url| picture(url)).collect();
    if content.text.is_empty() && !attachments.is_empty() && attachments.len() == content.media.len() {
        return json!({"type": "message", "attachments": attachments});
    }
    // A bot cannot hand over a file without asking the person first, so its address is sent.
    let links = content.media.iter().map(|url| link(url));
    let lines: Vec<String> = std::iter::once(content.text.clone())
        .chain(links)
        .filter(|line| !line.is_empty())
        .collect();
    json!({"type": "message", "text": lines.join("\n\n"), "textFormat": "markdown"})
}

/// The kinds of pictures that Teams shows.
fn picture(address: &str) -> Option<Value> {
    let url = Url::parse(address).ok()?;
    let name = url.path_segments()?.next_back()?.to_owned();
    let content_type = match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        _ => return None,
    };
    Some(json!({"contentType": content_type, "contentUrl": address, "name": name}))
}

fn link(address: &str) -> String {
    let name = Url::parse(address).ok().and_then(|url| {
        let name = url.path_segments()?.next_back()?.to_owned();
        (!name.is_empty()).then_some(name)
    });
    let name = name.unwrap_or_else(|| address.to_owned());
    let markdown = format!(
        "[{}](<{}>)",
        text::as_markdown(&name),
        address.replace(['<', '>', '\\'], "")
    );
    written(&markdown).join(" ")
}

/// What was made.
#[derive(Deserialize)]
struct Made {
    id: Option<String>,
}

pub(crate) async fn send(
    teams: &Teams,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let place = api::Place::of(part.reply_to.as_ref(), &part.conversation)?;
    let mut body = activity(&part.content);
    place.address(&mut body);
    let reply = place.activity.as_deref().map(|id| place.path(Some(id)));
    let mut answer = None;
    if let Some(path) = reply {
        body["replyToId"] = json!(place.activity);
        let given = api::call(teams, credentials, Method::POST, &place, &path, &body).await?;
        // Whoever wrote may have deleted it since: the answer stands without it.
        let deleted = api::refusal(&given).code.as_deref() == Some("ActivityNotFoundInConversation");
        answer = (given.status.is_success() || !deleted).then_some(given);
    }
    let answer = match answer {
        Some(answer) => answer,
        None => {
            if let Some(fields) = body.as_object_mut() {
                fields.remove("replyToId");
            }
            api::call(teams, credentials, Method::POST, &place, &place.path(None), &body).await?
        }
    };
    if !answer.status.is_success() {
        return Err(errors::refused(&answer));
    }
    // Teams has it, whether or not it says under which id.
    let id = answer
        .read::<Made>()
        .and_then(|made| made.id)
        .filter(|id| !id.is_empty());
    Ok(Sent {
        platform_message_id: id.unwrap_or_else(|| format!("unnamed-{}", part.id)),
        segments: None,
    })
}

#[cfg(test)]
mod tests;
