//! Activities, as Teams posts them: one a request.

use super::{APP, Teams};
use crate::played::{Attachment, Person, Play};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(super) const TENANT: &str = "72f90000-0000-0000-0000-000000000000";
const BOT: &str = "Simulated bot";

/// A person's id in the tenant: a GUID, the same for the same person.
pub(super) fn tenant_id(person: &Person) -> String {
    let digest = Sha256::digest(person.from.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(first).to_string()
}

/// The name of a person's own chat with the bot.
pub(super) fn own_chat(from: &str) -> String {
    format!("a:{}", from.trim_start_matches("29:"))
}

/// What a person wrote or pressed.
pub(super) fn activity(person: &Person, service: &str) -> Value {
    let conversation = Teams.conversation(person);
    let kind = kind(&conversation);
    let direct = kind == "personal";
    let bot = json!({"id": format!("28:{APP}"), "name": BOT});
    let mut activity = json!({
        "type": "message",
        "id": Teams.message_id(person),
        "timestamp": person.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "serviceUrl": service,
        "channelId": "msteams",
        "from": {"id": person.from, "name": person.name(), "aadObjectId": tenant_id(person)},
        "recipient": bot,
        "conversation": {"id": conversation, "tenantId": TENANT, "conversationType": kind},
        "channelData": {"tenant": {"id": TENANT}},
        "entities": [{"type": "clientInfo", "locale": "en-US"}],
        "locale": "en-US",
    });
    if !direct {
        activity["conversation"]["isGroup"] = true.into();
    }
    if kind == "channel" {
        let channel = conversation.split(';').next().unwrap_or_default();
        activity["channelData"]["team"] = json!({"id": "19:simulated@thread.tacv2"});
        activity["channelData"]["channel"] = json!({"id": channel});
    }
    if let Some(about) = &person.about {
        activity["replyToId"] = about.clone().into();
    }
    if let Some(choice) = &person.choice {
        // A pressed `Action.Submit` has a value and no text.
        activity["value"] = value(choice, &person.text);
        return activity;
    }
    activity["textFormat"] = "plain".into();
    let mut attachments = Vec::new();
    if direct {
        activity["text"] = person.text.clone().into();
    } else {
        let mention = format!("<at>{BOT}</at>");
        activity["text"] = format!("{mention} {}", person.text).trim_end().into();
        activity["entities"] = json!([
            {"type": "mention", "mentioned": bot, "text": mention},
            {"type": "clientInfo", "locale": "en-US"},
        ]);
        // What has formatting in it comes a second time, as HTML.
        let html = person.text.replace('&', "&amp;").replace('<', "&lt;");
        let html = format!(
            "<p><span itemtype=\"http://schema.skype.com/Mention\" itemscope=\"\">{BOT}</span>&nbsp;{html}</p>"
        );
        attachments.push(json!({"contentType": "text/html", "content": html}));
    }
    attachments.extend(person.media.as_ref().map(|media| attachment(media, service)));
    if !attachments.is_empty() {
        activity["attachments"] = attachments.into();
    }
    activity
}

/// What sort of conversation has such an id.
fn kind(conversation: &str) -> &'static str {
    let bare = conversation.split(';').next().unwrap_or_default();
    if bare.starts_with("a:") {
        "personal"
    } else if bare.ends_with("@thread.v2") {
        "groupChat"
    } else {
        "channel"
    }
}

/// The `data` of the pressed action, where the choice is that to the letter, as the outbox has it; else what a card of a
/// hand-written test would carry.
fn value(choice: &str, title: &str) -> Value {
    match serde_json::from_str(choice) {
        Ok(Value::Object(data)) => Value::Object(data),
        _ => json!({"value": choice, "choice": choice, "title": title}),
    }
}

/// A picture is fetched with the bot's token, any other file with an address that is open for a short while.
fn attachment(media: &Attachment, service: &str) -> Value {
    if media.family() == "image" {
        let url = format!("{service}v3/attachments/{}/views/original", media.key);
        return json!({"contentType": media.content_type, "contentUrl": url, "name": media.name});
    }
    let suffix = media.name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    json!({
        "contentType": "application/vnd.microsoft.teams.file.download.info",
        "name": media.name,
        "content": {
            "downloadUrl": format!("{service}files/{}", media.key),
            "uniqueId": media.key, "fileType": suffix,
        },
    })
}
