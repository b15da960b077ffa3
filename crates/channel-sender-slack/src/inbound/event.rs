//! The Events API: what people write.
//!
//! In a direct message everything is for the bot. In a channel the bot is meant by a mention; and where the app also
//! subscribes to `message.channels` (or `groups`, `mpim`), by whatever is written in a thread and mentions nobody else,
//! so that people can go on without a mention. What is written in a channel itself and mentions no bot is not answered.
//! <https://docs.slack.dev/reference/events/message>

use super::malformed;
use crate::{
    credentials::Credentials,
    media::{self, File},
    place,
    text::{mentions, mentions_anybody, readable},
};
use channel::{InboundMessage, Received};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    authorizations: Vec<Authorization>,
}

#[derive(Deserialize)]
struct Authorization {
    user_id: Option<String>,
    #[serde(default)]
    is_bot: bool,
}

/// A message, as events and `conversations.history` write it.
#[derive(Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    r#type: String,
    subtype: Option<String>,
    bot_id: Option<String>,
    user: Option<String>,
    text: Option<String>,
    /// Not in lists: they are of one channel.
    channel: Option<String>,
    pub(crate) ts: Option<String>,
    thread_ts: Option<String>,
    #[serde(default)]
    files: Vec<File>,
    user_profile: Option<Profile>,
    #[serde(default)]
    hidden: bool,
}

#[derive(Deserialize)]
struct Profile {
    display_name: Option<String>,
    real_name: Option<String>,
}

/// Whose messages are read.
pub(crate) struct Reader<'a> {
    pub(crate) account: &'a str,
    /// The bot's own person.
    pub(crate) bot: Option<&'a str>,
    /// Whether what is written in a channel's thread is for the bot without a mention too.
    pub(crate) threads: bool,
}

pub(super) fn read(value: Value, credentials: &Credentials, received: &mut Received) {
    // Of the outer kinds only this one carries an event; `app_rate_limited` is about us.
    if value["type"] != "event_callback" {
        return;
    }
    // The app's end (`app_uninstalled`, `tokens_revoked`) is told by the next health check, with what to do.
    if !matches!(value["event"]["type"].as_str(), Some("message" | "app_mention")) {
        return;
    }
    let message = Message::deserialize(&value["event"]);
    let envelope = match Envelope::deserialize(&value) {
        Ok(envelope) => envelope,
        Err(error) => return received.malformed.push(malformed("envelope", error)),
    };
    let reader = Reader {
        account: &credentials.team_id,
        bot: envelope.bot(),
        threads: true,
    };
    match message
        .map_err(|error| error.to_string())
        .and_then(|message| message.read(None, &reader))
    {
        Ok(message) => received.messages.extend(message),
        Err(problem) => received.malformed.push(malformed("event", problem)),
    }
}

impl Envelope {
    /// The bot's own person.
    fn bot(&self) -> Option<&str> {
        let bot = self.authorizations.iter().find(|who| who.is_bot);
        bot.and_then(|bot| bot.user_id.as_deref())
    }
}

impl Message {
    /// Whether a person wrote it, as opposed to news of what happened to it, or another program.
    fn is_written(&self, bot: Option<&str>) -> bool {
        let kind = matches!(
            self.subtype.as_deref(),
            None | Some("file_share" | "thread_broadcast" | "me_message")
        );
        let somebody = self.user.is_some() && self.user.as_deref() != bot;
        kind && somebody && self.bot_id.is_none() && !self.hidden
    }

    fn is_for_us(&self, channel: &str, reader: &Reader<'_>) -> bool {
        let text = self.text.as_deref().unwrap_or_default();
        let is_reply = self.thread_ts.is_some() && self.thread_ts != self.ts;
        place::is_direct(channel)
            || self.r#type == "app_mention"
            || reader.bot.is_some_and(|bot| mentions(text, bot))
            || (reader.threads && is_reply && !mentions_anybody(text))
    }

    /// `None`: it is nobody's, or not for the bot. `channel`: where it was listed.
    pub(crate) fn read(
        self,
        channel: Option<&str>,
        reader: &Reader<'_>,
    ) -> Result<Option<InboundMessage>, String> {
        if !self.is_written(reader.bot) {
            return Ok(None);
        }
        let channel = channel
            .or(self.channel.as_deref())
            .filter(|channel| !channel.is_empty())
            .ok_or("channel is missing")?
            .to_owned();
        if !self.is_for_us(&channel, reader) {
            return Ok(None);
        }
        let contact = self
            .user
            .filter(|user| !user.is_empty())
            .ok_or("user is missing")?;
        let ts = self.ts.ok_or("ts is missing")?;
        let order = place::micros(&ts).ok_or("ts is not a time stamp")?;
        let mut text = readable(self.text.as_deref().unwrap_or_default(), reader.bot);
        let media = media::of_files(self.files, &mut text);
        if text.is_empty() && media.is_empty() {
            // A mention and nothing else.
            return Ok(None);
        }
        let root = self.thread_ts.as_deref();
        let thread = match root {
            // In a direct message people stay out of threads unless they began one.
            None if place::is_direct(&channel) => None,
            root => Some(root.unwrap_or(&ts)),
        };
        Ok(Some(InboundMessage {
            account: reader.account.to_owned(),
            // One post can come as two events, `app_mention` and `message`, which differ in all but this.
            dedupe_key: format!("{channel}:{ts}"),
            conversation: place::conversation(&channel, &contact, root.unwrap_or(&ts)),
            contact_name: self.user_profile.and_then(Profile::name),
            text,
            choice: None,
            media,
            order_key: Some(order),
            sent_at: DateTime::from_timestamp_micros(order),
            reply_to: Some(place::reply_to(&channel, thread)),
            consent: None,
            contact,
        }))
    }
}

impl Profile {
    fn name(self) -> Option<String> {
        [self.display_name, self.real_name]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
    }
}
