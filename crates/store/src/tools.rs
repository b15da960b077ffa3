//! HTTP actions that owners gave their chatbots. What stands in a definition is the `tools` crate's.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ToolId};
use std::fmt;

/// The column for which the values of secret headers are sealed, with the tool's id as the row.
pub const SECRETS_COLUMN: &str = "tools.secrets";

/// A tool.
#[derive(Clone)]
pub struct Tool {
    /// Its id.
    pub id: ToolId,
    /// Whose it is.
    pub chatbot: ChatbotId,
    /// As models know it.
    pub name: String,
    /// Whether it may be called.
    pub enabled: bool,
    /// What it does and how it is called.
    pub definition: serde_json::Value,
    /// Values of secret headers, sealed for (`id`, [`SECRETS_COLUMN`]).
    pub secrets: Option<Vec<u8>>,
    /// Bumped by every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Nothing of its secrets.
impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

struct Row {
    id: uuid::Uuid,
    chatbot_id: uuid::Uuid,
    name: String,
    enabled: bool,
    definition: serde_json::Value,
    secrets: Option<Vec<u8>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Tool {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            chatbot: row.chatbot_id.into(),
            name: row.name,
            enabled: row.enabled,
            definition: row.definition,
            secrets: row.secrets,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What came of writing a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is written.
    Done,
    /// There is no such chatbot or tool here.
    NotFound,
    /// Another tool of the chatbot has the name.
    NameTaken,
}

/// A chatbot's tools, by name.
pub async fn list(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Vec<Tool>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_as!(
        Row,
        "select id, chatbot_id, name, enabled, definition, secrets, version, created_at, updated_at
         from tools where workspace_id = $1 and chatbot_id = $2 order by name",
        workspace,
        chatbot.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(Into::into)
    .collect())
}

/// One of them, held until the transaction ends.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId, id: ToolId) -> Result<Option<Tool>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_as!(
        Row,
        "select id, chatbot_id, name, enabled, definition, secrets, version, created_at, updated_at
         from tools where workspace_id = $1 and chatbot_id = $2 and id = $3 for update",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(Into::into))
}

/// Makes a tool, as long as the chatbot has fewer than `most`: `None` when it has not.
pub async fn insert(
    tx: &mut TenantTx,
    tool: &Tool,
    most: i64,
    now: DateTime<Utc>,
) -> Result<Option<Saved>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let bot = sqlx::query_scalar!(
        "select id from chatbots where workspace_id = $1 and id = $2 for update",
        workspace,
        tool.chatbot.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    if bot.is_none() {
        return Ok(Some(Saved::NotFound));
    }
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from tools where chatbot_id = $1"#,
        tool.chatbot.as_uuid(),
    )
    .fetch_one(tx.connection())
    .await?;
    if count >= most {
        return Ok(None);
    }
    let done = sqlx::query!(
        "insert into tools (id, workspace_id, chatbot_id, name, enabled, definition, secrets, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8) on conflict (chatbot_id, name) do nothing",
        tool.id.as_uuid(),
        workspace,
        tool.chatbot.as_uuid(),
        tool.name,
        tool.enabled,
        tool.definition,
        tool.secrets,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(Some(if done.rows_affected() == 1 {
        Saved::Done
    } else {
        Saved::NameTaken
    }))
}

/// Writes a tool that there is.
pub async fn update(tx: &mut TenantTx, tool: &Tool, now: DateTime<Utc>) -> Result<Saved, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let taken = sqlx::query_scalar!(
        r#"select exists (select from tools where chatbot_id = $1 and name = $2 and id <> $3) as "taken!""#,
        tool.chatbot.as_uuid(),
        tool.name,
        tool.id.as_uuid(),
    )
    .fetch_one(tx.connection())
    .await?;
    if taken {
        return Ok(Saved::NameTaken);
    }
    let done = sqlx::query!(
        "update tools set name = $4, enabled = $5, definition = $6, secrets = $7, version = version + 1, updated_at = $8
         where workspace_id = $1 and chatbot_id = $2 and id = $3",
        workspace,
        tool.chatbot.as_uuid(),
        tool.id.as_uuid(),
        tool.name,
        tool.enabled,
        tool.definition,
        tool.secrets,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(if done.rows_affected() == 1 {
        Saved::Done
    } else {
        Saved::NotFound
    })
}

/// Takes a tool away. `false`: there is no such tool here.
pub async fn delete(tx: &mut TenantTx, chatbot: ChatbotId, id: ToolId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from tools where workspace_id = $1 and chatbot_id = $2 and id = $3",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The tools that a chatbot may call, whosever it is: for workers.
pub async fn load(db: &Db, chatbot: ChatbotId) -> Result<Vec<Tool>, StoreError> {
    Ok(sqlx::query_as!(
        Row,
        "select id, chatbot_id, name, enabled, definition, secrets, version, created_at, updated_at
         from tools where chatbot_id = $1 and enabled order by name",
        chatbot.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?
    .into_iter()
    .map(Into::into)
    .collect())
}
