//! Integrations as the gateway, the workers and the senders read them: across workspaces, with sealed credentials.

use crate::{Db, StoreError};
use domain::{ChatbotId, IntegrationId, Platform, WorkspaceId};
use std::fmt;

/// One account on one platform, with what it takes to use it.
#[derive(Clone)]
pub struct ChannelAccount {
    /// The integration.
    pub integration: IntegrationId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its bot.
    pub chatbot: ChatbotId,
    /// Its platform.
    pub platform: Platform,
    /// Whether its owner has it switched on, and its bot is not archived.
    pub enabled: bool,
    /// Sealed JSON of the credentials.
    pub credentials: Vec<u8>,
    /// Bumped by every change.
    pub version: i64,
}

impl fmt::Debug for ChannelAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelAccount")
            .field("integration", &self.integration)
            .finish_non_exhaustive()
    }
}

/// The bot's account on a platform.
pub async fn of_chatbot(
    db: &Db,
    chatbot: ChatbotId,
    platform: &Platform,
) -> Result<Option<ChannelAccount>, StoreError> {
    let row = sqlx::query!(
        r#"select i.id, i.workspace_id, i.credentials, i.version,
                  i.enabled and c.archived_at is null as "enabled!"
           from integrations i join chatbots c on c.id = i.chatbot_id
           where i.chatbot_id = $1 and i.platform = $2"#,
        chatbot.as_uuid(),
        platform.as_str(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| ChannelAccount {
        integration: row.id.into(),
        workspace: row.workspace_id.into(),
        chatbot,
        platform: platform.clone(),
        enabled: row.enabled,
        credentials: row.credentials,
        version: row.version,
    }))
}

/// The account of an integration.
pub async fn of_integration(
    db: &Db,
    integration: IntegrationId,
) -> Result<Option<ChannelAccount>, StoreError> {
    let row = sqlx::query!(
        r#"select i.workspace_id, i.chatbot_id, i.platform, i.credentials, i.version,
                  i.enabled and c.archived_at is null as "enabled!"
           from integrations i join chatbots c on c.id = i.chatbot_id
           where i.id = $1"#,
        integration.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    row.map(|row| {
        Ok(ChannelAccount {
            integration,
            workspace: row.workspace_id.into(),
            chatbot: row.chatbot_id.into(),
            platform: row.platform.try_into()?,
            enabled: row.enabled,
            credentials: row.credentials,
            version: row.version,
        })
    })
    .transpose()
}

/// What a log line of an integration says.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The integration.
    pub integration: IntegrationId,
    /// `info`, `warning` or `error`.
    pub level: &'static str,
    /// A stable name.
    pub event: &'static str,
    /// For the owner's eyes; no secret and no message text.
    pub message: String,
    /// Ids and codes: an object.
    pub details: serde_json::Value,
}

/// Writes log lines, many at once. Lines of integrations that are gone are dropped.
pub async fn log(db: &Db, lines: &[LogLine]) -> Result<(), StoreError> {
    let ids: Vec<_> = lines.iter().map(|_| uuid::Uuid::now_v7()).collect();
    let integrations: Vec<_> = lines.iter().map(|line| line.integration.as_uuid()).collect();
    let levels: Vec<_> = lines.iter().map(|line| line.level.to_owned()).collect();
    let events: Vec<_> = lines.iter().map(|line| line.event.to_owned()).collect();
    let messages: Vec<_> = lines.iter().map(|line| line.message.clone()).collect();
    let details: Vec<_> = lines.iter().map(|line| line.details.clone()).collect();
    sqlx::query!(
        "insert into integration_logs (id, workspace_id, integration_id, level, event, message, details)
         select line.id, i.workspace_id, i.id, line.level, line.event, line.message, line.details
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
              as line (id, integration, level, event, message, details)
         join integrations i on i.id = line.integration",
        &ids,
        &integrations,
        &levels,
        &events,
        &messages,
        &details,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}
