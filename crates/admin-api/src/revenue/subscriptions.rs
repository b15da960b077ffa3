//! Every workspace's subscription, as administrators keep it.

use super::{
    coupons, figures,
    money::{self, units},
    stripe,
    usage::{self as own, Redeemed, SubscriptionView, UsageView},
};
use crate::{
    AdminApi,
    administration::noted,
    budgets::usd,
    caller::{Facts, Person},
    input::{self, Input},
    page::{self, Page},
    path::WorkspacePath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::NaiveDate;
use domain::{ChatbotId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    StoreError, SystemTx, activity_log, credits,
    plans::{self, Plan},
    revenue::{self, WorkspaceMonth},
    subscriptions::{self as stored, State},
    usage,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A workspace: what it has, uses, pays and costs.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionOverview {
    /// The workspace.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    workspace_name: String,
    /// What it has subscribed to; `null`: nothing, and nothing is limited.
    subscription: Option<SubscriptionView>,
    /// What it uses now.
    usage: Vec<UsageView>,
    /// What its invoices of the month come to, in the currency's smallest unit.
    invoiced_minor: i64,
    /// Their currency.
    invoiced_currency: Option<String>,
    /// What models cost in the month, in US dollars, as far as prices are known.
    cost_usd: f64,
    /// What is left of the invoices, in US dollars; `null`: the exchange rate is not known.
    margin_usd: Option<f64>,
}

/// A workspace with its chatbots and credits.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionDetail {
    /// The workspace.
    #[serde(flatten)]
    overview: SubscriptionOverview,
    /// Its chatbots.
    chatbots: Vec<ChatbotMargin>,
    /// What it was given.
    credits: Vec<CreditView>,
}

/// A chatbot: what it brings and costs.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatbotMargin {
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Its name.
    name: String,
    /// Messages from people in the month.
    messages: i64,
    /// Its part of what the workspace was invoiced, by its part of the messages, in US dollars; `null`: the exchange rate is
    /// not known.
    share_usd: Option<f64>,
    /// What models cost.
    cost_usd: f64,
    /// What is left.
    margin_usd: Option<f64>,
}

/// A credit.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditView {
    /// Its id.
    id: Uuid,
    /// What was given, in the currency's smallest unit.
    amount_minor: i64,
    /// What invoices have used of it.
    used_minor: i64,
    /// The currency's three letters.
    currency: String,
    /// What for.
    note: String,
    /// When it was given.
    created_at: chrono::DateTime<chrono::Utc>,
}

/// Which workspaces, and in which month.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionsQuery {
    /// Whose name contains this.
    q: Option<String>,
    /// A day of the month whose invoices and costs are told; this month when left out.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    month: Option<NaiveDate>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// Which month.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonthQuery {
    /// A day of it; this month when left out.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    month: Option<NaiveDate>,
}

/// What a workspace is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionInput {
    /// The plan.
    plan_id: Uuid,
    /// A new subscription's days of trial; the plan's when left out.
    trial_days: Option<i32>,
    /// A coupon's code, to be redeemed with it.
    #[schema(example = "SPRING-25")]
    coupon: Option<String>,
}

/// How a subscription is to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancellation {
    /// At once, and not with its period.
    #[serde(default)]
    at_once: bool,
}

/// What a workspace is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCredit {
    /// In the currency's smallest unit.
    #[schema(example = 1000)]
    amount_minor: i64,
    /// The currency's three letters; invoices of another one use nothing of it.
    #[schema(example = "EUR")]
    currency: String,
    /// What for: the workspace reads it.
    #[schema(example = "Outage on 12 November")]
    note: String,
}

impl From<credits::Credit> for CreditView {
    fn from(credit: credits::Credit) -> Self {
        Self {
            id: credit.id,
            amount_minor: credit.amount_minor,
            used_minor: credit.used_minor,
            currency: credit.currency,
            note: credit.note,
            created_at: credit.created_at,
        }
    }
}

