//! A message in hand, and the ways to let go of it.
//!
//! Invariant: a delivery that is dropped without a word goes back to the queue, so that a panic in a handler neither
//! loses a message nor keeps it for ever.

use crate::{amqp, postgres};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::fmt;

/// A message in hand. It is nobody else's until it is let go of: [`ack`](Self::ack), [`requeue`](Self::requeue),
/// [`dead`](Self::dead), or dropped, which requeues it.
pub struct Delivery {
    /// The message.
    pub payload: Bytes,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Whether it may have been in somebody's hands before.
    pub redelivered: bool,
    /// How often it has been taken from the queue, this time included. Only a net: others' crashes count too.
    pub attempts: u32,
    /// When it was published, in whole seconds over AMQP.
    pub published_at: Option<DateTime<Utc>>,
    /// A dead letter: how it came to be one.
    pub death: Option<Death>,
    pub(crate) hold: Hold,
}

/// How a dead letter came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The full name of the queue it came from.
    pub queue: String,
    /// Why.
    pub reason: String,
    /// When, in whole seconds over AMQP.
    pub at: Option<DateTime<Utc>>,
}

/// What holds a message for us.
pub(crate) enum Hold {
    Amqp(amqp::Hold),
    Postgres(postgres::Hold),
    /// A wake-up without a row: there is nothing to settle.
    Nothing,
}

impl Hold {
    /// Whether letting go of it has an effect still.
    pub(crate) fn is_current(&self) -> bool {
        match self {
            Self::Amqp(hold) => hold.is_current(),
            Self::Postgres(_) | Self::Nothing => true,
        }
    }
}

impl Delivery {
    /// The work is done: the message is gone for good. Comes back when that is so, or when the connection is lost and
    /// the message will come again.
    pub async fn ack(self) {
        match self.hold {
            Hold::Amqp(hold) => hold.ack().await,
            Hold::Postgres(hold) => hold.ack().await,
            Hold::Nothing => {}
        }
    }

    /// Acknowledges a whole batch for little more than the price of one. Deliveries of several consumers may be mixed.
    pub async fn ack_all(batch: impl IntoIterator<Item = Self>) {
        let (mut amqp, mut postgres) = (Vec::new(), Vec::new());
        for delivery in batch {
            match delivery.hold {
                Hold::Amqp(hold) => amqp.push(hold),
                Hold::Postgres(hold) => postgres.push(hold),
                Hold::Nothing => {}
            }
        }
        amqp::Hold::ack_all(amqp).await;
        postgres::Hold::ack_all(postgres).await;
    }

    /// Not now: the message comes again. In an ordered queue it takes its old place, before everything that was not handed
    /// over yet; in a shared one it comes soon. After 20 times it is put among the dead.
    pub async fn requeue(self) {
        match self.hold {
            Hold::Amqp(hold) => hold.requeue().await,
            Hold::Postgres(hold) => hold.requeue().await,
            Hold::Nothing => {}
        }
    }

    /// Never: the message is put among the dead with the reason, and only then leaves its queue. If it cannot be put
    /// there now it comes again.
    pub async fn dead(self, reason: &str) {
        match self.hold {
            Hold::Amqp(hold) => {
                hold.dead(
                    &self.payload,
                    self.traceparent.as_deref(),
                    self.published_at,
                    reason,
                )
                .await
            }
            Hold::Postgres(hold) => hold.dead(reason).await,
            Hold::Nothing => {}
        }
    }

    /// It leaves the buffer and is in somebody's hands from now on.
    pub(crate) fn hand_over(mut self) -> Self {
        match &mut self.hold {
            Hold::Amqp(hold) => hold.hand_over(),
            Hold::Postgres(hold) => hold.hand_over(),
            Hold::Nothing => {}
        }
        self
    }
}

/// Without the message: it is somebody's words.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("bytes", &self.payload.len())
            .field("redelivered", &self.redelivered)
            .field("attempts", &self.attempts)
            .field("death", &self.death)
            .finish_non_exhaustive()
    }
}

/// Reasons are for people: as long as a paragraph, not a book.
pub(crate) fn shortened(reason: &str) -> String {
    const LONGEST: usize = 1_000;
    // PostgreSQL's text cannot hold it.
    reason.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

/// What other systems may have made of it stays out of the database and of our headers.
pub(crate) fn acceptable_traceparent(traceparent: Option<String>) -> Option<String> {
    traceparent.filter(|text| text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic()))
}
