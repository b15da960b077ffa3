//! The scheduler as a service.

use crate::{billing, care::Carer, counting, dead, housekeeping, sweep};
use accounts::Accounts;
use chrono::TimeDelta;
use domain::Platform;
use process::clock::Clock;
use queue::Queue;
use serde::Deserialize;
use std::time::Duration;
use store::{Db, scheduling::ActiveLock};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use url::Url;

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
    /// How often each integration's platform is asked whether it still calls us, in seconds.
    pub care_seconds: u64,
    /// How far the counts of what happens may be behind, in seconds.
    pub count_seconds: u64,
    /// How long a platform may take to deliver a message before we fetch it, in seconds.
    pub backfill_grace_seconds: u64,
    /// Where the outside world reaches the gateway: what platforms should call.
    pub public_url: Url,
}

/// The scheduler.
pub struct Service {
    settings: Settings,
    db: Db,
    queue: Queue,
    clock: Clock,
    platforms: Vec<Platform>,
    carer: Carer,
}

/// How often a standby asks whether it is its turn.
const STANDBY: Duration = Duration::from_secs(1);
/// How often it looks for conversations in which no human has written for long enough.
const SILENCES: Duration = Duration::from_secs(5);
/// How often it looks for integrations whose examination is due.
const CARE: Duration = Duration::from_secs(5);

impl Service {
    /// Puts everything together.
    pub fn start(settings: Settings, db: Db, queue: Queue, accounts: Accounts, clock: Clock) -> Self {
        let carer = Carer {
            db: db.clone(),
            queue: queue.clone(),
            accounts: accounts.clone(),
            clock: clock.clone(),
            public_url: settings.public_url.clone(),
            every: seconds(settings.care_seconds.max(1)),
            on_its_way: seconds(settings.backfill_grace_seconds),
        };
        let platforms = accounts
            .channels()
            .iter()
            .map(channel::ChannelHandle::platform)
            .collect();
        Self {
            settings,
            db,
            queue,
            clock,
            platforms,
            carer,
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
        let caring = tokio::spawn(care_for(self.carer.clone(), ended.clone()));
        let every = Duration::from_secs(self.settings.count_seconds.max(1));
        let counting = tokio::spawn(counting::run(
            self.db.clone(),
            self.clock.clone(),
            every,
            ended.clone(),
        ));
        let billing = tokio::spawn(billing::run(self.db.clone(), self.clock.clone(), ended.clone()));
        let mut sweeps = interval(Duration::from_millis(self.settings.sweep_milliseconds.max(50)));
        let mut houses = interval(Duration::from_secs(600));
        let mut silences = interval(SILENCES);
        silences.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                _ = silences.tick() => sweep::hand_back(&self.db, &self.clock).await,
                _ = houses.tick() => {
                    housekeeping::keep(&self.db, &self.clock, self.settings.seen_days).await;
                }
            }
        }
        ended.cancel();
        if let Err(error) = burying.await {
            tracing::error!(%error, "moving dead messages ended badly");
        }
        if let Err(error) = caring.await {
            tracing::error!(%error, "looking after integrations ended badly");
        }
        if let Err(error) = counting.await {
            tracing::error!(%error, "counting what happens ended badly");
        }
        if let Err(error) = billing.await {
            tracing::error!(%error, "looking after subscriptions ended badly");
        }
    }
}

fn seconds(seconds: u64) -> TimeDelta {
    i64::try_from(seconds)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .unwrap_or(TimeDelta::MAX)
}

/// Looks after integrations until `stop`. A platform that takes its time holds up nothing else.
async fn care_for(carer: Carer, stop: CancellationToken) {
    let mut rounds = interval(CARE);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = carer.round() => {}
        }
    }
}
