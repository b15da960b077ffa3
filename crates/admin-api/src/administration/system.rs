//! The machinery: processes, the database, and how fast and how well answers are made.

use super::{Queues, depths};
use crate::{AdminApi, caller::Person, problem::Problem};
use actix_web::web::{Data, Json, Query};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Platform;
use serde::{Deserialize, Serialize};
use store::{
    administration::{
        latency,
        slow_queries::{self, Counted},
        system,
    },
    instances::Instance,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A process speaks every ten seconds; whoever was silent for three of them is not there.
const SILENCE: TimeDelta = TimeDelta::seconds(35);

/// The machinery.
#[derive(Serialize, ToSchema)]
pub(crate) struct System {
    /// When it was looked at.
    at: DateTime<Utc>,
    /// Every process of the last day that did not end in order.
    instances: Vec<InstanceView>,
    /// The database.
    database: Database,
    /// Changes of the schema, the oldest first.
    migrations: Vec<MigrationView>,
    /// What waits.
    queues: Queues,
}

/// A process.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstanceView {
    /// Of this run of it.
    id: Uuid,
    /// What it does: `all`, `gateway`, `chat-worker` and so on.
    #[schema(example = "gateway")]
    role: String,
    /// Which version it is.
    version: String,
    /// The machine that it runs on.
    host: String,
    /// Whether it said just now that it is there.
    is_up: bool,
    /// How long it has been running, or had been when it last said so.
    uptime_seconds: i64,
    /// Free room on the disk that it keeps its data on.
    disk_free_bytes: Option<i64>,
    /// Room there in all.
    disk_total_bytes: Option<i64>,
    /// When it was started.
    started_at: DateTime<Utc>,
    /// When it last said that it is there.
    seen_at: DateTime<Utc>,
}

/// The database.
#[derive(Serialize, ToSchema)]
pub(crate) struct Database {
    /// Which version of PostgreSQL it is.
    #[schema(example = "16.4")]
    version: String,
    /// How large it is.
    bytes: i64,
    /// Connections to it.
    connections: i64,
    /// How many it takes.
    most_connections: i64,
    /// Transactions that have been open for more than five seconds.
    long_transactions: i64,
    /// Its ten largest tables.
    tables: Vec<TableView>,
}

/// A table, with its indices.
#[derive(Serialize, ToSchema)]
pub(crate) struct TableView {
    /// Its name.
    name: String,
    /// How large it is.
    bytes: i64,
    /// Rows, as the database last estimated them.
    rows: i64,
}

/// A change of the schema.
#[derive(Serialize, ToSchema)]
pub(crate) struct MigrationView {
    /// Its number.
    version: i64,
    /// Its name; `null`: made by a newer version of this program.
    description: Option<String>,
    /// Whether it was made.
    is_applied: bool,
}

/// Of which time.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LatencyQuery {
    /// `hour`, as it is when left out; or `day`.
    window: Option<String>,
}

/// How fast and how well answers are made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Latency {
    /// Since when.
    since: DateTime<Utc>,
    /// From a message's being accepted to the first part of its answer being with the platform.
    accept_to_reply: Vec<PlatformLatency>,
    /// Of making an answer: `retrieve`, finding passages; `model`, asking models.
    stages: Vec<StageLatency>,
    /// Models that were asked, the most often asked first.
    models: Vec<ModelHealth>,
    /// Calls to platforms to send a part.
    platforms: Vec<PlatformHealth>,
}

/// How long something takes, in milliseconds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Spread {
    /// How often it was measured.
    measured: i64,
    /// Half of them took no longer.
    p50: f64,
    /// 95 of a hundred took no longer.
    p95: f64,
    /// 99 of a hundred took no longer.
    p99: f64,
}

/// Of one platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlatformLatency {
    /// Which.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// How long it took.
    milliseconds: Spread,
}

/// Of one stage.
#[derive(Serialize, ToSchema)]
pub(crate) struct StageLatency {
    /// Which.
    #[schema(example = "retrieve")]
    stage: String,
    /// How long it took.
    milliseconds: Spread,
}

/// How a model does.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelHealth {
    /// Whose API it speaks.
    provider: String,
    /// Its name.
    model: String,
    /// How often it failed.
    failed: i64,
    /// The share that failed, from 0 to 1.
    error_rate: f64,
    /// How long it took, failures included.
    milliseconds: Spread,
}

/// How a platform does.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlatformHealth {
    /// Which.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// How often it did not take what it was given.
    failed: i64,
    /// The share that failed, from 0 to 1.
    error_rate: f64,
    /// How long it took, failures included.
    milliseconds: Spread,
}

/// What takes the database's time.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlowQueries {
    /// `counted`; `not_installed`: the extension pg_stat_statements is not there; `not_readable`: it is, and the server does
    /// not run with it, or does not let this installation read it.
    #[schema(example = "counted")]
    state: &'static str,
    /// The statements that take the most time, the first the most.
    statements: Vec<StatementView>,
}

/// A statement, with its values left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// The beginning of its text.
    text: String,
    /// How often it was run.
    calls: i64,
    /// How long it took on average.
    mean_milliseconds: f64,
    /// How long all runs took together.
    total_milliseconds: f64,
    /// Rows that it gave or touched, all runs together.
    rows: i64,
}

