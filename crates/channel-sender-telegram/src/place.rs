//! Where messages go: a chat, and in it a topic.

use channel::{Address, ConversationKey, CredentialsError, SendError};
use serde_json::{Value, json};

/// A chat, and the topic in it where there are topics. A private chat's number is the person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) chat: i64,
    pub(crate) topic: Option<i64>,
}

impl Place {
    /// How the conversation is named: `5550001`, `-1001234567890` for a group, `-1001234567890/7` for a topic.
    pub(crate) fn conversation(self) -> ConversationKey {
        ConversationKey(match self.topic {
            Some(topic) => format!("{}/{topic}", self.chat),
            None => self.chat.to_string(),
        })
    }

    /// The place that a conversation's name means.
    pub(crate) fn of(conversation: &str) -> Result<Self, SendError> {
        Self::parse(conversation).ok_or_else(|| SendError::Rejected {
            code: None,
            reason: "the conversation's name is not a Telegram chat's number".to_owned(),
        })
    }

    fn parse(conversation: &str) -> Option<Self> {
        let (chat, topic) = match conversation.split_once('/') {
            Some((chat, topic)) => (chat, Some(topic.parse().ok()?)),
            None => (conversation, None),
        };
        Some(Self {
            chat: chat.parse().ok()?,
            topic,
        })
    }

    /// Groups have negative numbers.
    pub(crate) const fn is_group(self) -> bool {
        self.chat < 0
    }

    /// A call's parameters for this place.
    pub(crate) fn parameters(self) -> Value {
        match self.topic {
            Some(topic) => json!({"chat_id": self.chat, "message_thread_id": topic}),
            None => json!({"chat_id": self.chat}),
        }
    }
}

/// Whom a chat's number means.
pub(crate) fn address(to: &str) -> Result<Address, CredentialsError> {
    let to = to.trim();
    match to.parse::<i64>() {
        Ok(chat) if chat != 0 => Ok(Address {
            contact: chat.to_string(),
            conversation: Place { chat, topic: None }.conversation(),
        }),
        _ => Err(CredentialsError {
            field: "to".to_owned(),
            problem: if to.starts_with('@') {
                "is a name, and Telegram lets bots write to a chat's number only, for example 5550001: it is shown as the \
                 contact's id once the person has written to the bot"
            } else {
                "is not a Telegram chat's number, for example 5550001; a group's begins with -"
            }
            .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversations_name_leads_back_to_its_place() {
        for (chat, topic, name) in [
            (5_550_001, None, "5550001"),
            (-1_001_234_567_890, None, "-1001234567890"),
            (-1_001_234_567_890, Some(7), "-1001234567890/7"),
        ] {
            let place = Place { chat, topic };

            assert_eq!(place.conversation().0, name);
            assert_eq!(Place::of(name).unwrap(), place);
        }
        assert!(Place::of("+14155550123/x").is_err());
    }

    #[test]
    fn a_name_is_refused_with_what_is_expected() {
        for (to, expected) in [
            (
                "@ann",
                "is a name, and Telegram lets bots write to a chat's number only",
            ),
            ("ann", "is not a Telegram chat's number"),
            ("0", "is not a Telegram chat's number"),
            ("", "is not a Telegram chat's number"),
        ] {
            let error = address(to).unwrap_err().to_string();

            assert!(error.starts_with("to: ") && error.contains(expected), "{error}");
        }
    }
}
