//! Stripe: its keys, its pages, and what it tells.
//!
//! Invariants:
//! - Both keys are sealed together, are shown by their last characters, and leave only for Stripe.
//! - Nothing that Stripe is said to tell is read before its signature over the raw bytes was verified.
//! - An event is followed in the transaction that notes its id. One that is about nothing of ours is answered as done: Stripe
//!   would send it for days.

use super::usage::{did, not_running};
use crate::{
    AdminApi,
    administration::noted,
    caller::{Facts, Person, Seat},
    credentials::last_four,
    input::{self, Input},
    path::WorkspacePath,
    problem::{Kind, Problem},
};
use ::stripe::{Client, Event, HEADER, NewCheckout, Object, Status, StripeError, verify};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, SystemTx, activity_log, installation,
    invoices::Line,
    plans,
    subscriptions::{self, Followed, State, StripeInvoice, StripeState},
};
use utoipa::ToSchema;
use uuid::Uuid;
use vault::Place;

/// Where the keys are noted.
const KEYS: &str = "stripe";
const PLACE: Place = Place {
    row: Uuid::nil(),
    column: "installation.stripe",
};

/// Whether Stripe is connected.
#[derive(Serialize, ToSchema)]
pub(crate) struct StripeView {
    /// Whether its keys are there.
    connected: bool,
    /// Whether they are for tests: no money moves.
    test: bool,
    /// The last characters of the secret key.
    secret_key: Option<String>,
    /// The last characters of the webhook's signing secret.
    webhook_secret: Option<String>,
    /// Where Stripe has to send events.
    #[schema(example = "https://bots.example.com/api/stripe/events")]
    webhook_url: String,
    /// The events that it has to send.
    events: Vec<&'static str>,
}

/// Stripe's keys.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StripeKeys {
    /// From Developers, API keys: `sk_…`, or a restricted one, `rk_…`.
    #[schema(value_type = String, format = Password)]
    secret_key: SecretString,
    /// From the webhook's page: `whsec_…`.
    #[schema(value_type = String, format = Password)]
    webhook_secret: SecretString,
}

/// What to buy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The plan.
    plan_id: Uuid,
}

/// Where to go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Onward {
    /// A page of Stripe.
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_test_a1")]
    url: String,
}

/// What came of an event.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventTaken {
    /// `followed`, `repeat`, `older` than what is known, or `not_ours`.
    #[schema(example = "followed")]
    outcome: &'static str,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    sealed: String,
    secret_key: String,
    webhook_secret: String,
    test: bool,
}

#[derive(Deserialize)]
struct Opened {
    secret_key: SecretString,
    webhook_secret: SecretString,
}

const EVENTS: [&str; 6] = [
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
];

/// Whether Stripe is connected.
#[utoipa::path(get, path = "/api/administration/stripe", responses((status = 200, body = StripeView)))]
pub(crate) async fn state(api: Data<AdminApi>, _person: Person) -> Result<Json<StripeView>, Problem> {
    Ok(Json(shown(&api, kept(&api).await?)?))
}

/// Connect Stripe.
///
/// The secret key is tried before it is kept. Without Stripe, subscriptions are paid by invoice.
#[utoipa::path(put, path = "/api/administration/stripe", request_body = StripeKeys, responses((status = 200, body = StripeView)))]
pub(crate) async fn connect(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<StripeKeys>,
) -> Result<Json<StripeView>, Problem> {
    let secret_key = key("secret_key", &input.0.secret_key, &["sk_", "rk_"])?;
    let webhook_secret = key("webhook_secret", &input.0.webhook_secret, &["whsec_"])?;
    match api.stripe().with_key(secret_key.into()).check().await {
        Ok(()) => {}
        Err(StripeError::Unauthorized) => {
            return Err(Problem::invalid(
                "secret_key",
                "Stripe does not accept this key: copy it again",
            ));
        }
        Err(error) => return Err(error.into()),
    }
    let plain = json!({ "secret_key": secret_key, "webhook_secret": webhook_secret }).to_string();
    let sealed = api
        .keyring()
        .seal_for_installation(PLACE, plain.as_bytes())
        .await?;
    let kept = Kept {
        sealed: BASE64_STANDARD.encode(sealed),
        secret_key: last_four(secret_key),
        webhook_secret: last_four(webhook_secret),
        test: !secret_key.contains("_live_"),
    };
    let mut tx = api.db().system().await?;
    installation::put_in(
        &mut tx,
        KEYS,
        &serde_json::to_value(&kept).map_err(StoreError::from)?,
    )
    .await?;
    let activity = noted(
        &person,
        &facts,
        "stripe.connect",
        "installation",
        json!({ "test": kept.test }),
    );
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(shown(&api, Some(kept))?))
}

