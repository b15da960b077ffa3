//! The queues there are, and what each of them promises.

use domain::Platform;
use std::fmt;

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// Accepted messages, from the gateway and the listeners to intake.
    Inbound,
    /// Status callbacks of platforms.
    Status,
    /// Wakes chat-workers: a conversation is due.
    Turns,
    /// Sources to be indexed.
    Index,
    /// Wakes the senders of one platform: a part is due.
    Outbound(Platform),
    /// What could not be processed of another queue, with the reason.
    Dead(Box<QueueName>),
}

/// What a queue promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Every message counts, and they are taken in order of arrival: one consumer at a time, others stand by.
    Ordered,
    /// Every message counts; any number of consumers share them.
    Shared,
    /// Wake-ups: rows in the database are the truth, so any of them may be lost.
    Tokens,
}

impl QueueName {
    /// What this queue promises.
    pub fn nature(&self) -> Nature {
        match self {
            Self::Inbound | Self::Status => Nature::Ordered,
            Self::Index | Self::Dead(_) => Nature::Shared,
            Self::Turns | Self::Outbound(_) => Nature::Tokens,
        }
    }

    /// The queue for what cannot be processed of this one.
    pub fn dead(&self) -> Self {
        Self::Dead(Box::new(self.clone()))
    }

    /// Every queue whose messages count, without the dead ones.
    pub(crate) const DURABLE: [Self; 3] = [Self::Inbound, Self::Status, Self::Index];
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbound => f.write_str("chat.inbound"),
            Self::Status => f.write_str("chat.status"),
            Self::Turns => f.write_str("chat.turns"),
            Self::Index => f.write_str("knowledge.index"),
            Self::Outbound(platform) => write!(f, "outbound.{platform}"),
            Self::Dead(of) => write!(f, "{of}.dead"),
        }
    }
}

/// Puts an installation's prefix before every name, so that several can share one broker.
#[derive(Debug, Clone)]
pub(crate) struct Namespace(String);

impl Namespace {
    /// Only what is safe in the names of queues and in notifications.
    pub(crate) fn new(prefix: &str) -> Option<Self> {
        let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        (prefix.len() <= 64 && prefix.bytes().all(safe)).then(|| Self(prefix.to_owned()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, name: &impl fmt::Display) -> String {
        if self.0.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_queue_is_named_after_the_living() {
        assert_eq!(QueueName::Inbound.dead().to_string(), "chat.inbound.dead");
        assert_eq!(
            QueueName::Outbound(Platform::try_from("telegram").unwrap()).to_string(),
            "outbound.telegram"
        );
    }

    #[test]
    fn a_namespace_is_a_prefix_and_nothing_but_safe_characters() {
        assert_eq!(
            Namespace::new("").unwrap().of(&QueueName::Index),
            "knowledge.index"
        );
        assert_eq!(
            Namespace::new("staging-2").unwrap().of(&QueueName::Index),
            "staging-2.knowledge.index"
        );
        assert!(Namespace::new("two words").is_none());
        assert!(Namespace::new("Ä").is_none());
    }
}
