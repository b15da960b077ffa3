//! The time of day, injected: whatever is due at a time asks a [`Clock`], so that a test can move hours in an instant.
//!
//! Invariant: nobody sleeps past a due time because the machine's clock was set; a system clock is read again at least
//! every half minute.

use chrono::{DateTime, TimeDelta, Utc};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long a sleeper trusts the time it has computed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Tells the time, and wakes who waits for one. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Manual(Arc<watch::Sender<DateTime<Utc>>>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands still until it is advanced.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Kind::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Kind::System => Utc::now(),
            Kind::Manual(time) => *time.borrow(),
        }
    }

    /// Moves a manual clock and wakes whoever waits for a time that has now come. The system's clock is not ours to move:
    /// nothing happens.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual(time) = &self.0 {
            let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
            time.send_modify(|now| *now = now.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC));
        }
    }

    /// Returns when it is `due` or later.
    pub async fn sleep_until(&self, due: DateTime<Utc>) {
        match &self.0 {
            Kind::System => {
                while let Ok(left) = (due - Utc::now()).to_std()
                    && !left.is_zero()
                {
                    tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
                }
            }
            Kind::Manual(time) => {
                // The sender lives as long as this clock does, so waiting cannot fail.
                let _ = time.subscribe().wait_for(|now| *now >= due).await;
            }
        }
    }

    /// Returns after `length` of this clock's time.
    pub async fn sleep(&self, length: Duration) {
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        let due = self
            .now()
            .checked_add_signed(length)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_sleeper_wakes_when_a_manual_clock_passes_its_time_and_not_before() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let hour = Duration::from_secs(3600);
        let mut sleeper = std::pin::pin!(clock.sleep(hour));
        assert!(sleeper.as_mut().now_or_never().is_none());

        clock.clone().advance(hour - Duration::from_millis(1));
        assert!(sleeper.as_mut().now_or_never().is_none());

        clock.advance(Duration::from_millis(1));
        sleeper.await;
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH + TimeDelta::hours(1));
    }

    #[tokio::test]
    async fn a_time_that_has_passed_is_not_waited_for() {
        let clock = Clock::system();

        clock
            .sleep_until(clock.now() - TimeDelta::days(1))
            .now_or_never()
            .expect("it is due already");
    }

    #[tokio::test]
    async fn the_system_clock_sleeps_until_the_time_has_come() {
        let clock = Clock::system();
        let due = clock.now() + TimeDelta::milliseconds(20);

        clock.sleep_until(due).await;

        assert!(clock.now() >= due);
    }
}
