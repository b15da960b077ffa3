//! The draft of a chatbot: a change that is prepared beside what is live.

use super::{Behaviour, Publication, PublishInput, changes, publish_as_asked, wish};
use crate::{
    AdminApi,
    caller::Seat,
    chatbots::{ChatbotChange, ModelInput, change},
    input::{self, Input, OptionalInput},
    knowledge::RetrievalSettings,
    path::ChatbotPath,
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, ChatbotId, UserId};
use serde::{Deserialize, Serialize};
use store::{TenantTx, versions};
use utoipa::ToSchema;

/// A draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct Draft {
    /// The version that was live when it was begun.
    base: i64,
    /// What it says.
    settings: Behaviour,
    /// In what it differs from what is live.
    changes: Vec<changes::Changed>,
    /// The person who changed it last.
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// The key of the program that did.
    #[schema(value_type = Option<Uuid>)]
    api_key_id: Option<ApiKeyId>,
    /// When it was begun.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// What to change in the draft; what is left out stays. Where there is no draft yet, it begins as what is live.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftChange {
    /// The chatbot's name.
    name: Option<String>,
    /// What it is told beside its knowledge.
    instructions: Option<String>,
    /// What it says when its knowledge has no answer.
    fallback_text: Option<String>,
    /// Its model; `null` takes it away.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<ModelInput>)]
    model: Option<Option<ModelInput>>,
    /// An answer older than this is not sent any more.
    max_answer_age_seconds: Option<i32>,
    /// How its knowledge is searched, as a whole.
    retrieval: Option<RetrievalSettings>,
}

async fn shown(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Draft, Problem> {
    let draft = versions::draft(tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?;
    let live = versions::live(tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?;
    let said = draft.candidate.behaviour;
    Ok(Draft {
        base: draft.base,
        changes: changes::between(live.behaviour, said.clone())?,
        settings: said.into(),
        user_id: draft.author.user,
        api_key_id: draft.author.api_key,
        created_at: draft.created_at,
        updated_at: draft.updated_at,
    })
}

/// The draft of a chatbot.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/draft", params(ChatbotPath), responses((status = 200, body = Draft)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Draft>, Problem> {
    let mut tx = seat.begin(&api).await?;
    Ok(Json(shown(&mut tx, path.chatbot_id).await?))
}

/// Change the draft of a chatbot, or begin one.
///
/// Nothing of it answers anybody before it is published.
#[utoipa::path(
    patch, path = "/api/chatbots/{chatbot_id}/draft", params(ChatbotPath), request_body = DraftChange,
    responses((status = 200, body = Draft))
)]
pub(crate) async fn save(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<DraftChange>,
) -> Result<Json<Draft>, Problem> {
    let (input, chatbot) = (input.0, path.chatbot_id);
    let mut tx = seat.begin(&api).await?;
    let mut candidate = match versions::draft_for_update(&mut tx, chatbot).await? {
        Some(draft) => draft.candidate,
        None => versions::live(&mut tx, chatbot)
            .await?
            .ok_or_else(Problem::not_found)?,
    };
    let change = ChatbotChange {
        name: input.name,
        instructions: input.instructions,
        fallback_text: input.fallback_text,
        model: input.model,
        max_answer_age_seconds: input.max_answer_age_seconds,
    };
    let mut changed = change::apply(&api, &seat, chatbot, &mut candidate, change).await?;
    if let Some(retrieval) = input.retrieval {
        candidate.behaviour.retrieval = retrieval.checked()?;
        changed.push("retrieval");
    }
    if !versions::save_draft(&mut tx, chatbot, &candidate, seat.author(), api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "changed": changed });
    seat.did(&api, &mut tx, "draft.update", chatbot, details).await?;
    let shown = shown(&mut tx, chatbot).await?;
    tx.commit().await?;
    Ok(Json(shown))
}

/// Throw the draft of a chatbot away.
#[utoipa::path(delete, path = "/api/chatbots/{chatbot_id}/draft", params(ChatbotPath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !versions::delete_draft(&mut tx, path.chatbot_id).await? {
        return Err(Problem::not_found());
    }
    let nothing = serde_json::Value::Null;
    seat.did(&api, &mut tx, "draft.delete", path.chatbot_id, nothing)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Publish the draft of a chatbot.
///
/// Where the chatbot has golden questions they are asked first, and what makes it worse is refused: the version says which
/// questions did worse. The draft stays until what it says is live.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/draft/publish", params(ChatbotPath), request_body = PublishInput,
    responses(
        (status = 200, description = "It is live.", body = Publication),
        (status = 202, description = "Its golden questions are being asked.", body = Publication),
    )
)]
pub(crate) async fn publish(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: OptionalInput<PublishInput>,
) -> Result<HttpResponse, Problem> {
    let chatbot = path.chatbot_id;
    let mut tx = seat.begin(&api).await?;
    let draft = versions::draft_for_update(&mut tx, chatbot).await?;
    let wish = wish(&seat, draft.ok_or_else(Problem::not_found)?.candidate);
    publish_as_asked(&api, &seat, tx, chatbot, wish, input.0.unwrap_or_default()).await
}
