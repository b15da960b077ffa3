//! Messages, as the Cloud API takes them.

use super::{api::detailed, api::recipient, template};
use crate::played::{Answer, Button, Call, Done, Kind, Outgoing, Play, Played, next_number, utf16};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How long after a person's last message anything may be sent to them.
pub(super) const WINDOW: TimeDelta = TimeDelta::hours(24);

fn invalid(details: &str) -> Answer {
    detailed(400, 100, "Invalid parameter", details)
}

/// `POST /{phone number}/messages`
pub(super) fn send(played: &Played, play: &dyn Play, call: &Call) -> Result<Done, Answer> {
    let body = call.json().ok_or_else(|| invalid("The body is no JSON"))?;
    if body["messaging_product"] != "whatsapp" {
        return Err(detailed(
            400,
            100,
            "The parameter messaging_product is required.",
            "",
        ));
    }
    if !body["status"].is_null() {
        return read(played, play, &body);
    }
    let to = recipient(&body).filter(|to| !to.is_empty());
    let to = to.ok_or_else(|| detailed(400, 100, "The parameter to is required.", ""))?;
    if !to.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(detailed(
            400,
            131_009,
            "Parameter value is not valid",
            "to is no phone number",
        ));
    }
    let mut outgoing = Outgoing::new(play, Kind::Sent, &to, format!("wamid.out{}", next_number()));
    fill(&body, &mut outgoing)?;
    if body["biz_opaque_callback_data"]
        .as_str()
        .is_some_and(|data| data.len() > 512)
    {
        return Err(invalid(
            "biz_opaque_callback_data must be at most 512 characters long",
        ));
    }
    outgoing.reply_to = body["context"]["message_id"].as_str().map(str::to_owned);
    let known = played.known(play, &to);
    let open = known.is_some_and(|known| Utc::now() - known.person.at < WINDOW);
    let is_template = body["type"] == "template";
    outgoing.raw = body;
    let outgoing = played.accept(play, outgoing);
    let answer = json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to}],
        "messages": [{"id": outgoing.id, "message_status": "accepted"}],
    });
    let mut done = Done::sent(outgoing, Answer::json(200, answer));
    // Accepted means no more than that: that the window is closed comes later.
    if !open && !is_template {
        done.failed = Some(131_047);
    }
    Ok(done)
}

/// A person's message was read, and perhaps an answer is being written.
fn read(played: &Played, play: &dyn Play, body: &Value) -> Result<Done, Answer> {
    let id = body["message_id"].as_str().unwrap_or_default();
    let mut heard = played.all_heard(play, None).into_iter();
    let person = heard.find(|person| play.message_id(person) == id);
    let person = person.filter(|_| body["status"] == "read").ok_or_else(|| {
        detailed(
            400,
            131_009,
            "Parameter value is not valid",
            "Message ID is invalid.",
        )
    })?;
    if body["typing_indicator"].is_object() {
        if body["typing_indicator"]["type"] != "text" {
            return Err(invalid("typing_indicator['type'] must be text"));
        }
        played.accept(play, Outgoing::new(play, Kind::Typing, &person.from, ""));
    }
    Ok(Answer::json(200, json!({"success": true})).into())
}

fn fill(body: &Value, outgoing: &mut Outgoing) -> Result<(), Answer> {
    match body["type"].as_str().unwrap_or("text") {
        "text" => outgoing.text = limited(&body["text"]["body"], "text['body']", 4096)?,
        "interactive" => interactive(&body["interactive"], outgoing)?,
        "template" => outgoing.text = template::filled(&body["template"])?,
        kind @ ("image" | "video" | "audio" | "document" | "sticker") => {
            let media = &body[kind];
            let named = media["link"].as_str().or_else(|| media["id"].as_str());
            let named = named.ok_or_else(|| invalid("Either id or link of the media is required"))?;
            outgoing.media = vec![named.to_owned()];
            if !media["caption"].is_null() {
                if matches!(kind, "audio" | "sticker") {
                    return Err(invalid(&format!(
                        "Unexpected key \"caption\" on param \"{kind}\""
                    )));
                }
                outgoing.text = limited(&media["caption"], "caption", 1024)?;
            }
        }
        "location" | "contacts" | "reaction" => {}
        other => {
            return Err(invalid(&format!(
                "Param type must be one of TEXT, IMAGE, …: {other}"
            )));
        }
    }
    Ok(())
}

fn limited(text: &Value, name: &str, limit: usize) -> Result<String, Answer> {
    let text = text.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| invalid(&format!("The parameter {name} is required.")))?;
    if utf16(text) > limit {
        return Err(invalid(&format!(
            "Param {name} must be at most {limit} characters long."
        )));
    }
    Ok(text.to_owned())
}

fn interactive(interactive: &Value, outgoing: &mut Outgoing) -> Result<(), Answer> {
    outgoing.text = limited(&interactive["body"]["text"], "interactive['body']['text']", 1024)?;
    let action = &interactive["action"];
    let (choices, most, title, id): (Vec<&Value>, _, _, _) = match interactive["type"].as_str() {
        Some("button") => {
            let buttons = action["buttons"].as_array().into_iter().flatten();
            (buttons.map(|button| &button["reply"]).collect(), 3, 20, 256)
        }
        Some("list") => {
            limited(&action["button"], "action['button']", 20)?;
            let sections = action["sections"].as_array().into_iter().flatten();
            let rows = sections.flat_map(|section| section["rows"].as_array().into_iter().flatten());
            (rows.collect(), 10, 24, 200)
        }
        _ => return Err(invalid("Param interactive['type'] must be one of BUTTON, LIST")),
    };
    if !(1..=most).contains(&choices.len()) {
        return Err(detailed(
            400,
            131_009,
            "Parameter value is not valid",
            &format!("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {most}"),
        ));
    }
    for choice in choices {
        outgoing.buttons.push(Button {
            title: limited(&choice["title"], "title", title)?,
            value: limited(&choice["id"], "id", id)?,
        });
    }
    let titles: BTreeSet<&str> = outgoing.buttons.iter().map(|button| &*button.title).collect();
    let values: BTreeSet<&str> = outgoing.buttons.iter().map(|button| &*button.value).collect();
    if titles.len().min(values.len()) < outgoing.buttons.len() {
        return Err(detailed(
            400,
            131_009,
            "Parameter value is not valid",
            "Duplicated button title or id",
        ));
    }
    Ok(())
}
