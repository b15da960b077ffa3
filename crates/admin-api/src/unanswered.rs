//! Questions that a chatbot's knowledge did not answer: the list of what to add to it.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ChatbotPath, UnansweredPath},
    problem::Problem,
    revenue::limits::make_room,
    sources,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{AnswerId, ConversationId, UnansweredId};
use serde::{Deserialize, Serialize};
use store::{sources::Pair, usage::Limit};
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

/// So many of the newest open questions are grouped.
const MOST_GROUPED: i64 = 1_000;
/// So many are turned into an answer at a time.
const MOST_ANSWERED: usize = 1_000;
/// So many questions of a group are shown.
const SHOWN: usize = 5;
/// Where answers that were given here gather.
const ANSWERED: &str = "Answers to visitors' questions";

/// Questions that ask much the same.
#[derive(Serialize, ToSchema)]
pub(crate) struct Group {
    /// How many.
    count: usize,
    /// The newest of them as they were asked, five at most.
    #[schema(example = json!(["Do you ship to Norway?"]))]
    questions: Vec<String>,
    /// All of them, the newest first: what `POST …/unanswered/answer` takes.
    #[schema(value_type = Vec<Uuid>)]
    unanswered_ids: Vec<UnansweredId>,
    /// When the newest was asked.
    last_asked_at: DateTime<Utc>,
}

/// Groups of open questions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Groups {
    /// The largest first.
    groups: Vec<Group>,
    /// How many questions were looked at: the newest 1000 at most.
    questions: usize,
}

/// An answer to open questions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnswer {
    /// The open questions that it answers.
    #[schema(value_type = Vec<Uuid>)]
    unanswered_ids: Vec<UnansweredId>,
    /// The question as the knowledge is to have it.
    question: String,
    /// The answer: who asks this is given it, word for word.
    answer: String,
}

/// What became of an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnswerAdded {
    /// The source of kind `qa` that has it now.
    #[schema(value_type = Uuid)]
    source_id: domain::SourceId,
    /// How many questions are open no more.
    resolved: u64,
}

/// The open questions, those that ask much the same together.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/unanswered/groups", params(ChatbotPath), responses((status = 200, body = Groups)))]
pub(crate) async fn groups(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Groups>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let rows = store::unanswered::list(&mut tx, path.chatbot_id, None, MOST_GROUPED).await?;
    drop(tx);
    let texts: Vec<String> = rows.iter().map(|row| row.question.clone()).collect();
    // Thousands of words take a moment.
    let groups = tokio::task::spawn_blocking(move || knowledge::groups(&texts))
        .await
        .map_err(Problem::internal)?;
    Ok(Json(Groups {
        groups: groups
            .iter()
            .map(|places| Group {
                count: places.len(),
                questions: places
                    .iter()
                    .take(SHOWN)
                    .map(|at| rows[*at].question.clone())
                    .collect(),
                unanswered_ids: places.iter().map(|at| rows[*at].id).collect(),
                last_asked_at: rows[places[0]].created_at,
            })
            .collect(),
        questions: rows.len(),
    }))
}

/// Answer open questions: the answer becomes knowledge, and they are open no more.
///
/// It is a pair of the source "Answers to visitors' questions", which is made when there is none. A question that this
/// source has already gets the new answer.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/unanswered/answer", params(ChatbotPath), request_body = NewAnswer,
    responses((status = 201, body = AnswerAdded))
)]
pub(crate) async fn answer(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<NewAnswer>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    input::number("unanswered_ids", input.unanswered_ids.len(), 1, MOST_ANSWERED)?;
    let pair = Pair {
        question: input::filled_block("question", &input.question, sources::given::MOST_QUESTION)?,
        answer: input::filled_block("answer", &input.answer, sources::given::MOST_ANSWER)?,
    };
    let mut tx = seat.begin(&api).await?;
    let before = store::usage::of_tenant(&mut tx, api.now()).await?.documents;
    let source = store::sources::add_answer(&mut tx, path.chatbot_id, ANSWERED, pair)
        .await?
        .ok_or_else(Problem::not_found)?;
    // Most answers go into a source that is there.
    if store::usage::of_tenant(&mut tx, api.now()).await?.documents > before {
        make_room(&api, &mut tx, Limit::Documents, 0).await?;
    }
    let resolved = store::unanswered::resolve_all(&mut tx, path.chatbot_id, &input.unanswered_ids).await?;
    if resolved == 0 {
        return Err(Problem::invalid(
            "unanswered_ids",
            "none of these questions is open; list them anew",
        ));
    }
    let details = serde_json::json!({ "chatbot": path.chatbot_id, "resolved": resolved });
    seat.did(&api, &mut tx, "unanswered.answer", source.id, details)
        .await?;
    tx.commit().await?;
    sources::index(&api, &seat, source.id).await;
    Ok(HttpResponse::Created().json(AnswerAdded {
        source_id: source.id,
        resolved,
    }))
}
