//! Messages, as the Gateway tells them. <https://docs.discord.com/developers/events/gateway-events#message-create>

use super::{BOT_USER, Discord, GUILD, session::Happening};
use crate::played::{Person, Play};
use serde_json::{Value, json};

const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;

/// What a person wrote. In a channel of many they mention the bot, and Discord gives it the content for that.
pub(super) fn written(person: &Person, base: &str) -> Happening {
    let direct = person.conversation.is_none();
    let bot = json!({"id": BOT_USER, "username": "simulated", "bot": true, "discriminator": "0"});
    let (content, mentions) = if direct {
        (person.text.clone(), json!([]))
    } else {
        (format!("<@{BOT_USER}> {}", person.text), json!([bot]))
    };
    let attachments: Vec<Value> = person
        .media
        .iter()
        .map(|media| {
            json!({"id": "1", "filename": media.name, "content_type": media.content_type, "size": media.size,
                   "url": format!("{base}/attachments/1/{}/{}", media.key, media.name)})
        })
        .collect();
    let mut body = json!({
        "id": Discord.message_id(person), "channel_id": Discord.conversation(person), "type": 0, "flags": 0,
        "content": content, "mentions": mentions, "mention_roles": [], "mention_everyone": false,
        "timestamp": person.at.to_rfc3339(), "edited_timestamp": null, "tts": false, "pinned": false,
        "attachments": attachments, "embeds": [], "components": [],
        "author": {"id": person.from, "username": "ann", "global_name": person.name(), "discriminator": "0", "avatar": null},
    });
    if let Some(about) = &person.about {
        body["type"] = 19.into();
        body["referenced_message"] = json!({"id": about, "channel_id": body["channel_id"], "author": bot});
    }
    place(&mut body, direct, person.thread.is_some());
    Happening {
        name: "MESSAGE_CREATE",
        body,
        intents: intent(direct),
    }
}

/// Under which it is noted that a person wrote a message, in place of asking with a command.
pub(super) fn note(id: &str) -> String {
    format!("written {id}")
}

/// What the bot itself sent, as the API shows it.
pub(super) fn own(mut body: Value, direct: bool) -> Happening {
    place(&mut body, direct, false);
    Happening {
        name: "MESSAGE_CREATE",
        body,
        intents: intent(direct),
    }
}

const fn intent(direct: bool) -> u64 {
    if direct { DIRECT_MESSAGES } else { GUILD_MESSAGES }
}

fn place(body: &mut Value, direct: bool, is_thread: bool) {
    body["channel_type"] = match (direct, is_thread) {
        (true, _) => 1,
        (false, true) => 11,
        (false, false) => 0,
    }
    .into();
    if !direct {
        body["guild_id"] = GUILD.into();
        body["member"] = json!({"roles": [], "deaf": false, "mute": false});
    }
}
