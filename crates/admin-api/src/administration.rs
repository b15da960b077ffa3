//! The installation as a whole, for its administrators.

use crate::{
    AdminApi,
    caller::{Facts, Person},
    dead_letters::DeadLetter,
    page::{self, Page, PageQuery},
    path::UserPath,
    problem::{Kind, Problem},
    sessions::Account,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{UserId, WorkspaceId};
use queue::QueueName;
use serde::Serialize;
use store::{StoreError, activity_log::NewActivity};
use utoipa::ToSchema;

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

/// All workspaces.
#[utoipa::path(get, path = "/api/administration/workspaces", params(PageQuery), responses((status = 200, body = Page<WorkspaceOverview>)))]
pub(crate) async fn workspaces(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<PageQuery>,
) -> Result<Json<Page<WorkspaceOverview>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = store::workspaces::all(api.db(), query.after.map(Into::into), limit + 1).await?;
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

/// All accounts.
#[utoipa::path(get, path = "/api/administration/users", params(PageQuery), responses((status = 200, body = Page<Account>)))]
pub(crate) async fn users(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<PageQuery>,
) -> Result<Json<Page<Account>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = store::users::all(api.db(), query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |user| user.id.as_uuid(), Into::into)))
}

/// Disable an account.
///
/// Its sessions end at once.
#[utoipa::path(post, path = "/api/administration/users/{user_id}/disable", params(UserPath), responses((status = 204)))]
pub(crate) async fn disable(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<HttpResponse, Problem> {
    if path.user_id == person.user {
        return Err(Problem::new(
            Kind::Conflict,
            "this is your own account; another administrator has to disable it",
        ));
    }
    set_disabled(&api, &person, facts, path.user_id, true).await
}

/// Enable an account again.
#[utoipa::path(post, path = "/api/administration/users/{user_id}/enable", params(UserPath), responses((status = 204)))]
pub(crate) async fn enable(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<HttpResponse, Problem> {
    set_disabled(&api, &person, facts, path.user_id, false).await
}

async fn set_disabled(
    api: &AdminApi,
    person: &Person,
    facts: Facts,
    user: UserId,
    disabled: bool,
) -> Result<HttpResponse, Problem> {
    let now = api.now();
    let mut tx = api.db().system().await?;
    if !store::users::set_disabled(&mut tx, user, disabled.then_some(now)).await? {
        return Err(Problem::not_found());
    }
    if disabled {
        store::sessions::delete_of_user(&mut tx, user).await?;
    }
    let activity = NewActivity {
        user: Some(person.user),
        action: if disabled { "user.disable" } else { "user.enable" },
        target: Some(user.to_string()),
        ip: facts.ip,
        request_id: Some(facts.request_id),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, None, &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// How much waits in the queues.
#[utoipa::path(get, path = "/api/administration/queues", responses((status = 200, body = Queues)))]
pub(crate) async fn queues(api: Data<AdminApi>, _person: Person) -> Json<Queues> {
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
    Json(Queues {
        ready: api.queue().is_ready(),
        queues: futures_util::future::join_all(asked).await,
    })
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
