//! Presses of buttons. Shortcuts, dialogues and menus are acknowledged.
//!
//! Source: <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>

use super::malformed;
use crate::{credentials::Credentials, place, text::unescape};
use channel::{InboundMessage, Received, text::without_nul};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Press {
    user: Person,
    channel: Option<Named>,
    container: Option<Container>,
    message: Option<Pressed>,
    #[serde(default)]
    actions: Vec<Value>,
}

#[derive(Deserialize)]
struct Person {
    id: String,
    name: Option<String>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Where the buttons are: also for messages that only one person sees.
#[derive(Deserialize)]
struct Container {
    message_ts: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Deserialize)]
struct Pressed {
    ts: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    action_ts: String,
    #[serde(default)]
    r#type: String,
    value: Option<String>,
    text: Option<Words>,
}

#[derive(Deserialize)]
struct Words {
    text: String,
}

pub(super) fn read(value: Value, credentials: &Credentials, received: &mut Received) {
    if value["type"] != "block_actions" {
        return;
    }
    let press = match Press::deserialize(&value) {
        Ok(press) => press,
        Err(error) => return received.malformed.push(malformed("payload", error)),
    };
    for (at, action) in press.actions.iter().enumerate() {
        match Action::deserialize(action)
            .map_err(|error| error.to_string())
            .and_then(|action| press.read(action, credentials))
        {
            Ok(message) => received.messages.extend(message),
            Err(problem) => received
                .malformed
                .push(malformed(format!("payload.actions[{at}]"), problem)),
        }
    }
}

impl Press {
    /// `None`: it is no button with a value, or not below a message.
    fn read(&self, action: Action, credentials: &Credentials) -> Result<Option<InboundMessage>, String> {
        let (Some(value), "button", Some(channel)) = (action.value, action.r#type.as_str(), &self.channel)
        else {
            return Ok(None);
        };
        let order = place::micros(&action.action_ts).ok_or("action_ts is not a time stamp")?;
        let (ts, thread) = self.message();
        let root = thread
            .or(ts)
            .ok_or("there is no message that the button is below")?;
        let reply_in = if place::is_direct(&channel.id) {
            thread
        } else {
            Some(root)
        };
        let title = action.text.map(|text| unescape(&text.text));
        Ok(Some(InboundMessage {
            account: credentials.team_id.clone(),
            dedupe_key: format!("press:{}:{}:{}", channel.id, action.action_ts, self.user.id),
            conversation: place::conversation(&channel.id, &self.user.id, root),
            contact: self.user.id.clone(),
            contact_name: self.user.name.clone().or_else(|| self.user.username.clone()),
            text: without_nul(&title.unwrap_or_else(|| value.clone())),
            choice: Some(value),
            media: Vec::new(),
            order_key: Some(order),
            sent_at: DateTime::from_timestamp_micros(order),
            reply_to: Some(place::reply_to(&channel.id, reply_in)),
            consent: None,
        }))
    }

    /// The message that was pressed, and the thread it is in.
    fn message(&self) -> (Option<&str>, Option<&str>) {
        let message = self.message.as_ref();
        let container = self.container.as_ref();
        let ts = message
            .and_then(|message| message.ts.as_deref())
            .or_else(|| container?.message_ts.as_deref());
        let thread = message
            .and_then(|message| message.thread_ts.as_deref())
            .or_else(|| container?.thread_ts.as_deref());
        (ts, thread)
    }
}
