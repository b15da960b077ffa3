//! What people say of the answers that they got.
//!
//! Invariants:
//! - One rating for each answer: who says something else says it instead.
//! - Only what was written to a conversation can be rated, and only from there: a caller names the conversation that is
//!   theirs, and never finds a message of another one.

use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ConversationId, IntegrationId, MessageId, Rating};
use std::fmt;

/// A comment's most characters.
pub const MOST_COMMENT: usize = 1_000;

/// What somebody said of an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Whether it helped.
    pub rating: Rating,
    /// Why, in their words.
    pub comment: Option<String>,
}

/// It is somebody's words.
impl fmt::Debug for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feedback({})", self.rating)
    }
}

impl Feedback {
    /// As the database has it.
    pub(crate) fn read(rating: Option<String>, comment: Option<String>) -> Result<Option<Self>, StoreError> {
        rating
            .map(|rating| {
                Ok(Self {
                    rating: rating.parse()?,
                    comment,
                })
            })
            .transpose()
    }
}

/// An answer, as its reader names it.
#[derive(Debug, Clone, Copy)]
pub struct Rated<'a> {
    /// The integration.
    pub integration: IntegrationId,
    /// The conversation, as the platform names it.
    pub conversation_key: &'a str,
    /// The message.
    pub message: MessageId,
}

/// What has become of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Where the answer is.
    pub conversation: ConversationId,
    /// Whether it is another one than before.
    pub changed: bool,
}

/// Rates an answer, in place of what was said of it before. `None`: there is no such answer in this conversation.
pub async fn rate(
    tx: &mut TenantTx,
    rated: Rated<'_>,
    feedback: &Feedback,
    now: DateTime<Utc>,
) -> Result<Option<Outcome>, StoreError> {
    let Some(conversation) = conversation_of(tx, rated).await? else {
        return Ok(None);
    };
    let changed = sqlx::query!(
        "insert into message_feedback (message_id, workspace_id, conversation_id, chatbot_id, platform, rating, comment,
                                       created_at, updated_at)
         select $1, v.workspace_id, v.id, v.chatbot_id, i.platform, $3, $4, $5, $5
         from conversations v join integrations i on i.id = v.integration_id
         where v.id = $2
         on conflict (message_id) do update
             set rating = excluded.rating, comment = excluded.comment, updated_at = excluded.updated_at
             where (message_feedback.rating, message_feedback.comment) is distinct from (excluded.rating, excluded.comment)",
        rated.message.as_uuid(),
        conversation.as_uuid(),
        feedback.rating.as_str(),
        feedback.comment,
        now,
    )
    .execute(tx.connection())
    .await?
    .rows_affected()
        > 0;
    if changed {
        note(tx, conversation, rated.message, Some(feedback), now).await?;
    }
    Ok(Some(Outcome {
        conversation,
        changed,
    }))
}

/// Takes back what was said of an answer. `None`: there is no such answer in this conversation.
pub async fn take_back(
    tx: &mut TenantTx,
    rated: Rated<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Outcome>, StoreError> {
    let Some(conversation) = conversation_of(tx, rated).await? else {
        return Ok(None);
    };
    let workspace = tx.workspace().as_uuid();
    let changed = sqlx::query!(
        "delete from message_feedback where workspace_id = $1 and message_id = $2",
        workspace,
        rated.message.as_uuid(),
    )
    .execute(tx.connection())
    .await?
    .rows_affected()
        > 0;
    if changed {
        note(tx, conversation, rated.message, None, now).await?;
    }
    Ok(Some(Outcome {
        conversation,
        changed,
    }))
}

/// The conversation of an answer that its reader can see: the bot or a person wrote it. It is there until the transaction
/// ends.
async fn conversation_of(tx: &mut TenantTx, rated: Rated<'_>) -> Result<Option<ConversationId>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        "select v.id from conversations v join messages m on m.conversation_id = v.id
         where v.workspace_id = $1 and v.integration_id = $2 and v.key = $3 and m.id = $4
           and m.direction = 'outbound' and m.sender in ('bot', 'agent')
           and exists (select from chat_entries e where e.message_id = m.id)
         for key share of m",
        workspace,
        rated.integration.as_uuid(),
        rated.conversation_key,
        rated.message.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(Into::into))
}

async fn note(
    tx: &mut TenantTx,
    conversation: ConversationId,
    message: MessageId,
    feedback: Option<&Feedback>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "select note_feedback($1, $2, $3, $4, $5, $6)",
        workspace,
        conversation.as_uuid(),
        message.as_uuid(),
        feedback.map(|feedback| feedback.rating.as_str()),
        feedback.and_then(|feedback| feedback.comment.as_deref()),
        now,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
