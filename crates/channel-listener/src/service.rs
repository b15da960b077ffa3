//! One platform's listener as a service.

use crate::{
    Settings,
    connection::{Holder, LEASE},
};
use accounts::Accounts;
use domain::Platform;
use process::clock::Clock;
use queue::Queue;
use std::time::Duration;
use store::{Db, care};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often it looks for connections that nobody holds.
const LOOK: Duration = Duration::from_secs(1);
/// Connections opened in one look: platforms object to many at once.
const AT_ONCE: usize = 20;

/// One platform's listener.
pub struct Service {
    settings: Settings,
    platform: Platform,
    holder: Holder,
}

impl Service {
    /// Puts everything together. Nothing is opened before [`Service::run`].
    pub const fn start(
        settings: Settings,
        platform: Platform,
        db: Db,
        queue: Queue,
        accounts: Accounts,
        clock: Clock,
    ) -> Self {
        Self {
            settings,
            platform,
            holder: Holder {
                db,
                queue,
                accounts,
                clock,
            },
        }
    }

    /// Holds connections until `stop`, then hands them over.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            settings,
            platform,
            holder,
        } = self;
        let following = tokio::spawn(holder.accounts.clone().follow(holder.queue.clone(), stop.clone()));
        let mut held = JoinSet::new();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = looks.tick() => {}
            }
            while held.try_join_next().is_some() {}
            let free = settings.most_connections.saturating_sub(held.len()).min(AT_ONCE);
            if free == 0 {
                continue;
            }
            match care::claim_listening(&holder.db, &platform, holder.clock.now(), LEASE, free as i64).await {
                Ok(claims) => {
                    for claim in claims {
                        held.spawn(holder.clone().hold(claim, stop.clone()));
                    }
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "no connection could be claimed"
                ),
            }
            metrics::gauge!("botsmith_connections", "platform" => platform.to_string())
                .set(held.len() as f64);
        }
        while held.join_next().await.is_some() {}
        following.await?;
        Ok(())
    }
}
