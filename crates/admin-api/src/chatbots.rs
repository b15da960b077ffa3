//! Chatbots: what they are told and which model they speak through.
//!
//! Invariant: a model's key is sealed before it is stored, is never shown, and never goes to another address than the one
//! it was given for.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page},
    path::{ChatbotPath, WorkspacePath},
    problem::Problem,
    revenue::limits::make_room,
    versions::{self, Publication},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, WorkspaceId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::chatbots::ChatbotSettings;
use store::usage::Limit;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub(crate) mod change;
pub(crate) mod model;

const MOST_INSTRUCTIONS: usize = 20_000;
const MOST_FALLBACK: usize = 2_000;
const USUAL_FALLBACK: &str = "I'm sorry, I don't know the answer to that.";
const USUAL_ANSWER_AGE: i32 = 3_600;

/// A chatbot.
#[derive(Serialize, ToSchema)]
pub(crate) struct Chatbot {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ChatbotId,
    /// Whose it is.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    name: String,
    /// What it is told beside its knowledge.
    instructions: String,
    /// What it says when its knowledge has no answer.
    fallback_text: String,
    /// Its model; `null`: it quotes its knowledge.
    model: Option<Model>,
    /// An answer older than this is not sent any more.
    max_answer_age_seconds: i32,
    /// Bumped by every change.
    version: i64,
    /// The number of the version that answers: see `…/versions`.
    live_version: i64,
    /// Bumped by every change of its knowledge.
    knowledge_version: i64,
    /// Since when it is archived: it answers nobody.
    archived_at: Option<DateTime<Utc>>,
    /// Since when an administrator of the installation has stopped it: what people write waits.
    paused_at: Option<DateTime<Utc>>,
    /// Why.
    pause_reason: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// A model's endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct Model {
    /// Whose API it speaks.
    #[schema(example = "openai")]
    provider: String,
    /// Where that API is.
    #[schema(example = "https://api.openai.com/v1")]
    base_url: String,
    /// The model's name there.
    model: String,
    /// How long one call may take.
    time_limit_seconds: u32,
    /// How many tokens the model takes, prompt and answer together; `null`: as many as the installation's prompts have.
    context_tokens: Option<u32>,
    /// The last characters of the key; `null`: there is none.
    api_key: Option<String>,
    /// What is asked when this one fails, in this order.
    #[schema(value_type = Vec<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    fallbacks: Option<Vec<Model>>,
}

/// A new chatbot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChatbot {
    /// Its name.
    pub(crate) name: String,
    /// What it is told beside its knowledge.
    #[serde(default)]
    pub(crate) instructions: String,
    /// What it says when its knowledge has no answer.
    pub(crate) fallback_text: Option<String>,
    /// Its model; left out: it quotes its knowledge.
    pub(crate) model: Option<ModelInput>,
    /// An answer older than this is not sent any more.
    pub(crate) max_answer_age_seconds: Option<i32>,
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatbotChange {
    /// Its name.
    pub(crate) name: Option<String>,
    /// What it is told beside its knowledge.
    pub(crate) instructions: Option<String>,
    /// What it says when its knowledge has no answer.
    pub(crate) fallback_text: Option<String>,
    /// Its model; `null` takes it away.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<ModelInput>)]
    pub(crate) model: Option<Option<ModelInput>>,
    /// An answer older than this is not sent any more.
    pub(crate) max_answer_age_seconds: Option<i32>,
}

/// A model's endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelInput {
    /// Whose API it speaks: `openai`, `anthropic`, `gemini`, `ollama`, or `openai_compatible` as when it is left out.
    #[schema(example = "openai")]
    pub(crate) provider: Option<String>,
    /// Where that API is, its version included. Left out: where the provider's usually is; `openai_compatible` has no
    /// usual address.
    #[schema(example = "https://api.openai.com/v1")]
    pub(crate) base_url: Option<String>,
    /// The model's name there.
    pub(crate) model: String,
    /// How long one call may take: 1 to 120 seconds, 30 by default.
    pub(crate) time_limit_seconds: Option<u32>,
    /// How many tokens the model takes, prompt and answer together: prompts are cut to fit. Left out: as many as the
    /// installation's prompts have.
    pub(crate) context_tokens: Option<u32>,
    /// The key. Left out, the stored one stays as long as `provider` and `base_url` do; `null` takes it away.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<String>, format = Password)]
    pub(crate) api_key: Option<Option<SecretString>>,
    /// What is asked when this one fails, in this order: at most 4 endpoints like this one, without fallbacks of their
    /// own.
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) fallbacks: Option<Vec<ModelInput>>,
}

/// Which chatbots to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Archived ones instead of those in use.
    #[serde(default)]
    archived: bool,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

impl From<store::chatbots::Chatbot> for Chatbot {
    fn from(chatbot: store::chatbots::Chatbot) -> Self {
        Self {
            id: chatbot.id,
            workspace_id: chatbot.workspace,
            name: chatbot.name,
            instructions: chatbot.instructions,
            fallback_text: chatbot.fallback_text,
            model: chatbot.model.map(model::shown),
            max_answer_age_seconds: chatbot.max_answer_age_seconds,
            version: chatbot.version,
            live_version: chatbot.live_version,
            knowledge_version: chatbot.knowledge_version,
            archived_at: chatbot.archived_at,
            paused_at: chatbot.paused_at,
            pause_reason: chatbot.pause_reason,
            created_at: chatbot.created_at,
            updated_at: chatbot.updated_at,
        }
    }
}

