//! Activities, as Teams posts them: one a request.

use super::{APP, Teams};
use crate::played::{Person, Play};
use serde_json::{Value, json};

const TENANT: &str = "72f90000-0000-0000-0000-000000000000";

/// A person's id in the tenant.
pub(super) fn tenant_id(person: &Person) -> String {
    format!("{:0>36}", person.from.trim_start_matches("29:"))
}

/// What a person wrote or pressed.
pub(super) fn activity(person: &Person, service: &str) -> Value {
    let conversation = Teams.conversation(person);
    let direct = conversation.starts_with("a:");
    let mut activity = json!({
        "type": "message",
        "id": Teams.message_id(person),
        "timestamp": person.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "serviceUrl": service,
        "channelId": "msteams",
        "from": {"id": person.from, "name": person.name(), "aadObjectId": tenant_id(person)},
        "recipient": {"id": format!("28:{APP}"), "name": "Simulated bot"},
        "conversation": {
            "id": conversation, "tenantId": TENANT, "isGroup": !direct,
            "conversationType": if direct { "personal" } else { "channel" },
        },
        "channelData": {"tenant": {"id": TENANT}},
        "locale": "en-US",
        "textFormat": "plain",
    });
    match &person.choice {
        Some(value) => activity["value"] = json!({"value": value, "choice": value, "title": person.text}),
        None if direct => activity["text"] = person.text.clone().into(),
        None => {
            let mention = "<at>Simulated bot</at>";
            activity["text"] = format!("{mention} {}", person.text).into();
            activity["entities"] = json!([{
                "type": "mention", "text": mention, "mentioned": {"id": format!("28:{APP}"), "name": "Simulated bot"},
            }]);
        }
    }
    activity
}
