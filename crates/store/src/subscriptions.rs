//! What each workspace has subscribed to.
//!
//! Invariants:
//! - A workspace has one subscription or none; without one nothing is limited and nothing is charged.
//! - What a workspace pays each month changes together with the entry that tells of it, so that reports of past months rest
//!   on what was so then.
//! - Periods are paid in advance: whoever begins one has its invoice in the same transaction.

mod rollover;
mod stripe;

pub use rollover::{Rolled, note_overdue, roll_over};
pub use stripe::{
    Followed, StripeInvoice, StripeState, follow_invoice, follow_subscription, is_new_event, note_ending,
    stripe_id,
};

use crate::{
    StoreError, SystemTx, TenantTx, coupons,
    invoices::{self, NewInvoice},
    plans::{self, Plan},
};
use chrono::{DateTime, Months, TimeDelta, Utc};
use domain::WorkspaceId;
use sqlx::PgConnection;
use std::str::FromStr;
use uuid::Uuid;

/// How it stands with a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is charged yet.
    Trial,
    /// All is well.
    Active,
    /// An invoice is overdue. Everything works on.
    PastDue,
    /// It has ended.
    Cancelled,
}

impl State {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for State {
    type Err = StoreError;

    fn from_str(word: &str) -> Result<Self, StoreError> {
        [Self::Trial, Self::Active, Self::PastDue, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| StoreError::Unreadable(format!("subscription state: {word:?}")))
    }
}

/// A subscription with its plan.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The plan.
    pub plan: Plan,
    /// How it stands.
    pub state: State,
    /// Whether Stripe charges for it.
    pub by_stripe: bool,
    /// What the present period costs, in the currency's smallest unit.
    pub price_minor: i64,
    /// The same after the coupon; 0 in a trial and after the end.
    pub mrr_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// When the present period began.
    pub period_start: DateTime<Utc>,
    /// When it ends.
    pub period_end: DateTime<Utc>,
    /// Whether it ends then for good.
    pub cancel_at_period_end: bool,
    /// The coupon's code.
    pub coupon: Option<String>,
    /// For how many more invoices; `None`: for all.
    pub coupon_months_left: Option<i32>,
    /// The customer at Stripe.
    pub stripe_customer: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The subscription of this transaction's workspace.
pub async fn of_tenant(tx: &mut TenantTx) -> Result<Option<Subscription>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    find(tx.connection(), workspace).await
}

/// The subscription of a workspace.
pub async fn of_workspace(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
) -> Result<Option<Subscription>, StoreError> {
    find(tx, workspace.as_uuid()).await
}

async fn find(connection: &mut PgConnection, workspace: Uuid) -> Result<Option<Subscription>, StoreError> {
    let row = sqlx::query!(
        r#"select s.state, s.billing, s.price_minor, s.mrr_minor, s.currency, s.period_start, s.period_end,
                  s.cancel_at_period_end, c.code as "code?", s.coupon_months_left, s.stripe_customer, s.started_at,
                  s.ended_at, p.id, p.name, p.price_minor as plan_price, p.currency as plan_currency, p.trial_days,
                  p.max_chatbots, p.max_messages, p.max_documents, p.max_seats, p.is_default, p.stripe_price,
                  p.archived_at
           from subscriptions s join plans p on p.id = s.plan_id left join coupons c on c.id = s.coupon_id
           where s.workspace_id = $1"#,
        workspace,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Subscription {
            plan: plans::Row {
                id: row.id,
                name: row.name,
                price_minor: row.plan_price,
                currency: row.plan_currency,
                trial_days: row.trial_days,
                max_chatbots: row.max_chatbots,
                max_messages: row.max_messages,
                max_documents: row.max_documents,
                max_seats: row.max_seats,
                is_default: row.is_default,
                stripe_price: row.stripe_price,
                archived_at: row.archived_at,
            }
            .into(),
            state: row.state.parse()?,
            by_stripe: row.billing == "stripe",
            price_minor: row.price_minor,
            mrr_minor: row.mrr_minor,
            currency: row.currency,
            period_start: row.period_start,
            period_end: row.period_end,
            cancel_at_period_end: row.cancel_at_period_end,
            coupon: row.code,
            coupon_months_left: row.coupon_months_left,
            stripe_customer: row.stripe_customer,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    })
    .transpose()
}

/// Lets a workspace begin with the plan that new ones begin with, if there is one.
pub(crate) async fn begin_default(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match plans::default_plan(tx).await? {
        Some(plan) => begin(tx, workspace, &plan, plan.trial_days, None, now)
            .await
            .map(drop),
        None => Ok(()),
    }
}

/// Begins a subscription that is paid by invoice, in the place of one that has ended. The first invoice is written at once, or
/// when the trial ends. `false`: the coupon is not good, and the transaction must not be committed.
pub async fn begin(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    plan: &Plan,
    trial_days: i32,
    coupon: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let on_trial = trial_days > 0;
    let period_end = if on_trial {
        now + TimeDelta::days(trial_days.into())
    } else {
        period_after(now, now)
    };
    // A coupon that was redeemed before, and is still good, goes on.
    sqlx::query!(
        "insert into subscriptions (workspace_id, plan_id, state, billing, price_minor, currency, anchor, period_start,
                                    period_end, started_at, updated_at)
         values ($1, $2, $3, 'manual', $4, $5, $6, $6, $7, $6, $6)
         on conflict (workspace_id) do update set
             plan_id = excluded.plan_id, state = excluded.state, billing = 'manual',
             price_minor = excluded.price_minor, currency = excluded.currency, anchor = excluded.anchor,
             period_start = excluded.period_start, period_end = excluded.period_end, cancel_at_period_end = false,
             stripe_subscription = null, started_at = excluded.started_at, ended_at = null,
             updated_at = excluded.updated_at",
        workspace.as_uuid(),
        plan.id,
        if on_trial { State::Trial.as_str() } else { State::Active.as_str() },
        plan.price_minor,
        plan.currency,
        now,
        period_end,
    )
    .execute(&mut **tx)
    .await?;
    if let Some(code) = coupon
        && !coupons::redeem(tx, workspace, code, now).await?
    {
        return Ok(false);
    }
    if !on_trial {
        charge(tx, workspace.as_uuid(), now).await?;
    }
    Ok(true)
}

