//! Canned replies: texts that a workspace's members answer with again and again.

use crate::{StoreError, TenantTx};
use domain::CannedReplyId;

/// A canned reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannedReply {
    /// Its id.
    pub id: CannedReplyId,
    /// What is typed after a slash to get it. No two of a workspace have the same.
    pub name: String,
    /// What it says, with `{{contact.name}}` and `{{agent.name}}` where those are to stand.
    pub text: String,
}

/// The workspace's canned replies, the oldest first.
pub async fn list(
    tx: &mut TenantTx,
    after: Option<CannedReplyId>,
    limit: i64,
) -> Result<Vec<CannedReply>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, name, text from canned_replies
         where workspace_id = $1 and ($2::uuid is null or id > $2)
         order by id limit $3",
        workspace,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| CannedReply {
            id: row.id.into(),
            name: row.name,
            text: row.text,
        })
        .collect())
}

/// Adds one. [`StoreError::Taken`]: there is one of this name.
pub async fn insert(tx: &mut TenantTx, reply: &CannedReply) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "insert into canned_replies (id, workspace_id, name, text) values ($1, $2, $3, $4)",
        reply.id.as_uuid(),
        workspace,
        reply.name,
        reply.text,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives one another name and text. `false`: there is none such.
pub async fn update(tx: &mut TenantTx, reply: &CannedReply) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update canned_replies set name = $3, text = $4, updated_at = now() where workspace_id = $1 and id = $2",
        workspace,
        reply.id.as_uuid(),
        reply.name,
        reply.text,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes one. `false`: there is none such.
pub async fn delete(tx: &mut TenantTx, id: CannedReplyId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from canned_replies where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
