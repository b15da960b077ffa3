//! Plans, as administrators keep them.

use super::money;
use crate::{
    AdminApi,
    administration::noted,
    caller::{Facts, Person},
    difference,
    input::{self, Input},
    page::Page,
    path::PlanPath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, activity_log,
    plans::{self, Limits},
};
use utoipa::ToSchema;
use uuid::Uuid;

const MOST_TRIAL_DAYS: i32 = 365;
const MOST: i64 = 1_000_000_000_000;

/// A plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "Team")]
    pub name: String,
    /// What a month costs, in the currency's smallest unit: 2900 is 29 euros.
    #[schema(example = 2900)]
    pub price_minor: i64,
    /// The currency's three letters (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
    /// How many days it may be tried before the first invoice.
    pub trial_days: i32,
    /// Chatbots that are not archived; `null`: as many as one likes.
    pub max_chatbots: Option<i64>,
    /// Messages from people in a calendar month, in UTC; over it chatbots say their fallback text.
    pub max_messages: Option<i64>,
    /// Sources of knowledge of all chatbots: texts, questions with answers, files, sites.
    pub max_documents: Option<i64>,
    /// Members.
    pub max_seats: Option<i64>,
    /// Whether new workspaces begin with it.
    pub is_default: bool,
    /// Whether it can be bought on a page of Stripe.
    pub by_stripe: bool,
    /// Since when nobody can take it any more.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A plan, and who has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanOverview {
    /// The plan.
    #[serde(flatten)]
    plan: PlanView,
    /// The price at Stripe that a checkout is about.
    stripe_price: Option<String>,
    /// How many workspaces have it and have not cancelled.
    subscriptions: i64,
}

/// A plan. What it is changed to takes the place of what it was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanInput {
    /// Its name.
    #[schema(example = "Team")]
    name: String,
    /// What a month costs, in the currency's smallest unit: 2900 is 29 euros. A new price counts from each subscription's
    /// next period on.
    #[schema(example = 2900)]
    price_minor: i64,
    /// The currency's three letters (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
    /// How many days it may be tried before the first invoice.
    #[serde(default)]
    trial_days: i32,
    /// Chatbots that are not archived; left out: as many as one likes. Limits count at once.
    max_chatbots: Option<i64>,
    /// Messages from people in a calendar month, in UTC.
    max_messages: Option<i64>,
    /// Sources of knowledge of all chatbots.
    max_documents: Option<i64>,
    /// Members; 1 or more.
    max_seats: Option<i64>,
    /// Whether new workspaces begin with it. Another that they began with is that no longer.
    #[serde(default)]
    is_default: bool,
    /// The price at Stripe that a checkout is about.
    #[schema(example = "price_1PgafmB7WZ01zgkW6dKueIc5")]
    stripe_price: Option<String>,
    /// Whether nobody can take it any more. Who has it keeps it.
    #[serde(default)]
    archived: bool,
}

impl From<plans::Plan> for PlanView {
    fn from(plan: plans::Plan) -> Self {
        Self {
            id: plan.id,
            name: plan.name,
            price_minor: plan.price_minor,
            currency: plan.currency,
            trial_days: plan.trial_days,
            max_chatbots: plan.limits.chatbots,
            max_messages: plan.limits.messages,
            max_documents: plan.limits.documents,
            max_seats: plan.limits.seats,
            is_default: plan.is_default,
            by_stripe: plan.stripe_price.is_some(),
            archived_at: plan.archived_at,
        }
    }
}

/// All plans.
#[utoipa::path(get, path = "/api/administration/plans", responses((status = 200, body = Page<PlanOverview>)))]
pub(crate) async fn list(api: Data<AdminApi>, _person: Person) -> Result<Json<Page<PlanOverview>>, Problem> {
    let listed = plans::list(api.db())
        .await?
        .into_iter()
        .map(|listed| PlanOverview {
            stripe_price: listed.plan.stripe_price.clone(),
            plan: listed.plan.into(),
            subscriptions: listed.subscriptions,
        });
    Ok(Json(Page::whole(listed.collect())))
}

