//! Turns: one run of a chat-worker for a conversation, from the claim to the commit of the answer.
//!
//! Invariants:
//! - A conversation is in at most one hand: a claim writes a new lease token, and whoever finds another token has lost.
//! - The reply, its parts, the state of every message answered and the release commit together or not at all.
//! - A draft that is shown to the person becomes the first part of the reply in that commit: see [`crate::drafts`].
//! - A release clears `due_at` only if no message has come in since the turn looked: nothing is left waiting for ever.

use crate::{Db, StoreError, SystemTx, chat, intake::interval, tool_calls};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AnswerId, ChatbotId, ConversationId, Direction, HandoffReason, IntegrationId, LeaseToken, MessageId,
    PartId, Platform, WorkspaceId,
};
use std::fmt;

/// Claims are made one after the other, so that caps hold exactly and the least recently served really goes first.
pub(crate) const CLAIM_LOCK: i64 = 0x626f_745f_7475_726e;

/// How many turns may run at once.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// In one workspace, over all workers.
    pub per_workspace: i64,
    /// In the installation, over all workers.
    pub total: i64,
}

/// A conversation in our hand.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its bot.
    pub chatbot: ChatbotId,
    /// Its integration.
    pub integration: IntegrationId,
    /// The integration's platform.
    pub platform: Platform,
    /// Ours as long as the row has it.
    pub lease: LeaseToken,
    /// The newest message when we claimed.
    pub last_inbound: Option<MessageId>,
}

/// Claims up to `limit` conversations that are due at `now`: workspaces in turn, the least recently served first.
pub async fn claim(
    db: &Db,
    now: DateTime<Utc>,
    lease_for: TimeDelta,
    limit: i64,
    caps: Caps,
) -> Result<Vec<Claim>, StoreError> {
    let mut tx = db.system().await?;
    // A claim lost in a crash of the database is made again; a lease token is never given twice.
    sqlx::query!("set local synchronous_commit = off")
        .execute(&mut *tx)
        .await?;
    // A plan that was made while the table was small would read all of it for ever: only indices will do.
    sqlx::query!("set local enable_seqscan = off")
        .execute(&mut *tx)
        .await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", CLAIM_LOCK)
        .execute(&mut *tx)
        .await?;
    let rows = sqlx::query!(
        r#"
        with recursive tenants as (
            (select workspace_id from conversations
             where due_at is not null and lease_token is null
             order by workspace_id limit 1)
            union all
            select (select c.workspace_id from conversations c
                    where c.due_at is not null and c.lease_token is null and c.workspace_id > t.workspace_id
                    order by c.workspace_id limit 1)
            from tenants t where t.workspace_id is not null
        ), running as (
            select count(*) as total from conversations where lease_token is not null
        ), lanes as (
            select t.workspace_id, coalesce(w.served_at, '-infinity') as served_at,
                   least($1 - (select count(*) from conversations r
                               where r.workspace_id = t.workspace_id and r.lease_token is not null), $2) as free
            from tenants t left join workspace_turns w on w.workspace_id = t.workspace_id
            where t.workspace_id is not null
        ), picked as (
            select d.id
            from lanes l cross join lateral (
                select due.id, row_number() over (order by due.due_at) as n
                from (select c.id, c.due_at from conversations c
                      where c.workspace_id = l.workspace_id and c.due_at <= $3 and c.lease_token is null
                      order by c.due_at limit greatest(l.free, 0)
                      for update skip locked) due
            ) d
            order by d.n, l.served_at
            limit greatest(least($2, $4 - (select total from running)), 0)
        ), claimed as (
            update conversations c
            set lease_token = gen_random_uuid(), lease_until = $3::timestamptz + $5::interval
            from picked, integrations i
            where c.id = picked.id and i.id = c.integration_id
            returning c.id, c.workspace_id, c.chatbot_id, c.integration_id, i.platform, c.lease_token, c.last_inbound
        ), served as (
            insert into workspace_turns (workspace_id, served_at)
            select workspace_id, clock_timestamp() from (select distinct workspace_id from claimed) w
            on conflict (workspace_id) do update set served_at = excluded.served_at
        )
        select id as "id!", workspace_id as "workspace_id!", chatbot_id as "chatbot_id!",
               integration_id as "integration_id!", platform as "platform!", lease_token as "lease_token!",
               last_inbound
        from claimed
        "#,
        caps.per_workspace,
        limit,
        now,
        caps.total,
        interval(lease_for),
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claim {
                conversation: row.id.into(),
                workspace: row.workspace_id.into(),
                chatbot: row.chatbot_id.into(),
                integration: row.integration_id.into(),
                platform: row.platform.try_into()?,
                lease: row.lease_token.into(),
                last_inbound: row.last_inbound.map(Into::into),
            })
        })
        .collect()
}

