//! Events on their way: what is due, in whose hand it is, and the log of what became of it.

use crate::{Db, StoreError, TenantTx, intake::interval};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{LeaseToken, WebhookDeliveryId, WebhookEndpointId, WebhookEventId, WorkspaceId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many deliveries to one endpoint are in hand at once: a slow one holds up nobody else.
const AT_ONCE: i64 = 8;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is on its way, or waits for the next try.
    Due,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Due, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// When it began.
    pub at: DateTime<Utc>,
    /// The HTTP status that was answered; `None`: nothing was.
    pub status: Option<u16>,
    /// Why it did not arrive, in words.
    pub error: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
    /// The beginning of what was answered.
    pub response: Option<String>,
}

/// One event on its way to one endpoint, as it is listed.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: WebhookDeliveryId,
    /// The event: what is sent as `webhook-id`.
    pub event: WebhookEventId,
    /// The event's type.
    pub kind: String,
    /// What is sent, word for word.
    pub body: String,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, while it is due.
    pub due_at: DateTime<Utc>,
    /// The tries, the newest last.
    pub tries: Vec<Try>,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// When it was taken or given up.
    pub settled_at: Option<DateTime<Utc>>,
}

/// A delivery in our hand.
#[derive(Clone)]
pub struct Claimed {
    /// The delivery.
    pub id: WebhookDeliveryId,
    /// Ours as long as the row has it.
    pub lease: LeaseToken,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// Its address.
    pub url: String,
    /// Its sealed secret.
    pub secret: Vec<u8>,
    /// The older one, while it signs too.
    pub previous_secret: Option<Vec<u8>>,
    /// The event.
    pub event: WebhookEventId,
    /// What is sent, word for word.
    pub body: String,
    /// How often it was tried before.
    pub attempts: i32,
}

/// What people wrote is nobody's business in a log.
impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Takes up to `limit` deliveries that are due, few of each endpoint, the longest due first.
pub async fn claim(
    db: &Db,
    now: DateTime<Utc>,
    lease: TimeDelta,
    limit: i64,
) -> Result<Vec<Claimed>, StoreError> {
    let token = LeaseToken::new();
    let rows = sqlx::query!(
        r#"
        with due as (
            select d.id from webhook_endpoints e
            cross join lateral (
                select d.id, d.due_at from webhook_deliveries d
                where d.endpoint_id = e.id and d.state = 'due' and d.due_at <= $1
                  and (d.lease_until is null or d.lease_until < $1)
                order by d.due_at
                limit greatest(0, $5 - (select count(*) from webhook_deliveries h
                                        where h.endpoint_id = e.id and h.state = 'due' and h.lease_until >= $1))
                for update of d skip locked
            ) d
            where e.enabled
            order by d.due_at limit $4
        )
        update webhook_deliveries d set lease_token = $2, lease_until = $1::timestamptz + $3::interval
        from due, webhook_endpoints e, webhook_events v
        where d.id = due.id and e.id = d.endpoint_id and v.id = d.event_id
        returning d.id, d.workspace_id, d.endpoint_id, e.url, e.secret,
            case when e.previous_until > $1 then e.previous_secret end as previous_secret, d.event_id, v.body, d.attempts
        "#,
        now,
        token.as_uuid(),
        interval(lease),
        limit,
        AT_ONCE,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            id: row.id.into(),
            lease: token,
            workspace: row.workspace_id.into(),
            endpoint: row.endpoint_id.into(),
            url: row.url,
            secret: row.secret,
            previous_secret: row.previous_secret,
            event: row.event_id.into(),
            body: row.body,
            attempts: row.attempts,
        })
        .collect())
}

/// What was sent to an endpoint and is to be, the newest first.
pub async fn list(
    tx: &mut TenantTx,
    endpoint: WebhookEndpointId,
    state: Option<DeliveryState>,
    after: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select d.id, d.event_id, v.type as kind, v.body, d.state, d.attempts, d.due_at, d.tries, d.created_at, d.settled_at
         from webhook_deliveries d join webhook_events v on v.id = d.event_id
         where d.workspace_id = $1 and d.endpoint_id = $2 and ($3::text is null or d.state = $3)
           and ($4::uuid is null or d.id < $4)
         order by d.id desc limit $5",
        workspace,
        endpoint.as_uuid(),
        state.map(DeliveryState::as_str),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Delivery {
                id: row.id.into(),
                event: row.event_id.into(),
                kind: row.kind,
                body: row.body,
                state: DeliveryState::named(&row.state)
                    .ok_or_else(|| StoreError::Unreadable(format!("a delivery is {:?}", row.state)))?,
                attempts: row.attempts,
                due_at: row.due_at,
                tries: serde_json::from_value(row.tries)?,
                created_at: row.created_at,
                settled_at: row.settled_at,
            })
        })
        .collect()
}

/// Sends it once more, from the first try on, with the same `webhook-id`. `false`: there is no such delivery here.
pub async fn send_again(
    tx: &mut TenantTx,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update webhook_deliveries
         set state = 'due', due_at = $4, attempts = 0, settled_at = null, lease_token = null, lease_until = null
         where workspace_id = $1 and endpoint_id = $2 and id = $3",
        workspace,
        endpoint.as_uuid(),
        id.as_uuid(),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts an event on its way that says nothing but that it is one, to this endpoint alone. `None`: there is no such
/// endpoint here.
pub async fn send_test(
    tx: &mut TenantTx,
    endpoint: WebhookEndpointId,
    now: DateTime<Utc>,
) -> Result<Option<WebhookDeliveryId>, StoreError> {
    let (event, delivery) = (WebhookEventId::new(), WebhookDeliveryId::new());
    let workspace = tx.workspace().as_uuid();
    let body = serde_json::json!({
        "type": "webhook.test",
        "timestamp": now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "data": { "workspace_id": workspace, "endpoint_id": endpoint },
    });
    let made = sqlx::query!(
        "with event as (
             insert into webhook_events (id, workspace_id, type, body, created_at)
             select $3, workspace_id, 'webhook.test', $5, $6 from webhook_endpoints where workspace_id = $1 and id = $2
             returning id, workspace_id)
         insert into webhook_deliveries (id, workspace_id, endpoint_id, event_id, due_at, created_at)
         select $4, workspace_id, $2, id, $6, $6 from event",
        workspace,
        endpoint.as_uuid(),
        event.as_uuid(),
        delivery.as_uuid(),
        body.to_string(),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok((made.rows_affected() == 1).then_some(delivery))
}

/// Forgets events that happened before this time, whatever became of them.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from webhook_events where id in (select id from webhook_events where created_at < $1 limit 10000)",
        before
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected())
}
