//! A workspace's plan and what of it is used, for who works there.

use super::{coupons, plans::PlanView, stripe};
use crate::{
    AdminApi,
    caller::Seat,
    input::Input,
    path::WorkspacePath,
    problem::{Kind, Problem},
};
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Months, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, TenantTx, activity_log,
    activity_log::NewActivity,
    plans::{self, Limits},
    subscriptions::{self, State, Subscription},
    usage::{self, Used},
};
use utoipa::ToSchema;

/// From this share of a limit on it is said that it is near.
const NEAR: f64 = 0.8;

/// A workspace's plan, what of it is used, and what else it could have.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanAndUsage {
    /// What it has subscribed to; `null`: nothing, and nothing is limited.
    subscription: Option<SubscriptionView>,
    /// What is used.
    usage: Vec<UsageView>,
    /// When messages are counted from nothing again: the first of the next month, in UTC.
    messages_until: DateTime<Utc>,
    /// Credit that the next invoices use up.
    credits: Vec<super::figures::SumView>,
    /// Plans that can be taken.
    plans: Vec<PlanView>,
    /// Whether plans can be bought here, on pages of Stripe.
    checkout: bool,
}

/// A subscription.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionView {
    /// The plan.
    pub plan: PlanView,
    /// `trial`, `active`, `past_due`: an invoice is overdue, or `cancelled`: it has ended.
    #[schema(example = "active")]
    pub state: &'static str,
    /// Whether Stripe charges for it.
    pub by_stripe: bool,
    /// What the present period costs, in the currency's smallest unit.
    pub price_minor: i64,
    /// The same after the coupon.
    pub mrr_minor: i64,
    /// The currency's three letters.
    pub currency: String,
    /// When the present period began.
    pub period_start: DateTime<Utc>,
    /// When it ends, and the next one begins.
    pub period_end: DateTime<Utc>,
    /// Whether the subscription ends with it.
    pub cancel_at_period_end: bool,
    /// The coupon that was redeemed.
    pub coupon: Option<String>,
    /// For how many more invoices it is good; `null`: for all.
    pub coupon_months_left: Option<i32>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How much of something is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// `chatbots`, `messages` of this calendar month in UTC, `documents` or `seats`.
    #[schema(example = "messages")]
    pub what: &'static str,
    /// So much is used.
    pub used: i64,
    /// So much is allowed; `null`: as much as one likes.
    pub limit: Option<i64>,
    /// `ok`; `near`, from 80 per cent on; or `reached`.
    #[schema(example = "ok")]
    pub level: &'static str,
}

/// A coupon's code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redeemed {
    /// As it was given.
    #[schema(example = "SPRING-25")]
    pub code: String,
}

impl From<Subscription> for SubscriptionView {
    fn from(subscription: Subscription) -> Self {
        Self {
            plan: subscription.plan.into(),
            state: subscription.state.as_str(),
            by_stripe: subscription.by_stripe,
            price_minor: subscription.price_minor,
            mrr_minor: subscription.mrr_minor,
            currency: subscription.currency,
            period_start: subscription.period_start,
            period_end: subscription.period_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            coupon: subscription.coupon,
            coupon_months_left: subscription.coupon_months_left,
            started_at: subscription.started_at,
            ended_at: subscription.ended_at,
        }
    }
}

/// What is used, against what is allowed.
pub(super) fn against(used: &Used, subscription: Option<&Subscription>) -> Vec<UsageView> {
    let limits = match subscription {
        None => Limits::default(),
        Some(subscription) if subscription.state == State::Cancelled => Limits {
            chatbots: Some(0),
            messages: Some(0),
            documents: Some(0),
            seats: Some(0),
        },
        Some(subscription) => subscription.plan.limits,
    };
    [
        ("messages", used.messages, limits.messages),
        ("chatbots", used.chatbots, limits.chatbots),
        ("documents", used.documents, limits.documents),
        ("seats", used.seats, limits.seats),
    ]
    .map(|(what, used, limit)| UsageView {
        what,
        used,
        limit,
        level: level(used, limit),
    })
    .into()
}

#[expect(clippy::cast_precision_loss, reason = "a share is not exact")]
fn level(used: i64, limit: Option<i64>) -> &'static str {
    match limit {
        Some(limit) if used >= limit => "reached",
        Some(limit) if used as f64 >= NEAR * limit as f64 => "near",
        _ => "ok",
    }
}

/// Your plan and what of it is used.
///
/// Without a plan nothing is limited.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/plan", params(WorkspacePath), responses((status = 200, body = PlanAndUsage)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<PlanAndUsage>, Problem> {
    let mut tx = seat.begin(&api).await?;
    Ok(Json(shown(&api, &mut tx).await?))
}

