//! Messages, as the Graph API takes them.

use super::api::refusal;
use crate::played::{Answer, Button, Call, Done, Kind, Outgoing, Play, Played, next_number, utf16};
use serde_json::{Value, json};

/// `POST /{phone number}/messages`
pub(super) fn whatsapp(played: &Played, play: &dyn Play, call: &Call) -> Result<Done, Answer> {
    let body = call
        .json()
        .ok_or_else(|| refusal(400, 100, "Invalid parameter"))?;
    if body["messaging_product"] != "whatsapp" {
        return Err(refusal(400, 100, "The parameter messaging_product is required."));
    }
    if body["status"] == "read" {
        let id = body["message_id"].as_str().unwrap_or_default();
        let person = played
            .all_heard(play, None)
            .into_iter()
            .find(|person| play.message_id(person) == id);
        let person = person.ok_or_else(|| refusal(400, 131_009, "Parameter value is not valid"))?;
        if body["typing_indicator"].is_object() {
            played.accept(play, Outgoing::new(play, Kind::Typing, &person.from, ""));
        }
        return Ok(Answer::json(200, json!({"success": true})).into());
    }
    let to = body["to"]
        .as_str()
        .or_else(|| body["recipient"].as_str())
        .unwrap_or_default();
    let to = to.trim_start_matches('+');
    let kind = body["type"].as_str().unwrap_or("text");
    let mut outgoing = Outgoing::new(play, Kind::Sent, to, format!("wamid.out{}", next_number()));
    match kind {
        "text" => outgoing.text = limited(&body["text"]["body"], 4096)?,
        "interactive" => {
            let interactive = &body["interactive"];
            outgoing.text = limited(&interactive["body"]["text"], 4096)?;
            let buttons = interactive["action"]["buttons"].as_array().into_iter().flatten();
            let rows = interactive["action"]["sections"].as_array().into_iter().flatten();
            let rows = rows.flat_map(|section| section["rows"].as_array().into_iter().flatten());
            outgoing.buttons = buttons
                .map(|button| &button["reply"])
                .chain(rows)
                .map(|reply| Button {
                    title: reply["title"].as_str().unwrap_or_default().to_owned(),
                    value: reply["id"].as_str().unwrap_or_default().to_owned(),
                })
                .collect();
            if interactive["type"] == "button" && !(1..=3).contains(&outgoing.buttons.len()) {
                return Err(refusal(
                    400,
                    131_009,
                    "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
                ));
            }
        }
        "template" => outgoing.text = format!("[{}]", body["template"]["name"].as_str().unwrap_or_default()),
        media => {
            outgoing.media = body[media]["link"]
                .as_str()
                .map(str::to_owned)
                .into_iter()
                .collect();
            outgoing.text = body[media]["caption"].as_str().unwrap_or_default().to_owned();
        }
    }
    if kind != "template" && played.known(play, to).is_none() {
        return Err(refusal(400, 131_047, "Re-engagement message"));
    }
    outgoing.raw = body.clone();
    let outgoing = played.accept(play, outgoing);
    let answer = json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to}],
        "messages": [{"id": outgoing.id, "message_status": "accepted"}],
    });
    Ok(Done {
        answer: Answer::json(200, answer),
        message: Some(outgoing),
    })
}

fn limited(text: &Value, limit: usize) -> Result<String, Answer> {
    let text = text.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| refusal(400, 100, "Invalid parameter"))?;
    if utf16(text) > limit {
        return Err(refusal(
            400,
            100,
            "Param text must be at most 4096 characters long.",
        ));
    }
    Ok(text.to_owned())
}

/// `POST /{page or account}/messages`, with the text's limit: Messenger counts characters, Instagram bytes.
pub(super) fn messaging(
    played: &Played,
    play: &dyn Play,
    call: &Call,
    too_long: impl Fn(&str) -> bool,
    closed: u64,
) -> Result<Done, Answer> {
    let body = call
        .json()
        .ok_or_else(|| refusal(400, 100, "Invalid parameter"))?;
    let to = body["recipient"]["id"].as_str().unwrap_or_default();
    if played.known(play, to).is_none() {
        let mut answer = json!({"error": {
            "message": "(#10) This message is sent outside of allowed window.", "type": "OAuthException", "code": 10,
            "error_subcode": closed, "fbtrace_id": "simulated",
        }});
        answer["error"]["error_subcode"] = closed.into();
        return Err(Answer::json(400, answer));
    }
    if body["sender_action"].is_string() {
        played.accept(play, Outgoing::new(play, Kind::Typing, to, ""));
        return Ok(Answer::json(200, json!({"recipient_id": to})).into());
    }
    let message = &body["message"];
    let mut outgoing = Outgoing::new(play, Kind::Sent, to, format!("m_out{}", next_number()));
    outgoing.text = message["text"].as_str().unwrap_or_default().to_owned();
    outgoing.media = message["attachment"]["payload"]["url"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .collect();
    if outgoing.text.is_empty() == outgoing.media.is_empty() {
        return Err(refusal(
            400,
            100,
            "(#100) Either text or an attachment is needed, and not both",
        ));
    }
    if too_long(&outgoing.text) {
        return Err(refusal(
            400,
            100,
            "(#100) Length of param message[text] must be less than or equal to the limit",
        ));
    }
    outgoing.buttons = message["quick_replies"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|reply| Button {
            title: reply["title"].as_str().unwrap_or_default().to_owned(),
            value: reply["payload"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    outgoing.raw = body.clone();
    let outgoing = played.accept(play, outgoing);
    Ok(Done {
        answer: Answer::json(200, json!({"recipient_id": to, "message_id": outgoing.id})),
        message: Some(outgoing),
    })
}