/// Gives a running subscription another plan: its limits count at once, its price from the next period on.
pub async fn change_plan(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscriptions set plan_id = $2, cancel_at_period_end = false, updated_at = $3 where workspace_id = $1",
        workspace.as_uuid(),
        plan.id,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lets a subscription end with its period, or go on after all. `false`: none is running that is paid by invoice.
pub async fn set_ending(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    ends: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update subscriptions set cancel_at_period_end = $2, updated_at = $3
         where workspace_id = $1 and state <> 'cancelled' and billing = 'manual'",
        workspace.as_uuid(),
        ends,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a subscription now. Where new workspaces begin with a plan that is free, this one goes on with that.
pub async fn end(tx: &mut SystemTx, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let fallen_to = plans::default_plan(tx)
        .await?
        .filter(|plan| plan.price_minor == 0);
    set_mrr(tx, workspace.as_uuid(), 0, now).await?;
    let ended = sqlx::query_scalar!(
        "update subscriptions set state = 'cancelled', ended_at = $2, updated_at = $2, cancel_at_period_end = false,
                                  coupon_id = null, coupon_months_left = null
         where workspace_id = $1 and state <> 'cancelled' returning plan_id",
        workspace.as_uuid(),
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    match (ended, fallen_to) {
        (Some(ended), Some(plan)) if plan.id != ended => {
            begin(tx, workspace, &plan, 0, None, now).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Takes the subscription away: nothing is limited any more. `false`: there is none.
pub async fn remove(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    set_mrr(tx, workspace.as_uuid(), 0, now).await?;
    let done = sqlx::query!(
        "delete from subscriptions where workspace_id = $1",
        workspace.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a period costs is its plan's price now: writes its invoice and notes what is paid each month.
async fn charge(tx: &mut SystemTx, workspace: Uuid, now: DateTime<Utc>) -> Result<Option<Uuid>, StoreError> {
    let row = sqlx::query!(
        r#"select s.price_minor, s.currency, s.period_start, s.period_end, s.coupon_months_left, p.name,
                  c.code as "code?", c.percent as "percent?", c.amount_minor as "amount_minor?",
                  c.currency as "coupon_currency?"
           from subscriptions s join plans p on p.id = s.plan_id left join coupons c on c.id = s.coupon_id
           where s.workspace_id = $1 for update of s"#,
        workspace,
    )
    .fetch_one(&mut **tx)
    .await?;
    let off = match row.code.is_some() {
        true => coupons::off(row.percent, row.amount_minor, row.coupon_currency)?
            .of(row.price_minor, &row.currency),
        false => 0,
    };
    let invoice = invoices::issue(
        tx,
        &NewInvoice {
            workspace,
            plan: &row.name,
            period_start: row.period_start,
            period_end: row.period_end,
            currency: &row.currency,
            price_minor: row.price_minor,
            discount: row.code.as_deref().map(|code| (code, off)),
        },
        now,
    )
    .await?;
    if invoice.is_some() && row.code.is_some() {
        sqlx::query!(
            "update subscriptions set coupon_id = case when coupon_months_left = 1 then null else coupon_id end,
                                      coupon_months_left = nullif(coupon_months_left - 1, 0)
             where workspace_id = $1",
            workspace,
        )
        .execute(&mut **tx)
        .await?;
    }
    set_mrr(tx, workspace, row.price_minor - off, now).await?;
    Ok(invoice)
}

/// Notes what a workspace pays each month, and how that has changed.
async fn set_mrr(
    tx: &mut SystemTx,
    workspace: Uuid,
    mrr_minor: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // What was noted last says what it was in which currency: the subscription may have another one by now.
    let before = sqlx::query!(
        "select currency, mrr_after from revenue_changes where workspace_id = $1 order by id desc limit 1",
        workspace,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let currency = sqlx::query_scalar!(
        "update subscriptions set mrr_minor = $2 where workspace_id = $1 returning currency",
        workspace,
        mrr_minor,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(currency) = currency else { return Ok(()) };
    let (old_currency, old) =
        before.map_or_else(|| (currency.clone(), 0), |row| (row.currency, row.mrr_after));
    let mut changes = Vec::new();
    if old_currency == currency {
        changes.push((currency, old, mrr_minor));
    } else {
        changes.push((old_currency, old, 0));
        changes.push((currency, 0, mrr_minor));
    }
    for (currency, before, after) in changes.into_iter().filter(|(_, before, after)| before != after) {
        sqlx::query!(
            "insert into revenue_changes (id, workspace_id, at, currency, mrr_before, mrr_after)
             values ($1, $2, $3, $4, $5, $6)",
            Uuid::now_v7(),
            workspace,
            now,
            currency,
            before,
            after,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// When the period ends that begins at `start`, in whole months from `anchor`.
pub(crate) fn period_after(anchor: DateTime<Utc>, start: DateTime<Utc>) -> DateTime<Utc> {
    let mut months = 1;
    loop {
        let end = anchor
            .checked_add_months(Months::new(months))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        if end > start {
            return end;
        }
        months += 1;
    }
}

#[cfg(test)]
mod tests;
