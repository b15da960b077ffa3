//! What happened to an integration, for its owner's eyes.
//!
//! Invariant: no secret and no message text; an entry says what went wrong and what to do about it.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, IntegrationId, WorkspaceId};
use uuid::Uuid;

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something was refused or had to be repeated.
    Warning,
    /// Something does not work until its owner acts.
    Error,
}

impl Level {
    /// As in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// Whose integration.
    pub workspace: WorkspaceId,
    /// Which one.
    pub integration: IntegrationId,
    /// How much it matters.
    pub level: Level,
    /// A stable name: `webhook.refused`, `send.rejected`, `check.failed`.
    pub event: &'a str,
    /// What happened, in words.
    pub message: &'a str,
    /// Ids and codes.
    pub details: serde_json::Value,
}

/// An entry, as it is listed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Sorts by time.
    pub id: Uuid,
    /// Which integration.
    pub integration: IntegrationId,
    /// Its platform.
    pub platform: String,
    /// When.
    pub at: DateTime<Utc>,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// The stable name.
    pub event: String,
    /// What happened.
    pub message: String,
    /// Ids and codes.
    pub details: serde_json::Value,
}

/// Writes an entry. One for an integration that is gone is dropped: nobody could read it.
pub async fn insert(db: &Db, entry: &NewEntry<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into integration_logs (id, workspace_id, integration_id, at, level, event, message, details)
         select $1, workspace_id, id, $4, $5, $6, $7, $8 from integrations where id = $3 and workspace_id = $2",
        Uuid::now_v7(),
        entry.workspace.as_uuid(),
        entry.integration.as_uuid(),
        now,
        entry.level.as_str(),
        entry.event,
        entry.message,
        if entry.details.is_null() { serde_json::json!({}) } else { entry.details.clone() },
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Which entries to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Of this integration only.
    pub integration: Option<IntegrationId>,
    /// Of this level only.
    pub level: Option<Level>,
}

/// The entries of a chatbot's integrations, newest first.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    filter: Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select l.id, l.integration_id, i.platform, l.at, l.level, l.event, l.message, l.details
         from integration_logs l join integrations i on i.id = l.integration_id
         where l.workspace_id = $1 and i.chatbot_id = $2
           and ($3::uuid is null or l.integration_id = $3)
           and ($4::text is null or l.level = $4)
           and ($5::uuid is null or l.id < $5)
         order by l.id desc limit $6",
        workspace,
        chatbot.as_uuid(),
        filter.integration.map(|id| id.as_uuid()),
        filter.level.map(Level::as_str),
        after,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Entry {
            id: row.id,
            integration: row.integration_id.into(),
            platform: row.platform,
            at: row.at,
            level: row.level,
            event: row.event,
            message: row.message,
            details: row.details,
        })
        .collect())
}

/// Forgets entries older than this; housekeeping. Returns how many.
pub async fn prune(db: &Db, older_than: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!("delete from integration_logs where at < $1", older_than)
        .execute(db.system_pool())
        .await?;
    Ok(done.rows_affected())
}
