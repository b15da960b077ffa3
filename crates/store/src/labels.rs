//! Labels: what a workspace's members mark conversations with.

use crate::{StoreError, TenantTx};
use domain::{ConversationId, LabelId};
use serde::Deserialize;

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Its id.
    pub id: LabelId,
    /// What it says. No two of a workspace say the same.
    pub name: String,
    /// The name of its colour.
    pub colour: String,
}

/// The workspace's labels, the oldest first.
pub async fn list(tx: &mut TenantTx, after: Option<LabelId>, limit: i64) -> Result<Vec<Label>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, name, colour from labels
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
        .map(|row| Label {
            id: row.id.into(),
            name: row.name,
            colour: row.colour,
        })
        .collect())
}

/// One label.
pub async fn get(tx: &mut TenantTx, id: LabelId) -> Result<Option<Label>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select name, colour from labels where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Label {
        id,
        name: row.name,
        colour: row.colour,
    }))
}

/// Adds a label. [`StoreError::Taken`]: there is one that says the same.
pub async fn insert(tx: &mut TenantTx, label: &Label) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "insert into labels (id, workspace_id, name, colour) values ($1, $2, $3, $4)",
        label.id.as_uuid(),
        workspace,
        label.name,
        label.colour,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Has a label say something else, or in another colour. `false`: there is no such label.
pub async fn update(tx: &mut TenantTx, label: &Label) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update labels set name = $3, colour = $4 where workspace_id = $1 and id = $2",
        workspace,
        label.id.as_uuid(),
        label.name,
        label.colour,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a label, from every conversation too. `false`: there is no such label.
pub async fn delete(tx: &mut TenantTx, id: LabelId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from labels where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a label on a conversation, where it may be already. `false`: there is no such label or conversation here.
pub async fn attach(
    tx: &mut TenantTx,
    conversation: ConversationId,
    label: LabelId,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "insert into conversation_labels (conversation_id, label_id, workspace_id)
         select v.id, l.id, v.workspace_id from conversations v join labels l on l.workspace_id = v.workspace_id
         where v.workspace_id = $1 and v.id = $2 and l.id = $3
         on conflict (conversation_id, label_id) do update set workspace_id = excluded.workspace_id",
        workspace,
        conversation.as_uuid(),
        label.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a label off a conversation. `false`: it has no such label.
pub async fn detach(
    tx: &mut TenantTx,
    conversation: ConversationId,
    label: LabelId,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from conversation_labels where workspace_id = $1 and conversation_id = $2 and label_id = $3",
        workspace,
        conversation.as_uuid(),
        label.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
