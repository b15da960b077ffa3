//! Notes on a conversation, among members.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ConversationPath, NotePath},
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{NoteId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::notes;
use utoipa::ToSchema;

const LONGEST: usize = 4_000;

/// What a member says to the others about a conversation. The person on the other side never sees it, and neither does a
/// model.
#[derive(Serialize, ToSchema)]
pub(crate) struct Note {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: NoteId,
    /// Who wrote it; `null`: a program, or somebody who is a member no more.
    #[schema(value_type = Option<Uuid>)]
    author_id: Option<UserId>,
    /// Their name; their address where they have none.
    author_name: Option<String>,
    /// What it says.
    text: String,
    /// When.
    created_at: DateTime<Utc>,
}

/// A note to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteInput {
    /// What it says: 4000 characters at most.
    #[schema(example = "She has been promised a call on Monday.")]
    text: String,
}

impl From<notes::Note> for Note {
    fn from(note: notes::Note) -> Self {
        Self {
            id: note.id,
            author_id: note.author,
            author_name: note.author_name,
            text: note.text,
            created_at: note.created_at,
        }
    }
}

/// The notes on a conversation, newest first.
#[utoipa::path(
    get, path = "/api/conversations/{conversation_id}/notes", params(ConversationPath, PageQuery), responses((status = 200, body = Page<Note>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Note>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let after = query.after.map(Into::into);
    let rows = notes::list(&mut tx, path.conversation_id, after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |note| note.id.as_uuid(), Into::into)))
}

/// Add a note to a conversation.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/notes", params(ConversationPath), request_body = NoteInput,
    responses((status = 201, body = Note))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
    input: Input<NoteInput>,
) -> Result<HttpResponse, Problem> {
    let text = input::filled_block("text", &input.0.text, LONGEST)?;
    let mut tx = seat.begin(&api).await?;
    let note = notes::insert(&mut tx, path.conversation_id, seat.user(), &text, api.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    // What it says is among the conversation's members and not in the log.
    let details = json!({ "note": note.id });
    seat.did(&api, &mut tx, "conversation.note", path.conversation_id, details)
        .await?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, path.conversation_id);
    Ok(HttpResponse::Created().json(Note::from(note)))
}

/// Delete a note.
#[utoipa::path(
    delete, path = "/api/conversations/{conversation_id}/notes/{note_id}", params(NotePath), responses((status = 204))
)]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<NotePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !notes::delete(&mut tx, path.conversation_id, path.note_id).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "note": path.note_id });
    seat.did(
        &api,
        &mut tx,
        "conversation.note_delete",
        path.conversation_id,
        details,
    )
    .await?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, path.conversation_id);
    Ok(HttpResponse::NoContent().finish())
}
