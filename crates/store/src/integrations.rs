//! Accounts of customers on platforms, each attached to one chatbot. One per chatbot and platform.
//!
//! Invariant: credentials are sealed before they come here and leave only sealed; what may be shown of them is kept
//! beside them. Every change bumps `version`, so that whoever keeps a copy can tell.
//!
//! Pace and pauses are the senders' and are written in `parts`.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, IntegrationId, IntegrationMode, IntegrationState, Platform, WorkspaceId};
use std::{fmt, time::Duration};

/// The column for which an integration's credentials are sealed, with the integration's id as the row.
pub const CREDENTIALS_COLUMN: &str = "integrations.credentials";

/// An integration, without its credentials.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The chatbot that answers there.
    pub chatbot: ChatbotId,
    /// The platform.
    pub platform: Platform,
    /// The account on the platform, as its webhooks name it.
    pub account: String,
    /// What its owner calls it.
    pub display_name: String,
    /// Whether its owner has switched it on.
    pub enabled: bool,
    /// Whether it works.
    pub state: IntegrationState,
    /// Why not.
    pub state_reason: Option<String>,
    /// What may be shown of the credentials.
    pub credentials_shown: serde_json::Value,
    /// Bumped by every change.
    pub version: i64,
    /// How fast it may send.
    pub sends_per_second: f64,
    /// How messages come.
    pub mode: IntegrationMode,
    /// Whether an answer is shown while it is being written.
    pub streaming: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Sealed credentials, as they are stored.
#[derive(Clone)]
pub struct SealedCredentials(pub Vec<u8>);

impl fmt::Debug for SealedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedCredentials({} bytes)", self.0.len())
    }
}

/// An integration with its credentials. Gateways and senders read theirs from [`crate::channel_accounts`].
#[derive(Debug, Clone)]
pub struct WithCredentials {
    /// The integration.
    pub integration: Integration,
    /// Its credentials, sealed for ([`Integration::id`], [`CREDENTIALS_COLUMN`]).
    pub credentials: SealedCredentials,
}

/// Credentials as they are to be stored.
#[derive(Debug, Clone)]
pub struct NewCredentials {
    /// The account they speak for.
    pub account: String,
    /// Sealed for the integration's id and [`CREDENTIALS_COLUMN`].
    pub sealed: SealedCredentials,
    /// What may be shown of them.
    pub shown: serde_json::Value,
}

/// An integration to be stored.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    /// Its id, for which the credentials are sealed.
    pub id: IntegrationId,
    /// The chatbot that will answer there.
    pub chatbot: ChatbotId,
    /// The platform.
    pub platform: Platform,
    /// What its owner calls it.
    pub display_name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// How fast it may send.
    pub sends_per_second: f64,
    /// The least time between two messages to one conversation.
    pub conversation_gap: Duration,
    /// How messages come.
    pub mode: IntegrationMode,
    /// Whether an answer is shown while it is being written.
    pub streaming: bool,
    /// Its credentials.
    pub credentials: NewCredentials,
}

/// What an owner may change of an integration.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// What they call it.
    pub display_name: &'a str,
    /// Whether it is switched on.
    pub enabled: bool,
    /// How messages come.
    pub mode: IntegrationMode,
    /// Whether an answer is shown while it is being written.
    pub streaming: bool,
    /// Its credentials.
    pub credentials: &'a NewCredentials,
}

struct Row {
    id: uuid::Uuid,
    workspace_id: uuid::Uuid,
    chatbot_id: uuid::Uuid,
    platform: String,
    account: String,
    display_name: String,
    enabled: bool,
    state: String,
    state_reason: Option<String>,
    credentials: Vec<u8>,
    credentials_shown: serde_json::Value,
    version: i64,
    sends_per_second: f64,
    mode: String,
    streaming: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for WithCredentials {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            integration: Integration {
                id: row.id.into(),
                workspace: row.workspace_id.into(),
                chatbot: row.chatbot_id.into(),
                platform: row.platform.try_into()?,
                account: row.account,
                display_name: row.display_name,
                enabled: row.enabled,
                state: row.state.parse()?,
                state_reason: row.state_reason,
                credentials_shown: row.credentials_shown,
                version: row.version,
                sends_per_second: row.sends_per_second,
                mode: row.mode.parse()?,
                streaming: row.streaming,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
            credentials: SealedCredentials(row.credentials),
        })
    }
}

