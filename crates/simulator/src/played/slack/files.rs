//! Files that people sent, and files that the bot uploads.

use super::{
    Slack, TEAM,
    api::{channel, ok, refusal},
    ts,
};
use crate::played::{Answer, Attachment, Call, Done, Kind, Outgoing, Params, Played, next_number};
use serde_json::{Value, json};

/// A file's id. Slack's are in capitals.
fn id(key: &str) -> String {
    format!("F{}", key.to_ascii_uppercase())
}

/// A file as it stands in an event, with the address that asks for the bot's token.
pub(super) fn shown(media: &Attachment, base: &str) -> Value {
    let url = format!(
        "{base}/files-pri/{TEAM}-{}/{}/{}",
        id(&media.key),
        media.key,
        media.name
    );
    json!({
        "id": id(&media.key), "name": media.name, "title": media.name, "mimetype": media.content_type,
        "size": media.size, "mode": "hosted", "is_external": false, "url_private": url, "url_private_download": url,
    })
}

/// Whoever does not bring the bot's token is shown a page to sign in with, with 200.
pub(super) fn download(played: &Played, token: Option<&str>, key: &str) -> Result<Done, Answer> {
    if token != Some(super::TOKEN) {
        let page = "<!DOCTYPE html><html><title>Slack</title><form>Sign in</form></html>";
        return Ok(Answer::bytes(200, "text/html; charset=utf-8", page).into());
    }
    let media = played.media(key).ok_or_else(|| Answer::empty(404))?;
    Ok(Answer::bytes(200, media.about.content_type, media.bytes).into())
}

pub(super) fn info(played: &Played, params: &Params) -> Result<Done, Answer> {
    let wanted = params.text("file").unwrap_or_default();
    let key = wanted.strip_prefix('F').unwrap_or_default().to_ascii_lowercase();
    let media = played.media(&key).ok_or_else(|| refusal("file_not_found"))?;
    Ok(ok(json!({"file": shown(&media.about, &played.base(&Slack))})))
}

/// `files.getUploadURLExternal`: where to put the bytes.
pub(super) fn begin(played: &Played, params: &Params) -> Result<Done, Answer> {
    let name = params
        .text("filename")
        .ok_or_else(|| refusal("unknown_filename"))?;
    let length: usize = params
        .text("length")
        .and_then(|length| length.parse().ok())
        .unwrap_or_default();
    if length == 0 {
        return Err(refusal("length_required"));
    }
    let key = format!("UP{}", next_number());
    played.set_note(&Slack, key.clone(), json!({"name": name, "length": length}));
    let base = played.base(&Slack);
    Ok(ok(
        json!({"upload_url": format!("{base}/upload/{key}"), "file_id": format!("F{key}")}),
    ))
}

pub(super) fn take(played: &Played, call: &Call, key: &str) -> Result<Done, Answer> {
    let mut begun = played.note(&Slack, key).ok_or_else(|| Answer::empty(404))?;
    begun["taken"] = true.into();
    played.set_note(&Slack, key, begun);
    Ok(Answer::bytes(200, "text/plain", format!("OK - {}", call.body.len())).into())
}

/// `files.completeUploadExternal`: shares the files. It tells their ids, not the message's.
pub(super) fn complete(played: &Played, params: &Params) -> Result<Done, Answer> {
    let files = params.list("files");
    let mut names = Vec::new();
    for file in &files {
        let key = file["id"]
            .as_str()
            .and_then(|id| id.strip_prefix('F'))
            .unwrap_or_default();
        let begun = played.note(&Slack, key).filter(|begun| begun["taken"] == true);
        let begun = begun.ok_or_else(|| refusal("file_not_found"))?;
        names.push(begun["name"].as_str().unwrap_or_default().to_owned());
    }
    if names.is_empty() {
        return Err(refusal("invalid_arguments"));
    }
    if params.text("channel_id").is_some() {
        let channel = channel(played, params, "channel_id")?;
        let mut outgoing = Outgoing::new(&Slack, Kind::Sent, &channel, ts(next_number()));
        outgoing.thread = params.text("thread_ts");
        outgoing.text = params.text("initial_comment").unwrap_or_default();
        outgoing.media = names;
        outgoing.raw = params.raw();
        played.accept(&Slack, outgoing);
    }
    Ok(ok(json!({"files": files})))
}