/// Make a plan.
///
/// A workspace that has no plan is not limited, as it was before there were any.
#[utoipa::path(post, path = "/api/administration/plans", request_body = PlanInput, responses((status = 201, body = PlanView)))]
pub(crate) async fn create(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<PlanInput>,
) -> Result<HttpResponse, Problem> {
    let plan = checked(Uuid::now_v7(), input.0, None, api.now())?;
    let mut tx = api.db().system().await?;
    plans::put(&mut tx, &plan, api.now()).await?;
    let activity = noted(&person, &facts, "plan.create", plan.id, told(&plan));
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(PlanView::from(plan)))
}

/// Change a plan.
///
/// Its limits count at once for everybody who has it. Its price counts from each subscription's next period on; what has
/// been invoiced stays.
#[utoipa::path(
    put, path = "/api/administration/plans/{plan_id}", params(PlanPath), request_body = PlanInput,
    responses((status = 200, body = PlanView))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<PlanPath>,
    input: Input<PlanInput>,
) -> Result<Json<PlanView>, Problem> {
    let mut tx = api.db().system().await?;
    let before = plans::get_for_update(&mut tx, path.plan_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let plan = checked(path.plan_id, input.0, before.archived_at, api.now())?;
    plans::put(&mut tx, &plan, api.now()).await?;
    let change = difference::between(&told(&before), &told(&plan));
    let activity = noted(&person, &facts, "plan.update", plan.id, change);
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(plan.into()))
}

/// Delete a plan.
///
/// Only one that no workspace has or had; others are archived.
#[utoipa::path(delete, path = "/api/administration/plans/{plan_id}", params(PlanPath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<PlanPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    let plan = plans::get_for_update(&mut tx, path.plan_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !plans::delete(&mut tx, plan.id).await? {
        return Err(Problem::new(
            Kind::Conflict,
            "a workspace has this plan or had it; archive it, and nobody else can take it",
        ));
    }
    let activity = noted(
        &person,
        &facts,
        "plan.delete",
        plan.id,
        json!({ "name": plan.name }),
    );
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

fn checked(
    id: Uuid,
    input: PlanInput,
    archived_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<plans::Plan, Problem> {
    if input.archived && input.is_default {
        return Err(Problem::invalid(
            "is_default",
            "new workspaces cannot begin with a plan that is archived",
        ));
    }
    let limit = |field: &'static str, given: Option<i64>, least: i64| {
        given
            .map(|given| input::number(field, given, least, MOST))
            .transpose()
    };
    let stripe_price = input
        .stripe_price
        .as_deref()
        .map(str::trim)
        .filter(|price| !price.is_empty());
    Ok(plans::Plan {
        id,
        name: input::line("name", &input.name, 60)?,
        price_minor: input::number("price_minor", input.price_minor, 0, money::MOST_MINOR)?,
        currency: money::currency("currency", &input.currency)?,
        trial_days: input::number("trial_days", input.trial_days, 0, MOST_TRIAL_DAYS)?,
        limits: Limits {
            chatbots: limit("max_chatbots", input.max_chatbots, 0)?,
            messages: limit("max_messages", input.max_messages, 0)?,
            documents: limit("max_documents", input.max_documents, 0)?,
            seats: limit("max_seats", input.max_seats, 1)?,
        },
        is_default: input.is_default,
        stripe_price: stripe_price
            .map(|price| input::line("stripe_price", price, 200))
            .transpose()?,
        archived_at: input.archived.then(|| archived_at.unwrap_or(now)),
    })
}

fn told(plan: &plans::Plan) -> serde_json::Value {
    json!({
        "name": plan.name, "price_minor": plan.price_minor, "currency": plan.currency, "trial_days": plan.trial_days,
        "max_chatbots": plan.limits.chatbots, "max_messages": plan.limits.messages,
        "max_documents": plan.limits.documents, "max_seats": plan.limits.seats, "is_default": plan.is_default,
        "stripe_price": plan.stripe_price, "archived": plan.archived_at.is_some(),
    })
}
