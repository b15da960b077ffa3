//! The states of messages, parts, conversations and integrations, as the database and the API write them.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The given text names no such state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a {kind}; it is one of {known}")]
pub struct UnknownState {
    kind: &'static str,
    given: String,
    known: String,
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every state, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As in the database and the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| UnknownState {
                    kind: stringify!($name),
                    given: text.chars().take(40).collect(),
                    known: Self::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

states!(
    /// Which way a message went.
    Direction {
        /// From the contact to us.
        Inbound = "inbound",
        /// From us to the contact.
        Outbound = "outbound",
    }
);

states!(
    /// What became of a message that a contact wrote.
    InboundState {
        /// Stored; the chatbot has not answered it yet.
        Waiting = "waiting",
        /// A turn has it in hand.
        Answering = "answering",
        /// Belongs to exactly one committed reply.
        Answered = "answered",
        /// A human has the conversation.
        ForHuman = "for_human",
        /// Deliberately not answered: STOP, a limit, a reaction.
        Suppressed = "suppressed",
        /// Too old to answer.
        Expired = "expired",
        /// Could not be processed; the dead letter says why.
        Dead = "dead",
    }
);

states!(
    /// What became of one part of a reply.
    PartState {
        /// Waits for its turn and its `due_at`.
        Queued = "queued",
        /// A sender is calling the platform.
        Sending = "sending",
        /// A call was made and its outcome is unknown; the platform is asked before anything else.
        Uncertain = "uncertain",
        /// The integration is broken; waits for its owner to reconnect it.
        Parked = "parked",
        /// The platform accepted it.
        Sent = "sent",
        /// The platform accepted it, and later said that it failed.
        Failed = "failed",
        /// It arrived.
        Delivered = "delivered",
        /// It was read.
        Read = "read",
        /// Too old to send, or outside the platform's reply window.
        Expired = "expired",
        /// Taken back before it was sent: a human took over, or the contact opted out.
        Cancelled = "cancelled",
        /// Will not be sent: refused by the platform or out of attempts. The dead letter says why.
        Dead = "dead",
    }
);

impl PartState {
    /// Whether the next part of the conversation may go: nothing more will be attempted for this one.
    pub const fn is_settled(self) -> bool {
        !matches!(
            self,
            Self::Queued | Self::Sending | Self::Uncertain | Self::Parked
        )
    }

    /// Rank of what a platform reports; a status only ever moves upward. `None` for states no platform reports.
    pub const fn rank(self) -> Option<i16> {
        match self {
            Self::Queued | Self::Sending | Self::Uncertain | Self::Parked => Some(0),
            Self::Sent => Some(1),
            Self::Failed => Some(2),
            Self::Delivered => Some(3),
            Self::Read => Some(4),
            Self::Expired | Self::Cancelled | Self::Dead => None,
        }
    }
}

states!(
    /// Who answers in a conversation.
    Handler {
        /// The chatbot.
        Bot = "bot",
        /// A human has taken over; the chatbot is silent.
        Human = "human",
    }
);

states!(
    /// Whether there is something left to do in a conversation, as far as its members know.
    ConversationState {
        /// There may be.
        Open = "open",
        /// Not until a certain time, or until the person writes.
        Snoozed = "snoozed",
        /// No, until the person writes.
        Resolved = "resolved",
    }
);

states!(
    /// A part of the inbox.
    InboxView {
        /// What is neither snoozed nor resolved.
        Open = "open",
        /// Of that, what a human has and has not answered since the person wrote last.
        NeedsHuman = "needs_human",
        /// Of that, what a human has.
        TakenOver = "taken_over",
        /// What is snoozed.
        Snoozed = "snoozed",
        /// What is resolved.
        Resolved = "resolved",
    }
);

states!(
    /// What a person says of an answer that they got.
    Rating {
        /// It helped.
        Good = "good",
        /// It did not.
        Bad = "bad",
    }
);

states!(
    /// Why a human has a conversation.
    HandoffReason {
        /// The person asked for one.
        Requested = "requested",
        /// They wrote one of the owner's words.
        Keyword = "keyword",
        /// The chatbot could not answer, several times in a row.
        Unanswered = "unanswered",
        /// A human took it.
        Agent = "agent",
    }
);

states!(
    /// Who wrote an outbound message.
    Sender {
        /// The chatbot.
        Bot = "bot",
        /// An agent, in the inbox.
        Agent = "agent",
        /// A program, over the API.
        Api = "api",
    }
);

states!(
    /// How an integration's messages come to us.
    IntegrationMode {
        /// The platform calls us.
        Webhook = "webhook",
        /// We hold a connection to the platform: no public address is needed.
        Connection = "connection",
    }
);

states!(
    /// Whether an integration can be used.
    IntegrationState {
        /// Saved, not yet seen working.
        Pending = "pending",
        /// Checked, and in use.
        Connected = "connected",
        /// The platform refuses these credentials; its owner must reconnect it. The reason is kept beside it.
        Error = "error",
    }
);

states!(
    /// What became of a webhook that could not be verified.
    QuarantineState {
        /// Its content is kept, sealed.
        Kept = "kept",
        /// It was verified after all, and what it said was taken in.
        Replayed = "replayed",
        /// Its owner does not want it.
        Discarded = "discarded",
    }
);

states!(
    /// How far a source is on its way into the knowledge.
    SourceState {
        /// Waits for the indexer.
        Pending = "pending",
        /// The indexer has it in hand.
        Indexing = "indexing",
        /// Its passages can be found.
        Ready = "ready",
        /// Could not be indexed; the reason is kept beside it.
        Failed = "failed",
    }
);

states!(
    /// What became of a version of a chatbot.
    VersionState {
        /// Its golden questions are being asked; the one before answers meanwhile.
        Checking = "checking",
        /// It answers.
        Live = "live",
        /// It did, until another went live.
        Retired = "retired",
        /// It would have made the chatbot worse.
        Refused = "refused",
        /// Another was wanted before it was checked.
        Superseded = "superseded",
    }
);

states!(
    /// How far a run of golden questions is.
    RunState {
        /// Waits for a worker.
        Due = "due",
        /// A worker asks its questions.
        Running = "running",
        /// All of them are answered.
        Done = "done",
        /// It never came to an end; the reason is kept beside it.
        Failed = "failed",
        /// Nobody wants to know any more.
        Cancelled = "cancelled",
    }
);

states!(
    /// What a run is for.
    RunKind {
        /// Somebody wanted to know.
        Demand = "demand",
        /// A version waits for it.
        Publish = "publish",
        /// The live version, to be compared with.
        Baseline = "baseline",
        /// One message, answered once more.
        Again = "again",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_as_it_was_written() {
        for state in PartState::ALL {
            assert_eq!(state.as_str().parse::<PartState>().as_ref(), Ok(state));
        }
    }

    #[test]
    fn an_unknown_state_lists_the_known_ones() {
        let error = "gone".parse::<Handler>().unwrap_err();

        assert_eq!(
            error.to_string(),
            "\"gone\" is not a Handler; it is one of bot, human"
        );
    }

    #[test]
    fn a_delivered_part_outranks_a_failed_one() {
        assert!(PartState::Delivered.rank() > PartState::Failed.rank());
        assert!(PartState::Failed.rank() > PartState::Sent.rank());
    }
}
