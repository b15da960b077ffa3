//! Parts of replies on their way to a platform: claimed by senders, called out, settled.
//!
//! Invariants:
//! - A part goes only when every earlier part of its conversation is settled.
//! - It is marked `sending` in a durable commit before the platform is called, so that after a crash the platform is
//!   asked before anything is sent again.
//! - Pace and pauses are kept per integration in the integration's row, so all senders share them.

use crate::{Db, StoreError, SystemTx, intake::interval};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ChatbotId, ConversationId, DeadLetterId, IntegrationId, LeaseToken, MessageId, PartId, Platform, Sender,
    WorkspaceId,
};
use std::fmt;
use uuid::Uuid;

/// Claims of one platform are made one after the other, so that pace holds exactly and integrations take turns.
pub(crate) const CLAIM_LOCK: i32 = 0x7365_6e64;

/// A part in our hand.
#[derive(Clone)]
pub struct Claim {
    /// The part.
    pub id: PartId,
    /// Ours as long as the row has it.
    pub lease: LeaseToken,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its bot.
    pub chatbot: ChatbotId,
    /// Its integration.
    pub integration: IntegrationId,
    /// The integration's version: credentials that were read at an older one are out of date.
    pub integration_version: i64,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message it belongs to.
    pub message: MessageId,
    /// Who wrote it.
    pub sender: Sender,
    /// The person it goes to, as the platform names them.
    pub contact_key: String,
    /// The conversation, as the platform names it.
    pub conversation_key: String,
    /// What to deliver, as the platform's `compose` made it.
    pub content: serde_json::Value,
    /// The inbound message it answers and what, sealed, the platform gave with it.
    pub reply_to: Option<(MessageId, Vec<u8>)>,
    /// A call was made before and its outcome is unknown: ask the platform first.
    pub uncertain: bool,
    /// It has been sent once more after an unknown outcome already.
    pub resent: bool,
    /// Calls made before this one.
    pub attempts: i32,
    /// When the platform was first called with it, this call included: never before it was first claimed.
    pub first_attempt_at: Option<DateTime<Utc>>,
    /// When it is not worth sending any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// The person has said STOP.
    pub opted_out: bool,
    /// A human has the conversation.
    pub human: bool,
    /// When the person last wrote.
    pub last_inbound_at: Option<DateTime<Utc>>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Claims up to `limit` parts of a platform that are due at `now` and may go: integrations in turn, the least recently
/// served first, none faster than its pace, and of one integration no more than `per_integration` in all senders' hands.
pub async fn claim(
    db: &Db,
    platform: &Platform,
    now: DateTime<Utc>,
    lease_for: TimeDelta,
    limit: i64,
    per_integration: i64,
) -> Result<Vec<Claim>, StoreError> {
    let mut tx = db.system().await?;
    // A plan that was made while the table was small would read all of it for ever: only indices will do.
    sqlx::query!("set local enable_seqscan = off")
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "select pg_advisory_xact_lock($1, hashtext($2))",
        CLAIM_LOCK,
        platform.as_str()
    )
    .execute(&mut *tx)
    .await?;
    let rows = sqlx::query!(
        r#"
        with recursive lanes as (
            (select integration_id from parts
             where platform = $1 and state in ('queued', 'uncertain')
             order by integration_id limit 1)
            union all
            select (select p.integration_id from parts p
                    where p.platform = $1 and p.state in ('queued', 'uncertain') and p.integration_id > l.integration_id
                    order by p.integration_id limit 1)
            from lanes l where l.integration_id is not null
        ), open as (
            select i.id, i.served_at, i.conversation_gap_ms as gap,
                   least(greatest(i.sends_per_second, 1),
                         i.tokens + greatest(extract(epoch from $2 - i.tokens_at)::float8, 0) * i.sends_per_second) as tokens,
                   $5 - (select count(*) from parts busy
                         where busy.integration_id = i.id and busy.state = 'sending') as free
            from lanes l join integrations i on i.id = l.integration_id
            where i.enabled and i.state <> 'error' and (i.paused_until is null or i.paused_until <= $2)
        ), picked as (
            select d.id, d.state
            from open o cross join lateral (
                select due.id, due.state, row_number() over (order by due.due_at, due.id) as n
                from (select p.id, p.state, p.due_at from parts p
                      where p.platform = $1 and p.integration_id = o.id and p.state in ('queued', 'uncertain')
                        and p.due_at <= $2
                        and (o.gap = 0 or not exists (
                            select from parts before
                            where before.conversation_id = p.conversation_id
                              and before.sent_at > $2 - make_interval(secs => o.gap / 1000.0)))
                        and not exists (
                            select from parts earlier
                            where earlier.conversation_id = p.conversation_id and earlier.position < p.position
                              and earlier.state in ('queued', 'sending', 'uncertain', 'parked'))
                      order by p.due_at, p.id limit greatest(least($3, floor(o.tokens)::bigint, o.free), 0)
                      for update skip locked) due
            ) d
            order by d.n, o.served_at
            limit $3
        ), claimed as (
            update parts p
            set state = 'sending', lease_token = gen_random_uuid(), lease_until = $2::timestamptz + $4::interval,
                first_attempt_at = coalesce(p.first_attempt_at, $2)
            from picked
            where p.id = picked.id
            returning p.*, picked.state as state_before
        ), paced as (
            update integrations i
            set tokens = o.tokens - c.taken, tokens_at = $2, served_at = clock_timestamp()
            from open o, (select integration_id, count(*) as taken from claimed group by integration_id) c
            where i.id = o.id and c.integration_id = o.id
        )
        select c.id as "id!", c.lease_token as "lease_token!", c.workspace_id as "workspace_id!",
               v.chatbot_id as "chatbot_id!", c.integration_id as "integration_id!", i.version as "version!",
               c.conversation_id as "conversation_id!", c.message_id as "message_id!", c.sender as "sender!", k.key as "contact_key!",
               v.key as "conversation_key!", c.content as "content!", answered.id as "answered_id?",
               answered.reply_to as "reply_to?", c.state_before as "state_before!", c.resent as "resent!",
               c.attempts as "attempts!", c.first_attempt_at, c.expires_at, k.opted_out_at,
               -- What the bot says while it hands over is its last word: it is sent, and so is what went before it.
               v.handler = 'human' and (v.handoff_message_id is null or c.message_id > v.handoff_message_id) as "human!",
               v.last_inbound_at, c.traceparent
        from claimed c
        join conversations v on v.id = c.conversation_id
        join contacts k on k.id = v.contact_id
        join integrations i on i.id = c.integration_id
        -- What an agent or a program writes answers the newest message: platforms need to know which.
        left join messages answered on answered.id = coalesce(c.reply_to_message_id, v.last_inbound)
        order by c.due_at, c.id
        "#,
        platform.as_str(),
        now,
        limit,
        interval(lease_for),
        per_integration,
    )
    .fetch_all(&mut *tx)
    .await?;
    if rows.is_empty() {
        // Nothing was changed: no need to wait for the disk.
        tx.rollback().await?;
        return Ok(Vec::new());
    }
    tx.commit().await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claim {
                id: row.id.into(),
                lease: row.lease_token.into(),
                workspace: row.workspace_id.into(),
                chatbot: row.chatbot_id.into(),
                integration: row.integration_id.into(),
                integration_version: row.version,
                conversation: row.conversation_id.into(),
                message: row.message_id.into(),
                sender: row.sender.parse()?,
                contact_key: row.contact_key,
                conversation_key: row.conversation_key,
                content: row.content,
                reply_to: row.answered_id.map(MessageId::from).zip(row.reply_to),
                uncertain: row.state_before == "uncertain",
                resent: row.resent,
                attempts: row.attempts,
                first_attempt_at: row.first_attempt_at,
                expires_at: row.expires_at,
                opted_out: row.opted_out_at.is_some(),
                human: row.human,
                last_inbound_at: row.last_inbound_at,
                traceparent: row.traceparent,
            })
        })
        .collect()
}

