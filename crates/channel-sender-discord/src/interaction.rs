//! An interaction: a command, a pressed button or a form, over HTTP or the Gateway, and what it says in our words.
//!
//! Every interaction that brings a message is answered at once with "thinking", because Discord waits for three seconds
//! and the answer takes longer; it then takes the place of that.
//!
//! Source: <https://docs.discord.com/developers/interactions/receiving-and-responding>

use crate::{
    message::{Attachment, Member, User},
    place::{Kind, Place},
    snowflake,
};
use channel::{InboundMessage, MediaRef, OutboundPart, text};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long the token of an interaction can be answered with: fifteen minutes, less what clocks and calls take.
const OPEN: TimeDelta = TimeDelta::seconds(15 * 60 - 30);
/// Types of interactions.
pub(crate) const PING: u64 = 1;
const COMMAND: u64 = 2;
const COMPONENT: u64 = 3;
const AUTOCOMPLETE: u64 = 4;
const FORM: u64 = 5;

/// What Discord wants to hear, as the type of a response.
const PONG: u8 = 1;
const THINKING: u8 = 5;
const CHOICES: u8 = 8;

/// What is kept of an interaction to answer it.
#[derive(Deserialize, Serialize)]
pub(crate) struct Pending {
    pub(crate) id: String,
    /// Whoever has it can write in its place for fifteen minutes.
    token: String,
    application_id: String,
}

/// What an interaction says.
pub(crate) struct Read {
    /// What somebody wrote, or chose.
    pub(crate) message: Option<InboundMessage>,
    /// What Discord wants to hear. `None`: it is of a kind that we do not know.
    pub(crate) response: Option<Value>,
}

/// Why an interaction is not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is another application's.
    Foreign(String),
    /// What is wrong with it.
    Malformed(String),
}

#[derive(Deserialize)]
struct Head {
    r#type: u64,
    application_id: Option<String>,
}

#[derive(Deserialize)]
struct Interaction {
    id: String,
    token: String,
    guild_id: Option<String>,
    channel_id: Option<String>,
    channel: Option<PartialChannel>,
    member: Option<InGuild>,
    user: Option<User>,
    #[serde(default)]
    data: Data,
    message: Option<Pressed>,
}

#[derive(Deserialize)]
struct PartialChannel {
    r#type: Option<u64>,
}

