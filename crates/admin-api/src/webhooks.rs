//! Where a workspace's events are sent to: other programs hear at once what happens here.

pub(crate) mod deliveries;

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{WebhookPath, WorkspacePath},
    problem::{Kind, Problem},
    token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::WebhookEndpointId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::webhooks::{self, Change, Endpoint, EventType, NewEndpoint};
use utoipa::ToSchema;

/// Endpoints that a workspace may have.
const MOST: usize = 20;
/// How long the older secret signs too, when nothing else is said, and at most; in hours.
const OVERLAP: (i64, i64) = (24, 7 * 24);
/// Characters of a secret that are shown.
const SHOWN: usize = 4;

/// Where events are sent to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: WebhookEndpointId,
    /// Its address.
    #[schema(example = "https://crm.example.com/hooks/botsmith")]
    url: String,
    /// What you call it.
    description: String,
    /// What is sent: `message.received`, `message.sent`, `message.feedback`, `conversation.handoff`, `lead.created`,
    /// `lead.updated`, `integration.error`.
    #[schema(example = json!(["lead.created", "lead.updated"]))]
    events: Vec<String>,
    /// `active`, `failing` (deliveries were given up, none was taken since) or `disabled`.
    #[schema(example = "active")]
    state: &'static str,
    /// Whether anything is sent.
    enabled: bool,
    /// Why we switched it off: `failing` (nothing was taken for days) or `gone` (it answered 410).
    disabled_reason: Option<String>,
    /// The last characters of its secret.
    #[schema(example = "x3Q=")]
    secret: String,
    /// Until when the older secret signs too.
    previous_secret_until: Option<DateTime<Utc>>,
    /// The first failure since it last took something.
    failing_since: Option<DateTime<Utc>>,
    /// When it last took something.
    last_success_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// Where events are to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Its address.
    #[schema(example = "https://crm.example.com/hooks/botsmith")]
    url: String,
    /// What you call it.
    #[serde(default)]
    description: String,
    /// What is to be sent.
    #[schema(example = json!(["lead.created", "lead.updated"]))]
    events: Vec<String>,
}

/// A change. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    /// Its address.
    url: Option<String>,
    /// What you call it.
    description: Option<String>,
    /// What is to be sent.
    events: Option<Vec<String>>,
    /// Whether anything is sent.
    enabled: Option<bool>,
}

/// Replacing a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// How long the older secret signs too, in hours: 0 to 168, 24 by default.
    overlap_hours: Option<i64>,
}

/// An endpoint and its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecret {
    /// Verify `webhook-signature` with it.
    #[schema(example = "whsec_…")]
    secret: String,
    /// What is kept of it.
    webhook: Webhook,
}

impl From<Endpoint> for Webhook {
    fn from(endpoint: Endpoint) -> Self {
        let state = match (endpoint.enabled, endpoint.gave_up) {
            (false, _) => "disabled",
            (true, true) => "failing",
            (true, false) => "active",
        };
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            state,
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            secret: endpoint.secret_shown,
            previous_secret_until: endpoint.previous_until,
            failing_since: endpoint.failing_since,
            last_success_at: endpoint.last_success_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// The endpoints, the newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/webhooks", params(WorkspacePath, PageQuery), responses((status = 200, body = Page<Webhook>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Webhook>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = webhooks::list_endpoints(&mut tx, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.as_uuid(), Into::into)))
}

/// One endpoint.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}", params(WebhookPath), responses((status = 200, body = Webhook)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookPath>,
) -> Result<Json<Webhook>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let found = webhooks::get(&mut tx, path.webhook_id).await?;
    Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
}

/// Have events sent to an address.
///
/// They come as Standard Webhooks has them: a POST with `webhook-id`, `webhook-timestamp` and `webhook-signature`, at least
/// once each; answer with 2xx within 15 seconds. The answer here shows the secret, this once.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/webhooks", params(WorkspacePath), request_body = NewWebhook,
    responses((status = 201, body = WebhookSecret))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<NewWebhook>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let url = address(&api, &input.url)?;
    let description = input::block("description", input.description.trim(), 200)?;
    let events = event_names(input.events)?;
    let id = WebhookEndpointId::new();
    let (secret, sealed) = new_secret(&api, &seat, id).await?;
    let mut tx = seat.begin(&api).await?;
    if webhooks::list_endpoints(&mut tx, None, 200).await?.len() >= MOST {
        let detail = format!("a workspace may have {MOST} webhooks: delete one that is not needed");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let new = NewEndpoint {
        id,
        url: &url,
        description: &description,
        events: &events,
        secret: &sealed,
        secret_shown: shown(&secret),
    };
    webhooks::insert(&mut tx, &new, api.now()).await?;
    let details = json!({ "url": without_query(&url), "events": events });
    seat.did(&api, &mut tx, "webhook.create", id, details).await?;
    let webhook = webhooks::get(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(WebhookSecret {
        secret: secret.expose_secret().to_owned(),
        webhook: webhook.into(),
    }))
}

