//! What the scheduler looks for: rows that are due and that nobody has in hand.
//!
//! Everything here may run at any time and as often as one likes: each statement moves only rows that are still as it
//! found them.

use crate::{Db, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Platform;
use sqlx::PgConnection;

/// Only one scheduler works; the others stand by.
const ACTIVE_LOCK: i64 = 0x626f_745f_7363_6864;

/// The lock of the one active scheduler, held by a connection of its own: it is free as soon as its holder is gone,
/// however it went.
pub struct ActiveLock {
    connection: PgConnection,
}

impl ActiveLock {
    /// `None`: another scheduler is active.
    pub async fn acquire(db: &Db) -> Result<Option<Self>, StoreError> {
        let mut connection = db.system_connection().await?;
        let held = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "held!""#, ACTIVE_LOCK)
            .fetch_one(&mut connection)
            .await?;
        Ok(held.then_some(Self { connection }))
    }

    /// Whether it is still ours.
    pub async fn is_held(&mut self) -> bool {
        sqlx::query!("select 1 as one")
            .fetch_one(&mut self.connection)
            .await
            .is_ok()
    }
}

/// Takes conversations out of the hands of workers that have gone. How many.
pub async fn lapse_turns(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "update conversations set lease_token = null, lease_until = null, due_at = coalesce(due_at, $1)
         where lease_token is not null and lease_until < $1",
        now
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

/// Parts that a sender had in hand when it went: whether the platform has them is unknown. How many.
pub async fn lapse_parts(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "with lapsed as (
             update parts set state = 'uncertain', due_at = $1, lease_token = null, lease_until = null
             where state = 'sending' and lease_until < $1
             returning id, workspace_id, coalesce(first_attempt_at, $1) as started_at
         )
         insert into attempts (workspace_id, part_id, started_at, ended_at, outcome, detail)
         select workspace_id, id, started_at, $1, 'unknown', 'the sender ended during the call' from lapsed",
        now
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

/// How many conversations are due and in nobody's hand, counted up to `most`.
pub async fn due_turns(db: &Db, now: DateTime<Utc>, most: i64) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
               select from conversations where due_at <= $1 and lease_token is null limit $2
           ) due"#,
        now,
        most,
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// How many parts could be sent now, per platform, counted up to `most` in all.
pub async fn due_parts(db: &Db, now: DateTime<Utc>, most: i64) -> Result<Vec<(Platform, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select platform, count(*) as "count!" from (
               select p.platform from parts p join integrations i on i.id = p.integration_id
               where p.state in ('queued', 'uncertain') and p.due_at <= $1
                 and i.enabled and i.state <> 'error' and (i.paused_until is null or i.paused_until <= $1)
               limit $2
           ) due group by platform"#,
        now,
        most,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| Ok((Platform::try_from(row.platform)?, row.count)))
        .collect()
}

/// Ends parts that are not worth sending any more. How many.
pub async fn expire_parts(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "update parts set state = 'expired', settled_at = $1,
                          error = coalesce(error, 'it was not worth sending any more when it could be sent')
         where state in ('queued', 'parked') and expires_at <= $1",
        now
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

/// Brings parked parts of integrations that work again back into the queue. How many.
pub async fn unpark(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "update parts p set state = 'queued', due_at = $1
         from integrations i
         where p.state = 'parked' and i.id = p.integration_id and i.enabled and i.state <> 'error'",
        now
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

/// Forgets what is older than promised: seen messages, answers to idempotency keys, ended sessions and links.
pub async fn forget(db: &Db, now: DateTime<Utc>, seen_for: TimeDelta) -> Result<(), StoreError> {
    let pool = db.system_pool();
    sqlx::query!("delete from seen where seen_at < $1", now - seen_for)
        .execute(pool)
        .await?;
    sqlx::query!(
        "delete from idempotency_keys where created_at < $1",
        now - TimeDelta::hours(24)
    )
    .execute(pool)
    .await?;
    sqlx::query!("delete from sessions where expires_at < $1", now)
        .execute(pool)
        .await?;
    sqlx::query!(
        "delete from one_time_tokens where expires_at < $1",
        now - TimeDelta::days(7)
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "delete from pending_statuses where received_at < $1",
        now - TimeDelta::days(7)
    )
    .execute(pool)
    .await?;
    Ok(())
}
