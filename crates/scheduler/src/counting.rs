//! Keeps the counts of what happens up to date.

use chrono::TimeDelta;
use process::clock::Clock;
use std::time::Duration;
use store::{Db, StoreError, analytics};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// So often the last days are counted anew: deliveries fail late, and messages wait while a database is away.
const WHOLE: Duration = Duration::from_secs(1800);
const DAYS: TimeDelta = TimeDelta::days(2);

/// Counts until `stop`.
pub async fn run(db: Db, clock: Clock, every: Duration, stop: CancellationToken) {
    let mut whole_at = Instant::now() + WHOLE;
    loop {
        let whole = Instant::now() >= whole_at;
        if whole {
            whole_at = Instant::now() + WHOLE;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            counted = count(&db, &clock, whole) => if let Err(error) = counted {
                tracing::warn!(error = &error as &dyn std::error::Error, "what happened will be counted later");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn count(db: &Db, clock: &Clock, whole: bool) -> Result<(), StoreError> {
    let now = clock.now();
    if whole {
        analytics::recount(db, now - DAYS, now).await?;
    }
    analytics::refresh(db, now).await
}
