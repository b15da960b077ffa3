//! Methods that send and change messages.

use super::{Telegram, chat, entities, markup, refusal};
use crate::played::{Answer, Call, Done, Kind, Outgoing, Params, Person, Play, Played, next_number, utf16};
use serde_json::{Value, json};

/// In UTF-16 units: 1 to this many in a text.
const TEXT: usize = 4096;
/// The same in a caption.
const CAPTION: usize = 1024;

pub(super) fn ok(result: Value) -> Answer {
    Answer::json(200, json!({"ok": true, "result": result}))
}

/// The chat that a call is about, and who wrote in it last.
pub(super) fn chat_of(played: &Played, params: &Params) -> Result<(String, Person), Answer> {
    let id = params
        .text("chat_id")
        .ok_or_else(|| refusal(400, "Bad Request: chat_id is empty"))?;
    let known = played.known(&Telegram, &id);
    let known = known.ok_or_else(|| refusal(400, "Bad Request: chat not found"))?;
    Ok((id, known.person))
}

/// The text as people see it.
fn visible(params: &Params, name: &str, entity_name: &str) -> Result<String, Answer> {
    let text = params.text(name).unwrap_or_default();
    let given = params.list(entity_name);
    let mode = params.text("parse_mode").filter(|_| given.is_empty());
    let plain = entities::plain(&text, mode.as_deref())
        .map_err(|problem| refusal(400, &format!("Bad Request: can't parse entities: {problem}")))?;
    for entity in &given {
        let ends = entity["offset"].as_u64().zip(entity["length"].as_u64());
        let within = ends.is_some_and(|(offset, length)| offset + length <= utf16(&text) as u64);
        if !within || entity["type"].as_str().is_none() {
            return Err(refusal(
                400,
                "Bad Request: can't parse entities: wrong entity offset, length or type",
            ));
        }
    }
    Ok(plain)
}

/// What all methods that send have in common.
fn outgoing(played: &Played, params: &Params) -> Result<(Outgoing, Person), Answer> {
    let (id, writer) = chat_of(played, params)?;
    let mut outgoing = Outgoing::new(&Telegram, Kind::Sent, &id, next_number().to_string());
    let reply = params.value("reply_parameters");
    if let Some(reply) = reply.as_ref() {
        let about = reply["message_id"]
            .as_u64()
            .map(|id| id.to_string())
            .unwrap_or_default();
        let there = played.heard(&Telegram, &id, &about).is_some()
            || played.outbox().message("telegram", &id, &about).is_some();
        if there {
            outgoing.reply_to = Some(about);
        } else if reply["allow_sending_without_reply"] != true {
            return Err(refusal(400, "Bad Request: message to be replied not found"));
        }
    }
    outgoing.thread = params.text("message_thread_id");
    if let Some(thread) = &outgoing.thread {
        let mut heard = played.all_heard(&Telegram, Some(&id)).into_iter();
        if !heard.any(|person| person.thread.as_ref() == Some(thread)) {
            return Err(refusal(400, "Bad Request: message thread not found"));
        }
    }
    outgoing.buttons = markup::buttons(params.value("reply_markup").as_ref())?;
    let mut raw = params.clone();
    if let Some(markup) = params.value("reply_markup") {
        raw.0.insert("reply_markup".to_owned(), markup);
    }
    outgoing.raw = raw.raw();
    Ok((outgoing, writer))
}

fn sent(played: &Played, outgoing: Outgoing, writer: &Person) -> Done {
    let outgoing = played.accept(&Telegram, outgoing);
    let answer = ok(chat::message(&outgoing, writer));
    Done::sent(outgoing, answer)
}

pub(super) fn message(played: &Played, params: &Params) -> Result<Done, Answer> {
    let (mut outgoing, writer) = outgoing(played, params)?;
    outgoing.text = text(params)?;
    Ok(sent(played, outgoing, &writer))
}

fn text(params: &Params) -> Result<String, Answer> {
    let text = visible(params, "text", "entities")?;
    if text.trim().is_empty() {
        return Err(refusal(400, "Bad Request: message text is empty"));
    }
    if utf16(&text) > TEXT {
        return Err(refusal(400, "Bad Request: message is too long"));
    }
    Ok(text)
}

/// `sendPhoto` and its like: `field` is where the file stands.
pub(super) fn file(played: &Played, params: &Params, field: &str) -> Result<Done, Answer> {
    let (mut outgoing, writer) = outgoing(played, params)?;
    let file = params.text(field);
    let file =
        file.ok_or_else(|| refusal(400, &format!("Bad Request: there is no {field} in the request")))?;
    outgoing.media = vec![reachable(&file)?];
    outgoing.text = caption(params)?;
    let mut done = sent(played, outgoing, &writer);
    if let crate::played::Body::Json(body) = &mut done.answer.body {
        let shown = json!({"file_id": file, "file_unique_id": file});
        body["result"][field] = if field == "photo" { json!([shown]) } else { shown };
    }
    Ok(done)
}

fn caption(params: &Params) -> Result<String, Answer> {
    let caption = visible(params, "caption", "caption_entities")?;
    if utf16(&caption) > CAPTION {
        return Err(refusal(400, "Bad Request: message caption is too long"));
    }
    Ok(caption)
}

/// A file is named by its id or by its address.
fn reachable(file: &str) -> Result<String, Answer> {
    let is_address = file.contains("://");
    if is_address && url::Url::parse(file).is_err() {
        return Err(refusal(400, "Bad Request: wrong HTTP URL specified"));
    }
    if !is_address && (file.len() < 20 || file.contains(['/', '.'])) {
        return Err(refusal(
            400,
            "Bad Request: wrong file identifier/HTTP URL specified",
        ));
    }
    Ok(file.to_owned())
}

