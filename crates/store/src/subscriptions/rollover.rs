//! What becomes due: the next period with its invoice, the end, and being behind with paying.
//!
//! Invariant: a period, its invoice and what is noted of both commit together, and who works on a subscription holds its row:
//! however many schedulers there are and however they die, a period has one invoice.

use super::{State, charge, end, period_after};
use crate::{
    Db, StoreError, SystemTx,
    activity_log::{self, NewActivity},
};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use serde_json::json;
use uuid::Uuid;

/// Periods of a workspace that nobody rolled over for years are gone through in several rounds.
const MOST: i64 = 200;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rolled {
    /// Periods that began.
    pub periods: usize,
    /// Invoices that were written.
    pub invoices: usize,
    /// Subscriptions that ended.
    pub ended: usize,
}

/// Lets every period begin that is due, and ends what was cancelled.
pub async fn roll_over(db: &Db, now: DateTime<Utc>) -> Result<Rolled, StoreError> {
    let mut rolled = Rolled::default();
    loop {
        let due = sqlx::query_scalar!(
            "select workspace_id from subscriptions
             where state <> 'cancelled' and billing = 'manual' and period_end <= $1 order by period_end limit $2",
            now,
            MOST,
        )
        .fetch_all(db.system_pool())
        .await?;
        let before = rolled;
        for workspace in due {
            let mut tx = db.system().await?;
            roll_one(&mut tx, workspace, now, &mut rolled).await?;
            tx.commit().await?;
        }
        // Nothing is left, or another scheduler has it in hand.
        if rolled == before {
            return Ok(rolled);
        }
    }
}

async fn roll_one(
    tx: &mut SystemTx,
    workspace: Uuid,
    now: DateTime<Utc>,
    rolled: &mut Rolled,
) -> Result<(), StoreError> {
    let due = sqlx::query!(
        "select s.state, s.anchor, s.period_end, s.cancel_at_period_end, p.price_minor, p.currency
         from subscriptions s join plans p on p.id = s.plan_id
         where s.workspace_id = $1 and s.state <> 'cancelled' and s.billing = 'manual' and s.period_end <= $2
         for update of s skip locked",
        workspace,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(due) = due else { return Ok(()) };
    if due.cancel_at_period_end {
        end(tx, workspace.into(), due.period_end).await?;
        rolled.ended += 1;
        return note(tx, workspace, "subscription.ended", json!({}), now).await;
    }
    let was_trial = due.state.parse::<State>()? == State::Trial;
    // Months that are paid for are counted from the end of the trial.
    let anchor = if was_trial { due.period_end } else { due.anchor };
    sqlx::query!(
        "update subscriptions set
             state = case when state = 'trial' then 'active' else state end, anchor = $2, period_start = $3,
             period_end = $4, price_minor = $5, currency = $6, updated_at = $7
         where workspace_id = $1",
        workspace,
        anchor,
        due.period_end,
        period_after(anchor, due.period_end),
        due.price_minor,
        due.currency,
        now,
    )
    .execute(&mut **tx)
    .await?;
    rolled.periods += 1;
    if let Some(invoice) = charge(tx, workspace, now).await? {
        rolled.invoices += 1;
        note(tx, workspace, "invoice.issue", json!({ "invoice": invoice }), now).await?;
    }
    Ok(())
}

/// Notes who has not paid in time. How many.
pub async fn note_overdue(db: &Db, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let mut tx = db.system().await?;
    let late = sqlx::query_scalar!(
        "update subscriptions s set state = 'past_due', updated_at = $1
         where s.state = 'active' and s.billing = 'manual' and exists (
             select from invoices i where i.workspace_id = s.workspace_id and i.state = 'open' and i.due_at <= $1
         ) returning workspace_id",
        now,
    )
    .fetch_all(&mut *tx)
    .await?;
    for workspace in &late {
        note(&mut tx, *workspace, "subscription.past_due", json!({}), now).await?;
    }
    tx.commit().await?;
    Ok(late.len())
}

async fn note(
    tx: &mut SystemTx,
    workspace: Uuid,
    action: &'static str,
    details: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let workspace = WorkspaceId::from(workspace);
    let activity = NewActivity {
        action,
        target: Some(workspace.to_string()),
        details,
        ..Default::default()
    };
    activity_log::record_system(tx, Some(workspace), &activity, now).await
}
