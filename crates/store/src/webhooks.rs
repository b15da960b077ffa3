//! What a workspace tells other programs: where to, and what is on its way.
//!
//! Invariants:
//! - The database itself writes an event, in the transaction in which it happens, and only where an endpoint wants it.
//! - A delivery is in one hand at a time: a claim writes a new token, and who finds another has lost.
//! - A delivery that was claimed by a process that died is due again when its lease runs out.

mod deliveries;
mod endpoints;
mod outcome;
#[cfg(test)]
mod tests;

pub use deliveries::{Claimed, Delivery, DeliveryState, Try, claim, forget, list, send_again, send_test};
pub use endpoints::{
    Change, Endpoint, NewEndpoint, Secrets, delete, get, insert, list as list_endpoints, replace_secret,
    secrets, update,
};
pub use outcome::{After, Ended, settle};

/// Where an endpoint's secrets are sealed.
pub const SECRET_COLUMN: &str = "webhook_endpoints.secret";

/// What can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Somebody wrote.
    MessageReceived,
    /// The bot, an agent or a program wrote to somebody.
    MessageSent,
    /// Somebody said what they think of an answer, or took that back.
    MessageFeedback,
    /// A human has a conversation now.
    ConversationHandoff,
    /// Somebody said something of themselves for the first time, or was brought in.
    LeadCreated,
    /// What is known of a lead has changed.
    LeadUpdated,
    /// A channel has stopped working.
    IntegrationError,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MessageReceived,
        Self::MessageSent,
        Self::MessageFeedback,
        Self::ConversationHandoff,
        Self::LeadCreated,
        Self::LeadUpdated,
        Self::IntegrationError,
    ];

    /// As it stands in an event's `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageReceived => "message.received",
            Self::MessageSent => "message.sent",
            Self::MessageFeedback => "message.feedback",
            Self::ConversationHandoff => "conversation.handoff",
            Self::LeadCreated => "lead.created",
            Self::LeadUpdated => "lead.updated",
            Self::IntegrationError => "integration.error",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
