//! Answers that are shown on a platform while they are being written.
//!
//! Invariants:
//! - A row is committed before the platform is called, and a conversation has at most one that is being written: a turn
//!   that follows one that died goes on with it.
//! - The turn's commit ties it to the first part of the answer ([`crate::turns::commit`]). What no answer will come of is
//!   found by what the rows say, whoever died meanwhile, and withdrawn ([`claim_withdrawals`]).
//! - Every call is paid for out of the integration's pace, and none is made while it is paused.

use crate::{Db, StoreError, SystemTx, intake::interval, parts::CLAIM_LOCK, turns};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, IntegrationId, MessageId, PartId, Platform, WorkspaceId};
use std::fmt;

/// An answer that is being written.
#[derive(Clone)]
pub struct Draft {
    /// Its id; what the platform is given as the part's.
    pub id: PartId,
    /// Its integration.
    pub integration: IntegrationId,
    /// What was last handed to the platform, as its `compose` made it.
    pub content: serde_json::Value,
    /// The platform's id of the message. `None`: whether the platform has it is not known.
    pub platform_message_id: Option<String>,
    /// When the platform was first called with it.
    pub first_called_at: DateTime<Utc>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("id", &self.id)
            .field("platform_message_id", &self.platform_message_id)
            .finish_non_exhaustive()
    }
}

/// Whether the integration's owner wants answers to be shown while they are written.
pub async fn wanted(db: &Db, integration: IntegrationId) -> Result<bool, StoreError> {
    let wanted = sqlx::query_scalar!(
        "select streaming and enabled from integrations where id = $1",
        integration.as_uuid()
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(wanted.flatten().unwrap_or(false))
}

/// Whom the conversation is with, and what the platform gave with the message that is answered; without one, with the
/// newest. `None`: the conversation has been deleted.
pub async fn correspondent(
    db: &Db,
    conversation: ConversationId,
    reply_to: Option<MessageId>,
) -> Result<Option<turns::Correspondent>, StoreError> {
    let row = sqlx::query!(
        r#"select k.key as contact_key, v.key as conversation_key, m.id as "message?", m.reply_to as "reply_to?"
           from conversations v join contacts k on k.id = v.contact_id
           left join messages m on m.id = coalesce($2, v.last_inbound)
           where v.id = $1"#,
        conversation.as_uuid(),
        reply_to.map(|id| id.as_uuid()),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| turns::Correspondent {
        contact_key: row.contact_key,
        conversation_key: row.conversation_key,
        reply_to: row.message.map(MessageId::from).zip(row.reply_to),
    }))
}

/// Whether an answer may be shown while it is being written.
#[derive(Debug)]
pub enum Begun {
    /// This is its row; the platform has not been called.
    New(Draft),
    /// A turn before this one has begun to show its answer.
    Before(Draft),
    /// Not at this moment: pace, a pause, or something earlier that is still to be sent.
    NotNow,
    /// Not in this turn: its owner does not want it, a human has the conversation, or another worker.
    Never,
}

/// Begins to show an answer of this turn. `content` is what the platform will be called with first.
pub async fn begin(
    db: &Db,
    claim: &turns::Claim,
    content: &serde_json::Value,
    reply_to: Option<MessageId>,
    now: DateTime<Utc>,
) -> Result<Begun, StoreError> {
    let mut tx = db.system().await?;
    let row = sqlx::query!(
        r#"select i.streaming and i.enabled and i.state <> 'error' and v.handler = 'bot' as "wanted!",
                  d.id as "draft_id?", d.content as "content?", d.platform_message_id,
                  d.first_called_at as "first_called_at?",
                  exists (select from parts p where p.conversation_id = v.id
                          and (p.state in ('queued', 'sending', 'uncertain', 'parked')
                               or p.sent_at > $3::timestamptz - make_interval(secs => i.conversation_gap_ms / 1000.0))) as "busy!"
           from conversations v join integrations i on i.id = v.integration_id
           left join drafts d on d.conversation_id = v.id and d.state = 'writing'
           where v.id = $1 and v.lease_token = $2"#,
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row.filter(|row| row.wanted) else {
        return Ok(Begun::Never);
    };
    if let (Some(id), Some(content), Some(first_called_at)) = (row.draft_id, row.content, row.first_called_at)
    {
        return Ok(Begun::Before(Draft {
            id: id.into(),
            integration: claim.integration,
            content,
            platform_message_id: row.platform_message_id,
            first_called_at,
        }));
    }
    if row.busy || !pay(&mut tx, claim.integration, &claim.platform, now).await? {
        return Ok(Begun::NotNow);
    }
    let draft = Draft {
        id: PartId::new(),
        integration: claim.integration,
        content: content.clone(),
        platform_message_id: None,
        first_called_at: now,
    };
    sqlx::query!(
        "insert into drafts (id, workspace_id, integration_id, conversation_id, platform, reply_to_message_id, content,
                             first_called_at, called_at, due_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)",
        draft.id.as_uuid(),
        claim.workspace.as_uuid(),
        claim.integration.as_uuid(),
        claim.conversation.as_uuid(),
        claim.platform.as_str(),
        reply_to.map(|id| id.as_uuid()),
        content,
        now,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Begun::New(draft))
}