/// All workspaces with what they have, use, pay and cost, in the order of their making.
#[utoipa::path(
    get, path = "/api/administration/subscriptions", params(SubscriptionsQuery),
    responses((status = 200, body = Page<SubscriptionOverview>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<SubscriptionsQuery>,
) -> Result<Json<Page<SubscriptionOverview>>, Problem> {
    let limit = page::limit(query.limit)?;
    let text = input::sought(query.q.as_deref())?;
    let month = month_of(&api, query.month);
    let rows = revenue::workspaces(api.db(), month, text.as_deref(), query.after, limit + 1).await?;
    let rates = figures::rates(&api).await?;
    let mut tx = api.db().system().await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(overview(&api, &mut tx, row, &rates).await?);
    }
    Ok(Json(Page::of(
        shown,
        limit,
        |one| one.workspace_id.as_uuid(),
        |one| one,
    )))
}

/// One workspace with what it has, uses, pays and costs.
#[utoipa::path(
    get, path = "/api/administration/subscriptions/{workspace_id}", params(WorkspacePath, MonthQuery),
    responses((status = 200, body = SubscriptionDetail))
)]
pub(crate) async fn get(
    api: Data<AdminApi>,
    _person: Person,
    path: Path<WorkspacePath>,
    query: Query<MonthQuery>,
) -> Result<Json<SubscriptionDetail>, Problem> {
    Ok(Json(
        detail(&api, path.workspace_id, month_of(&api, query.month)).await?,
    ))
}

/// Give a workspace a plan.
///
/// It is paid by invoice. A new subscription begins with the trial, or with its first invoice; one that is running gets the
/// other plan's limits at once and pays its price from the next period on.
#[utoipa::path(
    put, path = "/api/administration/subscriptions/{workspace_id}", params(WorkspacePath), request_body = SubscriptionInput,
    responses((status = 200, body = SubscriptionDetail))
)]
pub(crate) async fn set(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<WorkspacePath>,
    input: Input<SubscriptionInput>,
) -> Result<Json<SubscriptionDetail>, Problem> {
    let (workspace, now, input) = (path.workspace_id, api.now(), input.0);
    let mut tx = api.db().system().await?;
    if !store::workspaces::exists(&mut tx, workspace).await? {
        return Err(Problem::not_found());
    }
    let plan = plans::get_for_update(&mut tx, input.plan_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let before = stored::of_workspace(&mut tx, workspace).await?;
    let running = before.as_ref().filter(|before| before.state != State::Cancelled);
    refuse_stripe(running)?;
    if plan.archived_at.is_some() && running.is_none_or(|running| running.plan.id != plan.id) {
        return Err(Problem::invalid(
            "plan_id",
            "this plan is archived: nobody new can have it",
        ));
    }
    let code = input.coupon.as_deref().map(coupons::code).transpose()?;
    match running {
        Some(_) => {
            stored::change_plan(&mut tx, workspace, &plan, now).await?;
            if let Some(code) = &code
                && !store::coupons::redeem(&mut tx, workspace, code, now).await?
            {
                return Err(own::not_good());
            }
        }
        None => begin(&mut tx, workspace, &plan, input.trial_days, code.as_deref(), now).await?,
    }
    let was = before.map(|before| json!({ "plan": before.plan.name, "state": before.state.as_str() }));
    let details = json!({ "plan": plan.name, "before": was, "coupon": code });
    let activity = noted(&person, &facts, "subscription.set", workspace, details);
    activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(detail(&api, workspace, month_of(&api, None)).await?))
}

async fn begin(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    plan: &Plan,
    trial_days: Option<i32>,
    code: Option<&str>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Problem> {
    let trial_days = input::number("trial_days", trial_days.unwrap_or(plan.trial_days), 0, 365)?;
    if stored::begin(tx, workspace, plan, trial_days, code, now).await? {
        Ok(())
    } else {
        Err(own::not_good())
    }
}

/// End a workspace's subscription.
///
/// With its period, or at once. Nothing is deleted; nothing can be added, and chatbots say their fallback text. Where new
/// workspaces begin with a plan that is free, the workspace goes on with that.
#[utoipa::path(
    post, path = "/api/administration/subscriptions/{workspace_id}/cancel", params(WorkspacePath), request_body = Cancellation,
    responses((status = 200, body = SubscriptionDetail))
)]
pub(crate) async fn cancel(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<WorkspacePath>,
    input: Input<Cancellation>,
) -> Result<Json<SubscriptionDetail>, Problem> {
    let (workspace, now) = (path.workspace_id, api.now());
    let mut tx = api.db().system().await?;
    let running = stored::of_workspace(&mut tx, workspace)
        .await?
        .filter(|found| found.state != State::Cancelled)
        .ok_or_else(own::not_running)?;
    match (running.by_stripe, input.0.at_once) {
        // What Stripe says of it afterwards ends it here too.
        (true, true) => stripe::end(&api, &mut tx, workspace).await?,
        (true, false) => stripe::set_ending(&api, &mut tx, workspace, true).await?,
        (false, true) => stored::end(&mut tx, workspace, now).await?,
        (false, false) => {
            stored::set_ending(&mut tx, workspace, true, now).await?;
        }
    }
    let details = json!({ "plan": running.plan.name, "at_once": input.0.at_once });
    let activity = noted(&person, &facts, "subscription.cancel", workspace, details);
    activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(detail(&api, workspace, month_of(&api, None)).await?))
}

