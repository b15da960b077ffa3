//! A message that is answered once more with something changed, to be seen beside how it was answered.
//!
//! Invariant: nobody but its reader hears the new answer: it is stored with its run, and nothing is sent.

use crate::{
    AdminApi,
    caller::Seat,
    chatbots::{ChatbotChange, ModelInput, change},
    conversations::Answer,
    input::{self, OptionalInput},
    knowledge::RetrievalSettings,
    path::{AgainPath, MessagePath},
    problem::{Kind, Problem},
    trials::{self as runs, TrialRun},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use domain::{ConversationId, Direction, RunKind, Sender};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    TenantTx, inbox,
    journey::{self, Message},
    trials::{self, NewRun},
};
use utoipa::ToSchema;

/// Messages of a workspace that may wait at once for being answered again.
const MOST_WAITING: i64 = 20;

/// What is to be different. The rest is as it is live, or as the version or the draft has it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgainInput {
    /// As this version has it.
    version: Option<i64>,
    /// As the draft has it.
    #[serde(default)]
    draft: bool,
    /// What the chatbot is told beside its knowledge.
    instructions: Option<String>,
    /// Its model; `null`: none, it quotes its knowledge.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<ModelInput>)]
    model: Option<Option<ModelInput>>,
    /// How its knowledge is searched, as a whole.
    retrieval: Option<RetrievalSettings>,
}

/// A message's answer, before and after.
#[derive(Serialize, ToSchema)]
pub(crate) struct Again {
    /// How far the new answer is, and what of it failed.
    run: TrialRun,
    /// What was asked.
    question: String,
    /// How it was answered; `null`: not by the chatbot.
    before: Option<Side>,
    /// How it is answered now; `null`: not yet.
    after: Option<Side>,
}

/// One answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Side {
    /// What was said.
    text: String,
    /// How it came to be, as a message's journey has it.
    #[schema(value_type = Object)]
    record: Value,
}

/// What was asked with a message, or answered by it. `None`: it is neither.
pub(crate) fn question_of(message: &Message) -> Option<String> {
    let asked = match (message.direction, message.sender) {
        (Direction::Inbound, _) => Some(message.text.as_str()),
        (Direction::Outbound, Some(Sender::Bot)) => None,
        (Direction::Outbound, _) => return None,
    };
    let answered = message.answer.as_ref().map(|answer| answer.question.as_str());
    answered
        .or(asked)
        .map(str::trim)
        .filter(|question| !question.is_empty())
        .map(str::to_owned)
}

pub(crate) fn no_question() -> Problem {
    Problem::new(
        Kind::Conflict,
        "only what a person wrote and what the chatbot answered can be asked again",
    )
}

/// Answer a message again with a change.
///
/// With another model, other instructions or another search; what came after the message is not known to it. Nothing is
/// sent and no tool is called. The answer is at `…/again/{run_id}` as soon as it is there.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/messages/{message_id}/again", params(MessagePath),
    request_body = AgainInput, responses((status = 202, body = Again))
)]
pub(crate) async fn start(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<MessagePath>,
    input: OptionalInput<AgainInput>,
) -> Result<HttpResponse, Problem> {
    let input = input.0.unwrap_or_default();
    let mut tx = seat.begin(&api).await?;
    let conversation = inbox::get(&mut tx, path.conversation_id).await?;
    let message = journey::message(&mut tx, path.conversation_id, path.message_id).await?;
    let (conversation, message) = conversation.zip(message).ok_or_else(Problem::not_found)?;
    let question = question_of(&message).ok_or_else(no_question)?;
    let chatbot = conversation.chatbot;

    let (mut candidate, version) = runs::candidate(&mut tx, chatbot, input.version, input.draft).await?;
    let change = ChatbotChange {
        name: None,
        instructions: input.instructions,
        fallback_text: None,
        model: input.model,
        max_answer_age_seconds: None,
    };
    let mut changed = change::apply(&api, &seat, chatbot, &mut candidate, change).await?;
    if let Some(retrieval) = input.retrieval {
        candidate.behaviour.retrieval = retrieval.checked()?;
        changed.push("retrieval");
    }
    let waiting = trials::waiting_again(&mut tx).await?;
    if waiting >= MOST_WAITING {
        let detail = format!("{MOST_WAITING} messages are being answered again already; wait for them");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let new = NewRun {
        again: Some((conversation.id, message.id, question)),
        ..NewRun::of(RunKind::Again, &candidate, seat.author())
    };
    let version = version.filter(|_| changed.is_empty());
    let id = trials::create(&mut tx, chatbot, version, &new, api.now()).await?;
    let details = serde_json::json!({ "chatbot": chatbot, "changed": changed });
    seat.did(&api, &mut tx, "message.again", message.id, details)
        .await?;
    let run = trials::get(&mut tx, chatbot, id).await?;
    let run = run.ok_or_else(Problem::not_found)?;
    let shown = shown(&mut tx, conversation.id, &message, run).await?;
    tx.commit().await?;
    api.trial_due();
    Ok(HttpResponse::Accepted().json(shown))
}

/// A message's answers side by side.
#[utoipa::path(
    get, path = "/api/conversations/{conversation_id}/messages/{message_id}/again/{run_id}", params(AgainPath),
    responses((status = 200, body = Again))
)]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<AgainPath>,
) -> Result<Json<Again>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let conversation = inbox::get(&mut tx, path.conversation_id).await?;
    let message = journey::message(&mut tx, path.conversation_id, path.message_id).await?;
    let (conversation, message) = conversation.zip(message).ok_or_else(Problem::not_found)?;
    let run = trials::get(&mut tx, conversation.chatbot, path.run_id).await?;
    let run = run
        .filter(|run| run.message == Some(message.id))
        .ok_or_else(Problem::not_found)?;
    Ok(Json(shown(&mut tx, conversation.id, &message, run).await?))
}

async fn shown(
    tx: &mut TenantTx,
    conversation: ConversationId,
    message: &Message,
    run: trials::Run,
) -> Result<Again, Problem> {
    let result = trials::results(tx, run.id, 0, 1).await?.pop();
    let question = result.as_ref().map(|result| result.question.clone());
    let after = result.and_then(|result| {
        Some(Side {
            text: result.answer?,
            record: result.record?,
        })
    });
    let said = match message.reply {
        Some(reply) => journey::message(tx, conversation, reply)
            .await?
            .map(|reply| reply.text),
        None if message.direction == Direction::Outbound => Some(message.text.clone()),
        None => None,
    };
    let before = match (said, message.answer.clone()) {
        (Some(text), Some(answer)) => Some(Side {
            text,
            record: serde_json::to_value(Answer::from(answer)).map_err(Problem::internal)?,
        }),
        _ => None,
    };
    Ok(Again {
        run: run.into(),
        question: question.unwrap_or_default(),
        before,
        after,
    })
}