/// Whether a process said just now that it is there.
pub(crate) fn is_up(instance: &Instance, now: DateTime<Utc>) -> bool {
    now - instance.seen_at < SILENCE
}

/// Processes, database and queues.
#[utoipa::path(get, path = "/api/administration/system", responses((status = 200, body = System)))]
pub(crate) async fn system(api: Data<AdminApi>, _person: Person) -> Result<Json<System>, Problem> {
    let (db, now) = (api.db(), api.now());
    let (instances, database, migrations, queues) = futures_util::join!(
        store::instances::list(db),
        system::database(db),
        db.migrations(),
        depths(&api),
    );
    let database = database?;
    Ok(Json(System {
        at: now,
        instances: instances?
            .into_iter()
            .map(|instance| view(instance, now))
            .collect(),
        database: Database {
            version: database.version,
            bytes: database.bytes,
            connections: database.connections,
            most_connections: database.most_connections,
            long_transactions: database.long_transactions,
            tables: database
                .tables
                .into_iter()
                .map(|table| TableView {
                    name: table.name,
                    bytes: table.bytes,
                    rows: table.rows,
                })
                .collect(),
        },
        migrations: migrations?
            .into_iter()
            .map(|migration| MigrationView {
                version: migration.version,
                description: migration.description,
                is_applied: migration.is_applied,
            })
            .collect(),
        queues,
    }))
}

fn view(instance: Instance, now: DateTime<Utc>) -> InstanceView {
    let is_up = is_up(&instance, now);
    let until = if is_up { now } else { instance.seen_at };
    InstanceView {
        id: instance.id,
        is_up,
        uptime_seconds: (until - instance.started_at).num_seconds(),
        role: instance.role,
        version: instance.version,
        host: instance.host,
        disk_free_bytes: instance.disk.map(|disk| disk.free),
        disk_total_bytes: instance.disk.map(|disk| disk.total),
        started_at: instance.started_at,
        seen_at: instance.seen_at,
    }
}

/// What takes the database's time, as the database itself counts it.
#[utoipa::path(get, path = "/api/administration/slow-queries", responses((status = 200, body = SlowQueries)))]
pub(crate) async fn slow_queries(api: Data<AdminApi>, _person: Person) -> Result<Json<SlowQueries>, Problem> {
    let (state, statements) = match slow_queries::counted(api.db()).await? {
        Counted::NotInstalled => ("not_installed", Vec::new()),
        Counted::NotReadable => ("not_readable", Vec::new()),
        Counted::Statements(statements) => ("counted", statements),
    };
    let view = |statement: slow_queries::Statement| StatementView {
        text: statement.text,
        calls: statement.calls,
        mean_milliseconds: statement.mean_milliseconds,
        total_milliseconds: statement.total_milliseconds,
        rows: statement.rows,
    };
    Ok(Json(SlowQueries {
        state,
        statements: statements.into_iter().map(view).collect(),
    }))
}

/// How fast and how well answers are made.
///
/// Of a busy hour or day the newest records of each chatbot and integration are looked at.
#[utoipa::path(get, path = "/api/administration/latency", params(LatencyQuery), responses((status = 200, body = Latency)))]
pub(crate) async fn latency(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<LatencyQuery>,
) -> Result<Json<Latency>, Problem> {
    let window = match query.window.as_deref() {
        None | Some("hour") => TimeDelta::hours(1),
        Some("day") => TimeDelta::days(1),
        Some(_) => return Err(Problem::invalid("window", "window is hour or day")),
    };
    let (db, since) = (api.db(), api.now() - window);
    let (replies, stages, models, platforms) = futures_util::join!(
        latency::accept_to_reply(db, since),
        latency::stages(db, since),
        latency::models(db, since),
        latency::platforms(db, since),
    );
    Ok(Json(Latency {
        since,
        accept_to_reply: replies?
            .into_iter()
            .map(|(platform, took)| PlatformLatency {
                platform,
                milliseconds: took.into(),
            })
            .collect(),
        stages: stages?
            .into_iter()
            .map(|(stage, took)| StageLatency {
                stage,
                milliseconds: took.into(),
            })
            .collect(),
        models: models?
            .into_iter()
            .map(|model| ModelHealth {
                provider: model.provider,
                model: model.model,
                failed: model.failed,
                error_rate: share(model.failed, model.took.measured),
                milliseconds: model.took.into(),
            })
            .collect(),
        platforms: platforms?
            .into_iter()
            .map(|calls| PlatformHealth {
                platform: calls.platform,
                failed: calls.failed,
                error_rate: share(calls.failed, calls.took.measured),
                milliseconds: calls.took.into(),
            })
            .collect(),
    }))
}

impl From<latency::Spread> for Spread {
    fn from(spread: latency::Spread) -> Self {
        Self {
            measured: spread.measured,
            p50: spread.p50,
            p95: spread.p95,
            p99: spread.p99,
        }
    }
}

/// Counts of records are far below what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "counts of a day at most")]
fn share(some: i64, all: i64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}
