//! MCP servers whose tools are a chatbot's too.

use crate::{Db, StoreError, TenantTx, tools::Saved};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, McpServerId};
use std::fmt;

/// The column for which the headers are sealed, with the server's id as the row.
pub const SECRETS_COLUMN: &str = "mcp_servers.secrets";

/// A server.
#[derive(Clone)]
pub struct McpServer {
    /// Its id.
    pub id: McpServerId,
    /// Whose it is.
    pub chatbot: ChatbotId,
    /// Its tools are called this, and then their own name.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Whether its tools may be called.
    pub enabled: bool,
    /// Names of the headers, each with what may be shown of its value.
    pub headers: serde_json::Value,
    /// Their values, sealed for (`id`, [`SECRETS_COLUMN`]).
    pub secrets: Option<Vec<u8>>,
    /// As the server listed them.
    pub tools: serde_json::Value,
    /// Which the owner allowed, and how.
    pub allowed: serde_json::Value,
    /// Why it was not reached when it was last asked.
    pub error: Option<String>,
    /// When it was last asked.
    pub listed_at: Option<DateTime<Utc>>,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Nothing of its secrets.
impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

struct Row {
    id: uuid::Uuid,
    chatbot_id: uuid::Uuid,
    name: String,
    url: String,
    enabled: bool,
    headers: serde_json::Value,
    secrets: Option<Vec<u8>>,
    tools: serde_json::Value,
    allowed: serde_json::Value,
    error: Option<String>,
    listed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for McpServer {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            chatbot: row.chatbot_id.into(),
            name: row.name,
            url: row.url,
            enabled: row.enabled,
            headers: row.headers,
            secrets: row.secrets,
            tools: row.tools,
            allowed: row.allowed,
            error: row.error,
            listed_at: row.listed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A chatbot's servers, by name.
pub async fn list(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Vec<McpServer>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_as!(
        Row,
        "select id, chatbot_id, name, url, enabled, headers, secrets, tools, allowed, error, listed_at, created_at,
                updated_at
         from mcp_servers where workspace_id = $1 and chatbot_id = $2 order by name",
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
pub async fn get(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: McpServerId,
) -> Result<Option<McpServer>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_as!(
        Row,
        "select id, chatbot_id, name, url, enabled, headers, secrets, tools, allowed, error, listed_at, created_at,
                updated_at
         from mcp_servers where workspace_id = $1 and chatbot_id = $2 and id = $3 for update",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(Into::into))
}

/// Connects a server, as long as the chatbot has fewer than `most`: `None` when it has not.
pub async fn insert(
    tx: &mut TenantTx,
    server: &McpServer,
    most: i64,
    now: DateTime<Utc>,
) -> Result<Option<Saved>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let bot = sqlx::query_scalar!(
        "select id from chatbots where workspace_id = $1 and id = $2 for update",
        workspace,
        server.chatbot.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    if bot.is_none() {
        return Ok(Some(Saved::NotFound));
    }
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from mcp_servers where chatbot_id = $1"#,
        server.chatbot.as_uuid(),
    )
    .fetch_one(tx.connection())
    .await?;
    if count >= most {
        return Ok(None);
    }
    let done = sqlx::query!(
        "insert into mcp_servers (id, workspace_id, chatbot_id, name, url, enabled, headers, secrets, tools, allowed,
                                  error, listed_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         on conflict (chatbot_id, name) do nothing",
        server.id.as_uuid(),
        workspace,
        server.chatbot.as_uuid(),
        server.name,
        server.url,
        server.enabled,
        server.headers,
        server.secrets,
        server.tools,
        server.allowed,
        server.error,
        server.listed_at,
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

/// Writes a server that there is; its name stays.
pub async fn update(tx: &mut TenantTx, server: &McpServer, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update mcp_servers
         set url = $4, enabled = $5, headers = $6, secrets = $7, tools = $8, allowed = $9, error = $10, listed_at = $11,
             version = version + 1, updated_at = $12
         where workspace_id = $1 and chatbot_id = $2 and id = $3",
        workspace,
        server.chatbot.as_uuid(),
        server.id.as_uuid(),
        server.url,
        server.enabled,
        server.headers,
        server.secrets,
        server.tools,
        server.allowed,
        server.error,
        server.listed_at,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a server away. `false`: there is no such server here.
pub async fn delete(tx: &mut TenantTx, chatbot: ChatbotId, id: McpServerId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from mcp_servers where workspace_id = $1 and chatbot_id = $2 and id = $3",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The servers whose tools a chatbot may call, whosever it is: for workers.
pub async fn load(db: &Db, chatbot: ChatbotId) -> Result<Vec<McpServer>, StoreError> {
    Ok(sqlx::query_as!(
        Row,
        "select id, chatbot_id, name, url, enabled, headers, secrets, tools, allowed, error, listed_at, created_at,
                updated_at
         from mcp_servers where chatbot_id = $1 and enabled order by name",
        chatbot.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?
    .into_iter()
    .map(Into::into)
    .collect())
}
