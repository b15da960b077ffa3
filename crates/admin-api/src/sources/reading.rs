//! What sources were read into: documents, their passages, and the pages of sites.

use super::{Source, index};
use crate::{
    AdminApi,
    caller::Seat,
    page::{self, Page, PageQuery},
    path::{DocumentPath, SourcePath},
    problem::Problem,
};
use actix_web::web::{Data, Json, Path, Query};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One document of a source.
#[derive(Serialize, ToSchema)]
pub(crate) struct Document {
    /// Its id.
    id: Uuid,
    /// As citations name it.
    title: String,
    /// Of a page: its address.
    url: Option<String>,
    /// How many it has.
    characters: i32,
    /// How many passages it was cut into.
    passages: i64,
    /// Why it could not be read.
    error: Option<String>,
    /// How many of its pages or slides hold pictures only, and could not be read.
    unreadable_pages: i32,
    /// When it was first read.
    created_at: DateTime<Utc>,
}

/// One passage.
#[derive(Serialize, ToSchema)]
pub(crate) struct Passage {
    /// Its id.
    id: Uuid,
    /// The headings above it.
    heading: String,
    /// Of a question with its answer: the question.
    question: Option<String>,
    /// What it says.
    text: String,
}

/// One page of a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct SitePage {
    /// Its id.
    id: Uuid,
    /// Its address.
    url: String,
    /// `due`, `ready`, `left_out` or `failed`.
    state: String,
    /// Why it was left out, or could not be fetched.
    reason: Option<String>,
    /// How many links away from the start.
    depth: i32,
    /// When it was last fetched.
    fetched_at: Option<DateTime<Utc>>,
    /// What it was read into.
    document_id: Option<Uuid>,
}

/// Which pages of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SitePageQuery {
    /// Only those: `due`, `ready`, `left_out` or `failed`.
    state: Option<String>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most: 1 to 200, 50 by default.
    limit: Option<i64>,
}

/// The documents that a source was read into.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/documents", params(SourcePath, PageQuery),
    responses((status = 200, body = Page<Document>))
)]
pub(crate) async fn documents(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Document>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let known = store::sources::get(&mut tx, path.chatbot_id, path.source_id).await?;
    known.ok_or_else(Problem::not_found)?;
    let rows =
        store::documents::list(&mut tx, path.source_id, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |row| row.id.as_uuid(),
        |row| Document {
            id: row.id.as_uuid(),
            title: row.title,
            url: row.url,
            characters: row.characters,
            passages: row.chunks,
            error: row.error,
            unreadable_pages: row.unreadable_pages,
            created_at: row.created_at,
        },
    )))
}

/// The passages that a document was cut into.
///
/// As questions find them. All of a document of up to 500.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/documents/{document_id}/passages", params(DocumentPath),
    responses((status = 200, body = Page<Passage>))
)]
pub(crate) async fn passages(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<DocumentPath>,
) -> Result<Json<Page<Passage>>, Problem> {
    const MOST: i64 = 500;
    let mut tx = seat.begin(&api).await?;
    let known = store::documents::exists(&mut tx, path.chatbot_id, path.source_id, path.document_id).await?;
    if !known {
        return Err(Problem::not_found());
    }
    let rows = store::chunks::list(&mut tx, path.document_id, 0, MOST).await?;
    Ok(Json(Page::whole(
        rows.into_iter()
            .map(|row| Passage {
                id: row.id.as_uuid(),
                heading: row.heading,
                question: row.question,
                text: row.text,
            })
            .collect(),
    )))
}

/// The pages of a site, with what became of each.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/pages", params(SourcePath, SitePageQuery),
    responses((status = 200, body = Page<SitePage>))
)]
pub(crate) async fn pages(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
    query: Query<SitePageQuery>,
) -> Result<Json<Page<SitePage>>, Problem> {
    let limit = page::limit(query.limit)?;
    let state = query.state.as_deref();
    if state.is_some_and(|state| !matches!(state, "due" | "ready" | "left_out" | "failed")) {
        return Err(Problem::invalid(
            "state",
            "state is one of due, ready, left_out and failed",
        ));
    }
    let mut tx = seat.begin(&api).await?;
    let known = store::sources::get(&mut tx, path.chatbot_id, path.source_id).await?;
    known.ok_or_else(Problem::not_found)?;
    let rows = store::pages::list(&mut tx, path.source_id, state, query.after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |row| row.id,
        |row| SitePage {
            id: row.id,
            url: row.url,
            state: row.state,
            reason: row.reason,
            depth: row.depth,
            fetched_at: row.fetched_at,
            document_id: row.document.map(|id| id.as_uuid()),
        },
    )))
}

/// Read a source again, now.
///
/// A site's pages are asked whether they have changed, and only those that have are indexed anew.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/refresh", params(SourcePath), responses((status = 200, body = Source))
)]
pub(crate) async fn refresh(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
) -> Result<Json<Source>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let source = store::sources::read_again(&mut tx, path.chatbot_id, path.source_id).await?;
    let source = source.ok_or_else(Problem::not_found)?;
    seat.did(
        &api,
        &mut tx,
        "source.refresh",
        source.id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    index(&api, &seat, source.id).await;
    Ok(Json(source.into()))
}
