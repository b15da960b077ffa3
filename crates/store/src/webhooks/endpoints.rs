//! Where a workspace's events are sent to.

use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::WebhookEndpointId;
use std::fmt;

/// An endpoint, as it is listed.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Where events are sent to.
    pub url: String,
    /// What its owner calls it.
    pub description: String,
    /// What is sent, by name.
    pub events: Vec<String>,
    /// Whether anything is.
    pub enabled: bool,
    /// Why we switched it off.
    pub disabled_reason: Option<String>,
    /// The last characters of its secret.
    pub secret_shown: String,
    /// Until when the older secret signs too.
    pub previous_until: Option<DateTime<Utc>>,
    /// The first failure since it last took something.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether a delivery was given up since then.
    pub gave_up: bool,
    /// When it last took something.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An endpoint to be stored.
pub struct NewEndpoint<'a> {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Where events are sent to.
    pub url: &'a str,
    /// What its owner calls it.
    pub description: &'a str,
    /// What is sent, by name.
    pub events: &'a [String],
    /// Its sealed secret.
    pub secret: &'a [u8],
    /// The last characters of that.
    pub secret_shown: &'a str,
}

/// What its owner changes. What is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    /// Where events are sent to.
    pub url: Option<&'a str>,
    /// What its owner calls it.
    pub description: Option<&'a str>,
    /// What is sent, by name.
    pub events: Option<&'a [String]>,
    /// Whether anything is. Switching it on forgets its failures.
    pub enabled: Option<bool>,
}

/// Its sealed secrets.
pub struct Secrets {
    /// What signs.
    pub current: Vec<u8>,
    /// What signs too, until this time.
    pub previous: Option<(Vec<u8>, DateTime<Utc>)>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Stores an endpoint.
pub async fn insert(tx: &mut TenantTx, new: &NewEndpoint<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "insert into webhook_endpoints (id, workspace_id, url, description, events, secret, secret_shown, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        new.id.as_uuid(),
        workspace,
        new.url,
        new.description,
        new.events,
        new.secret,
        new.secret_shown,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The workspace's endpoints, the newest first.
pub async fn list(
    tx: &mut TenantTx,
    after: Option<WebhookEndpointId>,
    limit: i64,
) -> Result<Vec<Endpoint>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_as!(
        Endpoint,
        r#"select id, url, description, events, enabled, disabled_reason, secret_shown, previous_until,
                  failing_since, gave_up, last_success_at, created_at, updated_at
           from webhook_endpoints
           where workspace_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        workspace,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?)
}

/// One of them. `None`: there is no such endpoint here.
pub async fn get(tx: &mut TenantTx, id: WebhookEndpointId) -> Result<Option<Endpoint>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_as!(
        Endpoint,
        r#"select id, url, description, events, enabled, disabled_reason, secret_shown, previous_until,
                  failing_since, gave_up, last_success_at, created_at, updated_at
           from webhook_endpoints where workspace_id = $1 and id = $2"#,
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?)
}

/// Its sealed secrets.
pub async fn secrets(tx: &mut TenantTx, id: WebhookEndpointId) -> Result<Option<Secrets>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select secret, previous_secret, previous_until from webhook_endpoints where workspace_id = $1 and id = $2
         for update",
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Secrets {
        current: row.secret,
        previous: row.previous_secret.zip(row.previous_until),
    }))
}

/// Changes it. `false`: there is no such endpoint here.
pub async fn update(
    tx: &mut TenantTx,
    id: WebhookEndpointId,
    change: &Change<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update webhook_endpoints set
             url = coalesce($3, url), description = coalesce($4, description), events = coalesce($5, events),
             enabled = coalesce($6, enabled),
             disabled_reason = case when $6 is null then disabled_reason end,
             failing_since = case when $6 then null else failing_since end,
             gave_up = case when $6 then false else gave_up end,
             updated_at = $7
         where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
        change.url,
        change.description,
        change.events,
        change.enabled,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives it another secret; the one before signs too until `previous_until`. `false`: there is no such endpoint here.
pub async fn replace_secret(
    tx: &mut TenantTx,
    id: WebhookEndpointId,
    secret: &[u8],
    secret_shown: &str,
    previous: &[u8],
    previous_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update webhook_endpoints set previous_secret = $5, previous_until = $6, secret = $3, secret_shown = $4, updated_at = $7
         where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
        secret,
        secret_shown,
        previous,
        previous_until,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes it, and what is on its way there. `false`: there is no such endpoint here.
pub async fn delete(tx: &mut TenantTx, id: WebhookEndpointId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from webhook_endpoints where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
