//! A message's journey: every stage it went through and when, from the rows that are the truth.

use crate::{StoreError, TenantTx, feedback::Feedback};
use chrono::{DateTime, Utc};
use domain::{
    AnswerId, AttachmentId, BlobId, ConversationId, Direction, InboundState, MessageId, PartId, PartState,
    Sender,
};
use std::{collections::HashMap, fmt};
use uuid::Uuid;

/// A message with all that became of it.
#[derive(Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// Outbound: who wrote it.
    pub sender: Option<Sender>,
    /// Outbound, by a member: their name; their address where they have none.
    pub author: Option<String>,
    /// Inbound: what became of it.
    pub state: Option<InboundState>,
    /// The text.
    pub text: String,
    /// Outbound: what its reader says of it.
    pub feedback: Option<Said>,
    /// Why it could not be processed.
    pub error: Option<String>,
    /// Inbound: how often a turn took it up.
    pub attempts: i32,
    /// When the person sent it, as the platform says.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the gateway accepted it, or it was written here.
    pub accepted_at: DateTime<Utc>,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
    /// When its answer was committed.
    pub answered_at: Option<DateTime<Utc>>,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// The record of the answer: inbound, of the answer to it; outbound by the bot, of how it came to be.
    pub answer: Option<Answer>,
    /// Inbound: the message that answers it.
    pub reply: Option<MessageId>,
    /// Outbound: what was sent. Inbound: what was sent in answer to it.
    pub parts: Vec<Part>,
}

/// Its text is nobody's business in a log.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// What a reader says of an answer, and since when.
#[derive(Debug, Clone)]
pub struct Said {
    /// What.
    pub feedback: Feedback,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A picture, sound or file that came with a message.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its MIME type.
    pub content_type: String,
    /// `pending`, `stored` or `refused`.
    pub state: String,
    /// Its bytes, once they are stored.
    pub blob: Option<BlobId>,
    /// Why it was refused.
    pub error: Option<String>,
}

/// How an answer came to be.
#[derive(Clone)]
pub struct Answer {
    /// Its id.
    pub id: AnswerId,
    /// What was asked.
    pub question: String,
    /// What was searched for in its place, where it was not understood by itself.
    pub searched_for: Option<String>,
    /// The passages that were found, with scores.
    pub passages: serde_json::Value,
    /// The passages it rests on.
    pub citations: serde_json::Value,
    /// What wrote it.
    pub model: String,
    /// Why it is not the model's own.
    pub fallback: Option<String>,
    /// The prompt's version.
    pub prompt_version: i32,
    /// Tokens read.
    pub tokens_in: Option<i32>,
    /// Tokens written.
    pub tokens_out: Option<i32>,
    /// Milliseconds of each stage.
    pub stages: serde_json::Value,
    /// What went wrong on the way.
    pub error: Option<String>,
    /// Calls of tools on the way.
    pub calls: serde_json::Value,
    /// Hosts to which it would have linked, and may not.
    pub removed_links: Vec<String>,
    /// The models that were asked, in their order, and how each fared.
    pub path: serde_json::Value,
    /// What they cost, in millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
}

/// One platform-sized part of an outbound message.
#[derive(Clone)]
pub struct Part {
    /// Its id.
    pub id: PartId,
    /// The message it is a part of.
    pub message: MessageId,
    /// Its place in the conversation's order.
    pub position: i64,
    /// What became of it.
    pub state: PartState,
    /// Its content.
    pub content: serde_json::Value,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is next due, while it is not settled.
    pub due_at: DateTime<Utc>,
    /// The platform's id.
    pub platform_message_id: Option<String>,
    /// Units of the platform's bill.
    pub segments: Option<i32>,
    /// Why it failed.
    pub error: Option<String>,
    /// The platform's code for that.
    pub error_code: Option<String>,
    /// Whether it was sent once more after an unknown outcome.
    pub resent: bool,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When the platform accepted it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When nothing more was to be done for it.
    pub settled_at: Option<DateTime<Utc>>,
    /// When it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// Every call to the platform.
    pub calls: Vec<Call>,
}

/// One call to the platform.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How.
    pub outcome: String,
    /// What the platform said.
    pub detail: Option<String>,
}

/// The messages of a conversation with their journeys, newest first, older than `after` when it is given.
pub async fn messages(
    tx: &mut TenantTx,
    conversation: ConversationId,
    after: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    find(tx, conversation, None, after, limit).await
}

/// One message of a conversation with its journey.
pub async fn message(
    tx: &mut TenantTx,
    conversation: ConversationId,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    Ok(find(tx, conversation, Some(id), None, 1).await?.pop())
}

