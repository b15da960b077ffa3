//! `GET /files/{workspace}/{file}/{token}/{name}`: a file that was uploaded to be sent, for the platform or the person that
//! was given its address.
//!
//! Invariants:
//! - The token proves workspace, file and time before anything is read. Whatever is wrong is the same 404.
//! - Only what was uploaded to be sent is served, never another blob of the workspace.
//! - Strangers may have made the bytes: a browser runs none of them. The address is a secret, and is not logged.

use crate::Gateway;
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::{
        Method, StatusCode,
        header::{
            self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue, Header,
            Range,
        },
    },
    web::{Bytes, Data, Path},
};
use chrono::Utc;
use domain::{BlobId, WorkspaceId};
use futures_util::{Stream, stream};
use std::{io, ops::RangeInclusive};
use store::{Db, blobs::PIECE_BYTES, outbound_files::File};
use uploads::Reference;

/// The part of a file that was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Only(RangeInclusive<u64>),
    Beyond,
}

/// `GET` and `HEAD` of a file.
pub(crate) async fn file(
    gateway: Data<Gateway>,
    path: Path<(String, String, String, String)>,
    request: HttpRequest,
) -> HttpResponse {
    let (workspace, blob, token, name) = path.into_inner();
    let (Ok(workspace), Ok(blob)) = (workspace.parse::<WorkspaceId>(), blob.parse::<BlobId>()) else {
        return not_found();
    };
    if !gateway.addresses.opens(workspace, blob, &token, Utc::now()) {
        return not_found();
    }
    let file = match find(&gateway.db, workspace, blob).await {
        Ok(Some(file)) if Reference::new(blob, &file.name).name() == name => file,
        Ok(_) => return not_found(),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an uploaded file cannot be read now"
            );
            return HttpResponse::ServiceUnavailable()
                .insert_header((header::RETRY_AFTER, "5"))
                .finish();
        }
    };
    let length = u64::try_from(file.bytes).unwrap_or_default();
    let part = match request.method() {
        &Method::GET => part(Range::parse(&request).ok(), length),
        _ => Part::Whole,
    };
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, 0..length),
        Part::Only(range) => (StatusCode::PARTIAL_CONTENT, *range.start()..range.end() + 1),
        Part::Beyond => {
            return headers(StatusCode::RANGE_NOT_SATISFIABLE, &file)
                .insert_header((header::CONTENT_RANGE, format!("bytes */{length}")))
                .finish();
        }
    };
    let mut response = headers(status, &file);
    if status == StatusCode::PARTIAL_CONTENT {
        let (first, last) = (range.start, range.end.saturating_sub(1));
        response.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")));
    }
    let bytes = read(gateway.db.clone(), workspace, blob, range.start, range.end);
    response.body(SizedStream::new(range.end - range.start, bytes))
}

async fn find(db: &Db, workspace: WorkspaceId, blob: BlobId) -> Result<Option<File>, store::StoreError> {
    let mut tx = db.tenant(workspace).await?;
    store::outbound_files::get(&mut tx, blob).await
}

fn not_found() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body("there is no such file, or its address has expired\n")
}

fn headers(status: StatusCode, file: &File) -> HttpResponseBuilder {
    let family = file.content_type.split('/').next().unwrap_or_default();
    let disposition = if matches!(family, "image" | "audio" | "video") {
        DispositionType::Inline
    } else {
        DispositionType::Attachment
    };
    let content_type = match file.content_type.as_str() {
        "text/plain" => "text/plain; charset=utf-8",
        other => other,
    };
    let plain = Reference::new(file.id, &file.name).name().to_owned();
    let mut response = HttpResponse::build(status);
    response
        .content_type(content_type)
        .insert_header(ContentDisposition {
            disposition,
            parameters: vec![
                DispositionParam::Filename(plain),
                DispositionParam::FilenameExt(ExtendedValue {
                    charset: Charset::Ext("UTF-8".to_owned()),
                    language_tag: None,
                    value: file.name.clone().into_bytes(),
                }),
            ],
        })
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        // Owners' pages show pictures that the widget brings.
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("x-robots-tag", "noindex"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
    response
}

/// Several ranges at once, and units other than bytes, get the whole: RFC 9110 14.2 allows it.
fn part(range: Option<Range>, length: u64) -> Part {
    let Some(Range::Bytes(specs)) = range else {
        return Part::Whole;
    };
    let [spec] = specs.as_slice() else {
        return Part::Whole;
    };
    match spec.to_satisfiable_range(length) {
        Some((first, last)) => Part::Only(first..=last),
        None => Part::Beyond,
    }
}

/// The bytes from `start` up to `end`, one piece a read.
fn read(
    db: Db,
    workspace: WorkspaceId,
    blob: BlobId,
    start: u64,
    end: u64,
) -> impl Stream<Item = Result<Bytes, io::Error>> + 'static {
    let size = PIECE_BYTES as u64;
    stream::try_unfold((db, start), move |(db, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let position = i32::try_from(at / size).map_err(io::Error::other)?;
        let mut tx = db.tenant(workspace).await.map_err(io::Error::other)?;
        let piece = store::blobs::piece(&mut tx, blob, position)
            .await
            .map_err(io::Error::other)?
            .ok_or_else(|| io::Error::other("a piece is missing"))?;
        drop(tx);
        let piece = Bytes::from(piece);
        let from = usize::try_from(at % size).map_err(io::Error::other)?;
        let to = usize::try_from((end - at).min(size)).map_err(io::Error::other)?;
        let to = from.saturating_add(to).min(piece.len());
        if from >= to {
            return Err(io::Error::other("a piece is too short"));
        }
        let bytes = piece.slice(from..to);
        let next = at + bytes.len() as u64;
        Ok(Some((bytes, (db, next))))
    })
}

#[cfg(test)]
mod tests;