/// A message that waits for an answer.
#[derive(Clone)]
pub struct Waiting {
    /// The message.
    pub id: MessageId,
    /// What was written.
    pub text: String,
    /// The value of the button that was tapped.
    pub choice: Option<String>,
    /// The platform's own sequence, where it has one.
    pub order_key: Option<i64>,
    /// How often a turn has taken it up, this one included.
    pub attempts: i32,
    /// When the gateway accepted it; where the platform tells that it was written earlier, then: what was fetched late
    /// is no younger for it.
    pub accepted_at: DateTime<Utc>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Whether the platform gave something that its answer needs.
    pub has_reply_to: bool,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Takes up the conversation's waiting messages, in order: the platform's own sequence where it has one, else arrival.
/// Counts the attempt, so that a message that kills its worker is noticed.
pub async fn take_up(db: &Db, claim: &Claim) -> Result<Vec<Waiting>, StoreError> {
    let mut tx = db.system().await?;
    sqlx::query!("set local synchronous_commit = off")
        .execute(&mut *tx)
        .await?;
    let rows = sqlx::query!(
        r#"
        update messages set state = 'answering', attempts = attempts + 1
        where conversation_id = $1 and state in ('waiting', 'answering')
          and exists (select from conversations where id = $1 and lease_token = $2)
        returning id, text, choice, order_key, attempts, least(accepted_at, sent_at) as "accepted_at!", traceparent, reply_to is not null as "has_reply_to!"
        "#,
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut waiting: Vec<Waiting> = rows
        .into_iter()
        .map(|row| Waiting {
            id: row.id.into(),
            text: row.text,
            choice: row.choice,
            order_key: row.order_key,
            attempts: row.attempts,
            accepted_at: row.accepted_at,
            traceparent: row.traceparent,
            has_reply_to: row.has_reply_to,
        })
        .collect();
    waiting.sort_by_key(|message| (message.order_key, message.id));
    Ok(waiting)
}

/// One earlier message of the conversation.
#[derive(Clone)]
pub struct Earlier {
    /// Which way it went.
    pub direction: Direction,
    /// What it said.
    pub text: String,
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Earlier({}, {} chars)",
            self.direction,
            self.text.chars().count()
        )
    }
}

/// The conversation's last `limit` messages before those that wait, oldest first.
pub async fn history(db: &Db, conversation: ConversationId, limit: i64) -> Result<Vec<Earlier>, StoreError> {
    let rows = sqlx::query!(
        "select direction, text from messages
         where conversation_id = $1 and (state is null or state in ('answered', 'for_human'))
         order by id desc limit $2",
        conversation.as_uuid(),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .rev()
        .map(|row| {
            Ok(Earlier {
                direction: row.direction.parse()?,
                text: row.text,
            })
        })
        .collect()
}

/// The same as it was when a message was answered: what came before it, without what was answered together with it.
pub async fn history_before(
    db: &Db,
    conversation: ConversationId,
    message: MessageId,
    limit: i64,
) -> Result<Vec<Earlier>, StoreError> {
    let rows = sqlx::query!(
        "select direction, text from messages m
         where conversation_id = $1 and id < $2 and (state is null or state in ('answered', 'for_human'))
           and not exists (select from messages a where a.id = $2 and a.answer_id = m.answer_id)
         order by id desc limit $3",
        conversation.as_uuid(),
        message.as_uuid(),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .rev()
        .map(|row| {
            Ok(Earlier {
                direction: row.direction.parse()?,
                text: row.text,
            })
        })
        .collect()
}

/// What the last message that we wrote offered to be answered with one tap: `[{title, value}]`. A person whose platform
/// has no buttons answers with its number.
pub async fn offered(db: &Db, conversation: ConversationId) -> Result<Option<serde_json::Value>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select buttons from messages where conversation_id = $1 and direction = 'outbound' order by id desc limit 1",
        conversation.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?
    .flatten())
}

/// Whom the conversation is with and what the platform gave with its newest message: where a sign that an answer is
/// being written goes.
pub struct Correspondent {
    /// The person, as the platform names them.
    pub contact_key: String,
    /// The conversation, as the platform names it.
    pub conversation_key: String,
    /// The newest message that has something, and what, sealed.
    pub reply_to: Option<(MessageId, Vec<u8>)>,
}

/// See [`Correspondent`]. `None`: the conversation has been deleted.
pub async fn correspondent(
    db: &Db,
    conversation: ConversationId,
) -> Result<Option<Correspondent>, StoreError> {
    let row = sqlx::query!(
        r#"select k.key as contact_key, v.key as conversation_key, m.id as "message?", m.reply_to as "reply_to?"
           from conversations v join contacts k on k.id = v.contact_id
           left join messages m on m.id = v.last_inbound
           where v.id = $1"#,
        conversation.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| Correspondent {
        contact_key: row.contact_key,
        conversation_key: row.conversation_key,
        reply_to: row.message.map(MessageId::from).zip(row.reply_to),
    }))
}

