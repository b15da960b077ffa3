//! A golden question that is taken from a conversation: what was asked there must be answered so from now on.

use super::{GoldenInput, keep};
use crate::{AdminApi, caller::Seat, input::OptionalInput, path::MessagePath, problem::Problem};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use store::{
    inbox,
    journey::{self, Answer},
};
use utoipa::ToSchema;

/// What is to be expected. Where nothing is given it is what the answer was: found in the first document that it rests on,
/// or not known.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakenInput {
    /// In place of what was asked.
    question: Option<String>,
    /// The title of the source in which the answer must be found.
    source: Option<String>,
    /// The title of the document in which it must be found.
    document: Option<String>,
    /// Text that must stand in a passage that is found.
    passage: Option<String>,
    /// Words that the answer must contain.
    #[serde(default)]
    words: Vec<String>,
    /// Whether the chatbot must say that it does not know.
    refused: Option<bool>,
}

/// Make a golden question of a message.
///
/// The message is one that a person wrote, or one with which the chatbot answered.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/messages/{message_id}/golden-question", params(MessagePath),
    request_body = TakenInput,
    responses(
        (status = 201, body = super::GoldenQuestion),
        (status = 200, description = "The chatbot had it already.", body = super::GoldenQuestion),
    )
)]
pub(crate) async fn take(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<MessagePath>,
    input: OptionalInput<TakenInput>,
) -> Result<HttpResponse, Problem> {
    let input = input.0.unwrap_or_default();
    let mut tx = seat.begin(&api).await?;
    let conversation = inbox::get(&mut tx, path.conversation_id).await?;
    let message = journey::message(&mut tx, path.conversation_id, path.message_id).await?;
    let (conversation, message) = conversation.zip(message).ok_or_else(Problem::not_found)?;
    let given = match input
        .question
        .clone()
        .or_else(|| crate::again::question_of(&message))
    {
        Some(question) => expected(question, input, message.answer.as_ref()),
        None => return Err(crate::again::no_question()),
    };
    let (question, expected) = given.checked()?;
    let (chatbot, from) = (conversation.chatbot, Some(message.id));
    let response = keep(&api, &seat, &mut tx, chatbot, &question, &expected, from).await?;
    tx.commit().await?;
    Ok(response)
}

fn expected(question: String, input: TakenInput, answer: Option<&Answer>) -> GoldenInput {
    let given = GoldenInput {
        question,
        source: input.source,
        document: input.document,
        passage: input.passage,
        words: input.words,
        refused: input.refused.unwrap_or_default(),
    };
    let nothing = given.source.is_none()
        && given.document.is_none()
        && given.passage.is_none()
        && given.words.is_empty()
        && input.refused.is_none();
    let Some(answer) = answer.filter(|_| nothing) else {
        return given;
    };
    GoldenInput {
        document: answer.citations[0]["title"].as_str().map(str::to_owned),
        refused: answer.fallback.as_deref() == Some("no_knowledge"),
        ..given
    }
}
