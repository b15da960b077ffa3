//! What may be forgotten.

use chrono::TimeDelta;
use process::clock::Clock;
use store::{
    Db, StoreError, budgets, chat, data_jobs, instances, integration_logs, mails, one_time_tokens,
    outbound_files, quarantine, scheduling, sign_in_failures, trials, webhooks,
};

/// How long integrations' logs are kept.
const LOGS: TimeDelta = TimeDelta::days(90);
/// How long an uploaded file waits for the message that it goes with.
const UNSENT_FILES: TimeDelta = TimeDelta::days(1);
/// How long what was spent on models is kept: a month's budget needs the month.
const SPENDING: TimeDelta = TimeDelta::days(62);
/// How long a process that fell silent is remembered.
const SILENT: TimeDelta = TimeDelta::days(1);

/// How long mails are listed that were sent or given up, and links that were used or have ended.
const MAILS: TimeDelta = TimeDelta::days(30);

/// How long the file of an exported person can be fetched.
const EXPORTS: TimeDelta = TimeDelta::days(7);
/// How long events are kept that were sent to other programs, and how they were taken.
const EVENTS: TimeDelta = TimeDelta::days(30);
/// How long it is kept how a tried answer came to be.
const TRIALS: TimeDelta = TimeDelta::days(90);

/// Forgets what is older than promised.
pub async fn keep(db: &Db, clock: &Clock, seen_days: i64) {
    if let Err(error) = forget(db, clock, seen_days).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "housekeeping will be tried again"
        );
    }
}

async fn forget(db: &Db, clock: &Clock, seen_days: i64) -> Result<(), StoreError> {
    let now = clock.now();
    scheduling::forget(db, now, TimeDelta::days(seen_days)).await?;
    sign_in_failures::prune(db, now).await?;
    mails::forget(db, now - MAILS).await?;
    one_time_tokens::forget(db, now - MAILS).await?;
    integration_logs::prune(db, now - LOGS).await?;
    quarantine::forget(db, now).await?;
    chat::forget_files(db, now - UNSENT_FILES).await?;
    outbound_files::forget(db, now - UNSENT_FILES).await?;
    budgets::expire(db, now).await?;
    budgets::forget(db, now - SPENDING).await?;
    trials::forget(db, now - TRIALS).await?;
    data_jobs::forget_files(db, now - EXPORTS).await?;
    webhooks::forget(db, now - EVENTS).await?;
    instances::prune(db, now - SILENT).await?;
    Ok(())
}
