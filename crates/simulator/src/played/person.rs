//! What a person writes on a platform.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// A message that a person writes, before a platform has put it in its own form.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Names the message: each platform makes its own id of it, and a redelivery carries the same. Later messages have
    /// higher numbers.
    #[serde(default = "next_number")]
    pub number: u64,
    /// The person, as the platform names them.
    pub from: String,
    /// Their name.
    #[serde(default)]
    pub name: Option<String>,
    /// The chat, channel or group. Left out: the person's own chat with the bot.
    #[serde(default)]
    pub conversation: Option<String>,
    /// The thread in it.
    #[serde(default)]
    pub thread: Option<String>,
    /// What they write.
    #[serde(default)]
    pub text: String,
    /// The button they press instead of writing; `text` is its title then.
    #[serde(default)]
    pub choice: Option<String>,
    /// The message that the button belongs to, or that they answer, by the platform's id.
    #[serde(default)]
    pub about: Option<String>,
    /// What they send with it.
    #[serde(default)]
    pub media: Option<Attachment>,
    /// When they write.
    #[serde(default = "Utc::now")]
    pub at: DateTime<Utc>,
}

/// A picture, sound or file that the simulator keeps for download: see [`super::Played::add_media`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Under which the simulator keeps it.
    pub key: String,
    /// MIME type.
    pub content_type: String,
    /// The file's name.
    pub name: String,
    /// Bytes.
    pub size: usize,
}

impl Attachment {
    /// `image`, `audio`, `video` or `application` …
    pub(crate) fn family(&self) -> &str {
        self.content_type.split('/').next().unwrap_or_default()
    }
}

/// Microseconds since 1970, but never the same twice. What is sent is numbered in the same row.
pub(crate) fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = u64::try_from(Utc::now().timestamp_micros()).unwrap_or_default();
    let next = |last: u64| Some(now.max(last + 1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    now.max(last.unwrap_or_default() + 1)
}

/// What a person writes is nobody's business in a log.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("number", &self.number)
            .field("chars", &self.text.chars().count())
            .finish_non_exhaustive()
    }
}

impl Person {
    /// A text in the person's own chat with the bot.
    pub fn new(from: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            number: next_number(),
            from: from.into(),
            name: None,
            conversation: None,
            thread: None,
            text: text.into(),
            choice: None,
            about: None,
            media: None,
            at: Utc::now(),
        }
    }

    /// The same under a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same in a channel or group.
    #[must_use]
    pub fn within(mut self, conversation: impl Into<String>) -> Self {
        self.conversation = Some(conversation.into());
        self
    }

    /// The same in a thread.
    #[must_use]
    pub fn in_thread(mut self, thread: impl Into<String>) -> Self {
        self.thread = Some(thread.into());
        self
    }

    /// Presses a button of a message instead; the text is its title.
    #[must_use]
    pub fn pressing(mut self, value: impl Into<String>, message: impl Into<String>) -> Self {
        self.choice = Some(value.into());
        self.about = Some(message.into());
        self
    }

    /// The same with a picture, sound or file.
    #[must_use]
    pub fn with(mut self, media: Attachment) -> Self {
        self.media = Some(media);
        self
    }

    /// The same at another time.
    #[must_use]
    pub const fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = at;
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("Ann Example")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_messages_have_higher_numbers() {
        let numbers: Vec<u64> = (0..100).map(|_| Person::new("a", "x").number).collect();

        assert!(numbers.is_sorted_by(|earlier, later| earlier < later));
    }
}
