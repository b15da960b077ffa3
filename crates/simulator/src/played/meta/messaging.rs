//! Messages, as Messenger and Instagram take them.

use super::{
    api::{precisely, refusal},
    whatsapp::WINDOW,
};
use crate::played::{Answer, Button, Call, Done, Kind, Outgoing, Play, Played, next_number, utf16};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

/// How the two differ.
pub(super) struct Manner {
    /// The most that a text may measure.
    limit: usize,
    measure: fn(&str) -> usize,
    /// What is said where the window is closed, and where there is no such person.
    closed: u64,
    nobody: u64,
}

/// Messenger counts characters.
pub(super) const MESSENGER: Manner = Manner {
    limit: 2_000,
    measure: utf16,
    closed: 2_018_278,
    nobody: 2_018_001,
};

/// Instagram counts bytes.
pub(super) const INSTAGRAM: Manner = Manner {
    limit: 1_000,
    measure: str::len,
    closed: 2_534_022,
    nobody: 2_534_014,
};

/// For how long people, not bots, may answer.
const HUMAN: TimeDelta = TimeDelta::days(7);

fn invalid(words: &str) -> Answer {
    refusal(400, 100, &format!("(#100) {words}"))
}

/// `POST /{page or account}/messages`
pub(super) fn send(played: &Played, play: &dyn Play, call: &Call, manner: &Manner) -> Result<Done, Answer> {
    let body = call.json().ok_or_else(|| invalid("Invalid parameter"))?;
    let to = body["recipient"]["id"].as_str().unwrap_or_default();
    if to.is_empty() {
        return Err(invalid("param recipient must be non-empty."));
    }
    let known = played.known(play, to);
    let known = known.ok_or_else(|| precisely(400, 100, manner.nobody, "(#100) No matching user found"))?;
    let (action, message) = (body["sender_action"].as_str(), &body["message"]);
    match action {
        Some(_) if !message.is_null() => {
            return Err(invalid("A request holds either sender_action or message"));
        }
        Some(action) => return act(played, play, to, action),
        None => {}
    }
    let age = Utc::now() - known.person.at;
    let window = match body["messaging_type"].as_str().unwrap_or("RESPONSE") {
        "RESPONSE" | "UPDATE" => WINDOW,
        "MESSAGE_TAG" if body["tag"] == "HUMAN_AGENT" => HUMAN,
        "MESSAGE_TAG" => return Err(invalid("Invalid message tag")),
        _ => {
            return Err(invalid(
                "Param messaging_type must be one of RESPONSE, UPDATE, MESSAGE_TAG",
            ));
        }
    };
    if age >= window {
        return Err(precisely(
            400,
            10,
            manner.closed,
            "(#10) This message is sent outside of allowed window.",
        ));
    }
    let mut outgoing = Outgoing::new(play, Kind::Sent, to, format!("m_out{}", next_number()));
    fill(message, manner, &mut outgoing)?;
    outgoing.reply_to = body["reply_to"]["mid"].as_str().map(str::to_owned);
    outgoing.raw = body.clone();
    let outgoing = played.accept(play, outgoing);
    let answer = json!({"recipient_id": to, "message_id": outgoing.id});
    Ok(Done::sent(outgoing, Answer::json(200, answer)))
}

fn act(played: &Played, play: &dyn Play, to: &str, action: &str) -> Result<Done, Answer> {
    match action {
        "typing_on" => {
            played.accept(play, Outgoing::new(play, Kind::Typing, to, ""));
        }
        "typing_off" | "mark_seen" | "react" | "unreact" => {}
        _ => {
            return Err(invalid(
                "Param sender_action must be one of TYPING_ON, TYPING_OFF, MARK_SEEN, …",
            ));
        }
    }
    Ok(Answer::json(200, json!({"recipient_id": to})).into())
}

fn fill(message: &Value, manner: &Manner, outgoing: &mut Outgoing) -> Result<(), Answer> {
    outgoing.text = message["text"].as_str().unwrap_or_default().to_owned();
    let attachment = &message["attachment"];
    if outgoing.text.is_empty() == attachment.is_null() {
        return Err(invalid("Either text or an attachment is needed, and not both"));
    }
    if (manner.measure)(&outgoing.text) > manner.limit {
        return Err(invalid(&format!(
            "Length of param message[text] must be less than or equal to {}",
            manner.limit
        )));
    }
    if message["metadata"]
        .as_str()
        .is_some_and(|metadata| metadata.len() > 1_000)
    {
        return Err(invalid(
            "Length of param message[metadata] must be less than or equal to 1000",
        ));
    }
    match attachment["type"].as_str() {
        None if attachment.is_null() => {}
        Some("image" | "audio" | "video" | "file") => {
            let payload = &attachment["payload"];
            let named = payload["url"]
                .as_str()
                .or_else(|| payload["attachment_id"].as_str());
            let named = named.ok_or_else(|| invalid("Param payload must hold url or attachment_id"))?;
            outgoing.media = vec![named.to_owned()];
        }
        Some("template") => template(&attachment["payload"], outgoing)?,
        _ => {
            return Err(invalid(
                "Param message[attachment][type] must be one of IMAGE, AUDIO, VIDEO, FILE, TEMPLATE",
            ));
        }
    }
    let replies = message["quick_replies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if replies.len() > 13 {
        return Err(invalid("Param quick_replies must have 13 items or fewer"));
    }
    for reply in replies {
        if reply["content_type"] == "text" {
            outgoing.buttons.push(button(reply)?);
        }
    }
    Ok(())
}

fn button(button: &Value) -> Result<Button, Answer> {
    let title = button["title"].as_str().unwrap_or_default();
    let value = button["payload"]
        .as_str()
        .or_else(|| button["url"].as_str())
        .unwrap_or_default();
    if title.is_empty() || utf16(title) > 20 {
        return Err(invalid("Param title must be 1 to 20 characters long"));
    }
    if value.is_empty() || value.len() > 1_000 {
        return Err(invalid("Param payload must be 1 to 1000 characters long"));
    }
    Ok(Button {
        title: title.to_owned(),
        value: value.to_owned(),
    })
}

fn template(payload: &Value, outgoing: &mut Outgoing) -> Result<(), Answer> {
    let buttons = |of: &Value, least: usize| {
        let buttons = of["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(least..=3).contains(&buttons.len()) {
            return Err(invalid("Param buttons must have 1 to 3 items"));
        }
        buttons.iter().map(button).collect::<Result<Vec<_>, _>>()
    };
    match payload["template_type"].as_str() {
        Some("button") => {
            outgoing.text = payload["text"].as_str().unwrap_or_default().to_owned();
            if outgoing.text.is_empty() || utf16(&outgoing.text) > 640 {
                return Err(invalid("Param text must be 1 to 640 characters long"));
            }
            outgoing.buttons = buttons(payload, 1)?;
        }
        Some("generic") => {
            let elements = payload["elements"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            if !(1..=10).contains(&elements.len()) {
                return Err(invalid("Param elements must have 1 to 10 items"));
            }
            for element in elements {
                let title = element["title"].as_str().unwrap_or_default();
                if title.is_empty() || utf16(title) > 80 {
                    return Err(invalid("Param title must be 1 to 80 characters long"));
                }
                outgoing.text.push_str(title);
                outgoing
                    .media
                    .extend(element["image_url"].as_str().map(str::to_owned));
                outgoing.buttons.extend(buttons(element, 0)?);
            }
        }
        _ => return Err(invalid("Param template_type must be one of BUTTON, GENERIC")),
    }
    Ok(())
}
