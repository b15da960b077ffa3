//! Everything that was sent through the platforms' APIs.

use super::bounded::Bounded;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A message was sent.
    Sent,
    /// A message that was there was changed.
    Edited,
    /// A message that was there was taken back; its text is what stood there last.
    Deleted,
    /// It was shown that an answer is being written.
    Typing,
}

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What the person reads.
    pub title: String,
    /// What comes back.
    pub value: String,
}

/// One thing that was sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// Position among everything that was sent through all platforms, from 1.
    pub position: u64,
    /// The platform's name.
    pub platform: String,
    /// The account it was sent from.
    pub account: String,
    /// The chat, channel or person it went to, as [`super::Play::conversation`] names it.
    pub conversation: String,
    /// The thread in it.
    pub thread: Option<String>,
    /// What was done.
    pub kind: Kind,
    /// The platform's id of the message; empty for typing.
    pub id: String,
    /// What the person reads, as far as the platform tells formatting from text.
    pub text: String,
    /// What they may press.
    pub buttons: Vec<Button>,
    /// Addresses of media.
    pub media: Vec<String>,
    /// The message that it answers, by the platform's id.
    pub reply_to: Option<String>,
    /// The call's parameters as they were given.
    pub raw: Value,
    /// When it was accepted.
    pub at: DateTime<Utc>,
}

/// A simulated text may have been typed by a person.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("position", &self.position)
            .field("platform", &self.platform)
            .field("kind", &self.kind)
            .field("chars", &self.text.chars().count())
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// That it was taken back now.
    #[must_use]
    pub(crate) fn taken_back(self) -> Self {
        Self {
            kind: Kind::Deleted,
            at: Utc::now(),
            ..self
        }
    }
}

/// Names a message: platform, conversation, id.
type Name = (String, String, String);

struct Kept {
    all: VecDeque<Outgoing>,
    /// The newest state of each message.
    current: Bounded<Name, Outgoing>,
    next: u64,
    keep: usize,
}

/// Everything that was sent. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Outbox {
    kept: Arc<Mutex<Kept>>,
    news: watch::Sender<u64>,
}

impl Outbox {
    pub(super) fn new(keep: usize) -> Self {
        let kept = Kept {
            all: VecDeque::new(),
            current: Bounded::new(keep),
            next: 1,
            keep,
        };
        Self {
            kept: Arc::new(Mutex::new(kept)),
            news: watch::Sender::new(0),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it its position.
    pub(crate) fn put(&self, mut outgoing: Outgoing) -> Outgoing {
        let mut kept = self.kept();
        outgoing.position = kept.next;
        kept.next += 1;
        if kept.all.len() == kept.keep {
            kept.all.pop_front();
        }
        kept.all.push_back(outgoing.clone());
        if outgoing.kind != Kind::Typing {
            let name = (
                outgoing.platform.clone(),
                outgoing.conversation.clone(),
                outgoing.id.clone(),
            );
            kept.current.insert(name, outgoing.clone());
        }
        drop(kept);
        self.news.send_replace(outgoing.position);
        outgoing
    }

    /// A message as it stands now; one that was taken back stands nowhere.
    pub fn message(&self, platform: &str, conversation: &str, id: &str) -> Option<Outgoing> {
        let name = (platform.to_owned(), conversation.to_owned(), id.to_owned());
        let found = self.kept().current.get(&name).cloned();
        found.filter(|message| message.kind != Kind::Deleted)
    }

    /// A conversation's messages as they stand now, oldest first.
    pub fn messages(&self, platform: &str, conversation: &str) -> Vec<Outgoing> {
        let kept = self.kept();
        let of_it = |message: &&Outgoing| {
            message.platform == platform
                && message.conversation == conversation
                && message.kind != Kind::Deleted
        };
        kept.current
            .iter()
            .map(|(_, message)| message)
            .filter(of_it)
            .cloned()
            .collect()
    }

    /// Everything after a position, oldest first; 0 for everything that is still remembered.
    pub fn after(&self, position: u64) -> Vec<Outgoing> {
        let kept = self.kept();
        let newer = kept.all.iter().rev();
        let mut fresh: Vec<_> = newer.take_while(|one| one.position > position).cloned().collect();
        fresh.reverse();
        fresh
    }

    /// The messages that were sent to one platform's people after a position: no edits, no typing.
    pub fn sent(&self, platform: &str, position: u64) -> Vec<Outgoing> {
        let mut sent = self.after(position);
        sent.retain(|one| one.platform == platform && one.kind == Kind::Sent);
        sent
    }

    /// The newest position; 0 before the first.
    pub fn newest(&self) -> u64 {
        *self.news.borrow()
    }

    /// The first message sent to a conversation after a position, as soon as there is one.
    pub async fn next_to(
        &self,
        platform: &str,
        conversation: &str,
        position: u64,
        patience: Duration,
    ) -> Option<Outgoing> {
        self.next(position, patience, |one| {
            one.kind == Kind::Sent && one.platform == platform && one.conversation == conversation
        })
        .await
    }

    /// The first thing after a position that is wanted, as soon as there is one.
    pub async fn next(
        &self,
        position: u64,
        patience: Duration,
        wanted: impl Fn(&Outgoing) -> bool,
    ) -> Option<Outgoing> {
        let mut news = self.news.subscribe();
        let found = async {
            loop {
                news.borrow_and_update();
                if let Some(one) = self.after(position).into_iter().find(&wanted) {
                    return Some(one);
                }
                news.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(conversation: &str, kind: Kind, text: &str) -> Outgoing {
        Outgoing {
            position: 0,
            platform: "telegram".to_owned(),
            account: "1".to_owned(),
            conversation: conversation.to_owned(),
            thread: None,
            kind,
            id: "7".to_owned(),
            text: text.to_owned(),
            buttons: Vec::new(),
            media: Vec::new(),
            reply_to: None,
            raw: Value::Null,
            at: Utc::now(),
        }
    }

    #[tokio::test]
    async fn who_waits_gets_the_first_message_to_that_conversation_after_the_position() {
        let outbox = Outbox::new(10);
        let position = outbox.put(one("a", Kind::Sent, "old")).position;
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                outbox
                    .next_to("telegram", "a", position, Duration::from_secs(9))
                    .await
            }
        });

        outbox.put(one("b", Kind::Sent, "other"));
        outbox.put(one("a", Kind::Typing, ""));
        outbox.put(one("a", Kind::Sent, "new"));

        assert_eq!(waiting.await.unwrap().unwrap().text, "new");
    }

    #[test]
    fn what_was_taken_back_stands_nowhere_and_was_there_all_the_same() {
        let outbox = Outbox::new(10);

        outbox.put(one("a", Kind::Sent, "half"));
        outbox.put(one("a", Kind::Deleted, "half"));

        assert!(
            outbox.message("telegram", "a", "7").is_none() && outbox.messages("telegram", "a").is_empty()
        );
        assert_eq!(outbox.after(0).len(), 2);
    }

    #[test]
    fn an_edit_changes_the_message_and_the_oldest_are_forgotten() {
        let outbox = Outbox::new(2);

        outbox.put(one("a", Kind::Sent, "first"));
        outbox.put(one("b", Kind::Sent, "other"));
        outbox.put(one("a", Kind::Edited, "second"));

        assert_eq!(outbox.message("telegram", "a", "7").unwrap().text, "second");
        let texts: Vec<_> = outbox.after(0).into_iter().map(|one| one.text).collect();
        assert_eq!(texts, ["other", "second"]);
    }
}
