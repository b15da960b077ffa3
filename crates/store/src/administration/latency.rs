//! How long answers take, and how often models and platforms fail: from the records of the answers and calls themselves.
//!
//! Of a busy hour the newest records of each chatbot and integration are looked at, for a percentile is the same of
//! thousands as of all.

use crate::{Db, StoreError};
use chrono::{DateTime, Utc};
use domain::Platform;

/// Records of each chatbot or integration that are looked at.
const MOST: i64 = 2_000;

/// A time that was measured often.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// How often.
    pub measured: i64,
    /// Half of them took no longer, in milliseconds.
    pub p50: f64,
    /// 95 of a hundred took no longer.
    pub p95: f64,
    /// 99 of a hundred took no longer.
    pub p99: f64,
}

/// How often a model was asked, and how it fared.
#[derive(Debug, Clone)]
pub struct Model {
    /// Whose API it speaks.
    pub provider: String,
    /// Its name.
    pub model: String,
    /// How often it failed.
    pub failed: i64,
    /// How long it took, failures included.
    pub took: Spread,
}

/// How often a platform was called, and how it fared.
#[derive(Debug, Clone)]
pub struct Calls {
    /// The platform.
    pub platform: Platform,
    /// How often it did not take what it was given.
    pub failed: i64,
    /// How long it took, failures included.
    pub took: Spread,
}

/// By stage of making an answer: finding passages, asking the model.
pub async fn stages(db: &Db, since: DateTime<Utc>) -> Result<Vec<(String, Spread)>, StoreError> {
    let rows = sqlx::query!(
        r#"select s.key as "stage!", count(*) as "measured!",
                  percentile_cont(array[0.5, 0.95, 0.99]) within group (order by s.value::float8) as "at!"
           from chatbots c cross join lateral (
               select stages from answers a
               where a.chatbot_id = c.id and a.created_at >= $1 order by a.created_at desc limit $2
           ) a cross join lateral jsonb_each_text(a.stages) s
           group by s.key order by s.key desc"#,
        since,
        MOST,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.stage, spread(row.measured, &row.at)))
        .collect())
}

/// From a message's being accepted to the first part of its answer being with the platform.
pub async fn accept_to_reply(db: &Db, since: DateTime<Utc>) -> Result<Vec<(Platform, Spread)>, StoreError> {
    let rows = sqlx::query!(
        r#"with replies as (
               select i.platform, p.message_id, min(p.sent_at) as sent_at
               from integrations i cross join lateral (
                   select message_id, sent_at from parts
                   where integration_id = i.id and sent_at >= $1 and sender = 'bot' and not late
                   order by sent_at desc limit $2
               ) p
               group by i.platform, p.message_id
           )
           select r.platform as "platform!", count(*) as "measured!",
                  percentile_cont(array[0.5, 0.95, 0.99]) within group (
                      order by extract(epoch from r.sent_at - q.accepted_at)::float8 * 1000
                  ) as "at!"
           from replies r join messages m on m.id = r.message_id cross join lateral (
               select min(accepted_at) as accepted_at from messages
               where answer_id = m.answer_id and direction = 'inbound'
           ) q
           where q.accepted_at is not null
           group by r.platform order by r.platform"#,
        since,
        MOST,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.platform.try_into()?, spread(row.measured, &row.at))))
        .collect()
}

/// By model. What was not asked, for want of budget or because it had just failed, does not count.
pub async fn models(db: &Db, since: DateTime<Utc>) -> Result<Vec<Model>, StoreError> {
    let rows = sqlx::query!(
        r#"select t ->> 'provider' as "provider!", t ->> 'model' as "model!", count(*) as "measured!",
                  count(*) filter (where t ->> 'outcome' <> 'answered') as "failed!",
                  percentile_cont(array[0.5, 0.95, 0.99]) within group (
                      order by coalesce((t ->> 'milliseconds')::float8, 0)
                  ) as "at!"
           from chatbots c cross join lateral (
               select path from answers a
               where a.chatbot_id = c.id and a.created_at >= $1 order by a.created_at desc limit $2
           ) a cross join lateral jsonb_array_elements(a.path) t
           where t ->> 'outcome' not in ('resting', 'over_budget', 'unusable')
           group by 1, 2 order by 3 desc, 1, 2"#,
        since,
        MOST,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Model {
            provider: row.provider,
            model: row.model,
            failed: row.failed,
            took: spread(row.measured, &row.at),
        })
        .collect())
}

/// By platform: every call to send a part.
pub async fn platforms(db: &Db, since: DateTime<Utc>) -> Result<Vec<Calls>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.platform as "platform!", count(*) as "measured!",
                  count(*) filter (where a.outcome not in ('sent', 'shown', 'found')) as "failed!",
                  percentile_cont(array[0.5, 0.95, 0.99]) within group (
                      order by extract(epoch from a.ended_at - a.started_at)::float8 * 1000
                  ) as "at!"
           from attempts a join parts p on p.id = a.part_id
           where a.ended_at >= $1 and a.outcome <> 'none'
           group by p.platform order by p.platform"#,
        since,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Calls {
                platform: row.platform.try_into()?,
                failed: row.failed,
                took: spread(row.measured, &row.at),
            })
        })
        .collect()
}

fn spread(measured: i64, at: &[f64]) -> Spread {
    let at = |index: usize| at.get(index).copied().unwrap_or_default();
    Spread {
        measured,
        p50: at(0),
        p95: at(1),
        p99: at(2),
    }
}
