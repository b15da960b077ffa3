//! What platforms report about what we sent.
//!
//! Invariant: a state moves only upward — queued, sent, failed, delivered, read — in whatever order reports come.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};
use domain::{ConversationId, IntegrationId, PartId, PartState, WorkspaceId};

/// One report.
#[derive(Debug, Clone)]
pub struct Status {
    /// The workspace it belongs to.
    pub workspace: WorkspaceId,
    /// The integration it came through: a report never touches another's parts.
    pub integration: IntegrationId,
    /// Our id of the part, where the report carried it.
    pub part: Option<PartId>,
    /// The platform's id of the message.
    pub platform_message_id: String,
    /// What became of it.
    pub state: PartState,
    /// The platform's error, on failure.
    pub error: Option<String>,
    /// When the report came.
    pub at: DateTime<Utc>,
}

/// A report of everything that was sent to a conversation up to a time.
#[derive(Debug, Clone)]
pub struct Watermark {
    /// The integration it came through.
    pub integration: IntegrationId,
    /// The conversation, as the platform names it.
    pub conversation_key: String,
    /// `Delivered` or `Read`.
    pub state: PartState,
    /// Everything that the platform took at this time or before.
    pub up_to: DateTime<Utc>,
    /// When the report came.
    pub at: DateTime<Utc>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The part moved upward.
    Moved {
        /// The report proved that a part in an unknown state had arrived: later parts may go.
        settled: bool,
        /// The workspace in which it was sent …
        workspace: WorkspaceId,
        /// … and the conversation.
        conversation: ConversationId,
    },
    /// The part is there and further already.
    Stale,
    /// Its send is not recorded yet: kept, and applied with it.
    Early,
}

/// Applies reports, all or none. One for a part that is being sent proves that the platform has it: it is never sent
/// again. The answers are in the reports' order.
pub async fn apply(db: &Db, statuses: &[Status]) -> Result<Vec<Applied>, StoreError> {
    let mut tx = db.system().await?;
    let mut applied = Vec::with_capacity(statuses.len());
    for status in statuses {
        applied.push(apply_one(&mut tx, status).await?);
    }
    tx.commit().await?;
    Ok(applied)
}

/// Moves everything up to a watermark upward. The workspace and the conversation in which something moved.
///
/// The watermark is a time of the platform's, who has a message before we know that it has: what counts is when it was
/// handed over, where that was done once.
pub async fn apply_watermark(
    db: &Db,
    watermark: &Watermark,
) -> Result<Option<(WorkspaceId, ConversationId)>, StoreError> {
    let moved = sqlx::query!(
        "with moved as (
         update parts p set
             state = $3, delivered_at = coalesce(p.delivered_at, $5),
             read_at = case when $3 = 'read' then coalesce(p.read_at, $5) else p.read_at end
         from conversations v
         where v.integration_id = $1 and v.key = $2 and p.conversation_id = v.id
           and case when p.attempts <= 1 then coalesce(p.first_attempt_at, p.sent_at) else p.sent_at end <= $4
           and p.state in ('sent', 'delivered')
           and array_position(array['sent', 'delivered', 'read'], $3) > array_position(array['sent', 'delivered', 'read'], p.state)
         returning p.workspace_id, p.conversation_id)
         select workspace_id, conversation_id from moved limit 1",
        watermark.integration.as_uuid(),
        watermark.conversation_key,
        watermark.state.as_str(),
        watermark.up_to,
        watermark.at,
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(moved.map(|row| (row.workspace_id.into(), row.conversation_id.into())))
}

