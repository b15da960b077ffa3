//! Live events: a fan-out to every process that listens now. Token streams for a browser, invalidated caches, updates of
//! the dashboard. Losing one is allowed: it costs a refresh. Who may have lost some is told to start afresh.

use crate::{LiveError, metrics};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// How much an event may have as it travels, topic and encoding included: what a notification of PostgreSQL carries.
/// Text travels as it is, other bytes take a third more.
pub const MAX_BYTES: usize = 7_800;

/// How many events a slow subscriber may be behind before it has to start afresh.
const BEHIND: usize = 4_096;

const LONGEST_TOPIC: usize = 200;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// An event as it was published.
    Event {
        /// What it is about.
        topic: String,
        /// Its content.
        payload: Bytes,
    },
    /// Events may have been lost: drop whatever rests on having seen all of them. Also comes when the connection is made
    /// for the first time.
    Resync,
}

/// The fan-out of this process.
pub struct Live {
    /// Tells our own events, when they come back, from others'.
    origin: u64,
    sequence: AtomicU64,
    local: broadcast::Sender<LiveEvent>,
    outgoing: mpsc::Sender<Outgoing>,
    stopping: CancellationToken,
}

/// What waits to be sent to the other processes, live or to wake them.
pub(crate) enum Outgoing {
    Event {
        topic: String,
        line: String,
    },
    Wake {
        queue: crate::QueueName,
        payload: Vec<u8>,
    },
    /// Everything before it has been sent.
    Flush(tokio::sync::oneshot::Sender<()>),
}

/// Hands events from elsewhere to the subscribers of this process.
#[derive(Clone)]
pub(crate) struct Incoming {
    origin: u64,
    local: broadcast::Sender<LiveEvent>,
}

impl Live {
    pub(crate) fn new(stopping: CancellationToken, outgoing: mpsc::Sender<Outgoing>) -> (Self, Incoming) {
        let local = broadcast::Sender::new(BEHIND);
        let origin = rand::random();
        let incoming = Incoming {
            origin,
            local: local.clone(),
        };
        (
            Self {
                origin,
                sequence: AtomicU64::new(0),
                local,
                outgoing,
                stopping,
            },
            incoming,
        )
    }

    /// Tells everybody who listens now, in this process at once, in others as soon as may be. Never waits; what cannot be
    /// sent is lost.
    pub fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), LiveError> {
        if topic.is_empty()
            || topic.len() > LONGEST_TOPIC
            || topic.contains(|c: char| c == ' ' || c.is_control())
        {
            return Err(LiveError::Topic(topic.chars().take(LONGEST_TOPIC).collect()));
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let line = encode(self.origin, sequence, topic, &payload);
        if line.len() > MAX_BYTES {
            return Err(LiveError::TooLarge { bytes: line.len() });
        }
        // Nobody may be listening here.
        let _ = self.local.send(LiveEvent::Event {
            topic: topic.to_owned(),
            payload: payload.into(),
        });
        if self
            .outgoing
            .try_send(Outgoing::Event {
                topic: topic.to_owned(),
                line,
            })
            .is_err()
        {
            metrics::dropped("live");
        }
        Ok(())
    }

    /// Everything that is published from now on, here and elsewhere.
    pub fn subscribe(&self) -> LiveEvents {
        LiveEvents {
            events: self.local.subscribe(),
            stopping: self.stopping.clone(),
        }
    }

    /// Fire and forget.
    pub(crate) fn wake(&self, queue: crate::QueueName, payload: Vec<u8>) {
        if self.outgoing.try_send(Outgoing::Wake { queue, payload }).is_err() {
            metrics::dropped("wake");
        }
    }

    pub(crate) async fn flush(&self) {
        let (done, flushed) = tokio::sync::oneshot::channel();
        if self.outgoing.send(Outgoing::Flush(done)).await.is_ok() {
            let _ = flushed.await;
        }
    }
}

impl Incoming {
    /// An event from the transport; our own ones have been seen already.
    pub(crate) fn receive(&self, line: &str) {
        match decode(line) {
            Some((origin, _, _)) if origin == self.origin => {}
            Some((_, topic, payload)) => {
                let _ = self.local.send(LiveEvent::Event {
                    topic: topic.to_owned(),
                    payload: payload.into(),
                });
            }
            None => tracing::warn!("a live event cannot be read: is another version running?"),
        }
    }

    /// Unlike every other process's.
    pub(crate) const fn origin(&self) -> u64 {
        self.origin
    }

    pub(crate) fn resync(&self) {
        let _ = self.local.send(LiveEvent::Resync);
    }
}

/// A subscription.
pub struct LiveEvents {
    events: broadcast::Receiver<LiveEvent>,
    stopping: CancellationToken,
}

impl LiveEvents {
    /// The next event; `None` only after everything was told to stop. Safe to cancel.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => None,
            event = self.events.recv() => match event {
                Ok(event) => Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(LiveEvent::Resync),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}

/// `<origin> <sequence> <topic> t<text>`, or `… b<base64>`. The sequence makes each line unlike every other: PostgreSQL
/// tells equal notifications of one transaction only once.
fn encode(origin: u64, sequence: u64, topic: &str, payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) if !text.contains('\0') => format!("{origin:x} {sequence:x} {topic} t{text}"),
        _ => format!(
            "{origin:x} {sequence:x} {topic} b{}",
            STANDARD_NO_PAD.encode(payload)
        ),
    }
}

fn decode(line: &str) -> Option<(u64, &str, Vec<u8>)> {
    let mut fields = line.splitn(4, ' ');
    let origin = u64::from_str_radix(fields.next()?, 16).ok()?;
    let _sequence = fields.next()?;
    let topic = fields.next()?;
    let body = fields.next()?;
    let payload = match body.split_at_checked(1)? {
        ("t", text) => text.as_bytes().to_vec(),
        ("b", encoded) => STANDARD_NO_PAD.decode(encoded).ok()?,
        _ => return None,
    };
    Some((origin, topic, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_arrives_as_it_was_sent_whatever_its_bytes() {
        for payload in [
            &b""[..],
            b"a b\nc",
            "Gr\u{fc}\u{df}e".as_bytes(),
            b"\0\xff\xfe",
            b"with\0nul",
        ] {
            let line = encode(7, 1, "bot.changed", payload);

            assert_eq!(decode(&line), Some((7, "bot.changed", payload.to_vec())));
        }
    }

    #[test]
    fn what_is_no_event_is_not_read() {
        for line in [
            "",
            "x",
            "1 2 topic",
            "1 2 topic ",
            "zz 2 topic t",
            "1 2 topic b***",
            "1 2 topic q",
        ] {
            assert_eq!(decode(line), None, "{line:?}");
        }
    }
}