/// Whether the platform may be called with a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Yes; that it is called is written down.
    Yes,
    /// Not at this moment: pace, or a pause.
    NotNow,
    /// Not any more: the conversation or the draft is not ours.
    Never,
}

/// Writes down that the platform is about to be called with a newer version, if it may be.
pub async fn next_version(
    db: &Db,
    claim: &turns::Claim,
    draft: PartId,
    content: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<Allowed, StoreError> {
    let mut tx = db.system().await?;
    if !pay(&mut tx, claim.integration, &claim.platform, now).await? {
        return Ok(Allowed::NotNow);
    }
    let updated = sqlx::query!(
        "update drafts set content = $3, called_at = $4, versions = versions + 1
         where id = $1 and state = 'writing'
           and exists (select from conversations v where v.id = conversation_id and v.lease_token = $2
                       and v.handler = 'bot')",
        draft.as_uuid(),
        claim.lease.as_uuid(),
        content,
        now,
    )
    .execute(&mut *tx)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(Allowed::Never);
    }
    tx.commit().await?;
    Ok(Allowed::Yes)
}

/// Takes one call out of the integration's pace. `false`: there is none now. It shares the lock of
/// [`crate::parts::claim`], so that the pace holds exactly.
async fn pay(
    tx: &mut SystemTx,
    integration: IntegrationId,
    platform: &Platform,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock($1, hashtext($2))",
        CLAIM_LOCK,
        platform.as_str()
    )
    .execute(&mut **tx)
    .await?;
    let paid = sqlx::query!(
        "with open as (
             select id, least(greatest(sends_per_second, 1),
                              tokens + greatest(extract(epoch from $2::timestamptz - tokens_at)::float8, 0) * sends_per_second) as tokens
             from integrations
             where id = $1 and enabled and state <> 'error' and (paused_until is null or paused_until <= $2)
         )
         update integrations i set tokens = o.tokens - 1, tokens_at = $2 from open o where i.id = o.id and o.tokens >= 1",
        integration.as_uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(paid.rows_affected() > 0)
}