/// Take a workspace's subscription away.
///
/// Nothing is limited any more, and nothing is invoiced.
#[utoipa::path(delete, path = "/api/administration/subscriptions/{workspace_id}", params(WorkspacePath), responses((status = 204)))]
pub(crate) async fn remove(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<WorkspacePath>,
) -> Result<HttpResponse, Problem> {
    let (workspace, now) = (path.workspace_id, api.now());
    let mut tx = api.db().system().await?;
    let before = stored::of_workspace(&mut tx, workspace)
        .await?
        .ok_or_else(Problem::not_found)?;
    refuse_stripe(Some(&before).filter(|before| before.state != State::Cancelled))?;
    stored::remove(&mut tx, workspace, now).await?;
    let activity = noted(
        &person,
        &facts,
        "subscription.remove",
        workspace,
        json!({ "plan": before.plan.name }),
    );
    activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Redeem a coupon for a workspace.
#[utoipa::path(
    post, path = "/api/administration/subscriptions/{workspace_id}/coupon", params(WorkspacePath), request_body = Redeemed,
    responses((status = 200, body = SubscriptionDetail))
)]
pub(crate) async fn redeem(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<WorkspacePath>,
    input: Input<Redeemed>,
) -> Result<Json<SubscriptionDetail>, Problem> {
    let (workspace, now) = (path.workspace_id, api.now());
    let code = coupons::code(&input.0.code)?;
    let mut tx = api.db().system().await?;
    let running = stored::of_workspace(&mut tx, workspace).await?;
    let running = running
        .filter(|found| found.state != State::Cancelled)
        .ok_or_else(own::not_running)?;
    refuse_stripe(Some(&running))?;
    if !store::coupons::redeem(&mut tx, workspace, &code, now).await? {
        return Err(own::not_good());
    }
    let activity = noted(
        &person,
        &facts,
        "coupon.redeem",
        workspace,
        json!({ "code": code }),
    );
    activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(detail(&api, workspace, month_of(&api, None)).await?))
}

/// Give a workspace credit.
///
/// Invoices of the same currency use it up, the oldest first.
#[utoipa::path(
    post, path = "/api/administration/subscriptions/{workspace_id}/credits", params(WorkspacePath), request_body = NewCredit,
    responses((status = 201, body = CreditView))
)]
pub(crate) async fn give(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<WorkspacePath>,
    input: Input<NewCredit>,
) -> Result<HttpResponse, Problem> {
    let (workspace, now, input) = (path.workspace_id, api.now(), input.0);
    let credit = credits::Credit {
        id: Uuid::now_v7(),
        currency: money::currency("currency", &input.currency)?,
        amount_minor: input::number("amount_minor", input.amount_minor, 1, money::MOST_MINOR)?,
        used_minor: 0,
        note: input::line("note", &input.note, 200)?,
        created_at: now,
    };
    let mut tx = api.db().system().await?;
    if !credits::give(&mut tx, workspace, &credit).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "amount_minor": credit.amount_minor, "currency": credit.currency });
    let activity = noted(&person, &facts, "credit.give", workspace, details);
    activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(CreditView::from(credit)))
}

/// What Stripe charges for is changed at Stripe.
fn refuse_stripe(running: Option<&stored::Subscription>) -> Result<(), Problem> {
    match running {
        Some(running) if running.by_stripe => Err(Problem::new(
            Kind::Conflict,
            "Stripe charges for this subscription: change it there, or cancel it first",
        )),
        _ => Ok(()),
    }
}

