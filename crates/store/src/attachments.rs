//! Pictures and files that came with messages: fetched from the platform after the message is stored, never before it
//! is acknowledged.

use crate::{Db, StoreError, blobs, intake::interval};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttachmentId, IntegrationId, LeaseToken, WorkspaceId};

/// An attachment to fetch.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The attachment.
    pub id: AttachmentId,
    /// Ours as long as the row has it.
    pub lease: LeaseToken,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The integration whose credentials open it.
    pub integration: IntegrationId,
    /// Where it lies on the platform.
    pub url: String,
    /// MIME type as the platform said.
    pub content_type: String,
    /// The file's name, where the platform told it.
    pub name: Option<String>,
    /// Earlier tries.
    pub attempts: i32,
}

/// Claims up to `limit` attachments that are due.
pub async fn claim(
    db: &Db,
    now: DateTime<Utc>,
    lease_for: TimeDelta,
    limit: i64,
) -> Result<Vec<Claim>, StoreError> {
    let rows = sqlx::query!(
        r#"
        update attachments a
        set lease_token = gen_random_uuid(), lease_until = $1::timestamptz + $2::interval, attempts = attempts + 1
        from (select id from attachments
              where state = 'pending' and due_at <= $1 and (lease_until is null or lease_until < $1)
              order by due_at limit $3 for update skip locked) due
        where a.id = due.id
        returning a.id, a.lease_token as "lease_token!", a.workspace_id, a.integration_id, a.url, a.content_type, a.name, a.attempts
        "#,
        now,
        interval(lease_for),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claim {
            id: row.id.into(),
            lease: row.lease_token.into(),
            workspace: row.workspace_id.into(),
            integration: row.integration_id.into(),
            url: row.url,
            content_type: row.content_type,
            name: row.name,
            attempts: row.attempts,
        })
        .collect())
}

/// Stores what was fetched, and its attachment's state, together.
pub async fn store(db: &Db, claim: &Claim, content_type: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let mut tx = db.system().await?;
    let blob = blobs::insert(&mut tx, claim.workspace, content_type, bytes).await?;
    let updated = sqlx::query!(
        "update attachments set state = 'stored', blob_id = $3, content_type = $4, error = null,
                                lease_token = null, lease_until = null
         where id = $1 and lease_token = $2",
        claim.id.as_uuid(),
        claim.lease.as_uuid(),
        blob.as_uuid(),
        content_type,
    )
    .execute(&mut *tx)
    .await?;
    if updated.rows_affected() > 0 {
        tx.commit().await?;
    }
    Ok(())
}

/// Writes down why an attachment was not fetched: to be tried again at `due_at`, or never.
pub async fn fail(
    db: &Db,
    claim: &Claim,
    reason: &str,
    due_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update attachments set state = case when $4::timestamptz is null then 'refused' else 'pending' end,
                                error = $3, due_at = coalesce($4, due_at), lease_token = null, lease_until = null
         where id = $1 and lease_token = $2",
        claim.id.as_uuid(),
        claim.lease.as_uuid(),
        reason,
        due_at,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}