#[derive(Deserialize)]
struct InGuild {
    user: User,
    #[serde(flatten)]
    member: Member,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    name: Option<String>,
    options: Vec<CommandOption>,
    target_id: Option<String>,
    resolved: Resolved,
    custom_id: Option<String>,
    values: Vec<String>,
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct CommandOption {
    #[serde(default)]
    value: Value,
    #[serde(default)]
    options: Vec<Self>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Resolved {
    attachments: BTreeMap<String, Attachment>,
    messages: BTreeMap<String, Target>,
}

/// The message that a command was chosen for.
#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    content: String,
}

/// What the pressed button is below.
#[derive(Deserialize)]
struct Pressed {
    #[serde(default)]
    components: Vec<Component>,
}

/// A button, a menu, a field, or what holds others.
#[derive(Deserialize)]
struct Component {
    custom_id: Option<String>,
    label: Option<Value>,
    value: Option<String>,
    #[serde(default)]
    options: Vec<MenuOption>,
    #[serde(default)]
    components: Vec<Self>,
    /// What a label of a form holds.
    component: Option<Box<Self>>,
    accessory: Option<Box<Self>>,
}

#[derive(Deserialize)]
struct MenuOption {
    #[serde(default)]
    label: String,
    value: Option<String>,
}

/// A button's id on Discord: its place among the others, since Discord takes none twice, and its value.
pub(crate) fn custom_id(place: usize, value: &str) -> String {
    format!("b{place}:{value}")
}

/// The value of a button of ours. One that another program made with the application is its own value.
fn value(custom_id: &str) -> &str {
    custom_id
        .strip_prefix('b')
        .and_then(|rest| rest.split_once(':'))
        .filter(|(place, _)| (1..=2).contains(&place.len()) && place.bytes().all(|b| b.is_ascii_digit()))
        .map_or(custom_id, |(_, value)| value)
}

/// Reads an interaction that is proven, to this application.
pub(crate) fn read(json: &Value, application: &str) -> Result<Read, Unread> {
    let head = Head::deserialize(json).map_err(malformed)?;
    match (&head.application_id, head.r#type) {
        (Some(given), _) if given != application => return Err(Unread::Foreign(given.clone())),
        (None, COMMAND | COMPONENT | FORM) => {
            return Err(Unread::Malformed("application_id is missing".to_owned()));
        }
        _ => (),
    }
    let only = |response| {
        Ok(Read {
            message: None,
            response,
        })
    };
    match head.r#type {
        PING => only(Some(json!({"type": PONG}))),
        AUTOCOMPLETE => only(Some(json!({"type": CHOICES, "data": {"choices": []}}))),
        COMMAND | COMPONENT | FORM => {
            let interaction = Interaction::deserialize(json).map_err(malformed)?;
            Ok(Read {
                message: Some(interaction.into_inbound(head.r#type, application)?),
                response: Some(json!({"type": THINKING})),
            })
        }
        _ => only(None),
    }
}

fn malformed(error: serde_json::Error) -> Unread {
    Unread::Malformed(error.to_string())
}

impl Interaction {
    fn into_inbound(self, kind: u64, application: &str) -> Result<InboundMessage, Unread> {
        let missing = |what: &str| Unread::Malformed(format!("{what} is missing"));
        let channel = self.channel_id.ok_or_else(|| missing("channel_id"))?;
        let (user, member) = match (self.member, self.user) {
            (Some(in_guild), _) => (in_guild.user, Some(in_guild.member)),
            (None, Some(user)) => (user, None),
            (None, None) => return Err(missing("user")),
        };
        for (name, id) in [("id", &self.id), ("channel_id", &channel), ("user.id", &user.id)] {
            if !snowflake::is_one(id) {
                return Err(Unread::Malformed(format!("{name} is no id")));
            }
        }
        let channel_type = self.channel.and_then(|channel| channel.r#type);
        let place = Place::new(
            &channel,
            Kind::of(channel_type, self.guild_id.is_some()),
            &user.id,
        );
        let said = match kind {
            COMMAND => self.data.command(),
            COMPONENT => self
                .data
                .press(&self.message.map_or_else(Vec::new, |message| message.components))?,
            _ => self.data.form(),
        };
        let pending = Pending {
            id: self.id.clone(),
            token: self.token,
            application_id: application.to_owned(),
        };
        Ok(InboundMessage {
            account: application.to_owned(),
            conversation: place.conversation(),
            contact_name: user.name(member.as_ref()),
            contact: user.id,
            text: text::without_nul(&said.text),
            choice: said.choice,
            media: said.media,
            order_key: snowflake::order(&self.id),
            sent_at: snowflake::time(&self.id),
            reply_to: Some(json!({ "interaction": pending })),
            dedupe_key: self.id,
            consent: None,
        })
    }
}

#[derive(Default)]
struct Said {
    text: String,
    choice: Option<String>,
    media: Vec<MediaRef>,
}

impl Data {
    /// The first text that was given to the command, or that it was chosen for; else its name.
    fn command(self) -> Said {
        let target = self.target_id.and_then(|id| self.resolved.messages.get(&id));
        let text = first_text(&self.options)
            .or_else(|| target.map(|message| message.content.as_str()))
            .filter(|text| !text.trim().is_empty())
            .or(self.name.as_deref())
            .unwrap_or_default()
            .to_owned();
        Said {
            text,
            choice: None,
            media: self.resolved.attachments.into_values().map(Into::into).collect(),
        }
    }

    /// The button that was pressed, or what was chosen from a menu.
    fn press(self, components: &[Component]) -> Result<Said, Unread> {
        let custom_id = self
            .custom_id
            .ok_or_else(|| Unread::Malformed("data.custom_id is missing".to_owned()))?;
        let component = components.iter().find_map(|component| component.find(&custom_id));
        let choice = self
            .values
            .first()
            .map_or_else(|| value(&custom_id), String::as_str);
        let title = component.and_then(|component| component.title(&self.values));
        Ok(Said {
            text: title.unwrap_or_else(|| choice.to_owned()),
            choice: Some(text::without_nul(choice)),
            media: Vec::new(),
        })
    }

    /// What was written into a form, field by field.
    fn form(self) -> Said {
        let mut fields = Vec::new();
        for component in &self.components {
            component.fields(&mut fields);
        }
        Said {
            text: fields.join("\n"),
            ..Said::default()
        }
    }
}

fn first_text(options: &[CommandOption]) -> Option<&str> {
    options
        .iter()
        .find_map(|option| option.value.as_str().or_else(|| first_text(&option.options)))
}

impl Component {
    fn below(&self) -> impl Iterator<Item = &Self> {
        let single = self.component.iter().chain(&self.accessory);
        self.components.iter().chain(single.map(|component| &**component))
    }

    fn find(&self, custom_id: &str) -> Option<&Self> {
        if self.custom_id.as_deref() == Some(custom_id) {
            return Some(self);
        }
        self.below().find_map(|component| component.find(custom_id))
    }

    /// What the person read on it.
    fn title(&self, chosen: &[String]) -> Option<String> {
        if chosen.is_empty() {
            return Some(self.label.as_ref()?.as_str()?.to_owned());
        }
        let titles: Vec<&str> = chosen
            .iter()
            .map(|value| {
                let option = self
                    .options
                    .iter()
                    .find(|option| option.value.as_ref() == Some(value));
                option.map_or(value.as_str(), |option| option.label.as_str())
            })
            .collect();
        Some(titles.join(", "))
    }

    fn fields<'a>(&'a self, fields: &mut Vec<&'a str>) {
        fields.extend(self.value.as_deref().filter(|value| !value.is_empty()));
        for component in self.below() {
            component.fields(fields);
        }
    }
}

impl Pending {
    /// The interaction that a part answers, if it is this application's and can still be answered by its token.
    pub(crate) fn of(reply_to: Option<&Value>, application: &str, now: DateTime<Utc>) -> Option<Self> {
        let pending = Self::any_of(reply_to, application)?;
        let ends = snowflake::time(&pending.id)? + OPEN;
        (now < ends).then_some(pending)
    }

    /// The interaction that a part answers, however old.
    pub(crate) fn any_of(reply_to: Option<&Value>, application: &str) -> Option<Self> {
        let pending = Self::deserialize(reply_to?.get("interaction")?).ok()?;
        let can_stand_in_an_address = |token: &str| {
            let is_fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'=' | b'~');
            !token.is_empty() && token != "." && token != ".." && token.bytes().all(is_fit)
        };
        let is_ours = pending.application_id == application && snowflake::is_one(&pending.id);
        (is_ours && can_stand_in_an_address(&pending.token)).then_some(pending)
    }

    /// The one that an answer to a message that was just read has.
    pub(crate) fn of_message(message: &InboundMessage) -> Option<Self> {
        Self::any_of(message.reply_to.as_ref(), &message.account)
    }

    /// Where its answers are made.
    pub(crate) fn webhook(&self) -> String {
        format!("webhooks/{}/{}", self.application_id, self.token)
    }

    /// Where it is answered for the first time, if it came over the Gateway.
    pub(crate) fn callback(&self) -> String {
        format!("interactions/{}/{}/callback", self.id, self.token)
    }

    /// The one that a part answers, now.
    pub(crate) fn of_part(part: &OutboundPart, application: &str) -> Option<Self> {
        Self::of(part.reply_to.as_ref(), application, Utc::now())
    }
}

#[cfg(test)]
mod tests;
