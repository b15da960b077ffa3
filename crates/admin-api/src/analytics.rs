//! What happens in a workspace's conversations, over time.

use crate::{AdminApi, caller::Seat, path::WorkspacePath, problem::Problem, table};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, Platform};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{
    TenantTx,
    analytics::{self, Counts, Row, Step, Wanted},
};
use utoipa::{IntoParams, ToSchema};

/// The longest time that is told in one answer, and the longest in hours.
const MOST_DAYS: i64 = 400;
const MOST_DAYS_IN_HOURS: i64 = 14;
const USUAL: TimeDelta = TimeDelta::days(30);

/// What is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnalyticsQuery {
    /// From then on; 30 days before `to` when left out.
    from: Option<DateTime<Utc>>,
    /// Up to then; now when left out.
    to: Option<DateTime<Utc>>,
    /// One chatbot only.
    #[param(value_type = Option<Uuid>)]
    chatbot_id: Option<ChatbotId>,
    /// One platform only.
    #[param(value_type = Option<String>, example = "telegram")]
    platform: Option<Platform>,
    /// Whose days are counted: `UTC` when left out.
    #[param(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// How long a step is: a `day` when left out.
    step: Option<StepName>,
}

/// How long a step is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepName {
    /// An hour: for 14 days at most.
    Hour,
    /// A day of the time zone.
    Day,
    /// A week of the time zone, from Monday.
    Week,
}

/// What happened, now and before.
#[derive(Serialize, ToSchema)]
pub(crate) struct Analytics {
    /// From then on.
    from: DateTime<Utc>,
    /// Up to then.
    to: DateTime<Utc>,
    /// Whose days are counted.
    time_zone: String,
    /// How long a step is.
    step: StepName,
    /// All of it.
    total: Figures,
    /// As long a time before it, to compare with.
    before: Figures,
    /// Step by step, the oldest first; a step in which nothing happened is left out.
    series: Vec<AnalyticsStep>,
    /// By chatbot, the busiest first.
    by_chatbot: Vec<OfChatbot>,
    /// By platform, the busiest first.
    by_platform: Vec<OfPlatform>,
}

/// One step.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnalyticsStep {
    /// When it began.
    at: DateTime<Utc>,
    /// What happened in it.
    #[serde(flatten)]
    figures: Figures,
}

/// One chatbot.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfChatbot {
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Its name.
    name: String,
    /// What happened with it.
    #[serde(flatten)]
    figures: Figures,
}

/// One platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfPlatform {
    /// The platform.
    platform: String,
    /// What happened there.
    #[serde(flatten)]
    figures: Figures,
}

/// Counts, and what follows from them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Figures {
    /// Conversations that began.
    conversations: i64,
    /// Messages from people.
    inbound: i64,
    /// Messages of the bot.
    by_bot: i64,
    /// Messages of your people and programs.
    by_people: i64,
    /// Answers that the knowledge did not hold.
    unanswered: i64,
    /// Conversations that a human took over.
    handed_over: i64,
    /// Parts of messages that were not delivered.
    undelivered: i64,
    /// Tokens of models, in and out.
    tokens: i64,
    /// What they cost, in US dollars, where prices are known.
    cost: f64,
    /// Answers of this time of which their readers say that they helped, whenever they said so.
    rated_good: i64,
    /// And that they did not.
    rated_bad: i64,
    /// The share of the answers that were rated of which they say that they helped, 0 to 1; `null` where none was rated.
    #[schema(required)]
    good_share: Option<f64>,
    /// The share of the bot's messages that the knowledge held, 0 to 1; `null` where it wrote none.
    #[schema(required)]
    answered_share: Option<f64>,
    /// The share of conversations that no human had to take over, 0 to 1; `null` where none began.
    #[schema(required)]
    resolved_share: Option<f64>,
    /// How long people waited for the quicker half of answers, in seconds; rounded to classes of waiting.
    #[schema(required)]
    wait_p50_seconds: Option<f64>,
    /// And for 95 of 100.
    #[schema(required)]
    wait_p95_seconds: Option<f64>,
}

impl From<&Counts> for Figures {
    fn from(counts: &Counts) -> Self {
        Self {
            conversations: counts.conversations,
            inbound: counts.inbound,
            by_bot: counts.by_bot,
            by_people: counts.by_people,
            unanswered: counts.unanswered,
            handed_over: counts.handed_over,
            undelivered: counts.undelivered,
            tokens: counts.tokens,
            cost: counts.cost_micros as f64 / 1e6,
            rated_good: counts.rated_good,
            rated_bad: counts.rated_bad,
            good_share: without(counts.rated_bad, counts.rated_good + counts.rated_bad),
            answered_share: without(counts.unanswered, counts.by_bot),
            resolved_share: without(counts.handed_over, counts.conversations),
            wait_p50_seconds: counts.wait_seconds(0.5),
            wait_p95_seconds: counts.wait_seconds(0.95),
        }
    }
}

/// The share that is left without some.
fn without(some: i64, all: i64) -> Option<f64> {
    (all > 0).then(|| (1.0 - some as f64 / all as f64).clamp(0.0, 1.0))
}

impl AnalyticsQuery {
    fn wanted(&self, now: DateTime<Utc>) -> Result<Wanted, Problem> {
        let to = self.to.unwrap_or(now);
        let from = self.from.unwrap_or(to - USUAL);
        let (step, most) = match self.step() {
            StepName::Hour => (Step::Hour, MOST_DAYS_IN_HOURS),
            StepName::Day => (Step::Day, MOST_DAYS),
            StepName::Week => (Step::Week, MOST_DAYS),
        };
        if from >= to {
            return Err(Problem::invalid("from", "has to lie before `to`"));
        }
        if to - from > TimeDelta::days(most) {
            let detail = format!("is more than {most} days before `to`: ask for less, or in longer steps");
            return Err(Problem::invalid("from", detail));
        }
        Ok(Wanted {
            from,
            to,
            chatbot: self.chatbot_id,
            platform: self.platform.clone(),
            zone: self.zone().to_owned(),
            step,
        })
    }

