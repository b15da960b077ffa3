//! Webhooks, as Slack posts them.

use super::{APP, BOT_USER, Slack, TEAM, files, ts};
use crate::played::{Person, Play};
use serde_json::{Value, json};

/// MIME type and body for what a person wrote or pressed.
pub(super) fn body(person: &Person, base: &str) -> anyhow::Result<(&'static str, Vec<u8>)> {
    Ok(match payload(person, base)? {
        ("interactive", payload) => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("payload", &payload.to_string());
            ("application/x-www-form-urlencoded", form.finish().into_bytes())
        }
        (_, payload) => ("application/json", payload.to_string().into_bytes()),
    })
}

/// The same as Socket Mode has it: its kind, and what is in the envelope.
pub(super) fn payload(person: &Person, base: &str) -> anyhow::Result<(&'static str, Value)> {
    anyhow::ensure!(
        person.from.starts_with('U') || person.from.starts_with('W'),
        "{:?} is no Slack user: their ids begin with U or W",
        person.from
    );
    Ok(match &person.choice {
        Some(value) => ("interactive", pressed(person, value)),
        None => ("events_api", envelope(person, base)),
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn envelope(person: &Person, base: &str) -> Value {
    let channel = Slack.conversation(person);
    let direct = channel.starts_with('D');
    let time = Slack.message_id(person);
    let mention = if direct {
        String::new()
    } else {
        format!("<@{BOT_USER}> ")
    };
    let mut event = json!({
        "type": if direct { "message" } else { "app_mention" },
        "channel": channel,
        "user": person.from,
        "text": format!("{mention}{}", escaped(&person.text)),
        "ts": time,
        "event_ts": time,
        "team": TEAM,
        "client_msg_id": format!("{:032x}", person.number),
    });
    if direct {
        event["channel_type"] = "im".into();
    }
    if let Some(thread) = &person.thread {
        event["thread_ts"] = thread.clone().into();
    }
    if let Some(media) = &person.media {
        event["subtype"] = "file_share".into();
        event["files"] = json!([files::shown(media, base)]);
    }
    json!({
        "token": "deprecated",
        "team_id": TEAM,
        "api_app_id": APP,
        "type": "event_callback",
        "event_id": format!("Ev{:016X}", person.number),
        "event_time": person.at.timestamp(),
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": true, "is_enterprise_install": false}],
        "event": event,
    })
}

fn pressed(person: &Person, value: &str) -> Value {
    let message = person.about.clone().unwrap_or_else(|| ts(person.number));
    json!({
        "type": "block_actions",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "simulated"},
        "user": {"id": person.from, "team_id": TEAM},
        "channel": {"id": Slack.conversation(person), "name": "directmessage"},
        "container": {"type": "message", "message_ts": message, "channel_id": Slack.conversation(person)},
        "message": {"ts": message, "type": "message", "text": "Please choose", "user": BOT_USER},
        "trigger_id": format!("{}.1", person.number),
        "response_url": "https://hooks.slack.com/actions/simulated",
        "actions": [{
            "type": "button", "action_id": "choice", "block_id": "buttons", "value": value,
            "action_ts": ts(person.number), "text": {"type": "plain_text", "text": person.text},
        }],
    })
}
