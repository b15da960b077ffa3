//! Correcting an answer: what it should have been becomes knowledge.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    path::MessagePath,
    problem::{Kind, Problem},
    sources,
    unanswered::{ANSWERED, AnswerAdded},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use store::{inbox, journey, sources::Pair};
use utoipa::ToSchema;

/// What an answer should have been.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// The question as the knowledge is to have it.
    #[schema(example = "Do you ship to Norway?")]
    question: String,
    /// The answer: who asks this is given it, word for word.
    #[schema(example = "Yes, within five days.")]
    answer: String,
}

/// Correct an answer of the chatbot.
///
/// The pair joins the source "Answers to visitors' questions", which is made when there is none; a question that this
/// source has already gets the new answer. If the question was listed as unanswered, it is open no more. Nothing is sent.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/messages/{message_id}/correction", params(MessagePath),
    request_body = Correction, responses((status = 201, body = AnswerAdded))
)]
pub(crate) async fn correct(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<MessagePath>,
    input: Input<Correction>,
) -> Result<HttpResponse, Problem> {
    let pair = Pair {
        question: input::filled_block("question", &input.0.question, sources::given::MOST_QUESTION)?,
        answer: input::filled_block("answer", &input.0.answer, sources::given::MOST_ANSWER)?,
    };
    let mut tx = seat.begin(&api).await?;
    let conversation = inbox::get(&mut tx, path.conversation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let answer = journey::message(&mut tx, path.conversation_id, path.message_id)
        .await?
        .ok_or_else(Problem::not_found)?
        .answer
        .ok_or_else(|| Problem::new(Kind::Conflict, "the chatbot did not write this message"))?;
    let source = store::sources::add_answer(&mut tx, conversation.chatbot, ANSWERED, pair)
        .await?
        .ok_or_else(Problem::not_found)?;
    let resolved = store::unanswered::resolve_of_answer(&mut tx, conversation.chatbot, answer.id).await?;
    let details = serde_json::json!({ "message": path.message_id, "chatbot": conversation.chatbot });
    seat.did(&api, &mut tx, "answer.correct", source.id, details)
        .await?;
    tx.commit().await?;
    sources::index(&api, &seat, source.id).await;
    Ok(HttpResponse::Created().json(AnswerAdded {
        source_id: source.id,
        resolved,
    }))
}
