//! Golden questions: what a chatbot must be able to answer, and what is expected of the answer.

use crate::{StoreError, TenantTx, sources::without_nul};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, GoldenQuestionId, MessageId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is expected. Everything that is given must hold; whatever is expected but a refusal, the question must be
/// answered.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expected {
    /// The title of the source in which the answer must be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The title of the document in which it must be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Text that must stand in a passage that is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passage: Option<String>,
    /// Words that the answer must contain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The chatbot must say that it does not know.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Expected {
    /// Whether something has to be found.
    pub const fn to_be_found(&self) -> bool {
        self.source.is_some() || self.document.is_some() || self.passage.is_some()
    }
}

/// What visitors ask is not for logs.
impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected")
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// A golden question.
#[derive(Clone, PartialEq, Eq)]
pub struct Golden {
    /// Its id.
    pub id: GoldenQuestionId,
    /// As a visitor may ask it; no two of a chatbot are the same.
    pub question: String,
    /// What is expected.
    pub expected: Expected,
    /// The message that it was taken from.
    pub message: Option<MessageId>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl fmt::Debug for Golden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Golden")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

struct Row {
    id: uuid::Uuid,
    question: String,
    expected: serde_json::Value,
    message_id: Option<uuid::Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Golden {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            question: row.question,
            expected: serde_json::from_value(row.expected)?,
            message: row.message_id.map(Into::into),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// What became of a question that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Added(GoldenQuestionId),
    /// It was there, and something else was expected.
    Changed(GoldenQuestionId),
    /// It was there, just so.
    Unchanged(GoldenQuestionId),
}

impl Written {
    /// The question.
    pub const fn id(self) -> GoldenQuestionId {
        match self {
            Self::Added(id) | Self::Changed(id) | Self::Unchanged(id) => id,
        }
    }
}

/// A chatbot's golden questions after `after`, in the order in which they were written.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    after: Option<GoldenQuestionId>,
    limit: i64,
) -> Result<Vec<Golden>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select id, question, expected, message_id, created_at, updated_at from golden_questions
         where chatbot_id = $1 and workspace_id = $2 and ($3::uuid is null or id > $3)
         order by id
         limit $4",
        chatbot.as_uuid(),
        workspace,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(Golden::try_from)
    .collect()
}

/// One of them.
pub async fn get(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: GoldenQuestionId,
) -> Result<Option<Golden>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select id, question, expected, message_id, created_at, updated_at from golden_questions
         where chatbot_id = $1 and workspace_id = $2 and id = $3",
        chatbot.as_uuid(),
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(Golden::try_from)
    .transpose()
}

/// How many a chatbot has.
pub async fn count(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<i64, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from golden_questions where chatbot_id = $1 and workspace_id = $2"#,
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_one(tx.connection())
    .await?)
}

/// Writes a question; of one that is there already, what is expected. `None`: the workspace has no such chatbot.
pub async fn write(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    question: &str,
    expected: &Expected,
    message: Option<MessageId>,
    now: DateTime<Utc>,
) -> Result<Option<Written>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let (question, expected) = (without_nul(question), serde_json::to_value(expected)?);
    let id = GoldenQuestionId::new();
    let row = sqlx::query!(
        r#"with before as (
               select id, expected from golden_questions
               where chatbot_id = $2 and workspace_id = $3 and md5(question) = md5($4)
           ), written as (
               insert into golden_questions (id, workspace_id, chatbot_id, question, expected, message_id, created_at,
                                             updated_at)
               select $1, workspace_id, id, $4, $5, $6, $7, $7 from chatbots where id = $2 and workspace_id = $3
               on conflict (chatbot_id, md5(question)) do update
                   set expected = excluded.expected, updated_at = excluded.updated_at,
                       message_id = coalesce(golden_questions.message_id, excluded.message_id)
               returning id
           )
           select written.id as "id!", before.expected is not distinct from $5 as "same!", before.id as "before?"
           from written left join before on true"#,
        id.as_uuid(),
        chatbot.as_uuid(),
        workspace,
        question,
        expected,
        message.map(|id| id.as_uuid()),
        now,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| match (row.before, row.same) {
        (None, _) => Written::Added(row.id.into()),
        (Some(_), true) => Written::Unchanged(row.id.into()),
        (Some(_), false) => Written::Changed(row.id.into()),
    }))
}

/// Changes a question and what is expected. `false`: there is none; [`StoreError::Taken`]: another one asks the same.
pub async fn update(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: GoldenQuestionId,
    question: &str,
    expected: &Expected,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update golden_questions set question = $4, expected = $5, updated_at = $6
         where id = $1 and chatbot_id = $2 and workspace_id = $3",
        id.as_uuid(),
        chatbot.as_uuid(),
        workspace,
        without_nul(question),
        serde_json::to_value(expected)?,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a question; what runs found of it stays. `false`: there is none.
pub async fn delete(tx: &mut TenantTx, chatbot: ChatbotId, id: GoldenQuestionId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from golden_questions where id = $1 and chatbot_id = $2 and workspace_id = $3",
        id.as_uuid(),
        chatbot.as_uuid(),
        workspace,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Db, fixtures};
    use sqlx::PgPool;

    #[sqlx::test]
    async fn a_question_that_is_written_twice_is_there_once_with_what_was_last_expected(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let refused = Expected {
            refused: true,
            ..Expected::default()
        };
        let question = "Are you open on Sundays?";
        let write = async |tx: &mut TenantTx, expected: &Expected| {
            write(tx, bot.chatbot, question, expected, None, fixtures::noon())
                .await
                .unwrap()
                .unwrap()
        };

        let added = write(&mut tx, &Expected::default()).await;
        let same = write(&mut tx, &Expected::default()).await;
        let changed = write(&mut tx, &refused).await;

        let id = added.id();
        assert_eq!(
            (added, same, changed),
            (Written::Added(id), Written::Unchanged(id), Written::Changed(id))
        );
        let all = list(&mut tx, bot.chatbot, None, 10).await.unwrap();
        assert_eq!((all.len(), &all[0].expected), (1, &refused));
    }
}