/// How one call ended, for the part's journey.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// `sent`, `retry`, `unauthorized`, `rejected`, `unknown`, `found`, `not_found`, or `none` where no call was made.
    pub outcome: &'static str,
    /// What the platform said. No secret.
    pub detail: Option<String>,
}

/// What is to become of a part.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The platform has it.
    Sent {
        /// The platform's id of the message.
        platform_message_id: String,
        /// Units of the platform's bill.
        segments: Option<i32>,
    },
    /// Try again at `due_at`. Nothing of this attempt arrived.
    Retry {
        /// When.
        due_at: DateTime<Utc>,
        /// The whole integration sends nothing before this.
        pause_until: Option<DateTime<Utc>>,
        /// Why.
        reason: String,
    },
    /// The outcome is unknown: ask the platform at `due_at`.
    Ask {
        /// When.
        due_at: DateTime<Utc>,
        /// This was the one re-send.
        resent: bool,
        /// Why.
        reason: String,
    },
    /// The integration is broken until its owner reconnects it.
    Park {
        /// What the platform said.
        reason: String,
    },
    /// It will not be sent; a dead letter says why and can be replayed.
    Dead {
        /// The platform's error code.
        code: Option<String>,
        /// Why.
        reason: String,
        /// It may have arrived all the same.
        may_have_arrived: bool,
    },
    /// It is not worth sending any more.
    Expired {
        /// Why.
        reason: String,
    },
    /// It was taken back.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// What followed from settling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// The row was still ours, or what we know is true whoever holds it.
    pub applied: bool,
    /// A later part of the conversation may go now.
    pub successor_waits: bool,
}