/// The integrations of a chatbot, by platform.
pub async fn list(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Vec<Integration>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select id, workspace_id, chatbot_id, platform, account, display_name, enabled, state, state_reason,
                credentials, credentials_shown, version, sends_per_second, mode, streaming, created_at, updated_at
         from integrations where workspace_id = $1 and chatbot_id = $2 order by platform",
        workspace,
        chatbot.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(|row| WithCredentials::try_from(row).map(|found| found.integration))
    .collect()
}

/// One integration of a chatbot.
pub async fn get(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: IntegrationId,
) -> Result<Option<WithCredentials>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select id, workspace_id, chatbot_id, platform, account, display_name, enabled, state, state_reason,
                credentials, credentials_shown, version, sends_per_second, mode, streaming, created_at, updated_at
         from integrations where workspace_id = $1 and chatbot_id = $2 and id = $3",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// A chatbot's integration on a platform.
pub async fn on_platform(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    platform: &Platform,
) -> Result<Option<WithCredentials>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select id, workspace_id, chatbot_id, platform, account, display_name, enabled, state, state_reason,
                credentials, credentials_shown, version, sends_per_second, mode, streaming, created_at, updated_at
         from integrations where workspace_id = $1 and chatbot_id = $2 and platform = $3",
        workspace,
        chatbot.as_uuid(),
        platform.as_str(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Whether this workspace has such an integration, on whichever chatbot.
pub async fn exists(tx: &mut TenantTx, id: IntegrationId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        r#"select exists (select from integrations where workspace_id = $1 and id = $2) as "exists!""#,
        workspace,
        id.as_uuid(),
    )
    .fetch_one(tx.connection())
    .await?)
}

/// Stores an integration as `pending`. [`StoreError::Taken`]: the chatbot has one on this platform.
pub async fn insert(tx: &mut TenantTx, new: &NewIntegration, now: DateTime<Utc>) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "insert into integrations (id, workspace_id, chatbot_id, platform, account, display_name, enabled,
                                   credentials, credentials_shown, sends_per_second, created_at, updated_at,
                                   conversation_gap_ms, mode, streaming)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14)",
        new.id.as_uuid(),
        workspace,
        new.chatbot.as_uuid(),
        new.platform.as_str(),
        new.credentials.account,
        new.display_name,
        new.enabled,
        new.credentials.sealed.0,
        new.credentials.shown,
        new.sends_per_second,
        now,
        i32::try_from(new.conversation_gap.as_millis()).unwrap_or(i32::MAX),
        new.mode.as_str(),
        new.streaming,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Replaces name and credentials; the integration is `pending` again until it is seen working.
