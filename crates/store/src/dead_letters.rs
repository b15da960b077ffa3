//! What could not be processed or delivered, with its reason: listed, replayed, discarded.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{DeadLetterId, IntegrationId, MessageId, PartId, Platform, WorkspaceId};
use serde::Serialize;

/// One dead letter, as its owner sees it.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// The integration it belongs to.
    pub integration: Option<IntegrationId>,
    /// `part`: a reply that was not delivered; `turn`: a message that could not be answered; else a queue's name.
    pub kind: String,
    /// The part, if it is one.
    pub part: Option<PartId>,
    /// The message.
    pub message: Option<MessageId>,
    /// Why it is here.
    pub reason: String,
    /// It may have arrived all the same.
    pub may_have_arrived: bool,
    /// When it came here.
    pub created_at: DateTime<Utc>,
}

/// The open dead letters of the workspace, newest first, before `before`.
pub async fn list(
    tx: &mut TenantTx,
    integration: Option<IntegrationId>,
    before: Option<DeadLetterId>,
    limit: i64,
) -> Result<Vec<DeadLetter>, StoreError> {
    let rows = sqlx::query!(
        "select id, integration_id, kind, part_id, message_id, reason, may_have_arrived, created_at
         from dead_letters
         where workspace_id = $1 and replayed_at is null and discarded_at is null
           and ($2::uuid is null or integration_id = $2) and ($3::uuid is null or id < $3)
         order by id desc limit $4",
        tx.workspace().as_uuid(),
        integration.map(|id| id.as_uuid()),
        before.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadLetter {
            id: row.id.into(),
            integration: row.integration_id.map(Into::into),
            kind: row.kind,
            part: row.part_id.map(Into::into),
            message: row.message_id.map(Into::into),
            reason: row.reason,
            may_have_arrived: row.may_have_arrived,
            created_at: row.created_at,
        })
        .collect())
}

/// Which dead letters to replay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection {
    /// This one.
    pub id: Option<DeadLetterId>,
    /// Those of this integration.
    pub integration: Option<IntegrationId>,
    /// Those that came at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Those that came before this time.
    pub until: Option<DateTime<Utc>>,
}

/// What a replay brought back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Parts back in the queue, or to be asked about first where they may have arrived.
    pub parts: u64,
    /// Messages that wait for an answer again.
    pub messages: u64,
    /// Platforms whose senders are to be woken.
    pub platforms: Vec<Platform>,
}

/// Brings dead letters back: each exactly once, however often it is asked. A part is marked late, goes at its
/// integration's pace, and the sender checks opt-out and window again.
pub async fn replay(
    tx: &mut TenantTx,
    selection: Selection,
    now: DateTime<Utc>,
) -> Result<Replayed, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let letters = sqlx::query!(
        "update dead_letters set replayed_at = $6
         where workspace_id = $1 and replayed_at is null and discarded_at is null and kind in ('part', 'turn')
           and ($2::uuid is null or id = $2) and ($3::uuid is null or integration_id = $3)
           and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)
         returning part_id, message_id, kind",
        workspace,
        selection.id.map(|id| id.as_uuid()),
        selection.integration.map(|id| id.as_uuid()),
        selection.from,
        selection.until,
        now,
    )
    .fetch_all(tx.connection())
    .await?;
    let parts: Vec<_> = letters.iter().filter_map(|letter| letter.part_id).collect();
    let messages: Vec<_> = letters
        .iter()
        .filter(|letter| letter.kind == "turn")
        .filter_map(|letter| letter.message_id)
        .collect();

    let revived = sqlx::query!(
        "update parts p set
             state = case when d.may_have_arrived then 'uncertain' else 'queued' end,
             due_at = $2, attempts = 0, resent = false, late = true, expires_at = null, settled_at = null
         from (select distinct on (part_id) part_id, may_have_arrived from dead_letters
               where part_id = any($1) order by part_id, id desc) d
         where p.id = d.part_id and p.state = 'dead'
         returning p.platform",
        &parts,
        now,
    )
    .fetch_all(tx.connection())
    .await?;
    let waiting = sqlx::query!(
        "with again as (
             update messages set state = 'waiting', attempts = 0, error = null, accepted_at = $2
             where id = any($1) and state = 'dead'
             returning conversation_id
         )
         update conversations set due_at = coalesce(due_at, $2), waiting_since = coalesce(waiting_since, $2)
         where id in (select conversation_id from again)",
        &messages,
        now,
    )
    .execute(tx.connection())
    .await?;

    let mut platforms = Vec::new();
    for row in &revived {
        let platform = Platform::try_from(row.platform.as_str())?;
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    Ok(Replayed {
        parts: revived.len() as u64,
        messages: waiting.rows_affected(),
        platforms,
    })
}

