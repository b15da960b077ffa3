//! How much one visitor may do in a short time.
//!
//! Kept in this process: with several gateways each has its own count, and their sum is the limit.

use super::error::ChatError;
use crate::settings::ChatSettings;
use moka::sync::Cache;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// After this long without a request a bucket is full again, and need not be kept.
const IDLE: Duration = Duration::from_secs(120);
const MOST: u64 = 200_000;
/// Rating is a press of a button, and pressing it again.
const RATINGS_PER_MINUTE: u32 = 60;

/// All limits.
pub struct Limits {
    pub messages: Limit,
    pub files: Limit,
    pub sessions: Limit,
    pub ratings: Limit,
}

impl Limits {
    pub fn new(settings: &ChatSettings) -> Self {
        Self {
            messages: Limit::new("messages", settings.messages_per_minute),
            files: Limit::new("files", settings.files_per_minute),
            sessions: Limit::new("new conversations", settings.sessions_per_minute),
            ratings: Limit::new("ratings", RATINGS_PER_MINUTE),
        }
    }
}

/// So many a minute, all of them at once if one likes.
pub struct Limit {
    what: &'static str,
    per_minute: f64,
    buckets: Cache<String, Arc<Mutex<Bucket>>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limit {
    fn new(what: &'static str, per_minute: u32) -> Self {
        Self {
            what,
            per_minute: per_minute.into(),
            buckets: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build(),
        }
    }

    /// Takes one; the error says when there is one again.
    pub fn take(&self, who: &str) -> Result<(), ChatError> {
        self.take_at(who, Instant::now())
    }

    fn take_at(&self, who: &str, now: Instant) -> Result<(), ChatError> {
        let fresh = || {
            Arc::new(Mutex::new(Bucket {
                tokens: self.per_minute,
                at: now,
            }))
        };
        let bucket = self.buckets.get_with_by_ref(who, fresh);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = self.per_minute / 60.0;
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * per_second).min(self.per_minute);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let missing = if per_second > 0.0 {
            (1.0 - bucket.tokens) / per_second
        } else {
            3_600.0
        };
        Err(ChatError::TooFast {
            what: self.what,
            after: Duration::from_secs(missing.ceil() as u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_then_one_at_a_time_and_each_for_themselves() {
        let limit = Limit::new("messages", 20);
        let start = Instant::now();
        let ada = |after: u64| limit.take_at("ada", start + Duration::from_secs(after));

        assert!((0..20).all(|_| ada(0).is_ok()));
        let refused = ada(0);
        assert!(
            matches!(refused, Err(ChatError::TooFast { after, .. }) if after == Duration::from_secs(3)),
            "{refused:?}"
        );
        assert!(limit.take_at("eve", start).is_ok());
        assert!(ada(3).is_ok() && ada(3).is_err());
        assert!((0..20).all(|_| ada(120).is_ok()) && ada(120).is_err());
    }
}