pub(super) fn month_of(api: &AdminApi, day: Option<NaiveDate>) -> NaiveDate {
    match day {
        None => usage::month(api.now()),
        Some(day) => usage::month(day.and_time(chrono::NaiveTime::MIN).and_utc()),
    }
}

async fn detail(
    api: &AdminApi,
    workspace: WorkspaceId,
    month: NaiveDate,
) -> Result<SubscriptionDetail, Problem> {
    let before = Uuid::from_u128(workspace.as_uuid().as_u128().saturating_sub(1));
    let row = revenue::workspaces(api.db(), month, None, Some(before), 1)
        .await?
        .pop();
    let row = row
        .filter(|row| row.workspace == workspace)
        .ok_or_else(Problem::not_found)?;
    let rates = figures::rates(api).await?;
    let chatbots = revenue::chatbots(api.db(), workspace, month).await?;
    let mut tx = api.db().system().await?;
    let credits = credits::of_workspace(&mut tx, workspace).await?;
    let invoiced = invoiced_usd(&row, &rates);
    let overview = overview(api, &mut tx, row, &rates).await?;
    Ok(SubscriptionDetail {
        overview,
        chatbots: margins(chatbots, invoiced),
        credits: credits.into_iter().map(Into::into).collect(),
    })
}

async fn overview(
    api: &AdminApi,
    tx: &mut SystemTx,
    row: WorkspaceMonth,
    rates: &BTreeMap<String, f64>,
) -> Result<SubscriptionOverview, Problem> {
    let subscription = stored::of_workspace(tx, row.workspace).await?;
    let used = usage::of_workspace(tx, row.workspace, api.now()).await?;
    let cost_usd = usd(row.cost_micros);
    Ok(SubscriptionOverview {
        usage: own::against(&used, subscription.as_ref()),
        margin_usd: invoiced_usd(&row, rates).map(|invoiced| invoiced - cost_usd),
        workspace_id: row.workspace,
        workspace_name: row.name,
        subscription: subscription.map(Into::into),
        invoiced_minor: row.invoiced.as_ref().map_or(0, |sum| sum.minor),
        invoiced_currency: row.invoiced.map(|sum| sum.currency),
        cost_usd,
    })
}

/// `None`: the exchange rate is not known.
fn invoiced_usd(row: &WorkspaceMonth, rates: &BTreeMap<String, f64>) -> Option<f64> {
    match &row.invoiced {
        None => Some(0.0),
        Some(sum) => figures::rate(rates, &sum.currency).map(|rate| units(sum.minor, &sum.currency) * rate),
    }
}

/// What each chatbot brings is its part of the messages; where there were none, all bring the same.
#[expect(clippy::cast_precision_loss, reason = "shares are not exact")]
fn margins(chatbots: Vec<revenue::ChatbotMonth>, invoiced: Option<f64>) -> Vec<ChatbotMargin> {
    let (count, all) = (
        chatbots.len(),
        chatbots.iter().map(|one| one.messages).sum::<i64>(),
    );
    let margins = chatbots.into_iter().map(|one| {
        let share = if all == 0 {
            1.0 / count as f64
        } else {
            one.messages as f64 / all as f64
        };
        let (share_usd, cost_usd) = (invoiced.map(|invoiced| invoiced * share), usd(one.cost_micros));
        ChatbotMargin {
            chatbot_id: one.chatbot,
            name: one.name,
            messages: one.messages,
            share_usd,
            cost_usd,
            margin_usd: share_usd.map(|share| share - cost_usd),
        }
    });
    margins.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chatbot(messages: i64, cost_micros: i64) -> revenue::ChatbotMonth {
        revenue::ChatbotMonth {
            chatbot: ChatbotId::new(),
            name: "b".to_owned(),
            messages,
            cost_micros,
        }
    }

    #[test]
    fn a_chatbot_brings_its_part_of_the_messages() {
        let margins = margins(vec![chatbot(3, 2_000_000), chatbot(1, 9_000_000)], Some(20.0));

        let shown: Vec<_> = margins
            .iter()
            .map(|one| (one.share_usd, one.margin_usd))
            .collect();
        assert_eq!(shown, [(Some(15.0), Some(13.0)), (Some(5.0), Some(-4.0))]);
    }
}
