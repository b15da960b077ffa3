//! Invoices.
//!
//! Invariants:
//! - Numbers have no gaps: one is drawn in the transaction that writes the invoice, and an invoice is never deleted.
//! - A workspace has one invoice a period, those of Stripe aside, which numbers its own.

use crate::{
    Db, StoreError, SystemTx, TenantTx,
    credits::{self, Credit},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// How long there is for paying.
pub const PAY_WITHIN: TimeDelta = TimeDelta::days(14);

/// What the line says that takes credit off.
const CREDIT: &str = "Credit";

/// A line: what is charged, or taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What for.
    pub text: String,
    /// In the currency's smallest unit; less than nothing where it is taken off.
    pub amount_minor: i64,
}

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub workspace: WorkspaceId,
    /// As it was called then.
    pub workspace_name: String,
    /// `INV-000001`, or as Stripe numbers it.
    pub number: String,
    /// Whether Stripe charges it.
    pub by_stripe: bool,
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
    /// `open`, `paid` or `void`.
    pub state: String,
    /// When it was written.
    pub issued_at: DateTime<Utc>,
    /// Until when it is to be paid.
    pub due_at: DateTime<Utc>,
    /// When it was.
    pub paid_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    workspace_id: Uuid,
    workspace_name: String,
    number: Option<i64>,
    stripe_number: Option<String>,
    period_start: DateTime<Utc>,
    period_end: DateTime<Utc>,
    currency: String,
    lines: serde_json::Value,
    total_minor: i64,
    state: String,
    issued_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    paid_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Invoice {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id.into(),
            workspace_name: row.workspace_name,
            by_stripe: row.number.is_none(),
            number: match row.number {
                Some(number) => format!("INV-{number:06}"),
                None => row.stripe_number.unwrap_or_default(),
            },
            period_start: row.period_start,
            period_end: row.period_end,
            currency: row.currency,
            lines: serde_json::from_value(row.lines)?,
            total_minor: row.total_minor,
            state: row.state,
            issued_at: row.issued_at,
            due_at: row.due_at,
            paid_at: row.paid_at,
        })
    }
}

/// What an invoice is to be about.
pub(crate) struct NewInvoice<'a> {
    pub workspace: Uuid,
    pub plan: &'a str,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    pub currency: &'a str,
    pub price_minor: i64,
    /// By the coupon of this code.
    pub discount: Option<(&'a str, i64)>,
}

/// Writes the invoice of a period, less what the workspace has as credit. What is free has none; one of which nothing is left
/// to pay is paid. `None`: there is nothing to charge, or it is there already. The caller holds the subscription's row.
pub(crate) async fn issue(
    tx: &mut SystemTx,
    new: &NewInvoice<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    if new.price_minor == 0 {
        return Ok(None);
    }
    let is_there = sqlx::query_scalar!(
        r#"select exists (select from invoices where workspace_id = $1 and period_start = $2 and number is not null
                          and state <> 'void') as "is_there!""#,
        new.workspace,
        new.period_start,
    )
    .fetch_one(&mut **tx)
    .await?;
    if is_there {
        return Ok(None);
    }
    let mut lines = vec![Line {
        text: new.plan.to_owned(),
        amount_minor: new.price_minor,
    }];
    let mut total = new.price_minor;
    if let Some((code, off)) = new.discount.filter(|(_, off)| *off > 0) {
        lines.push(Line {
            text: code.to_owned(),
            amount_minor: -off,
        });
        total -= off;
    }
    let credit = credits::spend(tx, new.workspace, new.currency, total).await?;
    if credit > 0 {
        lines.push(Line {
            text: CREDIT.to_owned(),
            amount_minor: -credit,
        });
        total -= credit;
    }
    let (id, is_paid) = (Uuid::now_v7(), total == 0);
    sqlx::query!(
        "with drawn as (update invoice_numbers set last = last + 1 returning last)
         insert into invoices (id, workspace_id, workspace_name, number, period_start, period_end, currency, lines,
                               total_minor, state, issued_at, due_at, paid_at)
         select $1, w.id, w.name, d.last, $3, $4, $5, $6, $7, $8, $9, $10, $11
         from drawn d, workspaces w where w.id = $2",
        id,
        new.workspace,
        new.period_start,
        new.period_end,
        new.currency,
        serde_json::to_value(&lines)?,
        total,
        if is_paid { "paid" } else { "open" },
        now,
        now + PAY_WITHIN,
        is_paid.then_some(now),
    )
    .execute(&mut **tx)
    .await?;
    Ok(Some(id))
}

