//! Canned replies: texts that members answer with again and again.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{CannedReplyPath, WorkspacePath},
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use domain::CannedReplyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::canned_replies as canned;
use utoipa::ToSchema;

const LONGEST_NAME: usize = 40;
const LONGEST_TEXT: usize = 4_000;

/// A text that members answer with again and again.
#[derive(Serialize, ToSchema)]
pub(crate) struct CannedReply {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: CannedReplyId,
    /// What is typed after a slash to get it.
    #[schema(example = "returns")]
    name: String,
    /// What it says. `{{contact.name}}` and `{{agent.name}}` stand for the person's and the member's name.
    #[schema(example = "Hello {{contact.name}}, you can return it within 30 days. {{agent.name}}")]
    text: String,
}

/// A canned reply to be made or changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CannedReplyInput {
    /// What is typed after a slash to get it: one word, 40 characters at most.
    #[schema(example = "returns")]
    name: String,
    /// What it says. `{{contact.name}}` and `{{agent.name}}` stand for the person's and the member's name.
    #[schema(example = "Hello {{contact.name}}, you can return it within 30 days. {{agent.name}}")]
    text: String,
}

impl From<canned::CannedReply> for CannedReply {
    fn from(reply: canned::CannedReply) -> Self {
        Self {
            id: reply.id,
            name: reply.name,
            text: reply.text,
        }
    }
}

fn given(id: CannedReplyId, input: &CannedReplyInput) -> Result<canned::CannedReply, Problem> {
    let name = input::line("name", &input.name, LONGEST_NAME)?;
    if name.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(Problem::invalid("name", "name must be one word without a slash"));
    }
    Ok(canned::CannedReply {
        id,
        name,
        text: input::filled_block("text", &input.text, LONGEST_TEXT)?,
    })
}

/// The canned replies of a workspace.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/canned-replies", params(WorkspacePath, PageQuery),
    responses((status = 200, body = Page<CannedReply>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<CannedReply>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = canned::list(&mut tx, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |reply| reply.id.as_uuid(),
        Into::into,
    )))
}

/// Make a canned reply.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/canned-replies", params(WorkspacePath), request_body = CannedReplyInput,
    responses((status = 201, body = CannedReply))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<CannedReplyInput>,
) -> Result<HttpResponse, Problem> {
    let reply = given(CannedReplyId::new(), &input.0)?;
    let mut tx = seat.begin(&api).await?;
    canned::insert(&mut tx, &reply).await?;
    let details = json!({ "name": reply.name });
    seat.did(&api, &mut tx, "canned_reply.create", reply.id, details)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(CannedReply::from(reply)))
}

/// Change a canned reply.
#[utoipa::path(
    put, path = "/api/workspaces/{workspace_id}/canned-replies/{canned_reply_id}", params(CannedReplyPath),
    request_body = CannedReplyInput, responses((status = 200, body = CannedReply))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<CannedReplyPath>,
    input: Input<CannedReplyInput>,
) -> Result<Json<CannedReply>, Problem> {
    let reply = given(path.canned_reply_id, &input.0)?;
    let mut tx = seat.begin(&api).await?;
    if !canned::update(&mut tx, &reply).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "name": reply.name });
    seat.did(&api, &mut tx, "canned_reply.update", reply.id, details)
        .await?;
    tx.commit().await?;
    Ok(Json(reply.into()))
}

/// Delete a canned reply.
#[utoipa::path(
    delete, path = "/api/workspaces/{workspace_id}/canned-replies/{canned_reply_id}", params(CannedReplyPath),
    responses((status = 204))
)]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<CannedReplyPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !canned::delete(&mut tx, path.canned_reply_id).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "canned_reply.delete",
        path.canned_reply_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
