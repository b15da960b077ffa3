//! What happened in conversations, hour by hour.
//!
//! Invariant: an hour's row is a count of what the other tables hold and can be counted again at any time; nothing rests on
//! it. The hot path writes nothing here.
//!
//! What people say of answers is counted where it lies, since it changes long after its hour: there is little of it.

mod rated;
mod tally;

pub(crate) use tally::counted_for_good;
pub use tally::{recount, refresh};

use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, Platform};
use sqlx::Connection as _;
use std::ops::AddAssign;

/// How many classes of waiting there are: see `wait_class` in the schema.
const CLASSES: usize = 15;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// From this hour on.
    pub from: DateTime<Utc>,
    /// Up to this hour, which is not counted.
    pub to: DateTime<Utc>,
    /// One chatbot only.
    pub chatbot: Option<ChatbotId>,
    /// One platform only.
    pub platform: Option<Platform>,
    /// Whose days and hours are counted, as the time zone database names it: `Europe/Berlin`.
    pub zone: String,
    /// How long a step is.
    pub step: Step,
}

/// How long a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day of the zone.
    Day,
    /// A week of the zone, from Monday.
    Week,
}

impl Step {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }
}

/// Counts of some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Conversations that began.
    pub conversations: i64,
    /// Messages from people.
    pub inbound: i64,
    /// Messages of the bot.
    pub by_bot: i64,
    /// Messages of agents and programs.
    pub by_people: i64,
    /// Answers that the knowledge did not hold.
    pub unanswered: i64,
    /// Conversations that a human took over.
    pub handed_over: i64,
    /// Parts of messages that were not delivered.
    pub undelivered: i64,
    /// Tokens of models, in and out.
    pub tokens: i64,
    /// What they cost where prices are known, in millionths of a US dollar.
    pub cost_micros: i64,
    /// Answers of this time of which their readers say now that they helped.
    pub rated_good: i64,
    /// And that they did not.
    pub rated_bad: i64,
    waits: [i64; CLASSES],
}

impl Counts {
    /// How long people waited for the quickest share of answers, in seconds, to the nearest class of waiting. `None`: nobody
    /// was answered.
    pub fn wait_seconds(&self, share: f64) -> Option<f64> {
        let all: i64 = self.waits.iter().sum();
        let wanted = share.clamp(0.0, 1.0) * all as f64;
        let mut before = 0.0;
        for (class, &count) in (0..).zip(&self.waits) {
            if count > 0 && before + count as f64 >= wanted {
                // Within a class waits are spread evenly, as far as anybody knows.
                let (low, high) = if class == 0 {
                    (0.0, 0.5)
                } else {
                    (0.5 * f64::from(1 << (class - 1)), 0.5 * f64::from(1 << class))
                };
                return Some(low + (high - low) * ((wanted - before) / count as f64).clamp(0.0, 1.0));
            }
            before += count as f64;
        }
        None
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, more: &Self) {
        self.conversations += more.conversations;
        self.inbound += more.inbound;
        self.by_bot += more.by_bot;
        self.by_people += more.by_people;
        self.unanswered += more.unanswered;
        self.handed_over += more.handed_over;
        self.undelivered += more.undelivered;
        self.tokens += more.tokens;
        self.cost_micros += more.cost_micros;
        self.rated_good += more.rated_good;
        self.rated_bad += more.rated_bad;
        for (sum, count) in self.waits.iter_mut().zip(more.waits) {
            *sum += count;
        }
    }
}

/// One chatbot on one platform in one step.
#[derive(Debug, Clone)]
pub struct Row {
    /// When the step began.
    pub at: DateTime<Utc>,
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// Its name now.
    pub name: String,
    /// The platform.
    pub platform: String,
    /// What happened.
    pub counts: Counts,
}

/// What is asked for, the oldest first; steps without anything have no row. `None`: there is no such time zone.
pub async fn read(tx: &mut TenantTx, wanted: &Wanted) -> Result<Option<Vec<Row>>, StoreError> {
    if !is_zone(tx, &wanted.zone).await? {
        return Ok(None);
    }
    let rows = sqlx::query!(
        r#"select date_trunc($6, h.hour, $7) as "at!", h.chatbot_id, b.name, h.platform,
                  sum(h.conversations) as "conversations!", sum(h.inbound) as "inbound!", sum(h.by_bot) as "by_bot!",
                  sum(h.by_people) as "by_people!", sum(h.unanswered) as "unanswered!",
                  sum(h.handed_over) as "handed_over!", sum(h.undelivered) as "undelivered!",
                  sum(h.tokens)::bigint as "tokens!", sum(h.cost_micros)::bigint as "cost_micros!",
                  array[sum(h.waits[1]), sum(h.waits[2]), sum(h.waits[3]), sum(h.waits[4]), sum(h.waits[5]),
                        sum(h.waits[6]), sum(h.waits[7]), sum(h.waits[8]), sum(h.waits[9]), sum(h.waits[10]),
                        sum(h.waits[11]), sum(h.waits[12]), sum(h.waits[13]), sum(h.waits[14]), sum(h.waits[15])]
                      as "waits!"
           from analytics_hours h
           join chatbots b on b.id = h.chatbot_id
           where h.workspace_id = $1 and h.hour >= $2 and h.hour < $3
             and ($4::uuid is null or h.chatbot_id = $4) and ($5::text is null or h.platform = $5)
           group by 1, 2, 3, 4
           order by 1, 2, 4"#,
        tx.workspace().as_uuid(),
        wanted.from,
        wanted.to,
        wanted.chatbot.map(|id| id.as_uuid()),
        wanted.platform.as_ref().map(Platform::as_str),
        wanted.step.as_str(),
        wanted.zone,
    )
    .fetch_all(tx.connection())
    .await?;
    let rows = rows.into_iter().map(|row| Row {
        at: row.at,
        chatbot: row.chatbot_id.into(),
        name: row.name,
        platform: row.platform,
        counts: Counts {
            conversations: row.conversations,
            inbound: row.inbound,
            by_bot: row.by_bot,
            by_people: row.by_people,
            unanswered: row.unanswered,
            handed_over: row.handed_over,
            undelivered: row.undelivered,
            tokens: row.tokens,
            cost_micros: row.cost_micros,
            rated_good: 0,
            rated_bad: 0,
            waits: std::array::from_fn(|class| row.waits.get(class).copied().unwrap_or_default()),
        },
    });
    let mut rows: Vec<Row> = rows.collect();
    rated::add(tx, wanted, &mut rows).await?;
    Ok(Some(rows))
}

/// Looking it up in the view of all zones would read hundreds of files.
async fn is_zone(tx: &mut TenantTx, zone: &str) -> Result<bool, StoreError> {
    let mut attempt = tx.connection().begin().await?;
    let tried = sqlx::query_scalar!("select now() at time zone $1", zone)
        .fetch_one(&mut *attempt)
        .await;
    attempt.rollback().await?;
    match tried {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_SUCH_ZONE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// `invalid_parameter_value`, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const NO_SUCH_ZONE: &str = "22023";

#[cfg(test)]
mod tests;
