//! Credits: what a workspace was given, to be used up by its invoices.

use crate::{StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use sqlx::PgConnection;
use uuid::Uuid;

/// A credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Its id.
    pub id: Uuid,
    /// ISO 4217.
    pub currency: String,
    /// What was given, in the currency's smallest unit.
    pub amount_minor: i64,
    /// What invoices have used of it.
    pub used_minor: i64,
    /// What for.
    pub note: String,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// Gives a workspace credit. `false`: there is no such workspace.
pub async fn give(tx: &mut SystemTx, workspace: WorkspaceId, credit: &Credit) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into credits (id, workspace_id, currency, amount_minor, note, created_at)
         select $1, w.id, $3, $4, $5, $6 from workspaces w where w.id = $2",
        credit.id,
        workspace.as_uuid(),
        credit.currency,
        credit.amount_minor,
        credit.note,
        credit.created_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The credits of this transaction's workspace, the newest first.
pub async fn of_tenant(tx: &mut TenantTx) -> Result<Vec<Credit>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    find(tx.connection(), workspace).await
}

/// The credits of a workspace, the newest first.
pub async fn of_workspace(tx: &mut SystemTx, workspace: WorkspaceId) -> Result<Vec<Credit>, StoreError> {
    find(tx, workspace.as_uuid()).await
}

async fn find(connection: &mut PgConnection, workspace: Uuid) -> Result<Vec<Credit>, StoreError> {
    Ok(sqlx::query_as!(
        Credit,
        "select id, currency, amount_minor, used_minor, note, created_at from credits
         where workspace_id = $1 order by id desc limit 200",
        workspace
    )
    .fetch_all(connection)
    .await?)
}

/// Uses up to `most` of what the workspace has of this currency, the oldest first. How much was used.
pub(crate) async fn spend(
    tx: &mut SystemTx,
    workspace: Uuid,
    currency: &str,
    most: i64,
) -> Result<i64, StoreError> {
    let open = sqlx::query!(
        "select id, amount_minor - used_minor as \"left!\" from credits
         where workspace_id = $1 and currency = $2 and used_minor < amount_minor order by id for update",
        workspace,
        currency,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut spent = 0;
    for credit in open {
        let part = credit.left.min(most - spent);
        if part <= 0 {
            break;
        }
        sqlx::query!(
            "update credits set used_minor = used_minor + $2 where id = $1",
            credit.id,
            part
        )
        .execute(&mut **tx)
        .await?;
        spent += part;
    }
    Ok(spent)
}
