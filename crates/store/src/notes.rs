//! Notes: what members say to each other about a conversation.
//!
//! Invariant: nothing that writes to a person or to a model reads them.

use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ConversationId, NoteId, UserId};
use std::fmt;

/// A note.
#[derive(Clone)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// Who wrote it; `None`: a program, or somebody whose account is gone.
    pub author: Option<UserId>,
    /// Their name; their address where they have none.
    pub author_name: Option<String>,
    /// What it says.
    pub text: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// It is somebody's words.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Note")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

struct Row {
    id: uuid::Uuid,
    author_id: Option<uuid::Uuid>,
    author_name: Option<String>,
    text: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for Note {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            author: row.author_id.map(Into::into),
            author_name: row.author_name,
            text: row.text,
            created_at: row.created_at,
        }
    }
}

/// A conversation's notes, the newest first.
pub async fn list(
    tx: &mut TenantTx,
    conversation: ConversationId,
    after: Option<NoteId>,
    limit: i64,
) -> Result<Vec<Note>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query_as!(
        Row,
        r#"select n.id as "id!", n.author_id, coalesce(nullif(u.name, ''), u.email) as author_name, n.text as "text!",
                  n.created_at as "created_at!"
           from notes n left join users u on u.id = n.author_id
           where n.workspace_id = $1 and n.conversation_id = $2 and ($3::uuid is null or n.id < $3)
           order by n.id desc limit $4"#,
        workspace,
        conversation.as_uuid(),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Adds a note. `None`: there is no such conversation here.
pub async fn insert(
    tx: &mut TenantTx,
    conversation: ConversationId,
    author: Option<UserId>,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Option<Note>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query_as!(
        Row,
        r#"with added as (
               insert into notes (id, workspace_id, conversation_id, author_id, text, created_at)
               select $3, workspace_id, id, $4::uuid, $5, $6 from conversations where workspace_id = $1 and id = $2
               returning id, author_id, text, created_at
           )
           select n.id as "id!", n.author_id, coalesce(nullif(u.name, ''), u.email) as author_name, n.text as "text!",
                  n.created_at as "created_at!"
           from added n left join users u on u.id = n.author_id"#,
        workspace,
        conversation.as_uuid(),
        NoteId::new().as_uuid(),
        author.map(|id| id.as_uuid()),
        text,
        now,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(Into::into))
}

/// Deletes a note. `false`: the conversation has no such note.
pub async fn delete(tx: &mut TenantTx, conversation: ConversationId, id: NoteId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from notes where workspace_id = $1 and conversation_id = $2 and id = $3",
        workspace,
        conversation.as_uuid(),
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
