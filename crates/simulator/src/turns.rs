//! When a fault strikes: so often, by chance, or above a rate.

use rand::{RngExt, rngs::StdRng};
use std::time::{Duration, Instant};

/// A rule, and how often it has struck.
pub(crate) struct Active<R> {
    pub rule: R,
    used: u64,
    second: Option<(Instant, u32)>,
}

impl<R> Active<R> {
    pub const fn new(rule: R) -> Self {
        Self {
            rule,
            used: 0,
            second: None,
        }
    }

    /// Whether it strikes a call that it fits: not more than `times`, and only its share.
    pub fn strikes(&mut self, times: Option<u64>, share: f64, chance: &mut StdRng) -> bool {
        if times.is_some_and(|times| self.used >= times)
            || (share < 1.0 && !chance.random_bool(share.clamp(0.0, 1.0)))
        {
            return false;
        }
        self.used += 1;
        true
    }

    /// Counts a call; whether it is one too many in this second.
    pub fn is_above(&mut self, per_second: u32, now: Instant) -> bool {
        let (since, count) = match self.second {
            Some((since, count)) if now.duration_since(since) < Duration::from_secs(1) => (since, count),
            _ => (now, 0),
        };
        self.second = Some((since, count + 1));
        count >= per_second
    }
}
