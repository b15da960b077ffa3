//! Updates as Telegram sends them: <https://core.telegram.org/bots/api#update>. Only the fields we use.

use crate::place::Place;
use serde::{Deserialize, de::IgnoredAny};

/// What we ask Telegram for: it sends nothing else, whatever the bot was set to before.
pub(crate) const ALLOWED_UPDATES: [&str; 2] = ["message", "callback_query"];

#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) message_id: i64,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
    pub(crate) from: Option<User>,
    /// Who speaks where it is a group or a channel that does; `from` is then a stand-in.
    pub(crate) sender_chat: Option<Chat>,
    pub(crate) chat: Chat,
    pub(crate) date: i64,
    #[serde(default)]
    pub(crate) is_automatic_forward: bool,
    pub(crate) via_bot: Option<IgnoredAny>,
    pub(crate) text: Option<String>,
    pub(crate) caption: Option<String>,
    #[serde(default)]
    pub(crate) photo: Vec<PhotoSize>,
    /// Comes with `document` set to the same.
    pub(crate) animation: Option<File>,
    pub(crate) document: Option<File>,
    pub(crate) voice: Option<File>,
    pub(crate) audio: Option<File>,
    pub(crate) video: Option<File>,
    pub(crate) video_note: Option<File>,
    pub(crate) sticker: Option<Sticker>,
    /// Comes with `location` set to the same.
    pub(crate) venue: Option<Venue>,
    pub(crate) location: Option<Location>,
    pub(crate) contact: Option<Contact>,
    pub(crate) dice: Option<Dice>,
}

#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) is_bot: bool,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    pub(crate) title: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct PhotoSize {
    pub(crate) file_id: String,
    #[serde(default)]
    width: i64,
    #[serde(default)]
    height: i64,
}

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) file_id: String,
    pub(crate) mime_type: Option<String>,
    pub(crate) file_name: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Sticker {
    pub(crate) file_id: String,
    #[serde(default)]
    is_animated: bool,
    #[serde(default)]
    is_video: bool,
    pub(crate) emoji: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Location {
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
pub(crate) struct Venue {
    location: Location,
    title: String,
    address: String,
}

#[derive(Deserialize)]
pub(crate) struct Contact {
    phone_number: String,
    first_name: String,
    last_name: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Dice {
    pub(crate) emoji: String,
}

/// A button that was pressed.
#[derive(Deserialize)]
pub(crate) struct CallbackQuery {
    pub(crate) id: String,
    pub(crate) from: User,
    /// What the button is below. `None`: somebody else's message, sent through the bot.
    pub(crate) message: Option<Pressed>,
    pub(crate) data: Option<String>,
}

/// The bot's message, or what Telegram still knows of it.
#[derive(Deserialize)]
pub(crate) struct Pressed {
    pub(crate) message_id: i64,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
    chat: Chat,
    #[serde(default)]
    reply_markup: Keyboard,
}

#[derive(Deserialize, Default)]
struct Keyboard {
    #[serde(default)]
    inline_keyboard: Vec<Vec<Key>>,
}

#[derive(Deserialize)]
struct Key {
    text: String,
    callback_data: Option<String>,
}

/// A thread that is no topic is only a chain of replies.
fn place(chat: &Chat, thread: Option<i64>, is_topic: bool) -> Place {
    Place {
        chat: chat.id,
        topic: thread.filter(|_| is_topic),
    }
}

impl Message {
    pub(crate) fn place(&self) -> Place {
        place(&self.chat, self.message_thread_id, self.is_topic_message)
    }
}

impl Pressed {
    pub(crate) fn place(&self) -> Place {
        place(&self.chat, self.message_thread_id, self.is_topic_message)
    }

    /// The title of the button with this value.
    pub(crate) fn title(&self, value: &str) -> Option<&str> {
        let mut keys = self.reply_markup.inline_keyboard.iter().flatten();
        keys.find(|key| key.callback_data.as_deref() == Some(value))
            .map(|key| key.text.as_str())
    }
}

impl User {
    pub(crate) fn name(&self) -> Option<String> {
        let name = join(self.first_name.as_deref(), self.last_name.as_deref());
        Some(name).filter(|name| !name.is_empty())
    }
}

fn join(first: Option<&str>, last: Option<&str>) -> String {
    let names: Vec<&str> = first
        .into_iter()
        .chain(last)
        .filter(|name| !name.is_empty())
        .collect();
    names.join(" ")
}

impl PhotoSize {
    pub(crate) const fn area(&self) -> i64 {
        self.width.saturating_mul(self.height)
    }
}

impl Sticker {
    pub(crate) const fn is_picture(&self) -> bool {
        !self.is_animated && !self.is_video
    }
}

impl Location {
    pub(crate) fn words(&self) -> String {
        format!("📍 {}, {}", self.latitude, self.longitude)
    }
}

impl Venue {
    pub(crate) fn words(&self) -> String {
        let named: Vec<&str> = [self.title.as_str(), self.address.as_str()]
            .into_iter()
            .filter(|words| !words.is_empty())
            .collect();
        format!("{} ({})", self.location.words(), named.join(", "))
    }
}

impl Contact {
    pub(crate) fn words(&self) -> String {
        let name = join(Some(&self.first_name), self.last_name.as_deref());
        format!("👤 {name}, {}", self.phone_number)
    }
}
