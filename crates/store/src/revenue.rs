//! What comes in and what it costs, month by month.
//!
//! Months are calendar months, in UTC. What models cost is in US dollars and is read from the hourly counts, which are sums of
//! what each answer was reckoned at by the price list; everything else is in the currency it was charged in, and currencies
//! are never added up.

use crate::{Db, StoreError};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{ChatbotId, WorkspaceId};
use uuid::Uuid;

/// One currency in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub month: NaiveDate,
    /// ISO 4217.
    pub currency: String,
    /// What all who pay are charged each month, as it was at its end, or is now.
    pub mrr_minor: i64,
    /// How many pay.
    pub paying: i64,
    /// What those brought who began to pay.
    pub new_minor: i64,
    /// How many began to pay.
    pub new: i64,
    /// What was lost with those who stopped.
    pub churned_minor: i64,
    /// How many stopped paying.
    pub churned: i64,
    /// What invoices of the month come to, those taken back aside.
    pub invoiced_minor: i64,
    /// What was paid in the month.
    pub paid_minor: i64,
}

/// What models cost in one month, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Its first day.
    pub month: NaiveDate,
    /// The sum.
    pub cost_micros: i64,
}

/// The months from the one of `from` to the one of `now`, the oldest first; every currency in which anything was ever charged
/// has one of each.
pub async fn months(db: &Db, from: NaiveDate, now: DateTime<Utc>) -> Result<Vec<Month>, StoreError> {
    Ok(sqlx::query_as!(
        Month,
        r#"with months as (
               select m::date as month, m as since, m + interval '1 month' as until
               from generate_series($1::date::timestamp, $2::timestamp, interval '1 month') m
           ), currencies as (
               select distinct currency from revenue_changes union select distinct currency from invoices
           )
           select m.month as "month!", c.currency as "currency!",
                  coalesce(last.mrr, 0)::bigint as "mrr_minor!", coalesce(last.paying, 0) as "paying!",
                  coalesce(moved.new_minor, 0)::bigint as "new_minor!", coalesce(moved.new, 0) as "new!",
                  coalesce(moved.churned_minor, 0)::bigint as "churned_minor!", coalesce(moved.churned, 0) as "churned!",
                  coalesce(billed.minor, 0)::bigint as "invoiced_minor!", coalesce(paid.minor, 0)::bigint as "paid_minor!"
           from months m
           cross join currencies c
           left join lateral (
               select sum(mrr_after) as mrr, count(*) filter (where mrr_after > 0) as paying from (
                   select distinct on (workspace_id) mrr_after from revenue_changes
                   where currency = c.currency and at < m.until at time zone 'UTC' order by workspace_id, id desc
               ) newest
           ) last on true
           left join lateral (
               select sum(mrr_after) filter (where mrr_before = 0) as new_minor, count(*) filter (where mrr_before = 0) as new,
                      sum(mrr_before) filter (where mrr_after = 0) as churned_minor,
                      count(*) filter (where mrr_after = 0) as churned
               from revenue_changes
               where currency = c.currency and at >= m.since at time zone 'UTC' and at < m.until at time zone 'UTC'
           ) moved on true
           left join lateral (
               select sum(total_minor) as minor from invoices
               where currency = c.currency and state <> 'void'
                 and issued_at >= m.since at time zone 'UTC' and issued_at < m.until at time zone 'UTC'
           ) billed on true
           left join lateral (
               select sum(total_minor) as minor from invoices
               where currency = c.currency and paid_at >= m.since at time zone 'UTC' and paid_at < m.until at time zone 'UTC'
           ) paid on true
           order by 1, 2"#,
        from,
        now.naive_utc(),
    )
    .fetch_all(db.system_pool())
    .await?)
}

/// What models cost in each of the same months; those without anything have no row.
pub async fn costs(db: &Db, from: NaiveDate) -> Result<Vec<Cost>, StoreError> {
    Ok(sqlx::query_as!(
        Cost,
        r#"select date_trunc('month', hour at time zone 'UTC')::date as "month!",
                  sum(cost_micros)::bigint as "cost_micros!"
           from analytics_hours where hour >= $1::date::timestamp at time zone 'UTC' group by 1 order by 1"#,
        from,
    )
    .fetch_all(db.system_pool())
    .await?)
}

/// How many subscriptions there are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// In their trial.
    pub trials: i64,
    /// That are paid for.
    pub paying: i64,
    /// That are behind.
    pub past_due: i64,
    /// That will end with their period.
    pub ending: i64,
    /// That have ended.
    pub cancelled: i64,
    /// Workspaces without any.
    pub without: i64,
}

