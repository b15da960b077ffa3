//! Who changed what in a workspace.

use crate::{
    AdminApi,
    caller::Seat,
    page::{self, Page, PageQuery},
    path::WorkspacePath,
    problem::Problem,
};
use actix_web::web::{Data, Json, Path, Query};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One change.
#[derive(Serialize, ToSchema)]
pub(crate) struct Activity {
    /// Sorts by time.
    id: Uuid,
    /// The person who did it.
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Their address, while they belong to the workspace.
    email: Option<String>,
    /// The API key that did it.
    #[schema(value_type = Option<Uuid>)]
    api_key_id: Option<ApiKeyId>,
    /// What was done: a stable name.
    #[schema(example = "chatbot.update")]
    action: String,
    /// What it was done to.
    target: Option<String>,
    /// What else is worth knowing.
    #[schema(value_type = Object)]
    details: serde_json::Value,
    /// Where the request came from.
    ip: Option<String>,
    /// The request's id.
    request_id: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

/// The changes, newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/activity", params(WorkspacePath, PageQuery), responses((status = 200, body = Page<Activity>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Activity>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = store::activity_log::list(&mut tx, query.after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id, Into::into)))
}

impl From<store::activity_log::Activity> for Activity {
    fn from(row: store::activity_log::Activity) -> Self {
        Self {
            id: row.id,
            user_id: row.user,
            email: row.email,
            api_key_id: row.api_key,
            action: row.action,
            target: row.target,
            details: row.details,
            ip: row.ip,
            request_id: row.request_id,
            at: row.at,
        }
    }
}