/// Writes down what became of a part, in one transaction with its attempt.
pub async fn settle(
    db: &Db,
    claim: &Claim,
    attempt: &Attempt,
    outcome: &Outcome,
) -> Result<Settled, StoreError> {
    match outcome {
        Outcome::Sent {
            platform_message_id,
            segments,
        } => sent(db, claim, attempt, platform_message_id, *segments).await,
        Outcome::Park { reason } => park(db, claim, attempt, reason).await,
        Outcome::Dead {
            code,
            reason,
            may_have_arrived,
        } => {
            let mut tx = db.system().await?;
            let settled = end(&mut tx, claim, attempt, "dead", code.as_deref(), reason).await?;
            if settled.applied {
                bury(&mut tx, claim, reason, *may_have_arrived).await?;
            }
            tx.commit().await?;
            Ok(settled)
        }
        Outcome::Expired { reason } => {
            let mut tx = db.system().await?;
            let settled = end(&mut tx, claim, attempt, "expired", None, reason).await?;
            tx.commit().await?;
            Ok(settled)
        }
        Outcome::Cancelled { reason } => {
            let mut tx = db.system().await?;
            let settled = end(&mut tx, claim, attempt, "cancelled", None, reason).await?;
            tx.commit().await?;
            Ok(settled)
        }
        Outcome::Retry {
            due_at,
            pause_until,
            reason,
        } => {
            let mut tx = db.system().await?;
            let applied = again(&mut tx, claim, attempt, "queued", *due_at, false, reason).await?;
            if let Some(pause_until) = pause_until {
                sqlx::query!(
                    "update integrations set paused_until = greatest(paused_until, $2), tokens = 0 where id = $1",
                    claim.integration.as_uuid(),
                    pause_until,
                )
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
            Ok(Settled {
                applied,
                successor_waits: false,
            })
        }
        Outcome::Ask {
            due_at,
            resent,
            reason,
        } => {
            let mut tx = db.system().await?;
            let applied = again(&mut tx, claim, attempt, "uncertain", *due_at, *resent, reason).await?;
            tx.commit().await?;
            Ok(Settled {
                applied,
                successor_waits: false,
            })
        }
    }
}

/// The platform has it: true whoever holds the row by now. A status that came before is applied with it.
async fn sent(
    db: &Db,
    claim: &Claim,
    attempt: &Attempt,
    platform_message_id: &str,
    segments: Option<i32>,
) -> Result<Settled, StoreError> {
    let row = sqlx::query!(
        r#"
        with early as (
            delete from pending_statuses where integration_id = $2 and platform_message_id = $3
            returning state, error
        ), done as (
            update parts set
                state = case when state in ('queued', 'sending', 'uncertain', 'parked')
                             then coalesce((select case when state = 'queued' then 'sent' else state end from early), 'sent')
                             else state end,
                platform_message_id = $3, segments = coalesce($4::int, segments), attempts = attempts + 1,
                first_attempt_at = coalesce(first_attempt_at, $5), sent_at = coalesce(sent_at, $6),
                settled_at = coalesce(settled_at, $6), lease_token = null, lease_until = null,
                error = case when state in ('queued', 'sending', 'uncertain', 'parked') then (select error from early)
                             else coalesce((select error from early), error) end,
                error_code = null
            where id = $1 and state not in ('cancelled', 'expired', 'dead')
            returning conversation_id, position, workspace_id
        ), attempted as (
            insert into attempts (workspace_id, part_id, started_at, ended_at, outcome, detail)
            select workspace_id, $1, $5, $6, $7, $8::text from done
        )
        select exists (
            select from parts later
            where later.conversation_id = done.conversation_id and later.position > done.position
              and later.state in ('queued', 'uncertain')
        ) as "successor_waits!"
        from done
        "#,
        claim.id.as_uuid(),
        claim.integration.as_uuid(),
        platform_message_id,
        segments,
        attempt.started_at,
        attempt.ended_at,
        attempt.outcome,
        attempt.detail,
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map_or(Settled::default(), |row| Settled {
        applied: true,
        successor_waits: row.successor_waits,
    }))
}

async fn again(
    tx: &mut SystemTx,
    claim: &Claim,
    attempt: &Attempt,
    state: &str,
    due_at: DateTime<Utc>,
    resent: bool,
    reason: &str,
) -> Result<bool, StoreError> {
    let called = attempt.outcome != "none";
    let updated = sqlx::query!(
        "update parts set state = $3, due_at = $4, resent = resent or $5, error = $6,
                          attempts = attempts + case when $7 then 1 else 0 end,
                          first_attempt_at = case when $7 then coalesce(first_attempt_at, $8) else first_attempt_at end,
                          lease_token = null, lease_until = null
         where id = $1 and lease_token = $2",
        claim.id.as_uuid(),
        claim.lease.as_uuid(),
        state,
        due_at,
        resent,
        reason,
        called,
        attempt.started_at,
    )
    .execute(&mut **tx)
    .await?;
    let applied = updated.rows_affected() > 0;
    if applied && called {
        note(tx, claim, attempt).await?;
    }
    Ok(applied)
}

async fn end(
    tx: &mut SystemTx,
    claim: &Claim,
    attempt: &Attempt,
    state: &str,
    code: Option<&str>,
    reason: &str,
) -> Result<Settled, StoreError> {
    let called = attempt.outcome != "none";
    let row = sqlx::query!(
        r#"
        with done as (
            update parts set state = $3, error = $4, error_code = $5::text, settled_at = $6,
                             attempts = attempts + case when $7 then 1 else 0 end,
                             first_attempt_at = case when $7 then coalesce(first_attempt_at, $8) else first_attempt_at end,
                             lease_token = null, lease_until = null
            where id = $1 and lease_token = $2
            returning conversation_id, position
        )
        select exists (
            select from parts later
            where later.conversation_id = done.conversation_id and later.position > done.position
              and later.state in ('queued', 'uncertain')
        ) as "successor_waits!"
        from done
        "#,
        claim.id.as_uuid(),
        claim.lease.as_uuid(),
        state,
        reason,
        code,
        attempt.ended_at,
        called,
        attempt.started_at,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Ok(Settled::default());
    };
    if called {
        note(tx, claim, attempt).await?;
    }
    Ok(Settled {
        applied: true,
        successor_waits: row.successor_waits,
    })
}

/// The integration goes to `error`, and all that waits for it is parked until its owner has reconnected it.
async fn park(db: &Db, claim: &Claim, attempt: &Attempt, reason: &str) -> Result<Settled, StoreError> {
    let mut tx = db.system().await?;
    // What may have arrived waits to be asked about, and is never taken for something that was not sent.
    let state = if claim.uncertain { "uncertain" } else { "parked" };
    let applied = again(&mut tx, claim, attempt, state, attempt.ended_at, false, reason).await?;
    // A sender that worked with old credentials must not break an integration that was mended meanwhile.
    let broken = sqlx::query!(
        "update integrations set state = 'error', state_reason = $2, updated_at = now()
         where id = $1 and version = $3",
        claim.integration.as_uuid(),
        reason,
        claim.integration_version,
    )
    .execute(&mut *tx)
    .await?;
    if broken.rows_affected() > 0 {
        sqlx::query!(
            "update parts set state = 'parked', error = $2 where integration_id = $1 and state = 'queued'",
            claim.integration.as_uuid(),
            reason,
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(Settled {
        applied,
        successor_waits: false,
    })
}

/// Of the platform's ids, those that no other part and no draft has: two parts may say the same, and each was sent once.
pub async fn not_of_others(
    db: &Db,
    claim: &Claim,
    platform_message_ids: &[String],
) -> Result<Vec<String>, StoreError> {
    let taken = sqlx::query_scalar!(
        r#"select platform_message_id as "id!" from parts
           where integration_id = $1 and platform_message_id = any($2) and id <> $3
           union all
           select platform_message_id from drafts
           where integration_id = $1 and platform_message_id = any($2)"#,
        claim.integration.as_uuid(),
        platform_message_ids,
        claim.id.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(platform_message_ids
        .iter()
        .filter(|id| !taken.contains(id))
        .cloned()
        .collect())
}

async fn note(tx: &mut SystemTx, claim: &Claim, attempt: &Attempt) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into attempts (workspace_id, part_id, started_at, ended_at, outcome, detail)
         values ($1, $2, $3, $4, $5, $6)",
        claim.workspace.as_uuid(),
        claim.id.as_uuid(),
        attempt.started_at,
        attempt.ended_at,
        attempt.outcome,
        attempt.detail,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn bury(
    tx: &mut SystemTx,
    claim: &Claim,
    reason: &str,
    may_have_arrived: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into dead_letters (id, workspace_id, integration_id, kind, part_id, message_id, reason, may_have_arrived)
         values ($1, $2, $3, 'part', $4, $5, $6, $7)",
        DeadLetterId::new().as_uuid(),
        claim.workspace.as_uuid(),
        claim.integration.as_uuid(),
        claim.id.as_uuid(),
        claim.message.as_uuid(),
        reason,
        may_have_arrived,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into integration_logs (id, workspace_id, integration_id, level, event, message, details)
         values ($1, $2, $3, 'error', 'send.dead', $4, jsonb_build_object('part', $5::text, 'may_have_arrived', $6::boolean))",
        Uuid::now_v7(),
        claim.workspace.as_uuid(),
        claim.integration.as_uuid(),
        reason,
        claim.id.to_string(),
        may_have_arrived,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dead_letters,
        fixtures::{Bot, answer, bot, claim_parts, noon, part_states, write},
        scheduling,
        statuses::{self, Applied, Status},
    };
    use domain::PartState;
    use sqlx::PgPool;

    fn attempt(outcome: &'static str) -> Attempt {
        Attempt {
            started_at: noon(),
            ended_at: noon(),
            outcome,
            detail: None,
        }
    }

    fn sent(id: &str) -> Outcome {
        Outcome::Sent {
            platform_message_id: id.to_owned(),
            segments: Some(1),
        }
    }

    fn dead() -> Outcome {
        Outcome::Dead {
            code: Some("21610".to_owned()),
            reason: "refused".to_owned(),
            may_have_arrived: false,
        }
    }

    fn report(bot: Bot, id: &str, part: Option<PartId>, state: PartState) -> Status {
        Status {
            workspace: bot.workspace,
            integration: bot.integration,
            part,
            platform_message_id: id.to_owned(),
            state,
            error: None,
            at: noon(),
        }
    }

    async fn claim_one(db: &Db) -> Claim {
        let mut claims = claim_parts(db, noon()).await.unwrap();
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims.remove(0)
    }

    #[sqlx::test]
    async fn a_part_waits_until_the_one_before_it_is_settled(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["one", "two"]).await;

        let first = claim_one(&db).await;
        assert!(claim_parts(&db, noon()).await.unwrap().is_empty());
        let settled = settle(&db, &first, &attempt("sent"), &sent("SM1")).await.unwrap();

        assert_eq!(
            settled,
            Settled {
                applied: true,
                successor_waits: true
            }
        );
        assert_eq!(claim_one(&db).await.content["text"], "two");
    }

    #[sqlx::test]
    async fn a_dead_part_does_not_hold_up_the_next(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["one", "two"]).await;
        let first = claim_one(&db).await;

        settle(&db, &first, &attempt("rejected"), &dead()).await.unwrap();

        assert_eq!(claim_one(&db).await.content["text"], "two");
    }

    #[sqlx::test]
    async fn nobody_sends_faster_than_its_pace_and_a_pause_stops_only_its_own_integration(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (slow, other) = (bot(&pool).await, bot(&pool).await);
        sqlx::query!(
            "update integrations set sends_per_second = 2, tokens = 2 where id = $1",
            slow.integration.as_uuid()
        )
        .execute(&pool)
        .await
        .unwrap();
        for contact in ["+1", "+2", "+3", "+4"] {
            write(&db, slow, contact, "hello").await;
        }
        write(&db, other, "+1", "hello").await;
        answer(&db, &["hi"]).await;

        let first = claim_parts(&db, noon()).await.unwrap();
        assert_eq!(
            first
                .iter()
                .filter(|claim| claim.integration == slow.integration)
                .count(),
            2
        );
        assert_eq!(
            first
                .iter()
                .filter(|claim| claim.integration == other.integration)
                .count(),
            1
        );
        let later = noon() + TimeDelta::milliseconds(500);
        assert_eq!(claim_parts(&db, later).await.unwrap().len(), 1);

        let paused = Outcome::Retry {
            due_at: noon() + TimeDelta::seconds(60),
            pause_until: Some(noon() + TimeDelta::seconds(60)),
            reason: "429".to_owned(),
        };
        let of_slow = first
            .iter()
            .find(|claim| claim.integration == slow.integration)
            .unwrap();
        settle(&db, of_slow, &attempt("retry"), &paused).await.unwrap();
        write(&db, other, "+9", "hello").await;
        answer(&db, &["hi"]).await;
        let during = claim_parts(&db, noon() + TimeDelta::seconds(59)).await.unwrap();
        assert!(
            during.iter().all(|claim| claim.integration == other.integration) && during.len() == 1,
            "{during:?}"
        );
        assert_eq!(
            claim_parts(&db, noon() + TimeDelta::seconds(61))
                .await
                .unwrap()
                .len(),
            2
        );
    }

    #[sqlx::test]
    async fn what_a_sender_left_in_its_hand_is_asked_about_first(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let lost = claim_one(&db).await;

        let later = noon() + TimeDelta::seconds(31);
        assert_eq!(scheduling::lapse_parts(&db, later).await.unwrap(), 1);
        let again = claim_parts(&db, later).await.unwrap().remove(0);

        assert!(again.uncertain && !lost.uncertain);
        let stale = settle(&db, &lost, &attempt("rejected"), &dead()).await.unwrap();
        assert!(
            !stale.applied,
            "a sender that lost its lease must not end the part"
        );
        let known = settle(&db, &lost, &attempt("sent"), &sent("SM1")).await.unwrap();
        assert!(
            known.applied,
            "that the platform has it is true whoever holds the row"
        );
        assert_eq!(part_states(&pool).await, ["sent"]);
    }

    #[sqlx::test]
    async fn an_unauthorized_integration_parks_all_its_parts_until_it_is_mended(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        for contact in ["+1", "+2"] {
            write(&db, bot, contact, "hello").await;
        }
        answer(&db, &["hi"]).await;
        let claims = claim_parts(&db, noon()).await.unwrap();
        let park = Outcome::Park {
            reason: "authentication failed".to_owned(),
        };

        settle(&db, &claims[0], &attempt("unauthorized"), &park)
            .await
            .unwrap();
        settle(&db, &claims[1], &attempt("unauthorized"), &park)
            .await
            .unwrap();

        assert_eq!(part_states(&pool).await, ["parked", "parked"]);
        assert_eq!(scheduling::unpark(&db, noon()).await.unwrap(), 0);
        sqlx::query!("update integrations set state = 'connected', version = version + 1")
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(scheduling::unpark(&db, noon()).await.unwrap(), 2);
        let mended = claim_parts(&db, noon()).await.unwrap();
        assert_eq!(mended.len(), 2);

        settle(
            &db,
            &Claim {
                integration_version: 1,
                ..mended[0].clone()
            },
            &attempt("unauthorized"),
            &park,
        )
        .await
        .unwrap();
        let state = sqlx::query_scalar!("select state from integrations")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(
            state, "connected",
            "a sender with old credentials broke an integration that had been mended"
        );
    }

    #[sqlx::test]
    async fn what_may_have_arrived_is_still_asked_about_after_the_integration_was_mended(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        claim_one(&db).await;
        let later = noon() + TimeDelta::seconds(31);
        scheduling::lapse_parts(&db, later).await.unwrap();
        let unknown = claim_parts(&db, later).await.unwrap().remove(0);
        let park = Outcome::Park {
            reason: "authentication failed".to_owned(),
        };

        settle(&db, &unknown, &attempt("not_asked"), &park).await.unwrap();
        assert!(claim_parts(&db, later).await.unwrap().is_empty());
        sqlx::query!("update integrations set state = 'connected', version = version + 1")
            .execute(&pool)
            .await
            .unwrap();
        scheduling::unpark(&db, later).await.unwrap();

        assert!(claim_parts(&db, later).await.unwrap()[0].uncertain);
    }

    #[sqlx::test]
    async fn a_status_moves_a_part_only_upward_and_only_in_its_own_integration(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (bot, other) = (bot(&pool).await, bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;
        settle(&db, &claim, &attempt("sent"), &sent("SM1")).await.unwrap();

        let foreign = statuses::apply(&db, &[report(other, "SM1", Some(claim.id), PartState::Read)])
            .await
            .unwrap();
        let reports = [
            report(bot, "SM1", None, PartState::Delivered),
            report(bot, "SM1", None, PartState::Sent),
            report(bot, "SM1", None, PartState::Failed),
        ];
        let applied = statuses::apply(&db, &reports).await.unwrap();

        assert_eq!(foreign, [Applied::Early]);
        assert!(
            matches!(
                applied[..],
                [Applied::Moved { settled: false, workspace, conversation }, Applied::Stale, Applied::Stale]
                    if workspace == bot.workspace && conversation == claim.conversation
            ),
            "{applied:?}"
        );
        assert_eq!(part_states(&pool).await, ["delivered"]);
    }

    #[sqlx::test]
    async fn a_status_that_comes_before_its_send_is_recorded_is_applied_with_it(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;

        let early = [
            report(bot, "SM1", None, PartState::Delivered),
            report(bot, "SM1", None, PartState::Sent),
        ];
        assert_eq!(
            statuses::apply(&db, &early).await.unwrap(),
            [Applied::Early, Applied::Early]
        );
        settle(&db, &claim, &attempt("sent"), &sent("SM1")).await.unwrap();

        assert_eq!(part_states(&pool).await, ["delivered"]);
    }

    #[sqlx::test]
    async fn a_status_for_a_part_being_sent_proves_that_it_arrived(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;

        let proof = [report(bot, "SM1", Some(claim.id), PartState::Queued)];
        let applied = statuses::apply(&db, &proof).await.unwrap();
        assert!(
            matches!(applied[..], [Applied::Moved { settled: true, .. }]),
            "{applied:?}"
        );
        let cut = Outcome::Ask {
            due_at: noon(),
            resent: false,
            reason: "cut".to_owned(),
        };
        let settled = settle(&db, &claim, &attempt("unknown"), &cut).await.unwrap();

        assert!(!settled.applied);
        assert_eq!(part_states(&pool).await, ["sent"]);
        assert!(
            claim_parts(&db, noon() + TimeDelta::hours(1))
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[sqlx::test]
    async fn why_a_message_failed_is_kept_when_the_report_comes_before_the_send_is_recorded(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;

        let failed = Status {
            error: Some("131047: the window is closed".to_owned()),
            ..report(bot, "wamid.1", Some(claim.id), PartState::Failed)
        };
        statuses::apply(&db, &[failed]).await.unwrap();
        settle(&db, &claim, &attempt("sent"), &sent("wamid.1"))
            .await
            .unwrap();

        let error = sqlx::query_scalar!("select error from parts")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(error.as_deref(), Some("131047: the window is closed"));
        assert_eq!(part_states(&pool).await, ["failed"]);
    }

    #[sqlx::test]
    async fn what_was_read_as_soon_as_it_came_is_read(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;
        // The platform has it after 100 ms, and we hear of that after a second.
        let slow = Attempt {
            ended_at: noon() + TimeDelta::seconds(1),
            ..attempt("sent")
        };
        settle(&db, &claim, &slow, &sent("m_1")).await.unwrap();

        let moved = async |up_to| {
            let watermark = statuses::Watermark {
                integration: bot.integration,
                conversation_key: "+1".to_owned(),
                state: PartState::Read,
                up_to,
                at: noon(),
            };
            statuses::apply_watermark(&db, &watermark).await.unwrap()
        };

        assert_eq!(moved(noon() - TimeDelta::milliseconds(1)).await, None);
        assert_eq!(
            moved(noon() + TimeDelta::milliseconds(100)).await,
            Some((bot.workspace, claim.conversation))
        );
        assert_eq!(part_states(&pool).await, ["read"]);
    }

    #[sqlx::test]
    async fn the_gap_between_two_messages_is_kept_though_one_between_them_was_not_sent(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        sqlx::query!("update integrations set conversation_gap_ms = 1000")
            .execute(&pool)
            .await
            .unwrap();
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["one", "two", "three"]).await;
        let first = claim_one(&db).await;
        settle(&db, &first, &attempt("sent"), &sent("1")).await.unwrap();
        let second = claim_parts(&db, noon() + TimeDelta::seconds(1))
            .await
            .unwrap()
            .remove(0);
        settle(&db, &second, &attempt("rejected"), &dead()).await.unwrap();

        let at_once = claim_parts(&db, noon() + TimeDelta::milliseconds(900))
            .await
            .unwrap();
        let later = claim_parts(&db, noon() + TimeDelta::seconds(1)).await.unwrap();

        assert_eq!((at_once.len(), later.len()), (0, 1));
    }

    #[sqlx::test]
    async fn a_dead_letter_is_replayed_once_and_only_by_its_workspace(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (bot, other) = (bot(&pool).await, bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;
        settle(&db, &claim, &attempt("rejected"), &dead()).await.unwrap();
        let replay = async |workspace| {
            let mut tx = db.tenant(workspace).await.unwrap();
            let replayed = dead_letters::replay(&mut tx, dead_letters::Selection::default(), noon())
                .await
                .unwrap();
            tx.commit().await.unwrap();
            replayed.parts
        };

        assert_eq!(replay(other.workspace).await, 0);
        assert_eq!(replay(bot.workspace).await, 1);
        assert_eq!(replay(bot.workspace).await, 0);
        let again = claim_one(&db).await;
        assert_eq!((again.attempts, again.uncertain), (0, false));
    }

    #[sqlx::test]
    async fn a_dead_letter_that_may_have_arrived_is_asked_about_before_it_is_sent(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let claim = claim_one(&db).await;
        let lost = Outcome::Dead {
            code: None,
            reason: "cut twice".to_owned(),
            may_have_arrived: true,
        };
        settle(&db, &claim, &attempt("unknown"), &lost).await.unwrap();

        let mut tx = db.tenant(bot.workspace).await.unwrap();
        dead_letters::replay(&mut tx, dead_letters::Selection::default(), noon())
            .await
            .unwrap();
        tx.commit().await.unwrap();

        assert!(claim_one(&db).await.uncertain);
    }

    #[sqlx::test]
    async fn what_is_not_worth_sending_any_more_expires(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;

        assert_eq!(
            scheduling::expire_parts(&db, noon() + TimeDelta::minutes(59))
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            scheduling::expire_parts(&db, noon() + TimeDelta::minutes(61))
                .await
                .unwrap(),
            1
        );

        assert_eq!(part_states(&pool).await, ["expired"]);
    }
}
