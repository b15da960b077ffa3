//! Subscriptions: periods that begin, invoices, those who are behind, and limits that are near.
//!
//! Invariant: each is done in one transaction with what tells that it was done, so doing it again, or from two schedulers at
//! once, does nothing twice.

use chrono::{DateTime, Utc};
use process::clock::Clock;
use serde_json::json;
use std::time::Duration;
use store::{
    Db, StoreError,
    activity_log::{self, NewActivity},
    subscriptions, usage,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(60);

/// Keeps subscriptions up to date until `stop`.
pub async fn run(db: Db, clock: Clock, stop: CancellationToken) {
    let mut rounds = interval(EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            done = round(&db, clock.now()) => if let Err(error) = done {
                tracing::warn!(error = &error as &dyn std::error::Error, "subscriptions will be looked after later");
            },
        }
    }
}

async fn round(db: &Db, now: DateTime<Utc>) -> Result<(), StoreError> {
    let rolled = subscriptions::roll_over(db, now).await?;
    let overdue = subscriptions::note_overdue(db, now).await?;
    if rolled.periods + rolled.ended + overdue > 0 {
        tracing::info!(
            periods = rolled.periods,
            invoices = rolled.invoices,
            ended = rolled.ended,
            overdue,
            "subscriptions went on"
        );
    }
    tell_of_limits(db, now).await
}

/// Tells each workspace once a month that a limit is near, and that it is reached.
async fn tell_of_limits(db: &Db, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut tx = db.system().await?;
    for notice in usage::note_limits(&mut tx, now).await? {
        let activity = NewActivity {
            action: if notice.level >= 100 {
                "plan.limit_reached"
            } else {
                "plan.limit_near"
            },
            target: Some(notice.what),
            details: json!({ "percent": notice.level }),
            ..Default::default()
        };
        activity_log::record_system(&mut tx, Some(notice.workspace), &activity, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
