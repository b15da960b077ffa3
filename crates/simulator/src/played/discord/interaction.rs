//! Interactions, as Discord posts them.

use super::{APPLICATION, BOT_USER, Discord, GUILD};
use crate::played::{Person, Play};
use serde_json::{Value, json};

/// The token of an interaction, which names what it answers.
pub(super) fn token(person: &Person) -> String {
    format!(
        "simulated-{}-{}",
        Discord.conversation(person),
        Discord.message_id(person)
    )
}

/// The channel and the id that a token names.
pub(super) fn named(token: &str) -> Option<(&str, &str)> {
    token.strip_prefix("simulated-")?.split_once('-')
}

/// What a person asked with `/ask`, or pressed.
pub(super) fn interaction(person: &Person) -> Value {
    let channel = Discord.conversation(person);
    let user = json!({
        "id": person.from, "username": "ann", "global_name": person.name(), "discriminator": "0", "avatar": null,
    });
    let mut interaction = json!({
        "id": Discord.message_id(person),
        "application_id": APPLICATION,
        "token": token(person),
        "version": 1,
        "channel_id": channel,
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {},
        "attachment_size_limit": 10_485_760,
    });
    if person.conversation.is_none() {
        interaction["channel"] = json!({"id": channel, "type": 1});
        interaction["context"] = 1.into();
        interaction["user"] = user;
    } else {
        let kind = if person.thread.is_some() { 11 } else { 0 };
        interaction["channel"] = json!({"id": channel, "type": kind, "guild_id": GUILD});
        interaction["context"] = 0.into();
        interaction["guild_id"] = GUILD.into();
        interaction["member"] = json!({"user": user, "permissions": "0", "roles": []});
    }
    match &person.choice {
        Some(value) => {
            interaction["type"] = 3.into();
            interaction["data"] = json!({"component_type": 2, "custom_id": value});
            interaction["message"] = json!({
                "id": person.about, "channel_id": channel, "content": "Please choose", "type": 0,
                "author": {"id": BOT_USER, "username": "simulated", "bot": true},
                "components": [{"type": 1, "components": [
                    {"type": 2, "style": 1, "label": person.text, "custom_id": value},
                ]}],
            });
        }
        None => {
            interaction["type"] = 2.into();
            interaction["data"] = json!({
                "id": "1", "name": "ask", "type": 1,
                "options": [{"name": "question", "type": 3, "value": person.text}],
            });
        }
    }
    interaction
}
