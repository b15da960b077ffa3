//! The installation at a glance.
//!
//! Messages are told as analytics counts them: a minute late at most.

use super::{Queues, depths};
use crate::{AdminApi, budgets::usd, caller::Person, problem::Problem};
use actix_web::web::{Data, Json};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::{IntegrationState, Platform};
use serde::Serialize;
use store::{
    administration::overview::{self, Day},
    budgets::Period,
};
use utoipa::ToSchema;

/// Days that the trend shows, today included.
const TREND: u64 = 30;

/// The installation at a glance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overview {
    /// When it was counted.
    at: DateTime<Utc>,
    /// Accounts.
    users: UserCounts,
    /// Tenants.
    workspaces: i64,
    /// Chatbots.
    chatbots: ChatbotCounts,
    /// Conversations.
    conversations: ConversationCounts,
    /// Messages, by days in UTC.
    messages: MessageCounts,
    /// Messages of each of the last 30 days, today last.
    trend: Vec<MessageDay>,
    /// Integrations of chatbots that are not archived, by platform and state.
    integrations: Vec<IntegrationCount>,
    /// What is wrong.
    errors: ErrorCounts,
    /// What models cost this month.
    cost: MonthCost,
    /// Processes that say that they are there, and those that no longer do.
    instances: InstanceCounts,
    /// What waits.
    queues: Queues,
}

/// How many accounts there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserCounts {
    /// All.
    total: i64,
    /// Those that are not disabled.
    active: i64,
    /// Those that are.
    disabled: i64,
}

/// How many chatbots there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatbotCounts {
    /// Not archived.
    active: i64,
    /// Of those, answered somebody in the last 30 days.
    answering: i64,
    /// Of those, stopped by an administrator.
    paused: i64,
    /// Archived.
    archived: i64,
}

/// How many conversations there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationCounts {
    /// All.
    total: i64,
    /// In a human's hands.
    with_humans: i64,
}

/// How many messages there were.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageCounts {
    /// Since midnight.
    today: InAndOut,
    /// Today and the six days before.
    last_7_days: InAndOut,
    /// Today and the 29 days before.
    last_30_days: InAndOut,
}

/// Messages from people, and to people.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InAndOut {
    /// From people.
    inbound: i64,
    /// To people.
    outbound: i64,
}

/// The messages of a day, in UTC.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageDay {
    /// The day.
    day: NaiveDate,
    /// From people.
    inbound: i64,
    /// To people.
    outbound: i64,
}

/// Integrations of one platform in one state.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntegrationCount {
    /// The platform.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// `pending`, `connected` or `error`.
    #[schema(value_type = String, example = "connected")]
    state: IntegrationState,
    /// Whether their owners have them switched on.
    enabled: bool,
    /// How many.
    integrations: i64,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorCounts {
    /// Dead letters that nobody has replayed or discarded.
    dead_letters: i64,
    /// Webhooks that could not be verified, and are kept.
    quarantined: i64,
    /// Parts of replies of the last 30 days that were refused or given up.
    failed_parts: i64,
    /// Sources that could not be read.
    failed_sources: i64,
    /// Integrations that are switched on and do not work.
    broken_integrations: i64,
}

/// What models cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct MonthCost {
    /// Since when.
    since: DateTime<Utc>,
    /// Answers since then.
    answers: i64,
    /// What they cost, in US dollars, as far as prices are known.
    usd: f64,
}

/// How many processes there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstanceCounts {
    /// That said so just now.
    up: usize,
    /// That have not said so for a while, and did not end in order.
    silent: usize,
}

fn sum(days: &[Day], last: usize) -> InAndOut {
    days.iter()
        .rev()
        .take(last)
        .fold(InAndOut::default(), |sum, day| InAndOut {
            inbound: sum.inbound + day.inbound,
            outbound: sum.outbound + day.outbound,
        })
}

/// The installation at a glance.
#[utoipa::path(get, path = "/api/administration/overview", responses((status = 200, body = Overview)))]
pub(crate) async fn overview(api: Data<AdminApi>, _person: Person) -> Result<Json<Overview>, Problem> {
    let (db, now) = (api.db(), api.now());
    let month = Period::Month.since(now);
    let since = now - TimeDelta::days(30);
    let today = now.date_naive();
    let first = today.checked_sub_days(Days::new(TREND - 1)).unwrap_or(today);
    let (counts, days, errors, integrations, instances, queues) = futures_util::join!(
        overview::counts(db, month, since),
        overview::days(db, first, today),
        overview::errors(db, since),
        overview::integrations(db),
        store::instances::list(db),
        depths(&api),
    );
    let (counts, days, errors, integrations) = (counts?, days?, errors?, integrations?);
    let instances = instances?;
    let up = instances
        .iter()
        .filter(|instance| super::system::is_up(instance, now))
        .count();
    let broken = integrations
        .iter()
        .filter(|some| some.enabled && some.state == IntegrationState::Error)
        .map(|some| some.integrations)
        .sum();
    Ok(Json(Overview {
        at: now,
        users: UserCounts {
            total: counts.active_users + counts.disabled_users,
            active: counts.active_users,
            disabled: counts.disabled_users,
        },
        workspaces: counts.workspaces,
        chatbots: ChatbotCounts {
            active: counts.chatbots,
            answering: counts.answering_chatbots,
            paused: counts.paused_chatbots,
            archived: counts.archived_chatbots,
        },
        conversations: ConversationCounts {
            total: counts.conversations,
            with_humans: counts.with_humans,
        },
        messages: MessageCounts {
            today: sum(&days, 1),
            last_7_days: sum(&days, 7),
            last_30_days: sum(&days, 30),
        },
        trend: days
            .into_iter()
            .map(|day| MessageDay {
                day: day.day,
                inbound: day.inbound,
                outbound: day.outbound,
            })
            .collect(),
        integrations: integrations
            .into_iter()
            .map(|some| IntegrationCount {
                platform: some.platform,
                state: some.state,
                enabled: some.enabled,
                integrations: some.integrations,
            })
            .collect(),
        errors: ErrorCounts {
            dead_letters: errors.dead_letters,
            quarantined: errors.quarantined,
            failed_parts: errors.failed_parts,
            failed_sources: errors.failed_sources,
            broken_integrations: broken,
        },
        cost: MonthCost {
            since: month,
            answers: counts.answers,
            usd: usd(counts.cost_micros),
        },
        instances: InstanceCounts {
            up,
            silent: instances.len() - up,
        },
        queues,
    }))
}
