//! The installation as a whole, for its administrators.
//!
//! Invariant: whatever is done here is in the activity log, in the transaction that does it; where it is done in a
//! workspace, or looks into one of its conversations, that workspace finds it in its own activity.

pub(crate) mod activity;
pub(crate) mod chatbots;
pub(crate) mod conversations;
pub(crate) mod impersonation;
pub(crate) mod leads;
pub(crate) mod mail;
pub(crate) mod master_keys;
pub(crate) mod model_order;
pub(crate) mod model_providers;
pub(crate) mod moving;
pub(crate) mod overview;
pub(crate) mod replay;
pub(crate) mod switches;
pub(crate) mod system;
pub(crate) mod users;

use crate::{
    AdminApi,
    caller::{Facts, Person},
    dead_letters::DeadLetter,
    input,
    page::{self, Page},
    problem::Problem,
};
use actix_web::web::{Data, Json, Query};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use queue::QueueName;
use serde::{Deserialize, Serialize};
use store::{SystemTx, activity_log::NewActivity};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What an administrator does, as it is noted.
pub(crate) fn noted(
    person: &Person,
    facts: &Facts,
    action: &'static str,
    target: impl ToString,
    details: serde_json::Value,
) -> NewActivity {
    NewActivity {
        user: Some(person.user),
        api_key: None,
        impersonated_by: person.impersonated_by(),
        action,
        target: Some(target.to_string()),
        details,
        ip: facts.ip.clone(),
        request_id: Some(facts.request_id.clone()),
    }
}

/// Notes it, in the workspace where it is one's business.
async fn note(
    api: &AdminApi,
    tx: &mut SystemTx,
    workspace: Option<WorkspaceId>,
    activity: &NewActivity,
) -> Result<(), Problem> {
    Ok(store::activity_log::record_system(tx, workspace, activity, api.now()).await?)
}

/// A workspace, seen from outside: never what is in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkspaceOverview {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: WorkspaceId,
    /// Its name.
    name: String,
    /// How many people belong to it.
    members: i64,
    /// How many chatbots it has in use.
    chatbots: i64,
    /// When it was made.
    created_at: DateTime<Utc>,
}

/// The queues.
#[derive(Serialize, ToSchema)]
pub(crate) struct Queues {
    /// Whether messages can be published now.
    ready: bool,
    /// Every queue.
    queues: Vec<QueueDepth>,
}

/// How much waits in a queue.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueDepth {
    /// The queue.
    #[schema(example = "chat.inbound")]
    name: String,
    /// Messages that wait in it; `null` when that could not be found out.
    messages: Option<u64>,
    /// How long the oldest has been waiting, where that is known.
    oldest_seconds: Option<u64>,
    /// Why it could not be found out.
    problem: Option<&'static str>,
}

/// Which workspaces to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspacesQuery {
    /// Whose name contains this.
    q: Option<String>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// All workspaces.
#[utoipa::path(get, path = "/api/administration/workspaces", params(WorkspacesQuery), responses((status = 200, body = Page<WorkspaceOverview>)))]
pub(crate) async fn workspaces(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<WorkspacesQuery>,
) -> Result<Json<Page<WorkspaceOverview>>, Problem> {
    let limit = page::limit(query.limit)?;
    let text = input::sought(query.q.as_deref())?;
    let after = query.after.map(Into::into);
    let rows = store::workspaces::all(api.db(), text.as_deref(), after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |row| row.workspace.id.as_uuid(),
        |row| WorkspaceOverview {
            id: row.workspace.id,
            name: row.workspace.name,
            members: row.members,
            chatbots: row.chatbots,
            created_at: row.workspace.created_at,
        },
    )))
}

/// How much waits in the queues.
#[utoipa::path(get, path = "/api/administration/queues", responses((status = 200, body = Queues)))]
pub(crate) async fn queues(api: Data<AdminApi>, _person: Person) -> Json<Queues> {
    Json(depths(&api).await)
}

/// Every queue, asked now.
async fn depths(api: &AdminApi) -> Queues {
    let mut names = vec![
        QueueName::Inbound,
        QueueName::Status,
        QueueName::Turns,
        QueueName::Index,
    ];
    names.extend(
        api.channels()
            .iter()
            .map(|channel| QueueName::Outbound(channel.platform())),
    );
    names.extend([
        QueueName::Inbound.dead(),
        QueueName::Status.dead(),
        QueueName::Index.dead(),
    ]);
    let asked = names.into_iter().map(async |name| {
        let (depth, oldest) = futures_util::join!(api.queue().depth(&name), api.queue().oldest(&name));
        QueueDepth {
            name: name.to_string(),
            problem: depth.is_err().then_some("the queue could not be asked"),
            messages: depth.ok(),
            oldest_seconds: oldest.ok().flatten().map(|age| age.as_secs()),
        }
    });
    Queues {
        ready: api.queue().is_ready(),
        queues: futures_util::future::join_all(asked).await,
    }
}

/// Messages of queues that nobody could read, newest first.
#[utoipa::path(get, path = "/api/administration/dead-letters", responses((status = 200, body = Page<DeadLetter>)))]
pub(crate) async fn dead_letters(
    api: Data<AdminApi>,
    _person: Person,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    let rows = store::dead_letters::list_unowned(api.db(), 200).await?;
    Ok(Json(Page::whole(rows.into_iter().map(Into::into).collect())))
}