async fn apply_one(tx: &mut SystemTx, status: &Status) -> Result<Applied, StoreError> {
    let part = sqlx::query!(
        "select id, state, workspace_id, conversation_id from parts
         where integration_id = $1 and (id = $2 or ($2 is null and platform_message_id = $3))
         for update",
        status.integration.as_uuid(),
        status.part.map(|part| part.as_uuid()),
        status.platform_message_id,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(part) = part else {
        sqlx::query!(
            "insert into pending_statuses (workspace_id, integration_id, platform_message_id, state, error, received_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (integration_id, platform_message_id) do update
             set state = excluded.state, error = excluded.error, received_at = excluded.received_at
             where array_position(array['queued', 'sent', 'failed', 'delivered', 'read'], excluded.state)
                 > array_position(array['queued', 'sent', 'failed', 'delivered', 'read'], pending_statuses.state)",
            status.workspace.as_uuid(),
            status.integration.as_uuid(),
            status.platform_message_id,
            status.state.as_str(),
            status.error,
            status.at,
        )
        .execute(&mut **tx)
        .await?;
        return Ok(Applied::Early);
    };

    let before: PartState = part.state.parse()?;
    // Whatever it reports, the platform speaks of a message that it has.
    let reported = if status.state == PartState::Queued {
        PartState::Sent
    } else {
        status.state
    };
    let (Some(from), Some(to)) = (before.rank(), reported.rank()) else {
        return Ok(Applied::Stale);
    };
    if to <= from {
        return Ok(Applied::Stale);
    }
    sqlx::query!(
        "update parts set
             state = $2, platform_message_id = coalesce(platform_message_id, nullif($3, '')),
             error = $4, lease_token = null, lease_until = null,
             sent_at = coalesce(sent_at, $5), settled_at = coalesce(settled_at, $5),
             delivered_at = case when $2 in ('delivered', 'read') then coalesce(delivered_at, $5) else delivered_at end,
             read_at = case when $2 = 'read' then coalesce(read_at, $5) else read_at end
         where id = $1",
        part.id,
        reported.as_str(),
        status.platform_message_id,
        status.error,
        status.at,
    )
    .execute(&mut **tx)
    .await?;
    if reported == PartState::Failed {
        sqlx::query!(
            "insert into integration_logs (id, workspace_id, integration_id, level, event, message, details)
             values ($1, $2, $3, 'error', 'delivery.failed', $4, jsonb_build_object('part', $5::text))",
            uuid::Uuid::now_v7(),
            status.workspace.as_uuid(),
            status.integration.as_uuid(),
            status
                .error
                .as_deref()
                .unwrap_or("the platform reports that the message failed"),
            part.id.to_string(),
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(Applied::Moved {
        settled: !before.is_settled(),
        workspace: part.workspace_id.into(),
        conversation: part.conversation_id.into(),
    })
}

/// Applies reports whose send has been recorded since: the two may have passed each other, which is a matter of moments.
/// Older ones are about what others sent from the same account, and there may be many. How many.
pub async fn apply_pending(db: &Db) -> Result<usize, StoreError> {
    let mut tx = db.system().await?;
    let matched = sqlx::query!(
        "select s.workspace_id, s.integration_id, s.platform_message_id, s.state, s.error, s.received_at, p.id
         from pending_statuses s
         join parts p on p.integration_id = s.integration_id and p.platform_message_id = s.platform_message_id
         where s.received_at > now() - interval '1 hour'
         limit 1000"
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut statuses = Vec::with_capacity(matched.len());
    for row in &matched {
        statuses.push(Status {
            workspace: row.workspace_id.into(),
            integration: row.integration_id.into(),
            part: Some(row.id.into()),
            platform_message_id: row.platform_message_id.clone(),
            state: row.state.parse()?,
            error: row.error.clone(),
            at: row.received_at,
        });
    }
    for row in &matched {
        sqlx::query!(
            "delete from pending_statuses where integration_id = $1 and platform_message_id = $2 and received_at = $3",
            row.integration_id,
            row.platform_message_id,
            row.received_at,
        )
        .execute(&mut *tx)
        .await?;
    }
    for status in &statuses {
        apply_one(&mut tx, status).await?;
    }
    tx.commit().await?;
    Ok(statuses.len())
}
