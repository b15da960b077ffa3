//! Pictures, sounds and files that came with messages.
//!
//! Invariant: strangers made these bytes. A browser shows pictures of known kinds and saves everything else; it runs none
//! of it.

use crate::{
    AdminApi,
    caller::Seat,
    path::AttachmentPath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data, Path},
};
use domain::{BlobId, WorkspaceId};
use futures_util::stream;
use std::io;

/// What browsers draw without running anything.
const SHOWN: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The bytes of an attachment.
#[utoipa::path(
    get, path = "/api/conversations/{conversation_id}/attachments/{attachment_id}", params(AttachmentPath),
    responses((status = 200, description = "The bytes.", content_type = "application/octet-stream", body = Vec<u8>))
)]
pub(crate) async fn download(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<AttachmentPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let attachment = store::journey::attachment(&mut tx, path.conversation_id, path.attachment_id).await?;
    let attachment = attachment.ok_or_else(Problem::not_found)?;
    let Some(blob) = attachment.blob else {
        let detail = match attachment.error {
            Some(error) => format!("the attachment was not kept: {error}"),
            None => "the attachment is still being fetched; try again in a moment".to_owned(),
        };
        return Err(Problem::new(Kind::Conflict, detail));
    };
    let blob = store::blobs::get(&mut tx, blob)
        .await?
        .ok_or_else(Problem::not_found)?;
    drop(tx);

    let essence = blob
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let shown = SHOWN.iter().find(|kind| **kind == essence);
    let disposition = if shown.is_some() { "inline" } else { "attachment" };
    Ok(HttpResponse::Ok()
        .content_type(*shown.unwrap_or(&"application/octet-stream"))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .no_chunking(u64::try_from(blob.bytes).unwrap_or_default())
        .streaming(pieces(api, seat.workspace, blob.id)))
}

/// The pieces, one read at a time.
pub(crate) fn pieces(
    api: Data<AdminApi>,
    workspace: WorkspaceId,
    blob: BlobId,
) -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> + 'static {
    stream::try_unfold((api, 0), move |(api, position)| async move {
        let mut tx = api.db().tenant(workspace).await.map_err(io::Error::other)?;
        let piece = store::blobs::piece(&mut tx, blob, position)
            .await
            .map_err(io::Error::other)?;
        drop(tx);
        Ok(piece.map(|piece| (Bytes::from(piece), (api, position + 1))))
    })
}
