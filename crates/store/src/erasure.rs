//! Erasing: one conversation with everything that came of it, a person, what is older than a chatbot keeps, a chatbot.
//!
//! Invariants:
//! - A conversation goes in one transaction, its bytes and what was made from it elsewhere too, or not at all.
//! - Everything here can be repeated: what is gone already is not counted again.

mod chatbot;
mod conversation;
pub mod export;
mod person;
mod retention;
#[cfg(test)]
mod tests;

pub use chatbot::{is_deletable, next_conversations, remove_chatbot, remove_pieces};
pub use conversation::erase;
pub use person::{Person, Quarantined, discard, forget_mentions, person, quarantined, remove};
pub use retention::{Expired, expire, keep_for};