/// Disconnect Stripe.
///
/// Its keys are forgotten, and its events are refused. What it charges for, it charges on: end that at Stripe.
#[utoipa::path(delete, path = "/api/administration/stripe", responses((status = 204)))]
pub(crate) async fn disconnect(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    if !installation::delete(&mut tx, KEYS).await? {
        return Err(Problem::not_found());
    }
    let activity = noted(&person, &facts, "stripe.disconnect", "installation", json!({}));
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Buy a plan.
///
/// Answers with a page of Stripe to send the browser to. The workspace has the plan as soon as Stripe says that it is bought.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/plan/checkout", params(WorkspacePath), request_body = Wish,
    responses((status = 200, body = Onward))
)]
pub(crate) async fn check_out(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<Wish>,
) -> Result<Json<Onward>, Problem> {
    let mut tx = api.db().system().await?;
    let plan = plans::get_for_update(&mut tx, input.0.plan_id).await?;
    let plan = plan
        .filter(|plan| plan.archived_at.is_none())
        .ok_or_else(Problem::not_found)?;
    let client = client(&api).await?;
    let price = plan.stripe_price.as_deref().ok_or_else(|| {
        Problem::new(
            Kind::Conflict,
            "this plan is not sold on Stripe's pages; ask the administrator of this installation for it",
        )
    })?;
    let before = subscriptions::of_workspace(&mut tx, seat.workspace).await?;
    // Nothing is held while Stripe is asked.
    drop(tx);
    if before
        .as_ref()
        .is_some_and(|before| before.by_stripe && before.state != State::Cancelled)
    {
        return Err(Problem::new(
            Kind::Conflict,
            "Stripe charges for a plan already: change it under Manage payment",
        ));
    }
    let (workspace, back) = (seat.workspace.to_string(), back(&api, seat.workspace)?);
    let (done, once) = (format!("{back}?bought=yes"), seat.facts.request_id.clone());
    let made = client
        .check_out(&NewCheckout {
            price,
            workspace: &workspace,
            customer: before
                .as_ref()
                .and_then(|before| before.stripe_customer.as_deref()),
            // Who has had a subscription has tried it.
            trial_days: if before.is_none() { plan.trial_days } else { 0 },
            success_url: &done,
            cancel_url: &back,
            idempotency_key: &once,
        })
        .await?;
    let mut tx = api.db().system().await?;
    let activity = did(&seat, "subscription.checkout", json!({ "plan": plan.name }));
    activity_log::record_system(&mut tx, Some(seat.workspace), &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(Onward { url: made.url }))
}

