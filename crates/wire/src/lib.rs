//! What travels on the queue: messages generated from `/proto`, and the one way to write and read them.
//!
//! A message from the queue is as untrusted as any other input: [`read`] refuses what is too large, unreadable or newer
//! than this program, with a reason for the dead letter, and never panics.

mod generated {
    #![allow(
        missing_docs,
        clippy::all,
        reason = "generated from /proto, where the documentation is"
    )]
    include!(concat!(env!("OUT_DIR"), "/botsmith.v1.rs"));
}

pub use generated::{Consent, InboundMessage, IndexSource, Media, StatusUpdate, Wake};

use chrono::{DateTime, Utc};
use prost::Message;
use uuid::Uuid;

/// The newest schema this program writes and reads.
pub const SCHEMA: u32 = 1;

/// The largest message this program writes or reads, in bytes. A webhook's body is limited well below it.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Why a message from the queue cannot be used. Worth no retry: it will read no better next time.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than [`MAX_BYTES`].
    #[error("the message has {0} bytes, more than {MAX_BYTES}")]
    TooLarge(usize),
    /// Not what was expected on this queue.
    #[error("the message cannot be decoded")]
    Undecodable(#[from] prost::DecodeError),
    /// Written by a newer program: upgrade this one, then replay.
    #[error("the message has schema {0}, newer than {SCHEMA}")]
    Newer(u32),
    /// A field that must be there is missing or not what it should be.
    #[error("the message's {0} is missing or malformed")]
    Field(&'static str),
}

/// A message that says which schema its writer knew.
pub trait Versioned: Message + Default {
    /// The writer's schema.
    fn schema(&self) -> u32;
}

macro_rules! versioned {
    ($($name:ty),+) => { $(impl Versioned for $name { fn schema(&self) -> u32 { self.schema } })+ };
}
versioned!(InboundMessage, StatusUpdate, Wake, IndexSource);

/// The bytes of a message.
pub fn write(message: &impl Versioned) -> Vec<u8> {
    message.encode_to_vec()
}

/// The message of these bytes.
pub fn read<M: Versioned>(bytes: &[u8]) -> Result<M, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::TooLarge(bytes.len()));
    }
    let message = M::decode(bytes)?;
    match message.schema() {
        0 => Err(ReadError::Field("schema")),
        1..=SCHEMA => Ok(message),
        newer => Err(ReadError::Newer(newer)),
    }
}

/// An identifier as it travels.
pub fn id_bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// An identifier that must be there.
pub fn id<T: From<Uuid>>(bytes: &[u8], field: &'static str) -> Result<T, ReadError> {
    Uuid::from_slice(bytes)
        .map(T::from)
        .map_err(|_| ReadError::Field(field))
}

/// The bytes of a [`Wake`] for what is due at `due_at`.
pub fn wake_token(due_at: DateTime<Utc>) -> Vec<u8> {
    write(&Wake {
        schema: SCHEMA,
        due_at: micros(due_at),
    })
}

/// A time as it travels: microseconds since 1970 UTC.
pub fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// A time that must be there and be one.
pub fn time(micros: i64, field: &'static str) -> Result<DateTime<Utc>, ReadError> {
    DateTime::from_timestamp_micros(micros).ok_or(ReadError::Field(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_of_a_newer_schema_is_refused_by_its_number() {
        let wake = Wake {
            schema: SCHEMA + 1,
            due_at: 0,
        };

        assert!(matches!(read::<Wake>(&write(&wake)), Err(ReadError::Newer(n)) if n == SCHEMA + 1));
    }

    #[test]
    fn a_message_without_a_schema_is_refused() {
        assert!(matches!(read::<Wake>(&[]), Err(ReadError::Field("schema"))));
    }

    proptest! {
        #[test]
        fn s26_bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
            let _ = read::<InboundMessage>(&bytes);
            let _ = read::<StatusUpdate>(&bytes);
            let _ = read::<Wake>(&bytes);
            let _ = read::<IndexSource>(&bytes);
        }

        #[test]
        fn s26_a_genuine_message_cut_or_changed_anywhere_never_panics(
            text in ".{0,200}", cut in 0usize..300, flip in 0usize..300, bit in 0u8..8
        ) {
            let message = InboundMessage { schema: SCHEMA, text, message_id: vec![7; 16], ..Default::default() };
            let mut bytes = write(&message);
            bytes.truncate(bytes.len().saturating_sub(cut % bytes.len().max(1)));
            if let Some(byte) = bytes.get_mut(flip) { *byte ^= 1 << bit; }
            if let Ok(message) = read::<InboundMessage>(&bytes) {
                let _ = id::<Uuid>(&message.message_id, "message_id");
                let _ = time(message.accepted_at, "accepted_at");
            }
        }
    }
}