pub async fn update(
    tx: &mut TenantTx,
    id: IntegrationId,
    change: &Change<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update integrations set display_name = $3, enabled = $4, account = $5, credentials = $6,
                credentials_shown = $7, state = 'pending', state_reason = null, paused_until = null,
                version = version + 1, updated_at = $8, mode = $9, streaming = $10,
                listener_due_at = $8, health_due_at = $8,
                -- What it needed to go on belongs to the account of before.
                resume = case when account = $5 and mode = $9 then resume end
         where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
        change.display_name,
        change.enabled,
        change.credentials.account,
        change.credentials.sealed.0,
        change.credentials.shown,
        now,
        change.mode.as_str(),
        change.streaming,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Switches an integration on or off.
pub async fn set_enabled(
    tx: &mut TenantTx,
    id: IntegrationId,
    enabled: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update integrations set enabled = $3, version = version + 1, updated_at = $4
         where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
        enabled,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes an integration with its conversations. What it has seen stays known: reconnected, it answers nothing twice.
pub async fn delete(tx: &mut TenantTx, chatbot: ChatbotId, id: IntegrationId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from integrations where workspace_id = $1 and chatbot_id = $2 and id = $3",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An integration's figures, counted when they are asked for and not while messages pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// When a message last came or went.
    pub last_used_at: Option<DateTime<Utc>>,
    /// How many conversations it has.
    pub conversations: i64,
    /// Messages that came.
    pub messages_in: i64,
    /// Messages that we wrote.
    pub messages_out: i64,
    /// Parts of them that the platform refused, or that were given up.
    pub failed_parts: i64,
    /// Errors in its log.
    pub logged_errors: i64,
    /// When the last of them was.
    pub last_error_at: Option<DateTime<Utc>>,
}

/// Counts: what is older than the hours that are still being counted by [`crate::analytics`] is taken from there, so that
/// this takes as long for a million messages as for a thousand.
pub async fn stats(tx: &mut TenantTx, id: IntegrationId, now: DateTime<Utc>) -> Result<Stats, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        r#"with counted as (
               select coalesce(sum(h.conversations), 0) as conversations, coalesce(sum(h.inbound), 0) as inbound,
                      coalesce(sum(h.by_bot + h.by_people), 0) as outbound, coalesce(sum(h.undelivered), 0) as undelivered
               from analytics_hours h
               join integrations i on i.chatbot_id = h.chatbot_id and i.platform = h.platform
               where i.workspace_id = $1 and i.id = $2 and h.hour < $3),
           since as (
               select count(*) filter (where m.direction = 'inbound') as inbound,
                      count(*) filter (where m.direction = 'outbound') as outbound
               from messages m join conversations c on c.id = m.conversation_id
               where m.id >= first_id($3) and c.workspace_id = $1 and c.integration_id = $2)
           select
            greatest(
                (select max(last_inbound_at) from conversations where workspace_id = $1 and integration_id = $2),
                (select sent_at from parts where workspace_id = $1 and integration_id = $2 and sent_at is not null
                 order by settled_at desc nulls last limit 1)
            ) as last_used_at,
            (counted.conversations + (select count(*) from conversations
                 where id >= first_id($3) and workspace_id = $1 and integration_id = $2))::bigint as "conversations!",
            (counted.inbound + since.inbound)::bigint as "messages_in!",
            (counted.outbound + since.outbound)::bigint as "messages_out!",
            (counted.undelivered + (select count(*) from parts
                 where id >= first_id($3) and workspace_id = $1 and integration_id = $2
                 and state in ('failed', 'dead')))::bigint as "failed_parts!",
            e.errors as "logged_errors!", e.last_at as "last_error_at?"
           from counted, since, (select count(*) as errors, max(at) as last_at from integration_logs
                 where workspace_id = $1 and integration_id = $2 and level = 'error') e"#,
        workspace,
        id.as_uuid(),
        crate::analytics::counted_for_good(now),
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Stats {
        last_used_at: row.last_used_at,
        conversations: row.conversations,
        messages_in: row.messages_in,
        messages_out: row.messages_out,
        failed_parts: row.failed_parts,
        logged_errors: row.logged_errors,
        last_error_at: row.last_error_at,
    })
}

