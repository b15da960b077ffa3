//! Live events of conversations that somebody follows over the chat API.
//!
//! Invariant: they say that there is something to read, never what cannot be read elsewhere. Whoever misses one reads the
//! database a little later; only drafts are nowhere else, and a draft is no answer yet.

use crate::{LiveEvent, Queue};
use domain::IntegrationId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// How the topics of conversations begin.
const PREFIX: &str = "conversation.";

/// What happened in a conversation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// There is something to read that was not there before, or a message has come further.
    Changed,
    /// An answer is being made.
    Typing,
    /// An answer that is being written.
    Draft {
        /// Names the attempt: another one begins anew.
        turn: String,
        /// Grows with every piece of one attempt.
        sequence: u32,
        /// Where in the draft `text` begins, in bytes.
        from: usize,
        /// The draft from there on, as far as it has come.
        text: String,
    },
}

/// It is somebody's words.
impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("Changed"),
            Self::Typing => f.write_str("Typing"),
            Self::Draft { turn, sequence, .. } => write!(f, "Draft({turn}, {sequence})"),
        }
    }
}

/// The topic of a conversation, as its platform names it.
pub fn topic(integration: IntegrationId, conversation_key: &str) -> String {
    let hash = Sha256::digest(conversation_key.as_bytes());
    let name: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{integration}.{name}")
}

/// Tells whoever follows a conversation. Losing it is allowed.
pub fn tell(queue: &Queue, topic: &str, news: &News) {
    let told = serde_json::to_vec(news)
        .map_err(|error| error.to_string())
        .and_then(|payload| {
            queue
                .live()
                .publish(topic, payload)
                .map_err(|error| error.to_string())
        });
    if let Err(error) = told {
        tracing::warn!(error, "who follows a conversation was not told of something");
    }
}

/// The conversation's topic and what happened in it. `None`: the event is of something else.
pub fn read(event: &LiveEvent) -> Option<(&str, News)> {
    let LiveEvent::Event { topic, payload } = event else {
        return None;
    };
    if !topic.starts_with(PREFIX) {
        return None;
    }
    Some((topic, serde_json::from_slice(payload).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_read_back_as_they_were_told_whatever_the_conversation_is_called() {
        let topic = topic(IntegrationId::new(), &"user:ada lovelace/\n✓".repeat(50));
        let news = News::Draft {
            turn: "t".to_owned(),
            sequence: 7,
            from: 0,
            text: "Grüße".to_owned(),
        };

        let event = LiveEvent::Event {
            topic: topic.clone(),
            payload: serde_json::to_vec(&news).unwrap().into(),
        };

        assert!(topic.len() < 200 && !topic.contains(' '));
        assert_eq!(read(&event), Some((topic.as_str(), news)));
        assert_eq!(read(&LiveEvent::Resync), None);
    }
}