/// The platform has it: true whoever has the row by now.
pub async fn sent(db: &Db, draft: PartId, platform_message_id: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update drafts set platform_message_id = coalesce(platform_message_id, $2),
                           state = case when state = 'lost' then 'withdrawing' else state end
         where id = $1",
        draft.as_uuid(),
        platform_message_id,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The platform does not have it, and it was never shown.
pub async fn forget(db: &Db, draft: PartId) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from drafts where id = $1 and platform_message_id is null",
        draft.as_uuid()
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// It cannot become the answer: it is withdrawn, and the answer sent as a message of its own.
pub async fn give_up(db: &Db, draft: PartId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update drafts set state = 'withdrawing', due_at = $3, error = $2 where id = $1 and state in ('writing', 'tied')",
        draft.as_uuid(),
        reason,
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The platform has had enough of this integration: nothing goes to it before `until`.
pub async fn pause(db: &Db, integration: IntegrationId, until: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update integrations set paused_until = greatest(paused_until, $2), tokens = 0 where id = $1",
        integration.as_uuid(),
        until,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The draft whose place a part takes, if any.
pub async fn of_part(db: &Db, part: PartId) -> Result<Option<Draft>, StoreError> {
    let row = sqlx::query!(
        "select id, integration_id, content, platform_message_id, first_called_at from drafts
         where part_id = $1 and state = 'tied'",
        part.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| Draft {
        id: row.id.into(),
        integration: row.integration_id.into(),
        content: row.content,
        platform_message_id: row.platform_message_id,
        first_called_at: row.first_called_at,
    }))
}

/// Of the platform's ids, those that no part and no other draft has.
pub async fn not_of_others(
    db: &Db,
    draft: &Draft,
    platform_message_ids: &[String],
) -> Result<Vec<String>, StoreError> {
    let taken = sqlx::query_scalar!(
        r#"select platform_message_id as "id!" from parts
           where integration_id = $1 and platform_message_id = any($2)
           union all
           select platform_message_id from drafts
           where integration_id = $1 and platform_message_id = any($2) and id <> $3"#,
        draft.integration.as_uuid(),
        platform_message_ids,
        draft.id.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(platform_message_ids
        .iter()
        .filter(|id| !taken.contains(id))
        .cloned()
        .collect())
}

/// A draft to be withdrawn, in our hand.
#[derive(Clone)]
pub struct Withdrawal {
    /// The draft.
    pub draft: Draft,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The person it went to, as the platform names them.
    pub contact_key: String,
    /// The conversation, as the platform names it.
    pub conversation_key: String,
    /// The inbound message it answers and what, sealed, the platform gave with it.
    pub reply_to: Option<(MessageId, Vec<u8>)>,
    /// How often it was tried before.
    pub attempts: i32,
}

impl fmt::Debug for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Withdrawal")
            .field("draft", &self.draft)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Claims up to `limit` drafts of a platform that no answer will come of: what was given up, what a turn left in a
/// conversation in which nothing is to be answered, and what belongs to a part that will not be sent.
pub async fn claim_withdrawals(
    db: &Db,
    platform: &Platform,
    now: DateTime<Utc>,
    lease_for: TimeDelta,
    limit: i64,
) -> Result<Vec<Withdrawal>, StoreError> {
    // Nothing remains to be done for these.
    sqlx::query!(
        "update drafts d set state = 'shown' from parts p
         where d.platform = $1 and d.state = 'tied' and p.id = d.part_id
           and p.state in ('sent', 'failed', 'delivered', 'read')",
        platform.as_str(),
    )
    .execute(db.system_pool())
    .await?;
    let rows = sqlx::query!(
        r#"
        with due as (
            select d.id from drafts d
            where d.platform = $1 and d.state in ('writing', 'tied', 'withdrawing') and d.due_at <= $2
              and (d.lease_until is null or d.lease_until <= $2)
              and case d.state
                  when 'writing' then exists (
                      select from conversations v where v.id = d.conversation_id and v.lease_token is null
                        and (v.due_at is null or v.handler = 'human'))
                  when 'tied' then not exists (
                      select from parts p where p.id = d.part_id and p.state not in ('cancelled', 'expired', 'dead'))
                  else true
              end
            order by d.due_at limit $3
            for update skip locked
        ), claimed as (
            update drafts d set state = 'withdrawing', lease_until = $2::timestamptz + $4::interval
            from due where d.id = due.id
            returning d.*
        )
        select c.id as "id!", c.workspace_id as "workspace_id!", c.integration_id as "integration_id!",
               c.conversation_id as "conversation_id!", c.content as "content!", c.platform_message_id,
               c.first_called_at as "first_called_at!", c.attempts as "attempts!", k.key as "contact_key!",
               v.key as "conversation_key!", m.id as "message_id?", m.reply_to as "reply_to?"
        from claimed c
        join conversations v on v.id = c.conversation_id
        join contacts k on k.id = v.contact_id
        left join messages m on m.id = coalesce(c.reply_to_message_id, v.last_inbound)
        "#,
        platform.as_str(),
        now,
        limit,
        interval(lease_for),
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Withdrawal {
            draft: Draft {
                id: row.id.into(),
                integration: row.integration_id.into(),
                content: row.content,
                platform_message_id: row.platform_message_id,
                first_called_at: row.first_called_at,
            },
            workspace: row.workspace_id.into(),
            conversation: row.conversation_id.into(),
            contact_key: row.contact_key,
            conversation_key: row.conversation_key,
            reply_to: row.message_id.map(MessageId::from).zip(row.reply_to),
            attempts: row.attempts,
        })
        .collect())
}

/// What became of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is gone.
    Gone,
    /// Try again then.
    Later {
        /// When.
        due_at: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// It stays where it is, or cannot be found: the integration's log says so.
    Lost {
        /// Why.
        reason: String,
    },
}

/// Writes down what became of a withdrawal.
pub async fn settle_withdrawal(
    db: &Db,
    withdrawal: &Withdrawal,
    withdrawn: &Withdrawn,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (state, due_at, reason) = match withdrawn {
        Withdrawn::Gone => ("withdrawn", now, None),
        Withdrawn::Later { due_at, reason } => ("withdrawing", *due_at, Some(reason.as_str())),
        Withdrawn::Lost { reason } => ("lost", now, Some(reason.as_str())),
    };
    let mut tx = db.system().await?;
    let updated = sqlx::query!(
        "update drafts set state = $2, due_at = $3, error = coalesce($4, error), attempts = attempts + 1,
                           lease_until = null
         where id = $1 and state = 'withdrawing'",
        withdrawal.draft.id.as_uuid(),
        state,
        due_at,
        reason,
    )
    .execute(&mut *tx)
    .await?;
    if let Withdrawn::Lost { reason } = withdrawn
        && updated.rows_affected() > 0
    {
        sqlx::query!(
            "insert into integration_logs (id, workspace_id, integration_id, level, event, message, details)
             values ($1, $2, $3, 'warning', 'draft.left', $4, jsonb_build_object('conversation', $5::text))",
            uuid::Uuid::now_v7(),
            withdrawal.workspace.as_uuid(),
            withdrawal.draft.integration.as_uuid(),
            format!("an answer that was not finished was not taken back: {reason}"),
            withdrawal.conversation.to_string(),
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}
