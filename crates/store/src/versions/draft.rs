//! The draft of a chatbot: what is being worked on, beside what is live.

use super::{Author, Candidate, Keys};
use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::ChatbotId;

/// A draft.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it says, with its keys.
    pub candidate: Candidate,
    /// The version that was live when it was begun.
    pub base: i64,
    /// Who changed it last.
    pub author: Author,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A chatbot's draft.
pub async fn draft(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<Draft>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select settings, keys, base_number, user_id, api_key_id, created_at, updated_at from chatbot_drafts
         where chatbot_id = $1 and workspace_id = $2",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        let keys: Keys = serde_json::from_value(row.keys)?;
        Ok(Draft {
            candidate: Candidate::join(row.settings, &keys)?,
            base: row.base_number,
            author: Author {
                user: row.user_id.map(Into::into),
                api_key: row.api_key_id.map(Into::into),
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    })
    .transpose()
}

/// The same, held until the transaction ends, so that two changes come one after the other.
pub async fn draft_for_update(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<Draft>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "select 1 as one from chatbots where id = $1 and workspace_id = $2 for update",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    draft(tx, chatbot).await
}

/// Writes a chatbot's draft. `false`: the workspace has no such chatbot.
pub async fn save_draft(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    candidate: &Candidate,
    author: Author,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let (settings, keys) = candidate.split()?;
    let done = sqlx::query!(
        "insert into chatbot_drafts (chatbot_id, workspace_id, settings, keys, base_number, user_id, api_key_id,
                                     created_at, updated_at)
         select id, workspace_id, $3, $4, live_version, $5, $6, $7, $7 from chatbots where id = $1 and workspace_id = $2
         on conflict (chatbot_id) do update
             set settings = excluded.settings, keys = excluded.keys, user_id = excluded.user_id,
                 api_key_id = excluded.api_key_id, updated_at = excluded.updated_at",
        chatbot.as_uuid(),
        workspace,
        settings,
        serde_json::to_value(keys)?,
        author.user.map(|id| id.as_uuid()),
        author.api_key.map(|id| id.as_uuid()),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Throws a chatbot's draft away. `false`: there is none.
pub async fn delete_draft(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from chatbot_drafts where chatbot_id = $1 and workspace_id = $2",
        chatbot.as_uuid(),
        workspace,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
