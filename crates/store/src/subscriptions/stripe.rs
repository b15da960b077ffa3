//! What Stripe tells of subscriptions that it charges for.
//!
//! Invariants: an event is followed once, by its id, in the transaction that follows it; and what an older event says of a
//! subscription never takes the place of what a newer one said.

use super::{State, set_mrr};
use crate::{StoreError, SystemTx, invoices::Line};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use uuid::Uuid;

/// A subscription, as an event of Stripe has it.
#[derive(Debug, Clone)]
pub struct StripeState {
    /// Whose, as the checkout noted it.
    pub workspace: WorkspaceId,
    /// Its id at Stripe.
    pub subscription: String,
    /// The customer's id at Stripe.
    pub customer: String,
    /// The price's id at Stripe, which names the plan.
    pub price: String,
    /// How it stands.
    pub state: State,
    /// What a month costs before coupons, in the currency's smallest unit.
    pub price_minor: i64,
    /// After them.
    pub mrr_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// When the present period began.
    pub period_start: DateTime<Utc>,
    /// When it ends.
    pub period_end: DateTime<Utc>,
    /// Whether it ends then for good.
    pub cancel_at_period_end: bool,
    /// When the event was made.
    pub told_at: DateTime<Utc>,
}

/// An invoice, as an event of Stripe has it.
#[derive(Debug, Clone)]
pub struct StripeInvoice {
    /// Its id at Stripe.
    pub id: String,
    /// Whose, as the checkout noted it.
    pub workspace: Option<WorkspaceId>,
    /// The subscription's id at Stripe.
    pub subscription: String,
    /// Stripe's number.
    pub number: String,
    /// What it is for.
    pub period_start: DateTime<Utc>,
    /// Until when.
    pub period_end: DateTime<Utc>,
    /// ISO 4217.
    pub currency: String,
    /// They add up to the total.
    pub lines: Vec<Line>,
    /// In the currency's smallest unit.
    pub total_minor: i64,
    /// Whether it is paid.
    pub is_paid: bool,
    /// When it was made.
    pub issued_at: DateTime<Utc>,
    /// When the event was made.
    pub told_at: DateTime<Utc>,
}

/// What came of following an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It is as the event says now.
    Done,
    /// A newer event has told more.
    Older,
    /// It is about nothing of ours: an unknown workspace, plan or subscription.
    NotOurs,
}

