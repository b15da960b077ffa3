//! Files as sources.

use super::{Source, index};
use crate::{
    AdminApi,
    attachments::pieces,
    caller::Seat,
    input::{self, Upload},
    path::{ChatbotPath, SourcePath},
    problem::{Kind, Problem},
    revenue::limits::make_room,
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use domain::SourceId;
use extract::ExtractError;
use serde::Deserialize;
use store::{
    TenantTx,
    sources::{Change, Content, File, NewSource},
    usage::Limit,
};
use utoipa::IntoParams;

/// What a file is called.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileQuery {
    /// The file's name with its ending: `prices.xlsx`.
    name: String,
    /// As you and, in citations, your visitors see it; the name without its ending when left out.
    title: Option<String>,
}

/// Add a file.
///
/// The body is the file itself: PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx), CSV, HTML, Markdown, plain text, or a
/// zip of these. A CSV or a sheet with the columns `question` and `answer` becomes questions with answers. It is read at
/// once; `state` tells how far it is, and `error` what is wrong with it.
///
/// `curl --data-binary @prices.xlsx "…/source-files?name=prices.xlsx"`
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/source-files", params(ChatbotPath, FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes."),
    responses((status = 201, body = Source))
)]
pub(crate) async fn add(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<FileQuery>,
    file: Upload,
) -> Result<HttpResponse, Problem> {
    let (name, title) = names(&query)?;
    readable(&name, &file.0)?;
    let mut tx = seat.begin(&api).await?;
    make_room(&api, &mut tx, Limit::Documents, 1).await?;
    let new = NewSource {
        id: SourceId::new(),
        chatbot: path.chatbot_id,
        title,
        content: keep(&mut tx, &name, &file.0).await?,
        refresh_hours: None,
    };
    let source = store::sources::insert(&mut tx, &new)
        .await?
        .ok_or_else(Problem::not_found)?;
    let details =
        serde_json::json!({ "chatbot": path.chatbot_id, "kind": source.kind, "bytes": file.0.len() });
    seat.did(&api, &mut tx, "source.create", source.id, details)
        .await?;
    tx.commit().await?;
    index(&api, &seat, source.id).await;
    Ok(HttpResponse::Created().json(Source::from(source)))
}

/// Replace a source's content by a file.
///
/// Passages that are the same in both stay as they are; until it is read, what was known before is found.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/file", params(SourcePath, FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes."),
    responses((status = 200, body = Source))
)]
pub(crate) async fn replace(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
    query: Query<FileQuery>,
    file: Upload,
) -> Result<Json<Source>, Problem> {
    let (name, _) = names(&query)?;
    readable(&name, &file.0)?;
    let mut tx = seat.begin(&api).await?;
    let known = store::sources::get(&mut tx, path.chatbot_id, path.source_id).await?;
    known.ok_or_else(Problem::not_found)?;
    let change = Change {
        title: query
            .title
            .as_deref()
            .map(|title| input::line("title", title, 200))
            .transpose()?,
        content: Some(keep(&mut tx, &name, &file.0).await?),
        refresh_hours: Some(None),
    };
    let source = store::sources::update(&mut tx, path.chatbot_id, path.source_id, &change).await?;
    let source = source.ok_or_else(Problem::not_found)?;
    let details =
        serde_json::json!({ "chatbot": path.chatbot_id, "version": source.version, "bytes": file.0.len() });
    seat.did(&api, &mut tx, "source.update", source.id, details)
        .await?;
    tx.commit().await?;
    index(&api, &seat, source.id).await;
    Ok(Json(source.into()))
}

/// The file as it was brought.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/file", params(SourcePath),
    responses((status = 200, description = "The bytes.", content_type = "application/octet-stream", body = Vec<u8>))
)]
pub(crate) async fn download(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let content = store::sources::content(&mut tx, path.chatbot_id, path.source_id).await?;
    let Content::File(file) = content.ok_or_else(Problem::not_found)? else {
        return Err(Problem::new(Kind::Conflict, "the source is no file"));
    };
    drop(tx);
    let name: String = file
        .name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' '))
        .collect();
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .no_chunking(u64::try_from(file.bytes).unwrap_or_default())
        .streaming(pieces(api, seat.workspace, file.blob)))
}

/// The file's name, and the source's title.
fn names(query: &FileQuery) -> Result<(String, String), Problem> {
    let name = input::line("name", &query.name, 255)?;
    let title = match &query.title {
        Some(title) => input::line("title", title, 200)?,
        None => {
            let file = name.rsplit(['/', '\\']).next().unwrap_or(&name);
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            input::line("name", if stem.is_empty() { file } else { stem }, 200)?
        }
    };
    Ok((name, title))
}

/// What can be told at a glance is told at once; the rest by the indexer.
fn readable(name: &str, bytes: &[u8]) -> Result<(), Problem> {
    match extract::Kind::of(name, bytes) {
        Ok(_) => Ok(()),
        Err(error @ ExtractError::UnknownKind) => {
            Err(Problem::new(Kind::UnsupportedMediaType, error.to_string()))
        }
        Err(error) => Err(Problem::new(Kind::Invalid, error.to_string())),
    }
}

async fn keep(tx: &mut TenantTx, name: &str, bytes: &[u8]) -> Result<Content, Problem> {
    let blob = store::blobs::insert_own(tx, "application/octet-stream", bytes).await?;
    Ok(Content::File(File {
        blob,
        name: name.to_owned(),
        bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
    }))
}