    fn step(&self) -> StepName {
        self.step.unwrap_or(StepName::Day)
    }

    fn zone(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }
}

/// What happened in a workspace's conversations.
///
/// Counts are a minute old at most. They are kept by the hour: a time that begins within an hour begins with the next. What
/// people say of answers is as it is now.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/analytics", params(WorkspacePath, AnalyticsQuery),
    responses((status = 200, body = Analytics))
)]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<AnalyticsQuery>,
) -> Result<Json<Analytics>, Problem> {
    let wanted = query.wanted(api.now())?;
    let mut tx = begin(&api, &seat, &wanted).await?;
    let rows = rows(&mut tx, &wanted).await?;
    let earlier = Wanted {
        from: wanted.from - (wanted.to - wanted.from),
        to: wanted.from,
        ..wanted.clone()
    };
    let before = self::rows(&mut tx, &earlier).await?;
    let series = by(&rows, |row| row.at);
    let chatbots = by(&rows, |row| (row.chatbot, row.name.clone()));
    let platforms = by(&rows, |row| row.platform.clone());
    Ok(Json(Analytics {
        from: wanted.from,
        to: wanted.to,
        time_zone: wanted.zone,
        step: query.step(),
        total: Figures::from(&total(&rows)),
        before: Figures::from(&total(&before)),
        series: series
            .iter()
            .map(|(at, counts)| AnalyticsStep {
                at: *at,
                figures: counts.into(),
            })
            .collect(),
        by_chatbot: busiest(chatbots)
            .into_iter()
            .map(|((chatbot_id, name), counts)| OfChatbot {
                chatbot_id,
                name,
                figures: Figures::from(&counts),
            })
            .collect(),
        by_platform: busiest(platforms)
            .into_iter()
            .map(|(platform, counts)| OfPlatform {
                platform,
                figures: Figures::from(&counts),
            })
            .collect(),
    }))
}

/// The same as a table.
///
/// A row for every step, chatbot and platform.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/analytics.csv", params(WorkspacePath, AnalyticsQuery),
    responses((status = 200, description = "The table.", content_type = "text/csv", body = String))
)]
pub(crate) async fn csv(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<AnalyticsQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = query.wanted(api.now())?;
    let mut tx = begin(&api, &seat, &wanted).await?;
    let rows = rows(&mut tx, &wanted).await?;
    table::attachment("analytics.csv", COLUMNS, rows.iter().map(record))
}

const COLUMNS: [&str; 17] = [
    "at",
    "chatbot_id",
    "chatbot",
    "platform",
    "conversations",
    "inbound",
    "by_bot",
    "by_people",
    "unanswered",
    "handed_over",
    "undelivered",
    "tokens",
    "cost_usd",
    "wait_p50_seconds",
    "wait_p95_seconds",
    "rated_good",
    "rated_bad",
];

fn record(row: &Row) -> [String; COLUMNS.len()] {
    let figures = Figures::from(&row.counts);
    let seconds = |wait: Option<f64>| wait.map(|seconds| format!("{seconds:.1}")).unwrap_or_default();
    [
        row.at.to_rfc3339(),
        row.chatbot.to_string(),
        row.name.clone(),
        row.platform.clone(),
        figures.conversations.to_string(),
        figures.inbound.to_string(),
        figures.by_bot.to_string(),
        figures.by_people.to_string(),
        figures.unanswered.to_string(),
        figures.handed_over.to_string(),
        figures.undelivered.to_string(),
        figures.tokens.to_string(),
        format!("{:.6}", figures.cost),
        seconds(figures.wait_p50_seconds),
        seconds(figures.wait_p95_seconds),
        figures.rated_good.to_string(),
        figures.rated_bad.to_string(),
    ]
}

/// Refused where the chatbot that is wanted is none of the workspace's.
async fn begin(api: &AdminApi, seat: &Seat, wanted: &Wanted) -> Result<TenantTx, Problem> {
    let mut tx = seat.begin(api).await?;
    if let Some(chatbot) = wanted.chatbot
        && store::chatbots::get(&mut tx, chatbot).await?.is_none()
    {
        return Err(Problem::not_found());
    }
    Ok(tx)
}

async fn rows(tx: &mut TenantTx, wanted: &Wanted) -> Result<Vec<Row>, Problem> {
    analytics::read(tx, wanted).await?.ok_or_else(|| {
        Problem::invalid(
            "time_zone",
            "is no time zone: name it as the time zone database does, like `Europe/Berlin`",
        )
    })
}

fn total(rows: &[Row]) -> Counts {
    let mut total = Counts::default();
    rows.iter().for_each(|row| total += &row.counts);
    total
}

fn by<K: Ord>(rows: &[Row], key: impl Fn(&Row) -> K) -> BTreeMap<K, Counts> {
    let mut sums: BTreeMap<K, Counts> = BTreeMap::new();
    for row in rows {
        *sums.entry(key(row)).or_default() += &row.counts;
    }
    sums
}

fn busiest<K>(sums: BTreeMap<K, Counts>) -> Vec<(K, Counts)> {
    let mut sums: Vec<(K, Counts)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.inbound + counts.by_bot + counts.by_people));
    sums
}