/// Keeps the conversation in our hand for longer. `false`: it is in another's.
pub async fn renew(db: &Db, claim: &Claim, until: DateTime<Utc>) -> Result<bool, StoreError> {
    let renewed = sqlx::query!(
        "update conversations set lease_until = $3 where id = $1 and lease_token = $2",
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
        until,
    )
    .execute(db.system_pool())
    .await?;
    Ok(renewed.rows_affected() > 0)
}

/// Lets the conversation go after a failure of ours; it is due again at `due_at`.
pub async fn give_back(db: &Db, claim: &Claim, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update conversations set lease_token = null, lease_until = null, due_at = $3
         where id = $1 and lease_token = $2",
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
        due_at,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Lets the conversation of a stopped chatbot go, untouched, to be looked at again at `until`. `false`: the chatbot goes
/// on, and the conversation is still in our hand.
pub async fn put_off(db: &Db, claim: &Claim, until: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut tx = db.system().await?;
    // Held until the commit, so that whoever lets the chatbot go on finds what was put off.
    let paused_at = sqlx::query_scalar!(
        "select paused_at from chatbots where id = $1 for share",
        claim.chatbot.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?
    .flatten();
    if paused_at.is_none() {
        return Ok(false);
    }
    sqlx::query!(
        "update conversations set lease_token = null, lease_until = null, due_at = $3
         where id = $1 and lease_token = $2",
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
        until,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// How an answer came to be.
#[derive(Clone)]
pub struct AnswerRecord {
    /// What was asked.
    pub question: String,
    /// What was searched for in its place, where it was not understood by itself.
    pub searched_for: Option<String>,
    /// The passages found, best first: `[{chunk, document, title, score, text}]`.
    pub passages: serde_json::Value,
    /// What the answer rests on: `[{chunk, document, title}]`.
    pub citations: serde_json::Value,
    /// The model's name, or `extractive`.
    pub model: String,
    /// Why the answer is the fallback text, if it is.
    pub fallback: Option<String>,
    /// Version of the prompt.
    pub prompt_version: i32,
    /// Tokens of the prompt, as the model counted.
    pub tokens_in: Option<i32>,
    /// Tokens of the answer, as the model counted.
    pub tokens_out: Option<i32>,
    /// Milliseconds of each stage.
    pub stages: serde_json::Value,
    /// What went wrong with the model, without any secret.
    pub error: Option<String>,
    /// Whether the question is to be listed as unanswered.
    pub unanswered: bool,
    /// Calls of tools on the way: `[{id, tool, arguments, state, status, milliseconds, error}]`.
    pub calls: serde_json::Value,
    /// Hosts to which the answer would have linked, and may not.
    pub removed_links: Vec<String>,
    /// The models that were asked, in their order, and how each fared; an empty list where none was.
    pub path: serde_json::Value,
    /// What they cost together, in millionths of a US dollar; `None`: nobody knows, or none was asked.
    pub cost_micros: Option<i64>,
}

impl fmt::Debug for AnswerRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerRecord")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A bot's reply, cut to the platform's measure.
#[derive(Debug, Clone)]
pub struct BotReply {
    /// The whole text.
    pub text: String,
    /// One content a part, at least one.
    pub contents: Vec<serde_json::Value>,
    /// When it is not worth sending any more.
    pub expires_at: DateTime<Utc>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// How it came to be.
    pub record: AnswerRecord,
    /// With it the conversation goes to a human.
    pub handoff: Option<Handoff>,
    /// What the person may tap: `[{title, value}]`.
    pub buttons: Option<serde_json::Value>,
    /// What becomes of calls of tools that the person was or is asked about.
    pub calls: tool_calls::Changes,
}

/// Why a bot hands a conversation over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// Why.
    pub reason: HandoffReason,
    /// The owner's words that were found.
    pub detail: Option<String>,
}

/// What became of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// The reply is stored and on its way.
    Answered {
        /// The record of the answer.
        answer: AnswerId,
        /// The reply.
        message: MessageId,
        /// Its parts.
        parts: Vec<PartId>,
        /// A message has come in meanwhile: the conversation is due again then.
        due_at: Option<DateTime<Utc>>,
    },
    /// A message that belongs before the answered ones has come in meanwhile: run the turn again with it.
    OlderArrived,
    /// A human took over meanwhile: nothing was sent.
    TakenOver,
    /// The conversation is in another's hand: nothing was sent.
    LeaseLost,
}

/// Commits a turn: the reply, its parts, the messages' states, the release.
///
/// `answered` are the messages as [`take_up`] gave them. With `even_if_older_came` a message that belongs before them
/// is left for the next turn.
pub async fn commit(
    db: &Db,
    claim: &Claim,
    answered: &[Waiting],
    reply: &BotReply,
    even_if_older_came: bool,
    now: DateTime<Utc>,
) -> Result<Committed, StoreError> {
    let mut tx = db.system().await?;
    let Some(held) = hold(&mut tx, claim).await? else {
        return Ok(Committed::LeaseLost);
    };
    if held.handler != "bot" {
        // What was made was made, although nobody is told of it by the bot.
        tool_calls::end(&mut tx, &reply.calls, now).await?;
        release(&mut tx, claim, now).await?;
        tx.commit().await?;
        return Ok(Committed::TakenOver);
    }
    let ids: Vec<_> = answered.iter().map(|message| message.id.as_uuid()).collect();
    if !even_if_older_came && older_waits(&mut tx, claim, answered, &ids).await? {
        return Ok(Committed::OlderArrived);
    }

    let answer = AnswerId::new();
    let message = MessageId::new();
    let parts: Vec<PartId> = reply.contents.iter().map(|_| PartId::new()).collect();
    let part_ids: Vec<_> = parts.iter().map(PartId::as_uuid).collect();
    let reply_to = answered
        .iter()
        .rev()
        .find(|message| message.has_reply_to)
        .map(|message| message.id.as_uuid());
    let record = &reply.record;
    sqlx::query!(
        r#"
        with reply as (
            insert into messages (id, workspace_id, conversation_id, direction, sender, text, answer_id, traceparent,
                                  accepted_at, buttons)
            values ($1, $2, $3, 'outbound', 'bot', $4, $5, $6, $7, $30)
        ), record as (
            insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model,
                                 fallback, prompt_version, tokens_in, tokens_out, stages, error, calls,
                                 removed_links)
            values ($5, $2, $8, $3, $9, $10, $11, $12, $13::text, $14, $15::int, $16::int, $17, $18::text, $28, $29)
        ), unanswered as (
            insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question)
            select $5, $2, $8, $3, $5, $31::text where $19
        ), tied as (
            update drafts set state = 'tied', part_id = ($25::uuid[])[1]
            where conversation_id = $3 and state = 'writing'
            returning first_called_at, called_at, versions
        ), while_written as (
            insert into attempts (workspace_id, part_id, started_at, ended_at, outcome, detail)
            select $2, ($25::uuid[])[1], first_called_at, called_at, 'shown',
                   'shown while it was being written, versions: ' || versions
            from tied
        ), part as (
            insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position,
                               sender, content, reply_to_message_id, due_at, expires_at, traceparent)
            select p.id, $2, $20, $3, $1, $21, $22 + p.ordinal - 1, 'bot', p.content, $23::uuid,
                   -- The platform was called for it just now.
                   greatest($7, (select tied.called_at + make_interval(secs => i.conversation_gap_ms / 1000.0)
                                 from tied, integrations i where i.id = $20 and p.ordinal = 1)),
                   $24, $6
            from unnest($25::uuid[], $26::jsonb[]) with ordinality as p (id, content, ordinal)
        )
        update messages set state = 'answered', answer_id = $5, answered_at = $7 where id = any($27)
        "#,
        message.as_uuid(),
        claim.workspace.as_uuid(),
        claim.conversation.as_uuid(),
        reply.text,
        answer.as_uuid(),
        reply.traceparent,
        now,
        claim.chatbot.as_uuid(),
        record.question,
        record.passages,
        record.citations,
        record.model,
        record.fallback,
        record.prompt_version,
        record.tokens_in,
        record.tokens_out,
        record.stages,
        record.error,
        record.unanswered,
        claim.integration.as_uuid(),
        claim.platform.as_str(),
        held.next_position,
        reply_to,
        reply.expires_at,
        &part_ids,
        &reply.contents,
        &ids,
        record.calls,
        &record.removed_links,
        reply.buttons,
        // In full, an owner can make something of it.
        record.searched_for.as_deref().unwrap_or(&record.question),
    )
    .execute(&mut *tx)
    .await?;
    let was_any_asked = record.path.as_array().is_some_and(|path| !path.is_empty());
    if was_any_asked || record.searched_for.is_some() {
        note_way(&mut tx, answer, record).await?;
    }
    if claim.platform.is_own() {
        chat::enter_parts(&mut tx, claim.conversation, message, &parts).await?;
    }
    let place = (claim.workspace, claim.chatbot, claim.conversation);
    tool_calls::commit(&mut tx, place, &reply.calls, now).await?;
    if let Some(handoff) = &reply.handoff {
        hand_over(&mut tx, claim, message, handoff, now).await?;
    }
    let due_at = sqlx::query_scalar!(
        "update conversations set
             lease_token = null, lease_until = null, next_position = next_position + $3, updated_at = $4,
             due_at = case when last_inbound is not distinct from $5 or handler = 'human' then null
                           else coalesce(due_at, $4) end,
             waiting_since = case when last_inbound is not distinct from $5 then null else $4 end
         where id = $1 and lease_token = $2
         returning due_at",
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
        parts.len() as i64,
        now,
        claim.last_inbound.map(|id| id.as_uuid()),
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Committed::Answered {
        answer,
        message,
        parts,
        due_at,
    })
}

