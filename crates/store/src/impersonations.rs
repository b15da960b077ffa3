//! Administrators who act as somebody else, for support.
//!
//! Invariants:
//! - Each has a reason and an end, and its beginning and its end are in the activity log with both names: in that of every
//!   workspace that the person belongs to, else in the installation's.
//! - It ends when the administrator ends it, when its time is over, and when the administrator's own session is gone.

use crate::{
    Db, StoreError, SystemTx,
    activity_log::{NewActivity, record_system},
};
use chrono::{DateTime, Utc};
use domain::{ImpersonationId, SessionId, UserId};
use serde_json::json;

/// One that begins.
#[derive(Debug, Clone)]
pub struct NewImpersonation<'a> {
    /// Its id.
    pub id: ImpersonationId,
    /// Who acts.
    pub administrator: UserId,
    /// As whom.
    pub user: UserId,
    /// Why.
    pub reason: &'a str,
    /// When it ends at the latest.
    pub ends_at: DateTime<Utc>,
    /// The administrator's own session.
    pub session: SessionId,
}

/// What the person who looks at the page has to know of it.
#[derive(Debug, Clone)]
pub struct Impersonation {
    /// Why.
    pub reason: String,
    /// When it ends at the latest.
    pub ends_at: DateTime<Utc>,
}

/// How a request came, for the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct By<'a> {
    /// From where.
    pub ip: Option<&'a str>,
    /// The request's id.
    pub request_id: Option<&'a str>,
}

/// Begins one.
pub async fn begin(
    tx: &mut SystemTx,
    new: &NewImpersonation<'_>,
    by: By<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into impersonations (id, administrator_id, user_id, reason, began_at, ends_at, session_id)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id.as_uuid(),
        new.administrator.as_uuid(),
        new.user.as_uuid(),
        new.reason,
        now,
        new.ends_at,
        new.session.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    note(tx, new.id, "impersonation.begin", by, now).await
}

/// Ends one, and the session in which it was. `false`: it had ended.
pub async fn end(
    tx: &mut SystemTx,
    id: ImpersonationId,
    by: By<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update impersonations set ended_at = least(ends_at, $2) where id = $1 and ended_at is null",
        id.as_uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("delete from sessions where impersonation_id = $1", id.as_uuid())
        .execute(&mut **tx)
        .await?;
    note(tx, id, "impersonation.end", by, now).await?;
    Ok(true)
}

/// Ends those whose time is over, and those whose administrator has signed out or was signed out. How many.
pub async fn end_lapsed(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let lapsed = sqlx::query_scalar!(
        "select id from impersonations i
         where ended_at is null
           and (ends_at <= $1 or session_id is null
                or not exists (select from sessions s where s.impersonation_id = i.id))
         order by id limit 100",
        now,
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut ended = 0;
    for id in lapsed {
        let mut tx = db.system().await?;
        ended += u64::from(end(&mut tx, id.into(), By::default(), now).await?);
        tx.commit().await?;
    }
    Ok(ended)
}

/// One that has not ended.
pub async fn get(db: &Db, id: ImpersonationId) -> Result<Option<Impersonation>, StoreError> {
    let row = sqlx::query!(
        "select reason, ends_at from impersonations where id = $1 and ended_at is null",
        id.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| Impersonation {
        reason: row.reason,
        ends_at: row.ends_at,
    }))
}

async fn note(
    tx: &mut SystemTx,
    id: ImpersonationId,
    action: &'static str,
    by: By<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = sqlx::query!(
        "select i.administrator_id, i.user_id, i.reason, i.ends_at, a.email as administrator, u.email as person
         from impersonations i join users a on a.id = i.administrator_id join users u on u.id = i.user_id
         where i.id = $1",
        id.as_uuid(),
    )
    .fetch_one(&mut **tx)
    .await?;
    let workspaces = sqlx::query_scalar!(
        "select workspace_id from memberships where user_id = $1 order by workspace_id",
        row.user_id,
    )
    .fetch_all(&mut **tx)
    .await?;
    // Members of a workspace do not see an administrator's account: the entry itself has to say who it is.
    let activity = NewActivity {
        user: Some(row.administrator_id.into()),
        action,
        target: Some(row.user_id.to_string()),
        details: json!({
            "administrator": row.administrator, "person": row.person, "reason": row.reason, "until": row.ends_at,
        }),
        ip: by.ip.map(str::to_owned),
        request_id: by.request_id.map(str::to_owned),
        ..Default::default()
    };
    if workspaces.is_empty() {
        return record_system(tx, None, &activity, now).await;
    }
    for workspace in workspaces {
        record_system(tx, Some(workspace.into()), &activity, now).await?;
    }
    Ok(())
}
