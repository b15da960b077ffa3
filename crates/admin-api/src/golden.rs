//! Golden questions: what a chatbot must be able to answer, before a change of it goes live.

mod given;
pub(crate) mod import;
pub(crate) mod taken;

use crate::{
    AdminApi,
    caller::Seat,
    input::Input,
    page::{self, Page, PageQuery},
    path::{ChatbotPath, GoldenPath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, GoldenQuestionId, MessageId};
use serde::{Deserialize, Serialize};
use store::{
    TenantTx,
    golden::{self, Expected, Written},
};
use utoipa::ToSchema;

/// Before every change that goes live all of them are asked.
pub(crate) const MOST: i64 = 500;

/// A golden question.
#[derive(Serialize, ToSchema)]
pub(crate) struct GoldenQuestion {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: GoldenQuestionId,
    /// As a visitor may ask it.
    question: String,
    /// The title of the source in which the answer must be found.
    source: Option<String>,
    /// The title of the document in which it must be found.
    document: Option<String>,
    /// Text that must stand in a passage that is found.
    passage: Option<String>,
    /// Words that the answer must contain.
    words: Vec<String>,
    /// Whether the chatbot must say that it does not know.
    refused: bool,
    /// The message that it was taken from.
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<MessageId>,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// A question with what is expected of its answer. Everything that is given must hold; what is found must be one passage
/// that is all of `source`, `document` and `passage`. Unless it must be refused, the question must be answered.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenInput {
    /// As a visitor may ask it. No two of a chatbot are the same.
    pub(crate) question: String,
    /// The title of the source in which the answer must be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// The title of the document in which it must be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<String>,
    /// Text that must stand in a passage that is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) passage: Option<String>,
    /// Words that the answer must contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
    /// Whether the chatbot must say that it does not know.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) refused: bool,
}

impl GoldenInput {
    /// As it is stored. Refused where something does not fit.
    pub(crate) fn checked(&self) -> Result<(String, Expected), Problem> {
        given::checked(self)
    }
}

impl From<golden::Golden> for GoldenInput {
    fn from(golden: golden::Golden) -> Self {
        let expected = golden.expected;
        Self {
            question: golden.question,
            source: expected.source,
            document: expected.document,
            passage: expected.passage,
            words: expected.words,
            refused: expected.refused,
        }
    }
}

impl From<golden::Golden> for GoldenQuestion {
    fn from(golden: golden::Golden) -> Self {
        let expected = golden.expected;
        Self {
            id: golden.id,
            question: golden.question,
            source: expected.source,
            document: expected.document,
            passage: expected.passage,
            words: expected.words,
            refused: expected.refused,
            message_id: golden.message,
            created_at: golden.created_at,
            updated_at: golden.updated_at,
        }
    }
}

/// The golden questions of a chatbot, in the order in which they were written.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/golden-questions", params(ChatbotPath, PageQuery),
    responses((status = 200, body = Page<GoldenQuestion>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<GoldenQuestion>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = golden::list(&mut tx, path.chatbot_id, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |golden| golden.id.as_uuid(),
        Into::into,
    )))
}

/// Write a golden question.
///
/// One that the chatbot has already is expected to be answered like this from now on: 200.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/golden-questions", params(ChatbotPath), request_body = GoldenInput,
    responses(
        (status = 201, body = GoldenQuestion),
        (status = 200, description = "The chatbot had it already.", body = GoldenQuestion),
    )
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<GoldenInput>,
) -> Result<HttpResponse, Problem> {
    let (question, expected) = input.0.checked()?;
    let mut tx = seat.begin(&api).await?;
    let response = keep(&api, &seat, &mut tx, path.chatbot_id, &question, &expected, None).await?;
    tx.commit().await?;
    Ok(response)
}

/// Writes one, and what is answered then.
async fn keep(
    api: &AdminApi,
    seat: &Seat,
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    question: &str,
    expected: &Expected,
    message: Option<MessageId>,
) -> Result<HttpResponse, Problem> {
    let written = golden::write(tx, chatbot, question, expected, message, api.now()).await?;
    let written = written.ok_or_else(Problem::not_found)?;
    room(tx, chatbot).await?;
    let details = serde_json::json!({ "chatbot": chatbot });
    seat.did(api, tx, "golden_question.write", written.id(), details)
        .await?;
    let golden = golden::get(tx, chatbot, written.id()).await?;
    let golden = GoldenQuestion::from(golden.ok_or_else(Problem::not_found)?);
    Ok(match written {
        Written::Added(_) => HttpResponse::Created().json(golden),
        Written::Changed(_) | Written::Unchanged(_) => HttpResponse::Ok().json(golden),
    })
}

/// Refused where there are too many now.
pub(crate) async fn room(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<(), Problem> {
    if golden::count(tx, chatbot).await? > MOST {
        let detail = format!("a chatbot has {MOST} golden questions at most; delete some first");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    Ok(())
}

/// Change a golden question.
///
/// As a whole: what is left out is not expected any more.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/golden-questions/{golden_id}", params(GoldenPath), request_body = GoldenInput,
    responses((status = 200, body = GoldenQuestion))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<GoldenPath>,
    input: Input<GoldenInput>,
) -> Result<Json<GoldenQuestion>, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.golden_id);
    let (question, expected) = input.0.checked()?;
    let mut tx = seat.begin(&api).await?;
    if !golden::update(&mut tx, chatbot, id, &question, &expected, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "chatbot": chatbot });
    seat.did(&api, &mut tx, "golden_question.write", id, details)
        .await?;
    let golden = golden::get(&mut tx, chatbot, id).await?;
    tx.commit().await?;
    Ok(Json(golden.ok_or_else(Problem::not_found)?.into()))
}

/// Delete a golden question.
///
/// What runs found of it stays.
#[utoipa::path(
    delete, path = "/api/chatbots/{chatbot_id}/golden-questions/{golden_id}", params(GoldenPath), responses((status = 204))
)]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<GoldenPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !golden::delete(&mut tx, path.chatbot_id, path.golden_id).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "chatbot": path.chatbot_id });
    seat.did(&api, &mut tx, "golden_question.delete", path.golden_id, details)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
