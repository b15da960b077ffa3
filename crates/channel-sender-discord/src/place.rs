//! Where people write: a channel, and in a channel of many, who.

use crate::snowflake;
use channel::{Address, ConversationKey, CredentialsError, SendError};

/// A conversation's place. Its name is `channel` for direct messages and threads, which are conversations of their own,
/// and `channel/person` for channels of a server, where each person has a conversation of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) channel: String,
    person: Option<String>,
}

/// What kind of channel somebody wrote in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Between the person and the bot.
    Direct,
    /// A thread of a server.
    Thread,
    /// Any other channel that several people read.
    Shared,
}

impl Kind {
    /// `kind` is a channel's type: <https://docs.discord.com/developers/resources/channel#channel-object-channel-types>.
    pub(crate) const fn of(kind: Option<u64>, is_in_guild: bool) -> Self {
        match (kind, is_in_guild) {
            (Some(10..=12), _) => Self::Thread,
            // A group of people, in which an app is used that one of them has installed.
            (Some(3), _) | (_, true) => Self::Shared,
            (_, false) => Self::Direct,
        }
    }
}

impl Place {
    pub(crate) fn new(channel: &str, kind: Kind, person: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            person: (kind == Kind::Shared).then(|| person.to_owned()),
        }
    }

    /// The place that a conversation's name says.
    pub(crate) fn of(conversation: &str) -> Result<Self, SendError> {
        Self::read(conversation).ok_or_else(|| SendError::Rejected {
            code: None,
            reason: "the conversation is none of Discord's channels".to_owned(),
        })
    }

    pub(crate) fn read(conversation: &str) -> Option<Self> {
        let (channel, person) = match conversation.split_once('/') {
            Some((channel, person)) => (channel, Some(person)),
            None => (conversation, None),
        };
        let are_ids = snowflake::is_one(channel) && person.is_none_or(snowflake::is_one);
        are_ids.then(|| Self {
            channel: channel.to_owned(),
            person: person.map(str::to_owned),
        })
    }

    /// It is a channel in which each person has a conversation of their own.
    pub(crate) const fn is_shared(&self) -> bool {
        self.person.is_some()
    }

    pub(crate) fn conversation(&self) -> ConversationKey {
        ConversationKey(match &self.person {
            Some(person) => format!("{}/{person}", self.channel),
            None => self.channel.clone(),
        })
    }
}

/// Whom an address means: a channel, or a person in a channel of a server. Of a channel alone it cannot be told who
/// reads it, so it stands for the person too.
pub(crate) fn address(to: &str) -> Result<Address, CredentialsError> {
    let place = Place::read(to.trim()).ok_or_else(|| CredentialsError {
        field: "to".to_owned(),
        problem: "is not a channel's id, for example 1000000000000000002, or for one person in a channel of a server the \
                  channel's and the person's id with / between them. Discord shows ids with Copy ID once Developer Mode is \
                  on (User Settings, Advanced)"
            .to_owned(),
    })?;
    Ok(Address {
        contact: place.person.clone().unwrap_or_else(|| place.channel.clone()),
        conversation: place.conversation(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversations_name_leads_back_to_its_place() {
        for (kind, name) in [(Kind::Direct, "7"), (Kind::Thread, "7"), (Kind::Shared, "7/9")] {
            let place = Place::new("7", kind, "9");

            assert_eq!(place.conversation().0, name);
            assert_eq!(Place::of(name).unwrap(), place);
        }
        for other in ["", "x", "7/", "/9", "7/9/1", "@me", "7/../../users"] {
            assert!(Place::of(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_channels_type_says_whose_it_is() {
        for (kind, is_in_guild, expected) in [
            (Some(1), false, Kind::Direct),
            (None, false, Kind::Direct),
            (Some(3), false, Kind::Shared),
            (Some(0), true, Kind::Shared),
            (None, true, Kind::Shared),
            (Some(10), true, Kind::Thread),
            (Some(11), true, Kind::Thread),
            (Some(12), true, Kind::Thread),
        ] {
            assert_eq!(Kind::of(kind, is_in_guild), expected, "{kind:?}");
        }
    }

    #[test]
    fn who_is_written_to_first_answers_into_the_same_conversation() {
        let person = address(" 1000000000000000002/900000000000000001 ").unwrap();
        let channel = address("1000000000000000003").unwrap();

        let theirs = Place::new("1000000000000000002", Kind::Shared, "900000000000000001");
        assert_eq!(person.conversation, theirs.conversation());
        assert_eq!(person.contact, "900000000000000001");
        assert_eq!(channel.conversation.0, "1000000000000000003");
        let error = address("@ann").unwrap_err().to_string();
        assert!(error.starts_with("to: is not a channel's id"), "{error}");
    }
}