pub(super) fn album(played: &Played, params: &Params) -> Result<Done, Answer> {
    let media = params.list("media");
    if !(2..=10).contains(&media.len()) {
        return Err(refusal(
            400,
            "Bad Request: group send failed: 2 to 10 media are needed",
        ));
    }
    let mut messages = Vec::new();
    for one in &media {
        let mut each = params.clone();
        each.0.remove("media");
        for field in ["caption", "parse_mode", "caption_entities"] {
            each.0.insert(field.to_owned(), one[field].clone());
        }
        let (mut outgoing, writer) = outgoing(played, &each)?;
        outgoing.media = vec![reachable(one["media"].as_str().unwrap_or_default())?];
        outgoing.text = caption(&each)?;
        messages.push((outgoing, writer));
    }
    let shown = messages
        .into_iter()
        .map(|(outgoing, writer)| chat::message(&played.accept(&Telegram, outgoing), &writer))
        .collect();
    Ok(ok(shown).into())
}

pub(super) fn edit(played: &Played, params: &Params, what: &str) -> Result<Done, Answer> {
    let (id, writer) = chat_of(played, params)?;
    let message = params.text("message_id").unwrap_or_default();
    let Some(mut outgoing) = played.outbox().message("telegram", &id, &message) else {
        let theirs = played.heard(&Telegram, &id, &message).is_some();
        return Err(refusal(
            400,
            if theirs {
                "Bad Request: message can't be edited"
            } else {
                "Bad Request: message to edit not found"
            },
        ));
    };
    let before = (outgoing.text.clone(), outgoing.buttons.clone());
    match what {
        "text" => outgoing.text = text(params)?,
        "caption" => outgoing.text = caption(params)?,
        _ => {}
    }
    outgoing.buttons = markup::buttons(params.value("reply_markup").as_ref())?;
    if before == (outgoing.text.clone(), outgoing.buttons.clone()) {
        return Err(refusal(
            400,
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the same \
             as a current content and reply markup of the message",
        ));
    }
    outgoing.kind = Kind::Edited;
    outgoing.raw = params.raw();
    outgoing.at = chrono::Utc::now();
    let outgoing = played.accept(&Telegram, outgoing);
    Ok(ok(chat::message(&outgoing, &writer)).into())
}

pub(super) fn delete(played: &Played, params: &Params) -> Result<Done, Answer> {
    let (id, _) = chat_of(played, params)?;
    let message = params.text("message_id").unwrap_or_default();
    let found = played.outbox().message("telegram", &id, &message);
    let outgoing = found.ok_or_else(|| refusal(400, "Bad Request: message to delete not found"))?;
    played.accept(&Telegram, outgoing.taken_back());
    Ok(ok(true.into()).into())
}

pub(super) fn typing(played: &Played, params: &Params) -> Result<Done, Answer> {
    let (id, _) = chat_of(played, params)?;
    let action = params.text("action").unwrap_or_default();
    let known = [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ];
    if !known.contains(&action.as_str()) {
        return Err(refusal(400, "Bad Request: wrong parameter action in request"));
    }
    let mut outgoing = Outgoing::new(&Telegram, Kind::Typing, &id, "");
    outgoing.thread = params.text("message_thread_id");
    outgoing.raw = params.raw();
    played.accept(&Telegram, outgoing);
    Ok(ok(true.into()).into())
}

/// A preview of an answer that is being written, in private chats.
pub(super) fn draft(played: &Played, params: &Params) -> Result<Done, Answer> {
    let (id, _) = chat_of(played, params)?;
    if id.starts_with('-') {
        return Err(refusal(
            400,
            "Bad Request: drafts can be sent to private chats only",
        ));
    }
    if params.text("draft_id").is_none_or(|draft| draft == "0") {
        return Err(refusal(400, "Bad Request: draft_id must be non-zero"));
    }
    let mut outgoing = Outgoing::new(&Telegram, Kind::Typing, &id, "");
    outgoing.text = text(params)?;
    outgoing.raw = params.raw();
    played.accept(&Telegram, outgoing);
    Ok(ok(true.into()).into())
}

/// A button that was pressed stops turning once this was called.
pub(super) fn answer_button(played: &Played, params: &Params) -> Result<Done, Answer> {
    let id = params.text("callback_query_id").unwrap_or_default();
    if params.text("text").is_some_and(|text| utf16(&text) > 200) {
        return Err(refusal(400, "Bad Request: MESSAGE_TOO_LONG"));
    }
    let mut heard = played.all_heard(&Telegram, None).into_iter();
    if heard.any(|person| person.choice.is_some() && Telegram.message_id(&person) == id) {
        played.set_note(&Telegram, format!("answered {id}"), params.raw());
        return Ok(ok(true.into()).into());
    }
    Err(refusal(
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    ))
}

/// A file's bytes, below an address that carries the token.
pub(super) fn download(played: &Played, call: &Call) -> Result<Done, Answer> {
    let key = call.path.get(3).map(String::as_str).unwrap_or_default();
    let media = played.media(key).ok_or_else(|| refusal(404, "Not Found"))?;
    Ok(Answer::bytes(200, "application/octet-stream", media.bytes).into())
}

pub(super) fn find_file(played: &Played, params: &Params) -> Result<Done, Answer> {
    let id = params.text("file_id").unwrap_or_default();
    let media = played
        .media(&id)
        .ok_or_else(|| refusal(400, "Bad Request: invalid file_id"))?;
    if media.bytes.len() > 20 << 20 {
        return Err(refusal(400, "Bad Request: file is too big"));
    }
    Ok(ok(json!({
        "file_id": id,
        "file_unique_id": id,
        "file_size": media.bytes.len(),
        "file_path": format!("documents/{id}"),
    }))
    .into())
}
