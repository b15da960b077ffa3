//! Questions that a chatbot's knowledge did not answer: the list of what to add to it.

use crate::{
    AdminApi,
    caller::Seat,
    page::{self, Page, PageQuery},
    path::{ChatbotPath, UnansweredPath},
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{AnswerId, ConversationId, UnansweredId};
use serde::Serialize;
use utoipa::ToSchema;

/// A question without an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unanswered {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: UnansweredId,
    /// As it was asked.
    question: String,
    /// Where it was asked.
    #[schema(value_type = Uuid)]
    conversation_id: ConversationId,
    /// The record of what was said instead.
    #[schema(value_type = Uuid)]
    answer_id: AnswerId,
    /// When.
    created_at: DateTime<Utc>,
}

/// The open questions, newest first.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/unanswered", params(ChatbotPath, PageQuery), responses((status = 200, body = Page<Unanswered>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Unanswered>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows =
        store::unanswered::list(&mut tx, path.chatbot_id, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |row| row.id.as_uuid(),
        |row| Unanswered {
            id: row.id,
            question: row.question,
            conversation_id: row.conversation,
            answer_id: row.answer,
            created_at: row.created_at,
        },
    )))
}

/// Take a question off the list.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/unanswered/{unanswered_id}/resolve", params(UnansweredPath), responses((status = 204))
)]
pub(crate) async fn resolve(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<UnansweredPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !store::unanswered::resolve(&mut tx, path.chatbot_id, path.unanswered_id).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "unanswered.resolve",
        path.unanswered_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
