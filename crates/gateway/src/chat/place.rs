//! Where something is said: the integration, the person and the conversation, and how their names are put together.
//!
//! Invariant: a conversation's key begins with its contact's. Whoever names somebody else's conversation as their own
//! person names another conversation.

use super::error::ChatError;
use accounts::Account;
use domain::ApiKeyId;
use queue::news;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

const LONGEST_USER: usize = 200;
const LONGEST_CONVERSATION: usize = 100;

/// Where something is said.
#[derive(Clone)]
pub struct Place {
    pub account: Arc<Account>,
    /// The person, as the database names them.
    pub contact: String,
    /// The conversation, as its person names it.
    pub conversation: String,
}

impl Place {
    /// Of a person whom the owner's program names, or of somebody without a name.
    pub fn of_user(
        account: Arc<Account>,
        user: Option<&str>,
        conversation: String,
    ) -> Result<Self, ChatError> {
        let contact = match user {
            None => anonymous(&conversation),
            Some(user) => known(checked_user("user", user)?),
        };
        Ok(Self {
            account,
            contact,
            conversation,
        })
    }

    /// The conversation, as the database names it.
    pub fn key(&self) -> String {
        format!("{}/{}", self.contact, self.conversation)
    }

    /// The user's name, where they have one.
    pub fn user(&self) -> Option<&str> {
        self.contact.strip_prefix("user:")
    }

    /// What is told of it live.
    pub fn topic(&self) -> String {
        news::topic(self.account.integration, &self.key())
    }

    /// A message's name for good: the one that its writer gave it counts within the conversation only.
    pub fn dedupe_key(&self, client_id: Option<&str>) -> String {
        match client_id {
            Some(id) => format!("{}/{id}", self.key()),
            None => format!("message:{}", Uuid::now_v7()),
        }
    }

    /// The name that its writer gave a message.
    pub fn client_id<'d>(&self, dedupe_key: &'d str) -> Option<&'d str> {
        dedupe_key.strip_prefix(&self.key())?.strip_prefix('/')
    }
}

/// The contact of somebody whom the owner vouches for.
pub fn known(user: &str) -> String {
    format!("user:{user}")
}

/// The contact of somebody who is known by their conversation only.
pub fn anonymous(conversation: &str) -> String {
    format!("visitor:{conversation}")
}

/// A conversation that nobody has named.
pub fn new_conversation() -> String {
    format!("c_{}", Uuid::new_v4().simple())
}

/// The conversation that a named request begins: the same one when it is sent again.
pub fn conversation_of_request(key: ApiKeyId, user: Option<&str>, request: &str) -> String {
    let mut hash = Sha256::new();
    let key = key.to_string();
    for part in [key.as_str(), user.unwrap_or_default(), request] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let name: String = hash.finalize()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("c_{name}")
}

/// A user's id as the owner's systems have it.
pub fn checked_user<'u>(field: &'static str, user: &'u str) -> Result<&'u str, ChatError> {
    let user = user.trim();
    let length = user.chars().count();
    if !(1..=LONGEST_USER).contains(&length) || user.chars().any(char::is_control) {
        let problem = format!("has to be one line of 1 to {LONGEST_USER} characters");
        return Err(ChatError::invalid(field, problem));
    }
    Ok(user)
}

/// A conversation's name.
pub fn checked_conversation(name: &str) -> Result<&str, ChatError> {
    let fits = (1..=LONGEST_CONVERSATION).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b));
    if fits {
        Ok(name)
    } else {
        Err(ChatError::invalid(
            "conversation",
            format!("has to be 1 to {LONGEST_CONVERSATION} letters, digits or _-.:"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_sent_again_begins_the_same_conversation_and_no_other_one_does() {
        let (one, two) = (ApiKeyId::new(), ApiKeyId::new());
        let of = conversation_of_request;

        assert_eq!(of(one, Some("ada"), "r1"), of(one, Some("ada"), "r1"));
        let others = [
            of(two, Some("ada"), "r1"),
            of(one, Some("eve"), "r1"),
            of(one, None, "r1"),
            of(one, Some("ada"), "r2"),
            of(one, Some("adar"), "1"),
        ];
        assert!(!others.contains(&of(one, Some("ada"), "r1")));
        assert!(checked_conversation(&of(one, None, "r1")).is_ok());
    }

    #[test]
    fn a_name_that_could_be_taken_for_two_is_refused() {
        for name in ["", "a/b", "a b", "ä", "a\n", &"x".repeat(101)] {
            assert!(checked_conversation(name).is_err(), "{name:?}");
        }
        assert!(checked_user("user", "ada@example.com").is_ok());
        assert!(checked_user("user", " ").is_err() && checked_user("user", "a\nb").is_err());
    }
}