/// See to cards, invoices and the subscription on a page of Stripe.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/plan/portal", params(WorkspacePath), responses((status = 200, body = Onward))
)]
pub(crate) async fn portal(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<Onward>, Problem> {
    let mut tx = api.db().system().await?;
    let found = subscriptions::of_workspace(&mut tx, seat.workspace).await?;
    let customer = found
        .and_then(|found| found.stripe_customer)
        .ok_or_else(not_running)?;
    let made = client(&api)
        .await?
        .portal(&customer, &back(&api, seat.workspace)?)
        .await?;
    Ok(Json(Onward { url: made.url }))
}

/// Takes an event of Stripe.
///
/// Signed as Stripe signs them, over the raw body; anything else is answered with 400. The same event again changes nothing.
#[utoipa::path(
    post, path = "/api/stripe/events",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The event, as Stripe sends it."),
    responses((status = 200, body = EventTaken))
)]
pub(crate) async fn webhook(
    api: Data<AdminApi>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<EventTaken>, Problem> {
    let body = input::read_body(&request, &mut payload.into_inner()).await?;
    let unproven = |reason: String| Problem::new(Kind::Malformed, reason);
    let Some(keys) = opened(&api).await? else {
        return Err(unproven(
            "Stripe is not connected: nothing can be verified".to_owned(),
        ));
    };
    let mut given = request.headers().get_all(HEADER);
    let header = match (given.next(), given.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => "",
    };
    verify(header, &body, &keys.webhook_secret, api.now()).map_err(|why| unproven(why.to_string()))?;
    let event = Event::read(&body).map_err(|error| {
        unproven(format!(
            "the event cannot be read: {}",
            input::without_values(&error.to_string())
        ))
    })?;

    let mut tx = api.db().system().await?;
    if !subscriptions::is_new_event(&mut tx, &event.id, &event.kind, event.created, api.now()).await? {
        return Ok(Json(EventTaken { outcome: "repeat" }));
    }
    let followed = follow(&mut tx, &event, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(EventTaken {
        outcome: match followed {
            Followed::Done => "followed",
            Followed::Older => "older",
            Followed::NotOurs => "not_ours",
        },
    }))
}

async fn follow(tx: &mut SystemTx, event: &Event, now: DateTime<Utc>) -> Result<Followed, Problem> {
    let (followed, workspace, action) = match &event.object {
        Object::Other => return Ok(Followed::NotOurs),
        Object::Subscription(told) => {
            let workspace = told.workspace.as_deref().and_then(|id| id.parse().ok());
            let (Some(workspace), Some(state)) = (workspace, state_of(told.status)) else {
                return Ok(Followed::NotOurs);
            };
            let told = StripeState {
                workspace,
                subscription: told.id.clone(),
                customer: told.customer.clone(),
                price: told.price.clone(),
                state,
                price_minor: told.month_minor,
                mrr_minor: told.discounted_minor,
                currency: told.currency.clone(),
                period_start: told.period_start,
                period_end: told.period_end,
                cancel_at_period_end: told.cancel_at_period_end,
                told_at: event.created,
            };
            let followed = subscriptions::follow_subscription(tx, &told, now).await?;
            (followed, Some(workspace), "subscription.stripe")
        }
        Object::Invoice(told) => {
            let (Some(subscription), Some(number)) = (&told.subscription, &told.number) else {
                return Ok(Followed::NotOurs);
            };
            let workspace: Option<WorkspaceId> = told.workspace.as_deref().and_then(|id| id.parse().ok());
            let told = StripeInvoice {
                id: told.id.clone(),
                workspace,
                subscription: subscription.clone(),
                number: number.clone(),
                period_start: told.period_start,
                period_end: told.period_end,
                currency: told.currency.clone(),
                lines: lines(told),
                total_minor: told.total_minor.max(0),
                is_paid: told.is_paid,
                issued_at: told.created,
                told_at: event.created,
            };
            let followed = subscriptions::follow_invoice(tx, &told).await?;
            (followed, workspace, "invoice.stripe")
        }
    };
    if followed == Followed::Done {
        let activity = activity_log::NewActivity {
            action,
            target: workspace.map(|id| id.to_string()),
            details: json!({ "event": event.id, "type": event.kind }),
            ..Default::default()
        };
        activity_log::record_system(tx, workspace, &activity, now).await?;
    }
    Ok(followed)
}

/// Its lines, and what is between them and the total: discounts and taxes.
fn lines(told: &::stripe::Invoice) -> Vec<Line> {
    let mut lines: Vec<Line> = told
        .lines
        .iter()
        .map(|line| Line {
            text: line.description.clone(),
            amount_minor: line.amount,
        })
        .collect();
    let rest = told.total_minor - lines.iter().map(|line| line.amount_minor).sum::<i64>();
    if rest != 0 {
        lines.push(Line {
            text: "Stripe".to_owned(),
            amount_minor: rest,
        });
    }
    lines
}

/// `None`: there is no subscription before its first payment.
const fn state_of(status: Status) -> Option<State> {
    match status {
        Status::Incomplete => None,
        Status::Trialing => Some(State::Trial),
        Status::Active => Some(State::Active),
        Status::PastDue | Status::Unpaid | Status::Paused => Some(State::PastDue),
        Status::Canceled | Status::IncompleteExpired => Some(State::Cancelled),
    }
}

/// Whether plans can be bought.
pub(super) async fn is_set(api: &AdminApi) -> Result<bool, Problem> {
    Ok(kept(api).await?.is_some())
}

/// Tells Stripe that a subscription ends with its period, or goes on after all.
pub(super) async fn set_ending(
    api: &AdminApi,
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    ends: bool,
) -> Result<(), Problem> {
    let id = subscriptions::stripe_id(tx, workspace)
        .await?
        .ok_or_else(not_running)?;
    client(api).await?.set_ending(&id, ends).await?;
    // Stripe says so too in a moment; whoever looks before that sees what they did.
    Ok(subscriptions::note_ending(tx, workspace, ends, api.now()).await?)
}

/// Tells Stripe that a subscription ends now.
pub(super) async fn end(api: &AdminApi, tx: &mut SystemTx, workspace: WorkspaceId) -> Result<(), Problem> {
    let id = subscriptions::stripe_id(tx, workspace)
        .await?
        .ok_or_else(not_running)?;
    Ok(client(api).await?.end(&id).await?)
}

async fn kept(api: &AdminApi) -> Result<Option<Kept>, Problem> {
    let noted = installation::get(api.db(), KEYS).await?;
    let kept = noted.map(serde_json::from_value).transpose();
    Ok(kept.map_err(StoreError::from)?)
}

async fn opened(api: &AdminApi) -> Result<Option<Opened>, Problem> {
    let Some(kept) = kept(api).await? else {
        return Ok(None);
    };
    let sealed = BASE64_STANDARD.decode(kept.sealed).map_err(Problem::internal)?;
    let plain = api.keyring().open_for_installation(PLACE, &sealed).await?;
    Ok(Some(
        serde_json::from_str(plain.expose_secret()).map_err(StoreError::from)?,
    ))
}

async fn client(api: &AdminApi) -> Result<Client, Problem> {
    let keys = opened(api).await?.ok_or_else(|| {
        Problem::new(
            Kind::Conflict,
            "Stripe is not connected here; ask the administrator of this installation for the plan",
        )
    })?;
    Ok(api.stripe().with_key(keys.secret_key))
}

fn shown(api: &AdminApi, kept: Option<Kept>) -> Result<StripeView, Problem> {
    let webhook = api
        .settings()
        .public_url
        .join("api/stripe/events")
        .map_err(Problem::internal)?;
    Ok(StripeView {
        connected: kept.is_some(),
        test: kept.as_ref().is_some_and(|kept| kept.test),
        secret_key: kept.as_ref().map(|kept| kept.secret_key.clone()),
        webhook_secret: kept.map(|kept| kept.webhook_secret),
        webhook_url: webhook.into(),
        events: EVENTS.into(),
    })
}

fn key<'a>(field: &'static str, given: &'a SecretString, beginnings: &[&str]) -> Result<&'a str, Problem> {
    let key = given.expose_secret().trim();
    let fits = beginnings.iter().any(|beginning| key.starts_with(beginning))
        && (12..=500).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        Ok(key)
    } else {
        let detail = format!("{field} begins with {}", beginnings.join(" or "));
        Err(Problem::invalid(field, detail))
    }
}

/// The page from which the browser went.
fn back(api: &AdminApi, workspace: WorkspaceId) -> Result<String, Problem> {
    let page = format!("workspaces/{workspace}/settings/plan");
    let url = api.settings().public_url.join(&page).map_err(Problem::internal)?;
    Ok(url.into())
}
