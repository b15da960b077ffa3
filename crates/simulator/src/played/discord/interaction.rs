//! Interactions, as Discord posts them.

use super::{APPLICATION, BOT_USER, Discord};
use crate::played::{Person, Play};
use serde_json::{Value, json};

/// The token of an interaction, which names what it answers.
pub(super) fn token(person: &Person) -> String {
    format!("simulated-{}", Discord.message_id(person))
}

/// What a person asked with `/ask`, or pressed.
pub(super) fn interaction(person: &Person) -> Value {
    let channel = Discord.conversation(person);
    let mut interaction = json!({
        "id": Discord.message_id(person),
        "application_id": APPLICATION,
        "token": token(person),
        "version": 1,
        "channel_id": channel,
        "channel": {"id": channel, "type": 1},
        "context": 1,
        "locale": "en-US",
        "user": {"id": person.from, "username": "ann", "global_name": person.name()},
    });
    match &person.choice {
        Some(value) => {
            interaction["type"] = 3.into();
            interaction["data"] = json!({"component_type": 2, "custom_id": value});
            interaction["message"] = json!({
                "id": person.about, "channel_id": channel, "content": "Please choose",
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