async fn find(
    tx: &mut TenantTx,
    conversation: ConversationId,
    only: Option<MessageId>,
    after: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        r#"select m.id, m.direction, m.sender, m.state, m.text, m.error, m.attempts, m.sent_at, m.accepted_at,
                  m.stored_at, m.answered_at, m.answer_id, r.id as "reply_id?",
                  coalesce(nullif(u.name, ''), u.email) as author,
                  f.rating as "rating?", f.comment as "comment?", f.updated_at as "rated_at?"
           from messages m
           left join messages r on m.direction = 'inbound' and r.answer_id = m.answer_id and r.direction = 'outbound'
                and r.conversation_id = m.conversation_id
           left join users u on u.id = m.author_id
           left join message_feedback f on f.message_id = m.id
           where m.workspace_id = $1 and m.conversation_id = $2
             and ($3::uuid is null or m.id = $3) and ($4::uuid is null or m.id < $4)
           order by m.id desc limit $5"#,
        workspace,
        conversation.as_uuid(),
        only.map(|id| id.as_uuid()),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;

    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let carriers: Vec<Uuid> = rows.iter().map(|row| row.reply_id.unwrap_or(row.id)).collect();
    let answer_ids: Vec<Uuid> = rows.iter().filter_map(|row| row.answer_id).collect();
    let mut attachments = attachments(tx, &ids).await?;
    let parts = parts(tx, &carriers).await?;
    let answers = answers(tx, &answer_ids).await?;

    rows.into_iter()
        .map(|row| {
            Ok(Message {
                id: row.id.into(),
                direction: row.direction.parse()?,
                sender: row.sender.map(|sender| sender.parse()).transpose()?,
                author: row.author,
                state: row.state.map(|state| state.parse()).transpose()?,
                text: row.text,
                feedback: Feedback::read(row.rating, row.comment)?
                    .zip(row.rated_at)
                    .map(|(feedback, at)| Said { feedback, at }),
                error: row.error,
                attempts: row.attempts,
                sent_at: row.sent_at,
                accepted_at: row.accepted_at,
                stored_at: row.stored_at,
                answered_at: row.answered_at,
                attachments: attachments.remove(&row.id).unwrap_or_default(),
                answer: row.answer_id.and_then(|id| answers.get(&id).cloned()),
                reply: row.reply_id.map(Into::into),
                parts: parts
                    .get(&row.reply_id.unwrap_or(row.id))
                    .cloned()
                    .unwrap_or_default(),
            })
        })
        .collect()
}

async fn attachments(
    tx: &mut TenantTx,
    messages: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Attachment>>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, message_id, content_type, state, blob_id, error from attachments
         where workspace_id = $1 and message_id = any($2) order by message_id, position",
        workspace,
        messages,
    )
    .fetch_all(tx.connection())
    .await?;
    let mut found: HashMap<Uuid, Vec<Attachment>> = HashMap::new();
    for row in rows {
        found.entry(row.message_id).or_default().push(Attachment {
            id: row.id.into(),
            content_type: row.content_type,
            state: row.state,
            blob: row.blob_id.map(Into::into),
            error: row.error,
        });
    }
    Ok(found)
}

/// An attachment of a conversation whose bytes are stored.
pub async fn attachment(
    tx: &mut TenantTx,
    conversation: ConversationId,
    id: AttachmentId,
) -> Result<Option<Attachment>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select a.id, a.content_type, a.state, a.blob_id, a.error
         from attachments a join messages m on m.id = a.message_id
         where a.workspace_id = $1 and m.conversation_id = $2 and a.id = $3",
        workspace,
        conversation.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Attachment {
        id: row.id.into(),
        content_type: row.content_type,
        state: row.state,
        blob: row.blob_id.map(Into::into),
        error: row.error,
    }))
}

async fn answers(tx: &mut TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, Answer>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, question, searched_for, passages, citations, model, fallback, prompt_version, tokens_in, tokens_out, stages,
                error, calls, removed_links, path, cost_micros, created_at
         from answers where workspace_id = $1 and id = any($2)",
        workspace,
        ids,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let answer = Answer {
                id: row.id.into(),
                question: row.question,
                searched_for: row.searched_for,
                passages: row.passages,
                citations: row.citations,
                model: row.model,
                fallback: row.fallback,
                prompt_version: row.prompt_version,
                tokens_in: row.tokens_in,
                tokens_out: row.tokens_out,
                stages: row.stages,
                error: row.error,
                calls: row.calls,
                removed_links: row.removed_links,
                path: row.path,
                cost_micros: row.cost_micros,
                created_at: row.created_at,
            };
            (row.id, answer)
        })
        .collect())
}

async fn parts(tx: &mut TenantTx, messages: &[Uuid]) -> Result<HashMap<Uuid, Vec<Part>>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, message_id, position, state, content, attempts, due_at, platform_message_id, segments, error,
                error_code, resent, created_at, sent_at, settled_at, delivered_at, read_at
         from parts where workspace_id = $1 and message_id = any($2) order by position",
        workspace,
        messages,
    )
    .fetch_all(tx.connection())
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut calls = calls(tx, &ids).await?;
    let mut found: HashMap<Uuid, Vec<Part>> = HashMap::new();
    for row in rows {
        found.entry(row.message_id).or_default().push(Part {
            id: row.id.into(),
            message: row.message_id.into(),
            position: row.position,
            state: row.state.parse()?,
            content: row.content,
            attempts: row.attempts,
            due_at: row.due_at,
            platform_message_id: row.platform_message_id,
            segments: row.segments,
            error: row.error,
            error_code: row.error_code,
            resent: row.resent,
            created_at: row.created_at,
            sent_at: row.sent_at,
            settled_at: row.settled_at,
            delivered_at: row.delivered_at,
            read_at: row.read_at,
            calls: calls.remove(&row.id).unwrap_or_default(),
        });
    }
    Ok(found)
}

async fn calls(tx: &mut TenantTx, parts: &[Uuid]) -> Result<HashMap<Uuid, Vec<Call>>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select part_id, started_at, ended_at, outcome, detail from attempts
         where workspace_id = $1 and part_id = any($2) order by id",
        workspace,
        parts,
    )
    .fetch_all(tx.connection())
    .await?;
    let mut found: HashMap<Uuid, Vec<Call>> = HashMap::new();
    for row in rows {
        found.entry(row.part_id).or_default().push(Call {
            started_at: row.started_at,
            ended_at: row.ended_at,
            outcome: row.outcome,
            detail: row.detail,
        });
    }
    Ok(found)
}