/// The conversation is a human's from this commit on, and so is what came in meanwhile. Of what the bot has not sent yet,
/// the text with which it hands over is still sent, behind what went before it.
async fn hand_over(
    tx: &mut SystemTx,
    claim: &Claim,
    text: MessageId,
    handoff: &Handoff,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tool_calls::leave(tx, claim.conversation).await?;
    sqlx::query!(
        "update conversations
         set handler = 'human', handoff_reason = $2, handoff_detail = $3, handed_off_at = $4::timestamptz, handoff_message_id = $5,
             hand_back_at = $4 + hand_back_after(chatbot_id)
         where id = $1",
        claim.conversation.as_uuid(),
        handoff.reason.as_str(),
        handoff.detail,
        now,
        text.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update messages set state = 'for_human'
         where conversation_id = $1 and direction = 'inbound' and state in ('waiting', 'answering')",
        claim.conversation.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes down what was searched for, and which models were asked for an answer.
async fn note_way(tx: &mut SystemTx, answer: AnswerId, record: &AnswerRecord) -> Result<(), StoreError> {
    sqlx::query!(
        "update answers set path = $2, cost_micros = $3, searched_for = $4 where id = $1",
        answer.as_uuid(),
        record.path,
        record.cost_micros,
        record.searched_for,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many questions in a row, up to the newest, the bot could not answer. What a human wrote begins a new row, and so
/// does handing over.
pub async fn unanswered_in_a_row(
    db: &Db,
    conversation: ConversationId,
    most: i64,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
               select bool_and(exists (select from unanswered u where u.id = m.answer_id)
                               and a.fallback is distinct from 'handed_off')
                          over (order by m.id desc rows unbounded preceding) as in_a_row
               from (select id, answer_id from messages
                     where conversation_id = $1 and direction = 'outbound'
                     order by id desc limit $2) m
               left join answers a on a.id = m.answer_id
           ) newest where in_a_row"#,
        conversation.as_uuid(),
        most,
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// Ends a turn that has nothing to answer: the messages get `state`, with the reason. `None`: the lease was lost.
/// Otherwise when the conversation is due again, if it is.
pub async fn close(
    db: &Db,
    claim: &Claim,
    messages: &[MessageId],
    state: domain::InboundState,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<Option<DateTime<Utc>>>, StoreError> {
    let mut tx = db.system().await?;
    if hold(&mut tx, claim).await?.is_none() {
        return Ok(None);
    }
    mark(&mut tx, claim, messages, state, reason).await?;
    let due_at = release(&mut tx, claim, now).await?;
    tx.commit().await?;
    Ok(Some(due_at))
}

/// Marks some of the turn's messages as not to be answered, and goes on with the rest. `false`: the lease was lost, and
/// they are another's to judge.
pub async fn set_aside(
    db: &Db,
    claim: &Claim,
    messages: &[MessageId],
    state: domain::InboundState,
    reason: &str,
) -> Result<bool, StoreError> {
    let mut tx = db.system().await?;
    if hold(&mut tx, claim).await?.is_none() {
        return Ok(false);
    }
    mark(&mut tx, claim, messages, state, reason).await?;
    tx.commit().await?;
    Ok(true)
}

/// Writes down why messages are not answered. What is given up gets a dead letter.
async fn mark(
    tx: &mut SystemTx,
    claim: &Claim,
    messages: &[MessageId],
    state: domain::InboundState,
    reason: &str,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = messages.iter().map(MessageId::as_uuid).collect();
    sqlx::query!(
        "update messages set state = $2, error = $3 where id = any($1) and state in ('waiting', 'answering')",
        &ids,
        state.as_str(),
        reason,
    )
    .execute(&mut **tx)
    .await?;
    if state == domain::InboundState::Dead {
        for id in messages {
            bury(tx, claim, *id, reason).await?;
        }
    }
    Ok(())
}

async fn bury(tx: &mut SystemTx, claim: &Claim, message: MessageId, reason: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into dead_letters (id, workspace_id, integration_id, kind, message_id, reason)
         values ($1, $2, $3, 'turn', $4, $5)",
        domain::DeadLetterId::new().as_uuid(),
        claim.workspace.as_uuid(),
        claim.integration.as_uuid(),
        message.as_uuid(),
        reason,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

struct Held {
    handler: String,
    next_position: i64,
}

/// Locks the conversation's row, if it is still in our hand. What is read after this is what is true until the commit.
async fn hold(tx: &mut SystemTx, claim: &Claim) -> Result<Option<Held>, StoreError> {
    Ok(sqlx::query_as!(
        Held,
        "select handler, next_position from conversations where id = $1 and lease_token = $2 for update",
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?)
}

async fn release(
    tx: &mut SystemTx,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!(
        "update conversations set
             lease_token = null, lease_until = null,
             due_at = case when last_inbound is not distinct from $3 or handler = 'human' then null
                           else coalesce(due_at, $4) end,
             waiting_since = case when last_inbound is not distinct from $3 then null else $4 end
         where id = $1 and lease_token = $2
         returning due_at",
        claim.conversation.as_uuid(),
        claim.lease.as_uuid(),
        claim.last_inbound.map(|id| id.as_uuid()),
        now,
    )
    .fetch_one(&mut **tx)
    .await?)
}

async fn older_waits(
    tx: &mut SystemTx,
    claim: &Claim,
    answered: &[Waiting],
    ids: &[uuid::Uuid],
) -> Result<bool, StoreError> {
    let Some(newest) = answered.last() else {
        return Ok(false);
    };
    Ok(sqlx::query_scalar!(
        r#"
        select exists (
            select from messages
            where conversation_id = $1 and state in ('waiting', 'answering') and id <> all($2)
              and (coalesce(order_key, 0), id) < ($3, $4)
        ) as "exists!"
        "#,
        claim.conversation.as_uuid(),
        ids,
        newest.order_key.unwrap_or(0),
        newest.id.as_uuid(),
    )
    .fetch_one(&mut **tx)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chatbots, conversations,
        fixtures::{
            CAPS, bot, claim_parts, claim_turns, inbound, message_states, noon, part_states, reply, write,
        },
        intake::{NewInbound, take_in},
        scheduling,
    };
    use sqlx::PgPool;

    #[sqlx::test]
    async fn a_conversation_is_in_one_hand_at_a_time(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;

        assert_eq!(claim_turns(&db, 10).await.len(), 1);
        assert!(claim_turns(&db, 10).await.is_empty());
    }

    #[sqlx::test]
    async fn the_least_recently_served_workspace_goes_first(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (busy, quiet) = (bot(&pool).await, bot(&pool).await);
        for contact in ["+1", "+2", "+3"] {
            write(&db, busy, contact, "hello").await;
        }
        assert_eq!(claim_turns(&db, 1).await[0].workspace, busy.workspace);
        write(&db, quiet, "+1", "hello").await;

        let next = claim_turns(&db, 1).await;

        assert_eq!(next[0].workspace, quiet.workspace);
    }

    #[sqlx::test]
    async fn one_claim_takes_from_every_workspace_in_turn(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (busy, quiet) = (bot(&pool).await, bot(&pool).await);
        for contact in ["+1", "+2", "+3", "+4"] {
            write(&db, busy, contact, "hello").await;
        }
        write(&db, quiet, "+1", "hello").await;

        let claims = claim_turns(&db, 2).await;

        let mut workspaces: Vec<_> = claims.iter().map(|claim| claim.workspace).collect();
        workspaces.sort();
        assert_eq!(workspaces, [busy.workspace, quiet.workspace]);
    }

    #[sqlx::test]
    async fn no_workspace_and_no_installation_runs_more_turns_than_its_cap(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (one, two) = (bot(&pool).await, bot(&pool).await);
        for contact in ["+1", "+2", "+3", "+4"] {
            write(&db, one, contact, "hello").await;
            write(&db, two, contact, "hello").await;
        }
        let claim = |caps| claim(&db, noon(), TimeDelta::seconds(30), 100, caps);

        assert_eq!(
            claim(Caps {
                per_workspace: 2,
                total: 100
            })
            .await
            .unwrap()
            .len(),
            4
        );
        assert_eq!(
            claim(Caps {
                per_workspace: 2,
                total: 100
            })
            .await
            .unwrap()
            .len(),
            0
        );
        assert_eq!(
            claim(Caps {
                per_workspace: 100,
                total: 5
            })
            .await
            .unwrap()
            .len(),
            1
        );
    }

    #[sqlx::test]
    async fn a_conversation_that_settles_is_not_claimed_before_it_is_due(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let message = NewInbound {
            settle: TimeDelta::seconds(1),
            ..inbound(bot, "+1", "hi")
        };
        take_in(&db, &[message]).await.unwrap();

        assert!(claim_turns(&db, 10).await.is_empty());
        let later = noon() + TimeDelta::seconds(1);
        assert_eq!(
            claim(&db, later, TimeDelta::seconds(30), 10, CAPS)
                .await
                .unwrap()
                .len(),
            1
        );
    }

    #[sqlx::test]
    async fn a_turn_answers_all_that_waits_with_one_reply_and_leaves_nothing_due(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        write(&db, bot, "+1", "where is my order?").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();

        let committed = commit(&db, &claim, &waiting, &reply(&["one", "two"]), false, noon())
            .await
            .unwrap();

        assert!(
            matches!(&committed, Committed::Answered { parts, due_at: None, .. } if parts.len() == 2),
            "{committed:?}"
        );
        assert_eq!(
            waiting.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(),
            ["hello", "where is my order?"]
        );
        assert_eq!(message_states(&pool).await, ["answered", "answered"]);
        assert_eq!(part_states(&pool).await, ["queued", "queued"]);
        assert!(claim_turns(&db, 10).await.is_empty());
        let answers = sqlx::query_scalar!("select count(distinct answer_id) from messages")
            .fetch_one(&pool)
            .await;
        assert_eq!(answers.unwrap(), Some(1));
    }

    #[sqlx::test]
    async fn a_message_that_comes_during_a_turn_leaves_the_conversation_due(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();
        write(&db, bot, "+1", "wait").await;

        let committed = commit(&db, &claim, &waiting, &reply(&["hi"]), false, noon())
            .await
            .unwrap();

        assert!(
            matches!(committed, Committed::Answered { due_at: Some(_), .. }),
            "{committed:?}"
        );
        assert_eq!(message_states(&pool).await, ["answered", "waiting"]);
        assert_eq!(claim_turns(&db, 10).await.len(), 1);
    }

    #[sqlx::test]
    async fn a_worker_that_lost_its_lease_commits_nothing(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let lost = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &lost).await.unwrap();
        let later = noon() + TimeDelta::seconds(31);
        assert_eq!(scheduling::lapse_turns(&db, later).await.unwrap(), 1);
        let other = claim(&db, later, TimeDelta::seconds(30), 10, CAPS)
            .await
            .unwrap()
            .remove(0);

        let committed = commit(&db, &lost, &waiting, &reply(&["mine"]), false, later)
            .await
            .unwrap();

        assert_eq!(committed, Committed::LeaseLost);
        assert!(part_states(&pool).await.is_empty());
        assert!(take_up(&db, &lost).await.unwrap().is_empty());
        assert_eq!(take_up(&db, &other).await.unwrap().len(), 1);
        assert!(!renew(&db, &lost, later).await.unwrap());
    }

    #[sqlx::test]
    async fn a_worker_that_lost_its_lease_sets_no_message_aside(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let lost = claim_turns(&db, 10).await.remove(0);
        let ids = [take_up(&db, &lost).await.unwrap()[0].id];
        let later = noon() + TimeDelta::seconds(31);
        scheduling::lapse_turns(&db, later).await.unwrap();
        let other = claim(&db, later, TimeDelta::seconds(30), 10, CAPS)
            .await
            .unwrap()
            .remove(0);
        let set_aside = async |claim| {
            set_aside(&db, claim, &ids, domain::InboundState::Dead, "poison")
                .await
                .unwrap()
        };
        let letters = async || {
            let mut tx = db.tenant(bot.workspace).await.unwrap();
            crate::dead_letters::list(&mut tx, None, None, 10)
                .await
                .unwrap()
                .len()
        };

        let by_the_loser = set_aside(&lost).await;
        let after_the_loser = (message_states(&pool).await, letters().await);
        let by_the_holder = set_aside(&other).await;

        assert!(!by_the_loser && by_the_holder);
        assert_eq!(after_the_loser, (vec!["answering".to_owned()], 0));
        assert_eq!(
            (message_states(&pool).await, letters().await),
            (vec!["dead".to_owned()], 1)
        );
    }

    #[sqlx::test]
    async fn a_human_who_takes_over_during_a_turn_silences_it(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        assert!(
            conversations::take_over(&mut tx, claim.conversation)
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();

        let committed = commit(&db, &claim, &waiting, &reply(&["hi"]), false, noon())
            .await
            .unwrap();
        write(&db, bot, "+1", "a human?").await;

        assert_eq!(committed, Committed::TakenOver);
        assert!(part_states(&pool).await.is_empty());
        assert_eq!(message_states(&pool).await, ["for_human", "for_human"]);
        assert!(claim_turns(&db, 10).await.is_empty());
    }

    fn handing_over() -> BotReply {
        BotReply {
            handoff: Some(Handoff {
                reason: HandoffReason::Keyword,
                detail: Some("refund".to_owned()),
            }),
            ..reply(&["A colleague will answer."])
        }
    }

    #[sqlx::test]
    async fn what_hands_over_is_sent_and_nothing_of_the_bot_after_it(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "refund!").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();
        write(&db, bot, "+1", "are you there?").await;

        let committed = commit(&db, &claim, &waiting, &handing_over(), false, noon())
            .await
            .unwrap();
        write(&db, bot, "+1", "hello?").await;

        assert!(
            matches!(committed, Committed::Answered { due_at: None, .. }),
            "{committed:?}"
        );
        assert_eq!(
            message_states(&pool).await,
            ["answered", "for_human", "for_human"]
        );
        assert!(claim_turns(&db, 10).await.is_empty());
        let parts = claim_parts(&db, noon()).await.unwrap();
        assert_eq!((parts.len(), parts[0].human), (1, false));
    }

    #[sqlx::test]
    async fn a_conversation_in_which_no_human_writes_goes_back_when_its_time_is_up(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "refund!").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();
        commit(&db, &claim, &waiting, &handing_over(), false, noon())
            .await
            .unwrap();
        let back = async |minutes| {
            let now = noon() + TimeDelta::minutes(minutes);
            conversations::hand_back_silent(&db, now).await.unwrap().len()
        };

        assert_eq!((back(59).await, back(60).await, back(61).await), (0, 1, 0));

        write(&db, bot, "+1", "hello?").await;
        assert_eq!(
            claim_turns(&db, 10).await.len(),
            1,
            "the bot does not answer again"
        );
    }

    #[sqlx::test]
    async fn an_owners_time_of_silence_holds_for_what_a_human_has_already(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        for contact in ["+1", "+2"] {
            write(&db, bot, contact, "refund!").await;
        }
        for claim in claim_turns(&db, 10).await {
            let waiting = take_up(&db, &claim).await.unwrap();
            commit(&db, &claim, &waiting, &handing_over(), false, noon())
                .await
                .unwrap();
        }
        let set = async |minutes| {
            let rules = crate::conduct::HandoffRules {
                hand_back_after_minutes: minutes,
                ..Default::default()
            };
            let mut tx = db.tenant(bot.workspace).await.unwrap();
            assert!(
                crate::conduct::save_handoff(&mut tx, bot.chatbot, &rules, noon())
                    .await
                    .unwrap()
            );
            tx.commit().await.unwrap();
        };
        let year = noon() + TimeDelta::days(365);

        set(None).await;
        assert_eq!(conversations::hand_back_silent(&db, year).await.unwrap().len(), 0);
        set(Some(5)).await;
        let later = noon() + TimeDelta::minutes(5);
        assert_eq!(
            conversations::hand_back_silent(&db, later).await.unwrap().len(),
            2
        );
    }

    #[sqlx::test]
    async fn questions_without_an_answer_are_counted_up_to_the_last_that_had_one(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let mut counts = Vec::new();
        for (unanswered, fallback) in [
            (true, Some("no_knowledge")),
            (false, None),
            (true, Some("model_unavailable")),
            (true, Some("no_knowledge")),
            (true, Some("handed_off")),
            (true, Some("no_knowledge")),
        ] {
            write(&db, bot, "+1", "why?").await;
            let claim = claim_turns(&db, 10).await.remove(0);
            let waiting = take_up(&db, &claim).await.unwrap();
            let mut reply = reply(&["hm"]);
            reply.record.fallback = fallback.map(str::to_owned);
            reply.record.unanswered = unanswered;
            commit(&db, &claim, &waiting, &reply, false, noon())
                .await
                .unwrap();
            counts.push(unanswered_in_a_row(&db, claim.conversation, 10).await.unwrap());
        }

        assert_eq!(counts, [1, 0, 1, 2, 0, 1]);
    }

    #[sqlx::test]
    async fn a_message_that_belongs_before_the_answered_ones_sends_the_turn_round_once(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let numbered = |order_key| NewInbound {
            order_key: Some(order_key),
            ..inbound(bot, "+1", "hi")
        };
        take_in(&db, &[numbered(2)]).await.unwrap();
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();
        take_in(&db, &[numbered(1)]).await.unwrap();

        let first = commit(&db, &claim, &waiting, &reply(&["hi"]), false, noon())
            .await
            .unwrap();
        let again = take_up(&db, &claim).await.unwrap();
        let second = commit(&db, &claim, &again, &reply(&["hi"]), true, noon())
            .await
            .unwrap();

        assert_eq!(first, Committed::OlderArrived);
        assert_eq!(
            again.iter().map(|m| m.order_key).collect::<Vec<_>>(),
            [Some(1), Some(2)]
        );
        assert!(matches!(second, Committed::Answered { .. }), "{second:?}");
        assert_eq!(message_states(&pool).await, ["answered", "answered"]);
    }

    #[sqlx::test]
    async fn a_message_that_is_given_up_has_a_dead_letter_and_waits_no_more(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = take_up(&db, &claim).await.unwrap();

        let ids = [waiting[0].id];
        close(&db, &claim, &ids, domain::InboundState::Dead, "poison", noon())
            .await
            .unwrap()
            .unwrap();

        assert_eq!(message_states(&pool).await, ["dead"]);
        assert!(claim_turns(&db, 10).await.is_empty());
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let letters = crate::dead_letters::list(&mut tx, None, None, 10).await.unwrap();
        assert_eq!(letters[0].reason, "poison");
    }

    #[sqlx::test]
    async fn what_waits_for_a_stopped_chatbot_keeps_its_attempts_and_is_due_when_it_goes_on(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let mut tx = db.system().await.unwrap();
        assert!(
            chatbots::pause(&mut tx, bot.chatbot, "why", noon())
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        let claim = claim_turns(&db, 10).await.remove(0);
        let later = noon() + TimeDelta::minutes(5);

        assert!(put_off(&db, &claim, later).await.unwrap());

        assert!(claim_turns(&db, 10).await.is_empty());
        write(&db, bot, "+2", "hello").await;
        let mut tx = db.system().await.unwrap();
        assert_eq!(
            chatbots::resume(&mut tx, bot.chatbot, noon()).await.unwrap(),
            Some(2)
        );
        assert_eq!(
            chatbots::resume(&mut tx, bot.chatbot, noon()).await.unwrap(),
            None
        );
        tx.commit().await.unwrap();
        let claims = claim_turns(&db, 10).await;
        assert_eq!(claims.len(), 2);
        assert!(!put_off(&db, &claims[0], later).await.unwrap());
        let waiting = take_up(&db, &claims[0]).await.unwrap();
        assert_eq!((waiting.len(), waiting[0].attempts), (1, 1));
    }
}
