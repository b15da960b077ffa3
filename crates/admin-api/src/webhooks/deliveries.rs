//! What was sent to an endpoint, how it was taken, and sending it again.

use crate::{
    AdminApi,
    caller::Seat,
    page::{self, Page},
    path::{WebhookDeliveryPath, WebhookPath},
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{WebhookDeliveryId, WebhookEventId};
use serde::{Deserialize, Serialize};
use store::webhooks::{self, Delivery, DeliveryState, Try};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// So many of the newest tries are shown.
const SHOWN: usize = 10;

/// An event on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDelivery {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: WebhookDeliveryId,
    /// The event's: what is sent as `webhook-id`, the same however often it is sent.
    #[schema(value_type = Uuid)]
    event_id: WebhookEventId,
    /// The event's type.
    #[schema(example = "lead.created")]
    #[serde(rename = "type")]
    kind: String,
    /// What is sent, word for word.
    body: String,
    /// `due` (it is tried again), `delivered` or `failed` (it was given up).
    #[schema(example = "delivered")]
    state: &'static str,
    /// How often it was tried.
    attempts: i32,
    /// When it is tried next.
    next_at: Option<DateTime<Utc>>,
    /// The tries, the newest first; ten at most.
    tries: Vec<WebhookTry>,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// When it was taken or given up.
    settled_at: Option<DateTime<Utc>>,
}

/// One try.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookTry {
    /// When.
    at: DateTime<Utc>,
    /// The HTTP status that was answered.
    #[schema(example = 200)]
    status: Option<u16>,
    /// Why it did not arrive.
    error: Option<String>,
    /// How long it took.
    milliseconds: u64,
    /// The beginning of what was answered.
    response: Option<String>,
}

/// A test that was put on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookTest {
    /// Look for it among the deliveries.
    #[schema(value_type = Uuid)]
    delivery_id: WebhookDeliveryId,
}

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveriesQuery {
    /// Only those that are `due`, `delivered` or `failed`.
    state: Option<String>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

impl From<Try> for WebhookTry {
    fn from(tried: Try) -> Self {
        Self {
            at: tried.at,
            status: tried.status,
            error: tried.error,
            milliseconds: tried.milliseconds,
            response: tried.response,
        }
    }
}

impl From<Delivery> for WebhookDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event,
            kind: delivery.kind,
            body: delivery.body,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_at: (delivery.state == DeliveryState::Due).then_some(delivery.due_at),
            tries: delivery
                .tries
                .into_iter()
                .rev()
                .take(SHOWN)
                .map(Into::into)
                .collect(),
            created_at: delivery.created_at,
            settled_at: delivery.settled_at,
        }
    }
}

/// What was sent and is to be, newest first. Kept for 30 days.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}/deliveries", params(WebhookPath, DeliveriesQuery),
    responses((status = 200, body = Page<WebhookDelivery>))
)]
pub(crate) async fn deliveries(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookPath>,
    query: Query<DeliveriesQuery>,
) -> Result<Json<Page<WebhookDelivery>>, Problem> {
    let limit = page::limit(query.limit)?;
    let state = match query.state.as_deref() {
        None => None,
        Some(name) => Some(
            DeliveryState::named(name)
                .ok_or_else(|| Problem::invalid("state", "state must be one of due, delivered, failed"))?,
        ),
    };
    let mut tx = seat.begin(&api).await?;
    if webhooks::get(&mut tx, path.webhook_id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let after = query.after.map(Into::into);
    let rows = webhooks::list(&mut tx, path.webhook_id, state, after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.as_uuid(), Into::into)))
}

/// Send an event once more, with the same `webhook-id`.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/send-again",
    params(WebhookDeliveryPath), responses((status = 204))
)]
pub(crate) async fn send_again(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookDeliveryPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !webhooks::send_again(&mut tx, path.webhook_id, path.delivery_id, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "delivery": path.delivery_id });
    seat.did(&api, &mut tx, "webhook.send_again", path.webhook_id, details)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Send an event of the type `webhook.test` to this endpoint, as any other is sent.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}/test", params(WebhookPath),
    responses((status = 202, body = WebhookTest))
)]
pub(crate) async fn send_test(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let delivery_id = webhooks::send_test(&mut tx, path.webhook_id, api.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    let nothing = serde_json::Value::Null;
    seat.did(&api, &mut tx, "webhook.test", path.webhook_id, nothing)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(WebhookTest { delivery_id }))
}
