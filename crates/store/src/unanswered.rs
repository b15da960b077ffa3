//! Questions that a chatbot's knowledge did not answer: its owner's list of what to add.

use crate::{StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use domain::{AnswerId, ChatbotId, ConversationId, UnansweredId, WorkspaceId};
use std::fmt;

/// A question to be listed.
#[derive(Clone)]
pub struct NewUnanswered {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The chatbot that was asked.
    pub chatbot: ChatbotId,
    /// Where it was asked.
    pub conversation: ConversationId,
    /// The record of the answer that was given instead.
    pub answer: AnswerId,
    /// As it was asked.
    pub question: String,
}

/// A question without an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The entry.
    pub id: UnansweredId,
    /// Where it was asked.
    pub conversation: ConversationId,
    /// The record of the answer that was given instead.
    pub answer: AnswerId,
    /// As it was asked.
    pub question: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Nothing of what was asked.
impl fmt::Debug for NewUnanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUnanswered")
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

/// Nothing of what was asked.
impl fmt::Debug for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unanswered")
            .field("id", &self.id)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

/// Lists a question, in the transaction that stores its answer.
pub async fn insert(tx: &mut SystemTx, new: &NewUnanswered) -> Result<UnansweredId, StoreError> {
    let id = UnansweredId::new();
    sqlx::query!(
        "insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question)
         values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        new.workspace.as_uuid(),
        new.chatbot.as_uuid(),
        new.conversation.as_uuid(),
        new.answer.as_uuid(),
        new.question.replace('\0', ""),
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// A chatbot's open questions, newest first, older than `after`.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    after: Option<UnansweredId>,
    limit: i64,
) -> Result<Vec<Unanswered>, StoreError> {
    let rows = sqlx::query!(
        "select id, conversation_id, answer_id, question, created_at from unanswered
         where chatbot_id = $1 and workspace_id = $2 and resolved_at is null and ($3::uuid is null or id < $3)
         order by id desc
         limit $4",
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Unanswered {
            id: row.id.into(),
            conversation: row.conversation_id.into(),
            answer: row.answer_id.into(),
            question: row.question,
            created_at: row.created_at,
        })
        .collect())
}

/// Takes a question off the list. `false`: there is no such open question.
pub async fn resolve(tx: &mut TenantTx, chatbot: ChatbotId, id: UnansweredId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update unanswered set resolved_at = now()
         where id = $1 and chatbot_id = $2 and workspace_id = $3 and resolved_at is null",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes questions off the list. How many of them were open.
pub async fn resolve_all(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    ids: &[UnansweredId],
) -> Result<u64, StoreError> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let done = sqlx::query!(
        "update unanswered set resolved_at = now()
         where id = any($1) and chatbot_id = $2 and workspace_id = $3 and resolved_at is null",
        &ids,
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// Takes the question of this answer off the list. How many were open: one or none.
pub async fn resolve_of_answer(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    answer: AnswerId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update unanswered set resolved_at = now()
         where chatbot_id = $1 and answer_id = $2 and workspace_id = $3 and resolved_at is null",
        chatbot.as_uuid(),
        answer.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Db;
    use sqlx::PgPool;
    use uuid::Uuid;

    /// A workspace with one question that was not answered.
    async fn asked(pool: &PgPool, question: &str) -> (WorkspaceId, NewUnanswered) {
        let id = Uuid::now_v7();
        sqlx::query!("insert into workspaces (id, name) values ($1, 'Acme')", id)
            .execute(pool)
            .await
            .unwrap();
        sqlx::query!(
            "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $1, 'Helper', 'No idea.')",
            id
        )
        .execute(pool)
        .await
        .unwrap();
        sqlx::query!(
            "insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ($1, $1, $1, 'twilio', 'AC1', '', '{}')",
            id
        )
        .execute(pool)
        .await
        .unwrap();
        sqlx::query!(
            "insert into contacts (id, workspace_id, integration_id, key) values ($1, $1, $1, '+1')",
            id
        )
        .execute(pool)
        .await
        .unwrap();
        sqlx::query!(
            "insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
             values ($1, $1, $1, $1, $1, '+1')",
            id
        )
        .execute(pool)
        .await
        .unwrap();
        sqlx::query!(
            "insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model,
                                  prompt_version, stages)
             values ($1, $1, $1, $1, $2, '[]', '[]', 'extractive', 1, '{}')",
            id,
            question
        )
        .execute(pool)
        .await
        .unwrap();
        let new = NewUnanswered {
            workspace: id.into(),
            chatbot: id.into(),
            conversation: id.into(),
            answer: id.into(),
            question: question.to_owned(),
        };
        (id.into(), new)
    }

    #[sqlx::test]
    async fn a_question_is_listed_until_it_is_resolved(pool: PgPool) {
        let (workspace, new) = asked(&pool, "Do you ship to the moon?").await;
        let db = Db::of_pool(&pool);
        let mut tx = db.system().await.unwrap();
        let id = insert(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = db.tenant(workspace).await.unwrap();
        let open = list(&mut tx, new.chatbot, None, 10).await.unwrap();
        let resolved = resolve(&mut tx, new.chatbot, id).await.unwrap();
        let again = resolve(&mut tx, new.chatbot, id).await.unwrap();

        assert_eq!(
            open.iter().map(|u| u.question.as_str()).collect::<Vec<_>>(),
            ["Do you ship to the moon?"]
        );
        assert_eq!((resolved, again), (true, false));
        assert!(list(&mut tx, new.chatbot, None, 10).await.unwrap().is_empty());
    }

    #[sqlx::test]
    async fn another_workspace_neither_sees_nor_resolves_it(pool: PgPool) {
        let (_, new) = asked(&pool, "Do you ship to the moon?").await;
        let (other, _) = asked(&pool, "?").await;
        let db = Db::of_pool(&pool);
        let mut tx = db.system().await.unwrap();
        let id = insert(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = db.tenant(other).await.unwrap();

        assert!(list(&mut tx, new.chatbot, None, 10).await.unwrap().is_empty());
        assert!(!resolve(&mut tx, new.chatbot, id).await.unwrap());
    }
}
