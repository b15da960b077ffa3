//! How long to wait before the next attempt to connect: 100 ms at first, 2 s at most, so that publishing works again
//! within 5 s of the broker's return.

use rand::RngExt;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Doubles with every failure.
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self(FIRST)
    }

    /// It worked: the next failure is a first one.
    pub(crate) const fn reset(&mut self) {
        self.0 = FIRST;
    }

    /// Between half of the wait and all of it, so that many processes do not come back in step.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        wait.mul_f64(rand::rng().random_range(0.5..1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_waits_longer_than_two_seconds_and_begins_anew_after_a_success() {
        let mut backoff = Backoff::new();

        let first = backoff.next();
        for _ in 0..50 {
            assert!(backoff.next() <= LONGEST);
        }
        assert!(backoff.next() >= LONGEST / 2);
        backoff.reset();

        assert!(first <= FIRST);
        assert!(backoff.next() <= FIRST);
    }
}
