//! Plans: what a month costs, and how much of everything may be used for it.
//!
//! Invariant: a subscription keeps the price that its period began with. What a plan's price is changed to counts from each
//! subscription's next period on; its limits count at once.

use crate::{Db, StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How much may be used. `None`: without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Chatbots that are not archived.
    pub chatbots: Option<i64>,
    /// Messages from people in a calendar month, in UTC.
    pub messages: Option<i64>,
    /// Sources of all chatbots: texts, questions with answers, files, sites.
    pub documents: Option<i64>,
    /// Members.
    pub seats: Option<i64>,
}

/// What is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Of a month, in the currency's smallest unit.
    pub price_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// How long it may be tried before the first invoice.
    pub trial_days: i32,
    /// How much may be used.
    pub limits: Limits,
    /// New workspaces begin with it.
    pub is_default: bool,
    /// The price at Stripe that a checkout is about.
    pub stripe_price: Option<String>,
    /// Since when nobody can take it any more.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A plan, and who has it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The plan.
    pub plan: Plan,
    /// Workspaces that have it and have not cancelled.
    pub subscriptions: i64,
}

/// A plan's row, as every query of one names its columns.
pub(crate) struct Row {
    pub id: Uuid,
    pub name: String,
    pub price_minor: i64,
    pub currency: String,
    pub trial_days: i32,
    pub max_chatbots: Option<i64>,
    pub max_messages: Option<i64>,
    pub max_documents: Option<i64>,
    pub max_seats: Option<i64>,
    pub is_default: bool,
    pub stripe_price: Option<String>,
    pub archived_at: Option<DateTime<Utc>>,
}

impl From<Row> for Plan {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            price_minor: row.price_minor,
            currency: row.currency,
            trial_days: row.trial_days,
            limits: Limits {
                chatbots: row.max_chatbots,
                messages: row.max_messages,
                documents: row.max_documents,
                seats: row.max_seats,
            },
            is_default: row.is_default,
            stripe_price: row.stripe_price,
            archived_at: row.archived_at,
        }
    }
}

/// All plans, those on offer first, the cheapest first.
pub async fn list(db: &Db) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.*, (select count(*) from subscriptions s where s.plan_id = p.id and s.state <> 'cancelled') as "subscriptions!"
           from plans p order by p.archived_at is not null, p.price_minor, p.id"#
    )
    .fetch_all(db.system_pool())
    .await?;
    let listed = rows.into_iter().map(|row| Listed {
        plan: Plan {
            id: row.id,
            name: row.name,
            price_minor: row.price_minor,
            currency: row.currency,
            trial_days: row.trial_days,
            limits: Limits {
                chatbots: row.max_chatbots,
                messages: row.max_messages,
                documents: row.max_documents,
                seats: row.max_seats,
            },
            is_default: row.is_default,
            stripe_price: row.stripe_price,
            archived_at: row.archived_at,
        },
        subscriptions: row.subscriptions,
    });
    Ok(listed.collect())
}

/// Plans that workspaces can take, the cheapest first.
pub async fn on_offer(tx: &mut TenantTx) -> Result<Vec<Plan>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, name, price_minor, currency, trial_days, max_chatbots, max_messages, max_documents, max_seats,
                is_default, stripe_price, archived_at
         from plans where archived_at is null order by price_minor, id"
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A plan, held until the transaction ends.
pub async fn get_for_update(tx: &mut SystemTx, id: Uuid) -> Result<Option<Plan>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, name, price_minor, currency, trial_days, max_chatbots, max_messages, max_documents, max_seats,
                is_default, stripe_price, archived_at
         from plans where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Into::into))
}

/// The plan that new workspaces begin with.
pub async fn default_plan(tx: &mut SystemTx) -> Result<Option<Plan>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, name, price_minor, currency, trial_days, max_chatbots, max_messages, max_documents, max_seats,
                is_default, stripe_price, archived_at
         from plans where is_default"
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Into::into))
}

/// Makes a plan, or puts this one in the place of what it was. Of several, the last that is said to be the default is.
pub async fn put(tx: &mut SystemTx, plan: &Plan, now: DateTime<Utc>) -> Result<(), StoreError> {
    if plan.is_default {
        sqlx::query!(
            "update plans set is_default = false where is_default and id <> $1",
            plan.id
        )
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query!(
        "insert into plans (id, name, price_minor, currency, trial_days, max_chatbots, max_messages, max_documents,
                            max_seats, is_default, stripe_price, archived_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         on conflict (id) do update set
             name = excluded.name, price_minor = excluded.price_minor, currency = excluded.currency,
             trial_days = excluded.trial_days, max_chatbots = excluded.max_chatbots,
             max_messages = excluded.max_messages, max_documents = excluded.max_documents,
             max_seats = excluded.max_seats, is_default = excluded.is_default, stripe_price = excluded.stripe_price,
             archived_at = excluded.archived_at, updated_at = excluded.updated_at",
        plan.id,
        plan.name,
        plan.price_minor,
        plan.currency,
        plan.trial_days,
        plan.limits.chatbots,
        plan.limits.messages,
        plan.limits.documents,
        plan.limits.seats,
        plan.is_default,
        plan.stripe_price,
        plan.archived_at,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a plan that no workspace has or had. `false`: one has, and it can only be archived.
pub async fn delete(tx: &mut SystemTx, id: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from plans p where p.id = $1 and not exists (select from subscriptions s where s.plan_id = p.id)",
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
