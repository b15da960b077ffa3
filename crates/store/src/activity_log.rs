//! Who changed what, when and from where.
//!
//! Invariants:
//! - An entry is written in the transaction of the change it tells of, so neither is there without the other.
//! - Entries are a chain, and no role of a service can change one: the database chains each when its transaction commits,
//!   and [`walk`] finds what was changed, taken out or put in all the same.

mod chain;
mod search;

pub use chain::{Fault, Head, Link, Walked, head, walk};
pub use search::{Filter, Found, search};

use crate::{StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, UserId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

/// One thing that somebody did. Details hold ids and settings' names, never a secret and never a message's text.
#[derive(Debug, Clone, Default)]
pub struct NewActivity {
    /// The person who did it, when it was a person.
    pub user: Option<UserId>,
    /// The API key that did it, when it was a program.
    pub api_key: Option<ApiKeyId>,
    /// The address of the administrator who did it as that person.
    pub impersonated_by: Option<String>,
    /// What was done: a stable name such as `chatbot.create`.
    pub action: &'static str,
    /// What it was done to.
    pub target: Option<String>,
    /// What else is worth knowing.
    pub details: serde_json::Value,
    /// Where the request came from.
    pub ip: Option<String>,
    /// The request's id, as the caller was told.
    pub request_id: Option<String>,
}

/// One entry, as it is listed.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Sorts by time.
    pub id: Uuid,
    /// The person who did it.
    pub user: Option<UserId>,
    /// The person's address, while the account exists and belongs to the workspace.
    pub email: Option<String>,
    /// The API key that did it.
    pub api_key: Option<ApiKeyId>,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub target: Option<String>,
    /// What else is worth knowing.
    pub details: serde_json::Value,
    /// Where the request came from.
    pub ip: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Notes what was done in this transaction's workspace.
pub async fn record(tx: &mut TenantTx, activity: &NewActivity, now: DateTime<Utc>) -> Result<(), StoreError> {
    let workspace = tx.workspace();
    insert(tx.connection(), Some(workspace), activity, now).await
}

/// Notes what was done to the installation, or to a workspace by the system.
pub async fn record_system(
    tx: &mut SystemTx,
    workspace: Option<WorkspaceId>,
    activity: &NewActivity,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    insert(tx, workspace, activity, now).await
}

async fn insert(
    connection: &mut PgConnection,
    workspace: Option<WorkspaceId>,
    activity: &NewActivity,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut details = if activity.details.is_null() {
        serde_json::json!({})
    } else {
        activity.details.clone()
    };
    // Among the details, so that it is chained and shown like the rest of the entry.
    if let (Some(by), Some(details)) = (&activity.impersonated_by, details.as_object_mut()) {
        details.insert("impersonated_by".to_owned(), by.as_str().into());
    }
    sqlx::query!(
        "insert into activity_log (id, workspace_id, user_id, api_key_id, action, target, details, ip, request_id, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        Uuid::now_v7(),
        workspace.map(|id| id.as_uuid()),
        activity.user.map(|id| id.as_uuid()),
        activity.api_key.map(|id| id.as_uuid()),
        activity.action,
        activity.target,
        details,
        activity.ip,
        activity.request_id,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The workspace's entries, newest first, those older than `after` when it is given.
pub async fn list(tx: &mut TenantTx, after: Option<Uuid>, limit: i64) -> Result<Vec<Activity>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        r#"select a.id, a.user_id, u.email as "email?", a.api_key_id, a.action, a.target, a.details, a.ip,
                  a.request_id, a.at
           from activity_log a left join users u on u.id = a.user_id
           where a.workspace_id = $1 and ($2::uuid is null or a.id < $2)
           order by a.id desc limit $3"#,
        workspace,
        after,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Activity {
            id: row.id,
            user: row.user_id.map(Into::into),
            email: row.email,
            api_key: row.api_key_id.map(Into::into),
            action: row.action,
            target: row.target,
            details: row.details,
            ip: row.ip,
            request_id: row.request_id,
            at: row.at,
        })
        .collect())
}