/// How many subscriptions there are now.
pub async fn standing(db: &Db) -> Result<Standing, StoreError> {
    Ok(sqlx::query_as!(
        Standing,
        r#"select count(*) filter (where s.state = 'trial') as "trials!",
                  count(*) filter (where s.mrr_minor > 0) as "paying!",
                  count(*) filter (where s.state = 'past_due') as "past_due!",
                  count(*) filter (where s.cancel_at_period_end) as "ending!",
                  count(*) filter (where s.state = 'cancelled') as "cancelled!",
                  count(*) filter (where s.workspace_id is null) as "without!"
           from workspaces w left join subscriptions s on s.workspace_id = w.id"#
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// Money of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// ISO 4217.
    pub currency: String,
    /// In its smallest unit.
    pub minor: i64,
}

/// What was given as credit and is not used yet.
pub async fn open_credits(db: &Db) -> Result<Vec<Sum>, StoreError> {
    Ok(sqlx::query_as!(
        Sum,
        r#"select currency, sum(amount_minor - used_minor)::bigint as "minor!" from credits
           where used_minor < amount_minor group by 1 order by 1"#
    )
    .fetch_all(db.system_pool())
    .await?)
}

/// What invoices wait to be paid.
pub async fn open_invoices(db: &Db) -> Result<Vec<Sum>, StoreError> {
    Ok(sqlx::query_as!(
        Sum,
        r#"select currency, sum(total_minor)::bigint as "minor!" from invoices
           where state = 'open' group by 1 order by 1"#
    )
    .fetch_all(db.system_pool())
    .await?)
}

/// A workspace in one month.
#[derive(Debug, Clone)]
pub struct WorkspaceMonth {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// What its invoices of the month come to. Of several currencies, in that of its subscription.
    pub invoiced: Option<Sum>,
    /// What models cost, in millionths of a US dollar.
    pub cost_micros: i64,
}

/// All workspaces in the month that begins on this day, in the order of their making; those whose names contain `text`.
pub async fn workspaces(
    db: &Db,
    month: NaiveDate,
    text: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<WorkspaceMonth>, StoreError> {
    let rows = sqlx::query!(
        r#"select w.id, w.name, i.currency as "currency?", i.minor as "minor?", coalesce(h.cost, 0) as "cost!"
           from workspaces w
           left join subscriptions s on s.workspace_id = w.id
           left join lateral (
               select currency, sum(total_minor)::bigint as minor from invoices
               where workspace_id = w.id and state <> 'void' and issued_at >= $1::date::timestamp at time zone 'UTC'
                 and issued_at < ($1::date + interval '1 month') at time zone 'UTC'
               group by 1 order by currency = s.currency desc nulls last limit 1
           ) i on true
           left join lateral (
               select sum(cost_micros)::bigint as cost from analytics_hours
               where workspace_id = w.id and hour >= $1::date::timestamp at time zone 'UTC'
                 and hour < ($1::date + interval '1 month') at time zone 'UTC'
           ) h on true
           where ($2::uuid is null or w.id > $2) and ($3::text is null or position(lower($3) in lower(w.name)) > 0)
           order by w.id limit $4"#,
        month,
        after,
        text,
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    let rows = rows.into_iter().map(|row| WorkspaceMonth {
        workspace: row.id.into(),
        name: row.name,
        invoiced: row
            .currency
            .zip(row.minor)
            .map(|(currency, minor)| Sum { currency, minor }),
        cost_micros: row.cost,
    });
    Ok(rows.collect())
}

/// A chatbot in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatbotMonth {
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// Its name.
    pub name: String,
    /// Messages from people.
    pub messages: i64,
    /// What models cost, in millionths of a US dollar.
    pub cost_micros: i64,
}

/// The chatbots of a workspace in the month that begins on this day; archived ones where they did anything.
pub async fn chatbots(
    db: &Db,
    workspace: WorkspaceId,
    month: NaiveDate,
) -> Result<Vec<ChatbotMonth>, StoreError> {
    let rows = sqlx::query!(
        r#"select b.id, b.name, coalesce(sum(h.inbound), 0)::bigint as "messages!",
                  coalesce(sum(h.cost_micros), 0)::bigint as "cost_micros!"
           from chatbots b
           left join analytics_hours h on h.chatbot_id = b.id and h.hour >= $2::date::timestamp at time zone 'UTC'
                and h.hour < ($2::date + interval '1 month') at time zone 'UTC'
           where b.workspace_id = $1
           group by b.id, b.name, b.archived_at
           having b.archived_at is null or sum(h.inbound) > 0 or sum(h.cost_micros) > 0
           order by 4 desc, b.id"#,
        workspace.as_uuid(),
        month,
    )
    .fetch_all(db.system_pool())
    .await?;
    let rows = rows.into_iter().map(|row| ChatbotMonth {
        chatbot: row.id.into(),
        name: row.name,
        messages: row.messages,
        cost_micros: row.cost_micros,
    });
    Ok(rows.collect())
}