/// The chatbots of a workspace.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/chatbots", params(WorkspacePath, ListQuery), responses((status = 200, body = Page<Chatbot>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<ListQuery>,
) -> Result<Json<Page<Chatbot>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = store::chatbots::list(&mut tx, query.archived, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |chatbot| chatbot.id.as_uuid(),
        Into::into,
    )))
}

/// Make a chatbot.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/chatbots", params(WorkspacePath), request_body = NewChatbot,
    responses((status = 201, body = Chatbot))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<NewChatbot>,
) -> Result<HttpResponse, Problem> {
    let id = ChatbotId::new();
    let settings = settings(&api, &seat, id, input.0).await?;
    let mut tx = seat.begin(&api).await?;
    make_room(&api, &mut tx, Limit::Chatbots, 1).await?;
    store::chatbots::insert(&mut tx, id, &settings, api.now()).await?;
    store::versions::first(&mut tx, id, seat.author()).await?;
    seat.did(
        &api,
        &mut tx,
        "chatbot.create",
        id,
        serde_json::json!({ "name": settings.name }),
    )
    .await?;
    let chatbot = store::chatbots::get(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(Chatbot::from(chatbot)))
}

/// What a new chatbot is to do, as it is stored.
pub(crate) async fn settings(
    api: &AdminApi,
    seat: &Seat,
    id: ChatbotId,
    input: NewChatbot,
) -> Result<ChatbotSettings, Problem> {
    let (model, model_key) = match input.model {
        Some(model) => model::read(api, seat, id, model, None).await?,
        None => (None, None),
    };
    Ok(ChatbotSettings {
        name: input::line("name", &input.name, 100)?,
        instructions: input::block("instructions", &input.instructions, MOST_INSTRUCTIONS)?,
        fallback_text: input::filled_block(
            "fallback_text",
            input.fallback_text.as_deref().unwrap_or(USUAL_FALLBACK),
            MOST_FALLBACK,
        )?,
        model,
        model_key,
        max_answer_age_seconds: change::answer_age(input.max_answer_age_seconds.unwrap_or(USUAL_ANSWER_AGE))?,
    })
}

/// One chatbot.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}", params(ChatbotPath), responses((status = 200, body = Chatbot)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Chatbot>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let chatbot = store::chatbots::get(&mut tx, path.chatbot_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(chatbot.into()))
}

/// Change a chatbot.
///
/// Where it has golden questions they are asked first: 202, and the version that is being checked; it is live unless it
/// makes the chatbot worse. What was being checked before is part of it. `draft` is where a change is prepared, and where
/// it can be published whatever the golden questions say.
#[utoipa::path(
    patch, path = "/api/chatbots/{chatbot_id}", params(ChatbotPath), request_body = ChatbotChange,
    responses(
        (status = 200, description = "It is live.", body = Chatbot),
        (status = 202, description = "Its golden questions are being asked.", body = Publication),
    )
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<ChatbotChange>,
) -> Result<HttpResponse, Problem> {
    let id = path.chatbot_id;
    let mut tx = seat.begin(&api).await?;
    let mut candidate = store::versions::wanted(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let changed = change::apply(&api, &seat, id, &mut candidate, input.0).await?;
    let wish = versions::wish(&seat, candidate);
    let publication = versions::publish(&api, &mut tx, id, &wish).await?;
    seat.did(
        &api,
        &mut tx,
        "chatbot.update",
        id,
        serde_json::json!({ "changed": changed }),
    )
    .await?;
    let chatbot = store::chatbots::get(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    publication.announce(&api, id);
    Ok(match publication.is_live() {
        true => HttpResponse::Ok().json(Chatbot::from(chatbot)),
        false => HttpResponse::Accepted().json(publication),
    })
}

/// Archive a chatbot.
///
/// It answers nobody any more; everything about it stays.
#[utoipa::path(post, path = "/api/chatbots/{chatbot_id}/archive", params(ChatbotPath), responses((status = 200, body = Chatbot)))]
pub(crate) async fn archive(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Chatbot>, Problem> {
    set_archived(&api, &seat, path.chatbot_id, true).await
}

/// Bring an archived chatbot back.
#[utoipa::path(post, path = "/api/chatbots/{chatbot_id}/restore", params(ChatbotPath), responses((status = 200, body = Chatbot)))]
pub(crate) async fn restore(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Chatbot>, Problem> {
    set_archived(&api, &seat, path.chatbot_id, false).await
}

async fn set_archived(
    api: &AdminApi,
    seat: &Seat,
    id: ChatbotId,
    archived: bool,
) -> Result<Json<Chatbot>, Problem> {
    let now = api.now();
    let mut tx = seat.begin(api).await?;
    let known = store::chatbots::get(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !archived && known.archived_at.is_some() {
        make_room(api, &mut tx, Limit::Chatbots, 1).await?;
    }
    store::chatbots::set_archived(&mut tx, id, archived.then_some(now), now).await?;
    let action = if archived {
        "chatbot.archive"
    } else {
        "chatbot.restore"
    };
    seat.did(api, &mut tx, action, id, serde_json::Value::Null)
        .await?;
    let chatbot = store::chatbots::get(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.chatbot_changed(id);
    Ok(Json(chatbot.into()))
}
