//! Keeps the counts of what happens up to date.

use chrono::TimeDelta;
use process::clock::Clock;
use std::time::Duration;
use store::{Db, StoreError, analytics};
use tokio_util::sync::CancellationToken;

/// How far the counts may be behind.
const EVERY: Duration = Duration::from_secs(60);
/// Every so many rounds the last days are counted anew: deliveries fail late, and messages wait while a database is away.
const WHOLE: u32 = 30;
const DAYS: TimeDelta = TimeDelta::days(2);

/// Counts until `stop`.
pub async fn run(db: Db, clock: Clock, stop: CancellationToken) {
    for round in 0u32.. {
        tokio::select! {
            () = stop.cancelled() => return,
            counted = count(&db, &clock, round) => if let Err(error) = counted {
                tracing::warn!(error = &error as &dyn std::error::Error, "what happened will be counted later");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn count(db: &Db, clock: &Clock, round: u32) -> Result<(), StoreError> {
    let now = clock.now();
    if round % WHOLE == WHOLE - 1 {
        analytics::recount(db, now - DAYS, now).await?;
    }
    analytics::refresh(db, now).await
}