/// Which invoices to list. Every given condition must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One workspace's.
    pub workspace: Option<WorkspaceId>,
    /// `open`, `paid` or `void`.
    pub state: Option<String>,
    /// Issued since then.
    pub since: Option<DateTime<Utc>>,
}

/// Invoices, the newest first, those before `after` when it is given.
pub async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    let mut tx = db.system().await?;
    find(&mut tx, filter, after, limit).await
}

/// The invoices of this transaction's workspace, the newest first.
pub async fn of_tenant(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    let filter = Filter {
        workspace: Some(tx.workspace()),
        ..Filter::default()
    };
    find(tx.connection(), &filter, after, limit).await
}

async fn find(
    connection: &mut PgConnection,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    sqlx::query_as!(
        Row,
        "select id, workspace_id, workspace_name, number, stripe_number, period_start, period_end, currency, lines,
                total_minor, state, issued_at, due_at, paid_at
         from invoices
         where ($1::uuid is null or workspace_id = $1) and ($2::text is null or state = $2)
           and ($3::timestamptz is null or issued_at >= $3) and ($4::uuid is null or id < $4)
         order by id desc limit $5",
        filter.workspace.map(|id| id.as_uuid()),
        filter.state,
        filter.since,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// An invoice of this transaction's workspace.
pub async fn get(tx: &mut TenantTx, id: Uuid) -> Result<Option<Invoice>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    one(tx.connection(), Some(workspace), id).await
}

/// An invoice of any workspace.
pub async fn get_any(db: &Db, id: Uuid) -> Result<Option<Invoice>, StoreError> {
    let mut tx = db.system().await?;
    one(&mut tx, None, id).await
}

async fn one(
    connection: &mut PgConnection,
    workspace: Option<Uuid>,
    id: Uuid,
) -> Result<Option<Invoice>, StoreError> {
    sqlx::query_as!(
        Row,
        "select id, workspace_id, workspace_name, number, stripe_number, period_start, period_end, currency, lines,
                total_minor, state, issued_at, due_at, paid_at
         from invoices where id = $1 and ($2::uuid is null or workspace_id = $2)",
        id,
        workspace,
    )
    .fetch_optional(connection)
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Notes that an open invoice was paid, and lets the workspace go on that was behind with it. `None`: it is not open, or
/// Stripe's to settle. Whose it is.
pub async fn pay(tx: &mut SystemTx, id: Uuid, now: DateTime<Utc>) -> Result<Option<WorkspaceId>, StoreError> {
    let workspace = sqlx::query_scalar!(
        "update invoices set state = 'paid', paid_at = $2 where id = $1 and state = 'open' and number is not null
         returning workspace_id",
        id,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(workspace) = workspace {
        forgive(tx, workspace, now).await?;
    }
    Ok(workspace.map(Into::into))
}

/// Takes an open invoice back: its number stays taken, and credit that it used is there again. `None`: it is not open, or
/// Stripe's. Whose it is.
pub async fn void(
    tx: &mut SystemTx,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<WorkspaceId>, StoreError> {
    let voided = sqlx::query!(
        r#"update invoices set state = 'void', voided_at = $2 where id = $1 and state = 'open' and number is not null
           returning workspace_id, currency, number as "number!", lines"#,
        id,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(voided) = voided else { return Ok(None) };
    let lines: Vec<Line> = serde_json::from_value(voided.lines)?;
    let workspace = WorkspaceId::from(voided.workspace_id);
    let used: i64 = lines
        .iter()
        .filter(|line| line.text == CREDIT)
        .map(|line| -line.amount_minor)
        .sum();
    if used > 0 {
        let back = Credit {
            id: Uuid::now_v7(),
            currency: voided.currency,
            amount_minor: used,
            used_minor: 0,
            note: format!("INV-{:06}", voided.number),
            created_at: now,
        };
        credits::give(tx, workspace, &back).await?;
    }
    forgive(tx, voided.workspace_id, now).await?;
    Ok(Some(workspace))
}

/// Who has no invoice left that is overdue is not behind any more.
async fn forgive(tx: &mut SystemTx, workspace: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscriptions s set state = 'active', updated_at = $2
         where workspace_id = $1 and state = 'past_due' and billing = 'manual'
           and not exists (select from invoices i where i.workspace_id = $1 and i.state = 'open' and i.due_at <= $2)",
        workspace,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