/// Notes that these credentials were seen working. `false`: they have been replaced since, or it was known.
pub async fn mark_connected(
    db: &Db,
    id: IntegrationId,
    version: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update integrations set state = 'connected', state_reason = null, version = version + 1, updated_at = $3
         where id = $1 and version = $2 and state <> 'connected'",
        id.as_uuid(),
        version,
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the platform refuses these credentials; parts wait until the owner reconnects. `false`: they have been
/// replaced since, or it was known.
pub async fn mark_error(
    db: &Db,
    id: IntegrationId,
    version: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update integrations set state = 'error', state_reason = $3, version = version + 1, updated_at = $4
         where id = $1 and version = $2 and state <> 'error'",
        id.as_uuid(),
        version,
        reason,
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chatbots::{self, ChatbotSettings};
    use sqlx::PgPool;

    async fn chatbot(db: &Db) -> (WorkspaceId, ChatbotId) {
        let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
        let mut tx = db.system().await.unwrap();
        crate::workspaces::insert(&mut tx, workspace, "Acme")
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let settings = ChatbotSettings {
            name: "Help".to_owned(),
            instructions: String::new(),
            fallback_text: "I don't know".to_owned(),
            model: None,
            model_key: None,
            max_answer_age_seconds: 3600,
        };
        let mut tx = db.tenant(workspace).await.unwrap();
        chatbots::insert(&mut tx, chatbot, &settings, Utc::now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (workspace, chatbot)
    }

    fn twilio(chatbot: ChatbotId) -> NewIntegration {
        NewIntegration {
            id: IntegrationId::new(),
            chatbot,
            platform: Platform::from_static("twilio"),
            display_name: "Support line".to_owned(),
            enabled: true,
            sends_per_second: 1.0,
            conversation_gap: Duration::ZERO,
            mode: IntegrationMode::Webhook,
            streaming: false,
            credentials: NewCredentials {
                account: "AC1".to_owned(),
                sealed: SealedCredentials(b"sealed".to_vec()),
                shown: serde_json::json!({"auth_token": "••••abcd"}),
            },
        }
    }

    #[sqlx::test]
    async fn a_chatbot_has_one_integration_on_a_platform(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (workspace, chatbot) = chatbot(&db).await;
        let mut tx = db.tenant(workspace).await.unwrap();
        insert(&mut tx, &twilio(chatbot), Utc::now()).await.unwrap();

        let second = insert(&mut tx, &twilio(chatbot), Utc::now()).await;

        assert!(matches!(second, Err(StoreError::Taken(_))));
    }

    #[sqlx::test]
    async fn credentials_that_were_replaced_are_not_marked_for_what_the_old_ones_did(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (workspace, chatbot) = chatbot(&db).await;
        let new = twilio(chatbot);
        let mut tx = db.tenant(workspace).await.unwrap();
        insert(&mut tx, &new, Utc::now()).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.tenant(workspace).await.unwrap();
        let old = get(&mut tx, chatbot, new.id).await.unwrap().unwrap().integration;
        let change = Change {
            display_name: "Support line",
            enabled: true,
            mode: IntegrationMode::Webhook,
            streaming: false,
            credentials: &new.credentials,
        };
        update(&mut tx, new.id, &change, Utc::now()).await.unwrap();
        tx.commit().await.unwrap();

        let marked = mark_error(&db, new.id, old.version, "401", Utc::now())
            .await
            .unwrap();

        let mut tx = db.tenant(workspace).await.unwrap();
        let found = on_platform(&mut tx, chatbot, &new.platform)
            .await
            .unwrap()
            .unwrap();
        assert!(!marked);
        assert_eq!(found.integration.state, IntegrationState::Pending);
        assert!(
            !format!("{found:?}").contains("sealed\""),
            "a debug print shows bytes"
        );
    }

    #[sqlx::test]
    async fn an_unused_integration_counts_nothing(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (workspace, chatbot) = chatbot(&db).await;
        let new = twilio(chatbot);
        let mut tx = db.tenant(workspace).await.unwrap();
        insert(&mut tx, &new, Utc::now()).await.unwrap();

        let stats = stats(&mut tx, new.id, Utc::now()).await.unwrap();

        assert_eq!(
            (stats.last_used_at, stats.conversations, stats.messages_in),
            (None, 0, 0)
        );
    }
}
