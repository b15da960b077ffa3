//! Workspaces.

use crate::{
    AdminApi,
    administration::switches::may_make_workspaces,
    caller::{Facts, Person, Seat},
    difference,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::WorkspacePath,
    problem::Problem,
    sessions::SeatView,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use domain::{Role, WorkspaceId};
use serde::Deserialize;
use serde_json::json;
use store::{StoreError, activity_log::NewActivity};
use utoipa::ToSchema;

/// A workspace's settings.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceInput {
    /// Its name.
    name: String,
}

/// Your workspaces.
#[utoipa::path(get, path = "/api/workspaces", params(PageQuery), responses((status = 200, body = Page<SeatView>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    person: Person,
    query: Query<PageQuery>,
) -> Result<Json<Page<SeatView>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = store::users::seats(api.db(), person.user, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |seat| seat.workspace.as_uuid(),
        Into::into,
    )))
}

/// Make a workspace.
///
/// You become its owner.
#[utoipa::path(post, path = "/api/workspaces", request_body = WorkspaceInput, responses((status = 201, body = SeatView)))]
pub(crate) async fn create(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<WorkspaceInput>,
) -> Result<HttpResponse, Problem> {
    may_make_workspaces(&api, &person).await?;
    let name = input::line("name", &input.0.name, 100)?;
    let (id, now) = (WorkspaceId::new(), api.now());
    let mut tx = api.db().system().await?;
    store::workspaces::insert(&mut tx, id, &name).await?;
    store::memberships::add(&mut tx, id, person.user, Role::Owner, now).await?;
    let activity = NewActivity {
        user: Some(person.user),
        impersonated_by: person.impersonated_by(),
        action: "workspace.create",
        target: Some(id.to_string()),
        ip: facts.ip,
        request_id: Some(facts.request_id),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, Some(id), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(SeatView {
        id,
        name,
        role: Role::Owner,
        created_at: now,
    }))
}

/// One workspace.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}", params(WorkspacePath), responses((status = 200, body = SeatView)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<SeatView>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let found = store::workspaces::get(&mut tx)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(SeatView {
        id: found.id,
        name: found.name,
        role: seat.role,
        created_at: found.created_at,
    }))
}

/// Rename a workspace.
#[utoipa::path(patch, path = "/api/workspaces/{workspace_id}", params(WorkspacePath), request_body = WorkspaceInput, responses((status = 200, body = SeatView)))]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<WorkspaceInput>,
) -> Result<Json<SeatView>, Problem> {
    let name = input::line("name", &input.0.name, 100)?;
    let mut tx = seat.begin(&api).await?;
    let before = store::workspaces::get(&mut tx)
        .await?
        .ok_or_else(Problem::not_found)?;
    store::workspaces::rename(&mut tx, &name).await?;
    let change = difference::between(&json!({ "name": before.name }), &json!({ "name": name }));
    seat.did(&api, &mut tx, "workspace.rename", seat.workspace, change)
        .await?;
    let found = store::workspaces::get(&mut tx)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(Json(SeatView {
        id: found.id,
        name: found.name,
        role: seat.role,
        created_at: found.created_at,
    }))
}
