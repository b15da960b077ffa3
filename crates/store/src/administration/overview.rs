//! The installation in numbers.
//!
//! Every number is counted by an index, however many messages there are: days of messages by what [`crate::analytics`]
//! keeps by the hour, what chatbots did and cost by `answers_created`, what went wrong by the partial indices of what is open.

use crate::{Db, StoreError};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{IntegrationState, Platform};

/// How much there is.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Accounts that are not disabled.
    pub active_users: i64,
    /// Accounts that are.
    pub disabled_users: i64,
    /// Tenants.
    pub workspaces: i64,
    /// Chatbots that are not archived, stopped ones included.
    pub chatbots: i64,
    /// Of those, chatbots that answered in the last 30 days.
    pub answering_chatbots: i64,
    /// Of those, chatbots that an administrator has stopped.
    pub paused_chatbots: i64,
    /// Chatbots that are archived.
    pub archived_chatbots: i64,
    /// Conversations ever.
    pub conversations: i64,
    /// Conversations in a human's hands.
    pub with_humans: i64,
    /// What models cost since the first of the month, in millionths of a US dollar, as far as prices are known.
    pub cost_micros: i64,
    /// Answers since the first of the month.
    pub answers: i64,
}

/// What is wrong now.
#[derive(Debug, Clone)]
pub struct Errors {
    /// Dead letters that nobody has replayed or discarded.
    pub dead_letters: i64,
    /// Webhooks that could not be verified and are kept.
    pub quarantined: i64,
    /// Parts of replies that the platform refused or lost, since the time that was asked for.
    pub failed_parts: i64,
    /// Sources that could not be read.
    pub failed_sources: i64,
}

/// Integrations of one platform in one state.
#[derive(Debug, Clone)]
pub struct Integrations {
    /// The platform.
    pub platform: Platform,
    /// Whether they work.
    pub state: IntegrationState,
    /// Whether their owners have them switched on.
    pub enabled: bool,
    /// How many.
    pub integrations: i64,
}

/// The messages of a day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub day: NaiveDate,
    /// From people.
    pub inbound: i64,
    /// To people.
    pub outbound: i64,
}

/// How much there is now.
pub async fn counts(
    db: &Db,
    month: DateTime<Utc>,
    thirty_days_ago: DateTime<Utc>,
) -> Result<Counts, StoreError> {
    let row = sqlx::query!(
        r#"with bots as (
               select c.archived_at is not null as archived, c.paused_at is not null as paused, a.answers, a.cost,
                      exists (select from answers x where x.chatbot_id = c.id and x.created_at >= $2) as answering
               from chatbots c cross join lateral (
                   select count(*) as answers, coalesce(sum(cost_micros), 0)::bigint as cost
                   from answers a where a.chatbot_id = c.id and a.created_at >= $1
               ) a
           )
           select (select count(*) from users where disabled_at is null) as "active_users!",
                  (select count(*) from users where disabled_at is not null) as "disabled_users!",
                  (select count(*) from workspaces) as "workspaces!",
                  count(*) filter (where not archived) as "chatbots!",
                  count(*) filter (where not archived and answering) as "answering_chatbots!",
                  count(*) filter (where not archived and paused) as "paused_chatbots!",
                  count(*) filter (where archived) as "archived_chatbots!",
                  (select count(*) from conversations) as "conversations!",
                  (select count(*) from conversations where handler = 'human') as "with_humans!",
                  coalesce(sum(cost), 0)::bigint as "cost_micros!",
                  coalesce(sum(answers), 0)::bigint as "answers!"
           from bots"#,
        month,
        thirty_days_ago,
    )
    .fetch_one(db.system_pool())
    .await?;
    Ok(Counts {
        active_users: row.active_users,
        disabled_users: row.disabled_users,
        workspaces: row.workspaces,
        chatbots: row.chatbots,
        answering_chatbots: row.answering_chatbots,
        paused_chatbots: row.paused_chatbots,
        archived_chatbots: row.archived_chatbots,
        conversations: row.conversations,
        with_humans: row.with_humans,
        cost_micros: row.cost_micros,
        answers: row.answers,
    })
}

/// What is wrong now; of parts, what failed since `since`.
pub async fn errors(db: &Db, since: DateTime<Utc>) -> Result<Errors, StoreError> {
    let row = sqlx::query!(
        r#"select (select count(*) from dead_letters where replayed_at is null and discarded_at is null)
                      as "dead_letters!",
                  (select count(*) from quarantine where state = 'kept') as "quarantined!",
                  (select count(*) from parts where state in ('failed', 'dead') and created_at >= $1)
                      as "failed_parts!",
                  (select count(*) from sources where state = 'failed') as "failed_sources!""#,
        since,
    )
    .fetch_one(db.system_pool())
    .await?;
    Ok(Errors {
        dead_letters: row.dead_letters,
        quarantined: row.quarantined,
        failed_parts: row.failed_parts,
        failed_sources: row.failed_sources,
    })
}

/// Integrations of chatbots that are not archived, by platform and state.
pub async fn integrations(db: &Db) -> Result<Vec<Integrations>, StoreError> {
    let rows = sqlx::query!(
        r#"select i.platform, i.state, i.enabled, count(*) as "integrations!"
           from integrations i join chatbots c on c.id = i.chatbot_id
           where c.archived_at is null
           group by i.platform, i.state, i.enabled order by i.platform, i.state, i.enabled desc"#
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Integrations {
                platform: row.platform.try_into()?,
                state: row.state.parse()?,
                enabled: row.enabled,
                integrations: row.integrations,
            })
        })
        .collect()
}

/// The messages of every day from `first` to `last`, both included, days without any as well.
pub async fn days(db: &Db, first: NaiveDate, last: NaiveDate) -> Result<Vec<Day>, StoreError> {
    let rows = sqlx::query!(
        r#"select d::date as "day!", m.inbound as "inbound!", m.outbound as "outbound!"
           from generate_series($1::date, $2::date, '1 day') d cross join lateral (
               select coalesce(sum(h.inbound), 0) as inbound,
                      coalesce(sum(h.by_bot + h.by_people), 0) as outbound
               from analytics_hours h
               where h.hour >= d::timestamp at time zone 'UTC'
                 and h.hour < (d::timestamp + interval '1 day') at time zone 'UTC'
           ) m
           order by d"#,
        first,
        last,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Day {
            day: row.day,
            inbound: row.inbound,
            outbound: row.outbound,
        })
        .collect())
}