/// Notes an event. `false`: it was followed before.
pub async fn is_new_event(
    tx: &mut SystemTx,
    id: &str,
    kind: &str,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into stripe_events (id, kind, created_at, received_at) values ($1, $2, $3, $4) on conflict do nothing",
        id,
        kind,
        created_at,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The id at Stripe of what a workspace has subscribed to there.
pub async fn stripe_id(tx: &mut SystemTx, workspace: WorkspaceId) -> Result<Option<String>, StoreError> {
    let found = sqlx::query_scalar!(
        "select stripe_subscription from subscriptions
         where workspace_id = $1 and billing = 'stripe' and state <> 'cancelled'",
        workspace.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.flatten())
}

/// Notes that Stripe was told that a subscription ends with its period, or goes on after all.
pub async fn note_ending(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    ends: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscriptions set cancel_at_period_end = $2, updated_at = $3
         where workspace_id = $1 and billing = 'stripe' and state <> 'cancelled'",
        workspace.as_uuid(),
        ends,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes a workspace's subscription what Stripe says it is.
pub async fn follow_subscription(
    tx: &mut SystemTx,
    told: &StripeState,
    now: DateTime<Utc>,
) -> Result<Followed, StoreError> {
    let workspace = told.workspace.as_uuid();
    let plan = sqlx::query_scalar!("select id from plans where stripe_price = $1", told.price)
        .fetch_optional(&mut **tx)
        .await?;
    let is_there = crate::workspaces::exists(tx, told.workspace).await?;
    let Some(plan) = plan.filter(|_| is_there) else {
        return Ok(Followed::NotOurs);
    };
    let has_ended = told.state == State::Cancelled;
    let done = sqlx::query!(
        "insert into subscriptions as s (workspace_id, plan_id, state, billing, price_minor, currency, anchor, period_start,
                                    period_end, cancel_at_period_end, stripe_customer, stripe_subscription,
                                    stripe_event_at, started_at, ended_at, updated_at)
         values ($1, $2, $3, 'stripe', $4, $5, $6, $6, $7, $8, $9, $10, $11::timestamptz, $6, case when $12 then $11 end, $13)
         on conflict (workspace_id) do update set
             plan_id = excluded.plan_id, state = excluded.state, billing = 'stripe', price_minor = excluded.price_minor,
             currency = excluded.currency, period_start = excluded.period_start, period_end = excluded.period_end,
             cancel_at_period_end = excluded.cancel_at_period_end, stripe_customer = excluded.stripe_customer,
             stripe_subscription = excluded.stripe_subscription, stripe_event_at = excluded.stripe_event_at,
             ended_at = excluded.ended_at, coupon_id = null, coupon_months_left = null, updated_at = excluded.updated_at
         -- Stripe's times are whole seconds: within one, the end is the end.
         where (s.stripe_event_at is null or s.stripe_event_at < excluded.stripe_event_at
                or (s.stripe_event_at = excluded.stripe_event_at and s.state <> 'cancelled'
                    and s.stripe_subscription = excluded.stripe_subscription))
           -- That an earlier subscription ended says nothing of the one that came after it.
           and (s.stripe_subscription = excluded.stripe_subscription or excluded.state <> 'cancelled')",
        workspace,
        plan,
        told.state.as_str(),
        told.price_minor,
        told.currency,
        told.period_start,
        told.period_end,
        told.cancel_at_period_end,
        told.customer,
        told.subscription,
        told.told_at,
        has_ended,
        now,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(Followed::Older);
    }
    let pays = matches!(told.state, State::Active | State::PastDue);
    set_mrr(tx, workspace, if pays { told.mrr_minor } else { 0 }, now).await?;
    if has_ended {
        fall_back(tx, told.workspace, plan, now).await?;
    }
    Ok(Followed::Done)
}

/// Whose subscription has ended goes on with the plan of new workspaces, where that is free.
async fn fall_back(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    ended: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let plan = crate::plans::default_plan(tx).await?;
    match plan.filter(|plan| plan.price_minor == 0 && plan.id != ended) {
        Some(plan) => super::begin(tx, workspace, &plan, 0, None, now).await.map(drop),
        None => Ok(()),
    }
}

/// Keeps what Stripe charged. A paid invoice stays paid, whatever an older event says.
pub async fn follow_invoice(tx: &mut SystemTx, told: &StripeInvoice) -> Result<Followed, StoreError> {
    let done = sqlx::query!(
        "insert into invoices as i (id, workspace_id, workspace_name, stripe_invoice, stripe_number, period_start,
                                    period_end, currency, lines, total_minor, state, issued_at, due_at, paid_at)
         select $1, w.id, w.name, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11
         -- It may be told before the subscription is.
         from workspaces w
         where w.id = coalesce($13, (select s.workspace_id from subscriptions s where s.stripe_subscription = $12))
         on conflict (stripe_invoice) do update set state = excluded.state, paid_at = excluded.paid_at,
             total_minor = excluded.total_minor, lines = excluded.lines, stripe_number = excluded.stripe_number
         where i.state = 'open'",
        Uuid::now_v7(),
        told.id,
        told.number,
        told.period_start,
        told.period_end,
        told.currency,
        serde_json::to_value(&told.lines)?,
        told.total_minor,
        if told.is_paid { "paid" } else { "open" },
        told.issued_at,
        told.is_paid.then_some(told.told_at),
        told.subscription,
        told.workspace.map(|id| id.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(if done.rows_affected() == 1 {
        Followed::Done
    } else {
        Followed::NotOurs
    })
}
