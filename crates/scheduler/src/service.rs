//! The scheduler as a service.

use crate::{dead, housekeeping, sweep};
use domain::Platform;
use process::clock::Clock;
use queue::Queue;
use serde::Deserialize;
use std::time::Duration;
use store::{Db, scheduling::ActiveLock};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Settings of the scheduler.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How often it looks for what is due, in milliseconds.
    pub sweep_milliseconds: u64,
    /// The most wake-ups it lets wait in one queue.
    pub wake_ups: i64,
    /// How long a message is recognised when it comes again, in days.
    pub seen_days: i64,
}

/// The scheduler.
pub struct Service {
    settings: Settings,
    db: Db,
    queue: Queue,
    clock: Clock,
    platforms: Vec<Platform>,
}

/// How often a standby asks whether it is its turn.
const STANDBY: Duration = Duration::from_secs(1);

impl Service {
    /// Puts everything together.
    pub const fn start(
        settings: Settings,
        db: Db,
        queue: Queue,
        clock: Clock,
        platforms: Vec<Platform>,
    ) -> Self {
        Self {
            settings,
            db,
            queue,
            clock,
            platforms,
        }
    }

    /// Works, or stands by, until `stop`.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            match ActiveLock::acquire(&self.db).await {
                Ok(Some(lock)) => {
                    tracing::info!("this scheduler is active");
                    self.work(lock, &stop).await;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the scheduler waits for the database"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(STANDBY) => {}
            }
        }
        Ok(())
    }

    /// Works until `stop`, or until the lock is lost with its connection.
    async fn work(&self, mut lock: ActiveLock, stop: &CancellationToken) {
        let ended = stop.child_token();
        let burying = tokio::spawn(dead::run(self.db.clone(), self.queue.clone(), ended.clone()));
        let mut sweeps = interval(Duration::from_millis(self.settings.sweep_milliseconds.max(50)));
        let mut houses = interval(Duration::from_secs(600));
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = sweeps.tick() => {
                    if !lock.is_held().await {
                        tracing::warn!("this scheduler lost its lock: the database was away");
                        break;
                    }
                    sweep::sweep(&self.db, &self.queue, &self.clock, &self.platforms, self.settings.wake_ups).await;
                }
                _ = houses.tick() => {
                    housekeeping::keep(&self.db, &self.clock, self.settings.seen_days).await;
                }
            }
        }
        ended.cancel();
        if let Err(error) = burying.await {
            tracing::error!(%error, "moving dead messages ended badly");
        }
    }
}