/// Let your subscription end with its period.
///
/// Until then everything works on. What is there afterwards stays, and nothing can be added.
#[utoipa::path(post, path = "/api/workspaces/{workspace_id}/plan/cancel", params(WorkspacePath), responses((status = 200, body = PlanAndUsage)))]
pub(crate) async fn cancel(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<PlanAndUsage>, Problem> {
    set_ending(&api, &seat, true).await
}

/// Let a subscription that was to end go on.
#[utoipa::path(post, path = "/api/workspaces/{workspace_id}/plan/resume", params(WorkspacePath), responses((status = 200, body = PlanAndUsage)))]
pub(crate) async fn resume(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<PlanAndUsage>, Problem> {
    set_ending(&api, &seat, false).await
}

/// Redeem a coupon.
///
/// It counts from the next invoice on.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/plan/coupon", params(WorkspacePath), request_body = Redeemed,
    responses((status = 200, body = PlanAndUsage))
)]
pub(crate) async fn redeem(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<Redeemed>,
) -> Result<Json<PlanAndUsage>, Problem> {
    let code = coupons::code(&input.0.code)?;
    let mut tx = api.db().system().await?;
    let found = subscriptions::of_workspace(&mut tx, seat.workspace).await?;
    let running = found.filter(|found| found.state != State::Cancelled && !found.by_stripe);
    if running.is_none() {
        return Err(not_running());
    }
    if !store::coupons::redeem(&mut tx, seat.workspace, &code, api.now()).await? {
        return Err(not_good());
    }
    activity_log::record_system(
        &mut tx,
        Some(seat.workspace),
        &did(&seat, "coupon.redeem", json!({ "code": code })),
        api.now(),
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    again(&api, &seat).await
}

async fn set_ending(api: &AdminApi, seat: &Seat, ends: bool) -> Result<Json<PlanAndUsage>, Problem> {
    let mut tx = api.db().system().await?;
    let found = subscriptions::of_workspace(&mut tx, seat.workspace).await?;
    let running = found
        .filter(|found| found.state != State::Cancelled)
        .ok_or_else(not_running)?;
    if running.by_stripe {
        stripe::set_ending(api, &mut tx, seat.workspace, ends).await?;
    } else {
        subscriptions::set_ending(&mut tx, seat.workspace, ends, api.now()).await?;
    }
    let action = if ends {
        "subscription.cancel"
    } else {
        "subscription.resume"
    };
    activity_log::record_system(
        &mut tx,
        Some(seat.workspace),
        &did(seat, action, json!({})),
        api.now(),
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    again(api, seat).await
}

/// What a member does in a transaction of the system's, as it is noted.
pub(super) fn did(seat: &Seat, action: &'static str, details: serde_json::Value) -> NewActivity {
    seat.activity(action, seat.workspace, details)
}

pub(super) fn not_running() -> Problem {
    Problem::new(
        Kind::Conflict,
        "no subscription of the workspace is running that this could be done to; see the page \"Plan and usage\"",
    )
}

pub(super) fn not_good() -> Problem {
    Problem::invalid(
        "code",
        "this coupon is not good: there is none with this code, it has ended, or you have redeemed it before",
    )
}

async fn again(api: &AdminApi, seat: &Seat) -> Result<Json<PlanAndUsage>, Problem> {
    let mut tx = seat.begin(api).await?;
    Ok(Json(shown(api, &mut tx).await?))
}

async fn shown(api: &AdminApi, tx: &mut TenantTx) -> Result<PlanAndUsage, Problem> {
    let now = api.now();
    let subscription = subscriptions::of_tenant(tx).await?;
    let used = usage::of_tenant(tx, now).await?;
    let next = usage::month(now).checked_add_months(Months::new(1));
    let credits = store::credits::of_tenant(tx).await?;
    Ok(PlanAndUsage {
        usage: against(&used, subscription.as_ref()),
        subscription: subscription.map(Into::into),
        messages_until: next.map_or(now, |day| day.and_time(chrono::NaiveTime::MIN).and_utc()),
        credits: super::figures::left(&credits),
        plans: plans::on_offer(tx).await?.into_iter().map(Into::into).collect(),
        checkout: stripe::is_set(api).await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_near_from_four_fifths_on() {
        assert_eq!(level(79, Some(100)), "ok");
        assert_eq!(level(80, Some(100)), "near");
        assert_eq!(level(100, Some(100)), "reached");
        assert_eq!(level(0, Some(0)), "reached");
        assert_eq!(level(1_000_000, None), "ok");
    }
}