/// Puts a dead letter away for good. `false`: no such open dead letter here.
pub async fn discard(tx: &mut TenantTx, id: DeadLetterId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        "update dead_letters set discarded_at = $3
         where workspace_id = $1 and id = $2 and replayed_at is null and discarded_at is null",
        tx.workspace().as_uuid(),
        id.as_uuid(),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(updated.rows_affected() > 0)
}

/// Keeps a queue's message that nobody could process.
pub async fn keep_from_queue(
    db: &Db,
    queue: &str,
    integration: Option<IntegrationId>,
    payload: &[u8],
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into dead_letters (id, workspace_id, integration_id, kind, payload, reason)
         select $1, i.workspace_id, i.id, $3, $4, $5
         from (select 1) one left join integrations i on i.id = $2",
        DeadLetterId::new().as_uuid(),
        integration.map(|id| id.as_uuid()),
        queue,
        payload,
        reason,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Messages of queues that nobody could process, for the installation's administrators: newest first.
pub async fn list_unowned(db: &Db, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
    let rows = sqlx::query!(
        "select id, kind, reason, created_at from dead_letters
         where workspace_id is null and replayed_at is null and discarded_at is null
         order by id desc limit $1",
        limit
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadLetter {
            id: row.id.into(),
            integration: None,
            kind: row.kind,
            part: None,
            message: None,
            reason: row.reason,
            may_have_arrived: false,
            created_at: row.created_at,
        })
        .collect())
}

/// An open dead letter, and whose it is.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The letter.
    pub letter: DeadLetter,
    /// The workspace; none where nobody could read it.
    pub workspace: Option<WorkspaceId>,
    /// Its name.
    pub workspace_name: Option<String>,
    /// The integration's platform.
    pub platform: Option<Platform>,
}

/// The open dead letters of one workspace or of all, newest first, before `before`.
pub async fn list_everywhere(
    db: &Db,
    workspace: Option<WorkspaceId>,
    integration: Option<IntegrationId>,
    before: Option<DeadLetterId>,
    limit: i64,
) -> Result<Vec<Owned>, StoreError> {
    let rows = sqlx::query!(
        r#"select d.id, d.workspace_id, w.name as "workspace_name?", i.platform as "platform?", d.integration_id, d.kind,
                  d.part_id, d.message_id, d.reason, d.may_have_arrived, d.created_at
           from dead_letters d
           left join workspaces w on w.id = d.workspace_id
           left join integrations i on i.id = d.integration_id
           where d.replayed_at is null and d.discarded_at is null
             and ($1::uuid is null or d.workspace_id = $1) and ($2::uuid is null or d.integration_id = $2)
             and ($3::uuid is null or d.id < $3)
           order by d.id desc limit $4"#,
        workspace.map(|id| id.as_uuid()),
        integration.map(|id| id.as_uuid()),
        before.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Owned {
                letter: DeadLetter {
                    id: row.id.into(),
                    integration: row.integration_id.map(Into::into),
                    kind: row.kind,
                    part: row.part_id.map(Into::into),
                    message: row.message_id.map(Into::into),
                    reason: row.reason,
                    may_have_arrived: row.may_have_arrived,
                    created_at: row.created_at,
                },
                workspace: row.workspace_id.map(Into::into),
                workspace_name: row.workspace_name,
                platform: row.platform.map(TryInto::try_into).transpose()?,
            })
        })
        .collect()
}

/// The workspaces that have open dead letters of a selection which can be replayed.
pub async fn owners(db: &Db, selection: Selection) -> Result<Vec<WorkspaceId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"select distinct workspace_id as "workspace_id!" from dead_letters
           where replayed_at is null and discarded_at is null and kind in ('part', 'turn') and workspace_id is not null
             and ($1::uuid is null or id = $1) and ($2::uuid is null or integration_id = $2)
             and ($3::timestamptz is null or created_at >= $3) and ($4::timestamptz is null or created_at < $4)
           order by 1"#,
        selection.id.map(|id| id.as_uuid()),
        selection.integration.map(|id| id.as_uuid()),
        selection.from,
        selection.until,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}
