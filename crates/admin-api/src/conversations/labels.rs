//! Labels: a workspace's, and those on a conversation.

use crate::{
    AdminApi,
    caller::Seat,
    difference,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ConversationLabelPath, LabelPath, WorkspacePath},
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use domain::LabelId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::labels;
use utoipa::ToSchema;

const LONGEST_NAME: usize = 40;
/// Those that can be told apart, in light and in dark.
const COLOURS: &[&str] = &[
    "gray", "red", "orange", "yellow", "green", "teal", "blue", "violet", "pink",
];

/// What conversations are marked with.
#[derive(Serialize, ToSchema)]
pub(crate) struct Label {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: LabelId,
    /// What it says.
    #[schema(example = "refund")]
    name: String,
    /// Its colour.
    #[schema(example = "orange")]
    colour: String,
}

/// A label to be made or changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelInput {
    /// What it says: 40 characters at most, and nothing that another label of the workspace says.
    #[schema(example = "refund")]
    name: String,
    /// `gray`, `red`, `orange`, `yellow`, `green`, `teal`, `blue`, `violet` or `pink`.
    #[schema(example = "orange")]
    colour: String,
}

impl From<labels::Label> for Label {
    fn from(label: labels::Label) -> Self {
        Self {
            id: label.id,
            name: label.name,
            colour: label.colour,
        }
    }
}

fn given(id: LabelId, input: &LabelInput) -> Result<labels::Label, Problem> {
    if !COLOURS.contains(&input.colour.as_str()) {
        let detail = format!("colour must be one of {}", COLOURS.join(", "));
        return Err(Problem::invalid("colour", detail));
    }
    Ok(labels::Label {
        id,
        name: input::line("name", &input.name, LONGEST_NAME)?,
        colour: input.colour.clone(),
    })
}

/// The labels of a workspace.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/labels", params(WorkspacePath, PageQuery), responses((status = 200, body = Page<Label>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Label>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = labels::list(&mut tx, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |label| label.id.as_uuid(),
        Into::into,
    )))
}

/// Make a label.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/labels", params(WorkspacePath), request_body = LabelInput,
    responses((status = 201, body = Label))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<LabelInput>,
) -> Result<HttpResponse, Problem> {
    let label = given(LabelId::new(), &input.0)?;
    let mut tx = seat.begin(&api).await?;
    labels::insert(&mut tx, &label).await?;
    let details = json!({ "name": label.name, "colour": label.colour });
    seat.did(&api, &mut tx, "label.create", label.id, details).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(Label::from(label)))
}

/// Change a label, on every conversation that has it.
#[utoipa::path(
    put, path = "/api/workspaces/{workspace_id}/labels/{label_id}", params(LabelPath), request_body = LabelInput,
    responses((status = 200, body = Label))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LabelPath>,
    input: Input<LabelInput>,
) -> Result<Json<Label>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let before = labels::get(&mut tx, path.label_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let label = given(path.label_id, &input.0)?;
    if !labels::update(&mut tx, &label).await? {
        return Err(Problem::not_found());
    }
    let details = difference::between(
        &json!({ "name": before.name, "colour": before.colour }),
        &json!({ "name": label.name, "colour": label.colour }),
    );
    seat.did(&api, &mut tx, "label.update", label.id, details).await?;
    tx.commit().await?;
    Ok(Json(label.into()))
}

/// Delete a label.
///
/// Conversations lose it.
#[utoipa::path(delete, path = "/api/workspaces/{workspace_id}/labels/{label_id}", params(LabelPath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LabelPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let before = labels::get(&mut tx, path.label_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    labels::delete(&mut tx, path.label_id).await?;
    let details = json!({ "name": before.name });
    seat.did(&api, &mut tx, "label.delete", path.label_id, details)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Put a label on a conversation.
#[utoipa::path(
    put, path = "/api/conversations/{conversation_id}/labels/{label_id}", params(ConversationLabelPath), responses((status = 204))
)]
pub(crate) async fn attach(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationLabelPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !labels::attach(&mut tx, path.conversation_id, path.label_id).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "label": path.label_id });
    seat.did(&api, &mut tx, "conversation.label", path.conversation_id, details)
        .await?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, path.conversation_id);
    Ok(HttpResponse::NoContent().finish())
}

/// Take a label off a conversation.
#[utoipa::path(
    delete, path = "/api/conversations/{conversation_id}/labels/{label_id}", params(ConversationLabelPath), responses((status = 204))
)]
pub(crate) async fn detach(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationLabelPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !labels::detach(&mut tx, path.conversation_id, path.label_id).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "label": path.label_id });
    seat.did(
        &api,
        &mut tx,
        "conversation.unlabel",
        path.conversation_id,
        details,
    )
    .await?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, path.conversation_id);
    Ok(HttpResponse::NoContent().finish())
}
