//! Counting.

use crate::{Db, StoreError, installation};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Under this name it is noted up to when all is counted.
const STATE: &str = "analytics";
/// A message that was accepted while the database was away is stored later: so many hours back are counted anew every time.
const LATE: TimeDelta = TimeDelta::hours(3);
/// What is counted in one transaction when much is to be counted.
const STRIDE: TimeDelta = TimeDelta::days(1);

/// Counts what has happened since the last time, and the hours before that anew. From the first message on where nothing
/// has been counted yet.
pub async fn refresh(db: &Db, now: DateTime<Utc>) -> Result<(), StoreError> {
    let noted = installation::get(db, STATE).await?;
    let noted: Option<DateTime<Utc>> = noted.and_then(|value| serde_json::from_value(value).ok());
    let mut from = match noted {
        Some(through) => hour(through - LATE),
        None => hour(beginning(db, now).await?),
    };
    // The hour that has begun is counted too.
    let end = hour(now) + TimeDelta::hours(1);
    while from < end {
        let to = end.min(from + STRIDE);
        tally(db, from, to).await?;
        let through = serde_json::to_value(now.min(to))?;
        installation::put(db, STATE, &through).await?;
        from = to;
    }
    Ok(())
}

/// Counts the hours that these moments lie in, and those between, anew.
pub async fn recount(db: &Db, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
    tally(db, hour(from), hour(to) + TimeDelta::hours(1)).await
}

/// The hours before this one are not counted again in the ordinary way of things.
pub(crate) fn counted_for_good(now: DateTime<Utc>) -> DateTime<Utc> {
    hour(now - LATE)
}

fn hour(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.duration_trunc(TimeDelta::hours(1)).unwrap_or(moment)
}

async fn beginning(db: &Db, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
    let first = sqlx::query_scalar!("select made_at(id) from conversations order by id limit 1")
        .fetch_optional(db.system_pool())
        .await?;
    Ok(first.flatten().unwrap_or(now))
}

/// Counts what happened between two full hours, in place of what was counted before.
async fn tally(db: &Db, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
    let mut tx = db.system().await?;
    sqlx::query!(
        "delete from analytics_hours where hour >= $1 and hour < $2",
        from,
        to
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"with happened as (
               select c.id as conversation, made_at(c.id) as at, 'conversation' as what, 1::bigint as count,
                      null::int as wait
               from conversations c where c.id >= first_id($1) and c.id < first_id($2)
               union all
               select m.conversation_id, made_at(m.id),
                      case when m.direction = 'inbound' then 'inbound' when m.sender = 'bot' then 'bot' else 'people' end,
                      1,
                      case when m.direction = 'inbound'
                           then wait_class(extract(epoch from m.answered_at - m.accepted_at)::float8) end
               from messages m where m.id >= first_id($1) and m.id < first_id($2)
               union all
               select u.conversation_id, made_at(u.id), 'unanswered', 1, null
               from unanswered u where u.id >= first_id($1) and u.id < first_id($2)
               union all
               select t.conversation_id, t.at, 'handed_over', 1, null
               from handovers t where t.at >= $1 and t.at < $2
               union all
               select p.conversation_id, made_at(p.id), 'undelivered', 1, null
               from parts p
               where p.id >= first_id($1) and p.id < first_id($2) and p.state in ('failed', 'dead')
               union all
               select a.conversation_id, made_at(a.id), 'tokens',
                      coalesce(a.tokens_in, 0) + coalesce(a.tokens_out, 0), null
               from answers a where a.id >= first_id($1) and a.id < first_id($2)
               union all
               select a.conversation_id, made_at(a.id), 'cost', a.cost_micros, null
               from answers a
               where a.id >= first_id($1) and a.id < first_id($2) and a.cost_micros is not null
           )
           insert into analytics_hours (workspace_id, chatbot_id, platform, hour, conversations, inbound, by_bot, by_people,
                                        unanswered, handed_over, undelivered, tokens, cost_micros, waits)
           select c.workspace_id, c.chatbot_id, i.platform, date_trunc('hour', h.at, 'UTC'),
                  count(*) filter (where what = 'conversation'),
                  count(*) filter (where what = 'inbound'),
                  count(*) filter (where what = 'bot'),
                  count(*) filter (where what = 'people'),
                  count(*) filter (where what = 'unanswered'),
                  count(*) filter (where what = 'handed_over'),
                  count(*) filter (where what = 'undelivered'),
                  coalesce(sum(h.count) filter (where what = 'tokens'), 0),
                  coalesce(sum(h.count) filter (where what = 'cost'), 0),
                  array[count(*) filter (where wait = 0), count(*) filter (where wait = 1),
                        count(*) filter (where wait = 2), count(*) filter (where wait = 3),
                        count(*) filter (where wait = 4), count(*) filter (where wait = 5),
                        count(*) filter (where wait = 6), count(*) filter (where wait = 7),
                        count(*) filter (where wait = 8), count(*) filter (where wait = 9),
                        count(*) filter (where wait = 10), count(*) filter (where wait = 11),
                        count(*) filter (where wait = 12), count(*) filter (where wait = 13),
                        count(*) filter (where wait = 14)]
           from happened h
           join conversations c on c.id = h.conversation
           join integrations i on i.id = c.integration_id
           group by 1, 2, 3, 4"#,
        from,
        to,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
