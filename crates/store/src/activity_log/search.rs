//! The whole installation's log, for its administrators.

use super::Activity;
use crate::{Db, StoreError};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, UserId, WorkspaceId};
use uuid::Uuid;

/// Which entries to list. Every given condition must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Done by this person.
    pub user: Option<UserId>,
    /// Done by somebody whose address contains this.
    pub email: Option<String>,
    /// Done by this API key.
    pub api_key: Option<ApiKeyId>,
    /// Of this name, or of this family: `chatbot` stands for `chatbot.create`, `chatbot.update` and so on.
    pub action: Option<String>,
    /// Done to this.
    pub target: Option<String>,
    /// In this workspace.
    pub workspace: Option<WorkspaceId>,
    /// At this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
}

/// An entry, with where it happened.
#[derive(Debug, Clone)]
pub struct Found {
    /// The entry. Its address is there as long as the account is.
    pub activity: Activity,
    /// Its place in the chain.
    pub position: i64,
    /// The workspace; none for what was done to the installation.
    pub workspace: Option<WorkspaceId>,
    /// That workspace's name, while it exists.
    pub workspace_name: Option<String>,
}

/// Entries of the whole installation, newest first, those older than `after` when it is given.
pub async fn search(
    db: &Db,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Found>, StoreError> {
    let rows = sqlx::query!(
        r#"select a.id, a.workspace_id, w.name as "workspace_name?", a.user_id, u.email as "email?", a.api_key_id,
                  a.action, a.target, a.details, a.ip, a.request_id, a.at, coalesce(a.position, 0) as "position!"
           from activity_log a
           left join users u on u.id = a.user_id
           left join workspaces w on w.id = a.workspace_id
           where ($1::uuid is null or a.id < $1)
             and ($2::uuid is null or a.user_id = $2)
             and ($3::text is null or position(lower($3) in lower(u.email)) > 0)
             and ($4::uuid is null or a.api_key_id = $4)
             and ($5::text is null or a.action = $5 or starts_with(a.action, $5 || '.'))
             and ($6::text is null or a.target = $6)
             and ($7::uuid is null or a.workspace_id = $7)
             and ($8::timestamptz is null or a.at >= $8)
             and ($9::timestamptz is null or a.at < $9)
           order by a.id desc limit $10"#,
        after,
        filter.user.map(|id| id.as_uuid()),
        filter.email,
        filter.api_key.map(|id| id.as_uuid()),
        filter.action,
        filter.target,
        filter.workspace.map(|id| id.as_uuid()),
        filter.since,
        filter.until,
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Found {
            activity: Activity {
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
            },
            position: row.position,
            workspace: row.workspace_id.map(Into::into),
            workspace_name: row.workspace_name,
        })
        .collect())
}