/// Change an endpoint.
///
/// Switched on again it is as if it had never failed; what waits meanwhile is sent.
#[utoipa::path(
    patch, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}", params(WebhookPath), request_body = WebhookChange,
    responses((status = 200, body = Webhook))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookPath>,
    input: Input<WebhookChange>,
) -> Result<Json<Webhook>, Problem> {
    let input = input.0;
    let url = input.url.as_deref().map(|url| address(&api, url)).transpose()?;
    let description = input
        .description
        .as_deref()
        .map(|text| input::block("description", text.trim(), 200))
        .transpose()?;
    let events = input.events.map(event_names).transpose()?;
    let change = Change {
        url: url.as_deref(),
        description: description.as_deref(),
        events: events.as_deref(),
        enabled: input.enabled,
    };
    let mut tx = seat.begin(&api).await?;
    if !webhooks::update(&mut tx, path.webhook_id, &change, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = json!({
        "url": url.as_deref().map(without_query), "events": events, "enabled": input.enabled,
    });
    seat.did(&api, &mut tx, "webhook.update", path.webhook_id, details)
        .await?;
    let webhook = webhooks::get(&mut tx, path.webhook_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(Json(webhook.into()))
}

/// Delete an endpoint, and what is on its way there.
#[utoipa::path(delete, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}", params(WebhookPath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !webhooks::delete(&mut tx, path.webhook_id).await? {
        return Err(Problem::not_found());
    }
    let nothing = serde_json::Value::Null;
    seat.did(&api, &mut tx, "webhook.delete", path.webhook_id, nothing)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Replace an endpoint's secret.
///
/// While the older one holds too, `webhook-signature` has a signature by each. The answer shows the new one, this once.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/webhooks/{webhook_id}/rotate", params(WebhookPath), request_body = Rotation,
    responses((status = 200, body = WebhookSecret))
)]
pub(crate) async fn rotate(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<WebhookPath>,
    input: Input<Rotation>,
) -> Result<Json<WebhookSecret>, Problem> {
    let hours = input::number(
        "overlap_hours",
        input.0.overlap_hours.unwrap_or(OVERLAP.0),
        0,
        OVERLAP.1,
    )?;
    let (id, now) = (path.webhook_id, api.now());
    let (secret, sealed) = new_secret(&api, &seat, id).await?;
    let mut tx = seat.begin(&api).await?;
    let kept = webhooks::secrets(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let until = now + TimeDelta::hours(hours);
    webhooks::replace_secret(&mut tx, id, &sealed, shown(&secret), &kept.current, until, now).await?;
    seat.did(
        &api,
        &mut tx,
        "webhook.rotate",
        id,
        json!({ "overlap_hours": hours }),
    )
    .await?;
    let webhook = webhooks::get(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(Json(WebhookSecret {
        secret: secret.expose_secret().to_owned(),
        webhook: webhook.into(),
    }))
}

/// A secret of ours and how it is stored.
async fn new_secret(
    api: &AdminApi,
    seat: &Seat,
    id: WebhookEndpointId,
) -> Result<(SecretString, Vec<u8>), Problem> {
    let secret = token::signing_secret();
    let place = vault::Place {
        row: id.as_uuid(),
        column: webhooks::SECRET_COLUMN,
    };
    let plain = secret.expose_secret().as_bytes();
    let sealed = api.keyring().seal(seat.workspace, place, plain).await?;
    Ok((secret, sealed))
}

fn shown(secret: &SecretString) -> &str {
    let plain = secret.expose_secret();
    &plain[plain.len().saturating_sub(SHOWN)..]
}

/// A query may hold a key of the receiver's.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn address(api: &AdminApi, given: &str) -> Result<String, Problem> {
    let url = input::line("url", given, 2_000)?;
    api.tools()
        .check_url("url", &url)
        .map_err(|unfit| Problem::invalid("url", unfit.problem))?;
    Ok(url)
}

/// Each once, in the order of our list.
fn event_names(given: Vec<String>) -> Result<Vec<String>, Problem> {
    let known = || EventType::ALL.map(EventType::as_str);
    if given.is_empty() || given.iter().any(|name| EventType::named(name).is_none()) {
        let detail = format!("events must be one or more of {}", known().join(", "));
        return Err(Problem::invalid("events", detail));
    }
    Ok(known()
        .into_iter()
        .filter(|name| given.iter().any(|wanted| wanted == name))
        .map(str::to_owned)
        .collect())
}
