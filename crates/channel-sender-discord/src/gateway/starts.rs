//! How often and how fast sessions may be begun.
//!
//! Source: <https://docs.discord.com/developers/events/gateway#session-start-limit-object>

use channel::ListenError;
use serde::Deserialize;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep_until},
};

/// What Discord allows now.
#[derive(Deserialize)]
pub(super) struct StartLimit {
    remaining: u32,
    /// Milliseconds until there are all again.
    reset_after: u64,
    #[serde(default = "one")]
    max_concurrency: u32,
}

const fn one() -> u32 {
    1
}

/// The sessions that a listener begins: at most as many as there are left, and in each of Discord's buckets one at a time.
pub(super) struct Starts {
    remaining: AtomicU32,
    reset_after: Duration,
    /// When the last was begun.
    buckets: Vec<Mutex<Option<Instant>>>,
    between: Duration,
}

/// The right to begin one session, now.
pub(super) struct Turn<'a> {
    last: MutexGuard<'a, Option<Instant>>,
}

impl Turn<'_> {
    /// It was begun: the next waits from now on.
    pub(super) fn used(mut self) {
        *self.last = Some(Instant::now());
    }
}

impl Starts {
    pub(super) fn new(limit: StartLimit, between: Duration) -> Self {
        Self {
            remaining: AtomicU32::new(limit.remaining),
            reset_after: Duration::from_millis(limit.reset_after),
            buckets: (0..limit.max_concurrency.max(1))
                .map(|_| Mutex::new(None))
                .collect(),
            between,
        }
    }

    /// Waits for a shard's turn.
    pub(super) async fn turn(&self, shard: u32) -> Result<Turn<'_>, ListenError> {
        let bucket = &self.buckets[shard as usize % self.buckets.len()];
        let last = bucket.lock().await;
        if let Some(last) = *last {
            sleep_until(last + self.between).await;
        }
        let less = |remaining: u32| remaining.checked_sub(1);
        match self.remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(Turn { last }),
            Err(_) => Err(ListenError::Lost {
                after: Some(self.reset_after),
                reason: "no more sessions may be begun today: each new one beyond that would cost the bot its token".to_owned(),
            }),
        }
    }
}
