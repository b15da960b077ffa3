//! What may be forgotten.

use chrono::TimeDelta;
use process::clock::Clock;
use store::{Db, scheduling};

/// Forgets what is older than promised.
pub async fn keep(db: &Db, clock: &Clock, seen_days: i64) {
    if let Err(error) = scheduling::forget(db, clock.now(), TimeDelta::days(seen_days)).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "housekeeping will be tried again");
    }
}
