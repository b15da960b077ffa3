//! Chatbots of all workspaces, and stopping one.
//!
//! Invariant: nothing that people write to a stopped chatbot is lost. It waits, and is answered when the chatbot goes on,
//! unless it has become older than the chatbot's answers may be.

use super::{note, noted};
use crate::{
    AdminApi,
    budgets::usd,
    caller::{Facts, Person},
    input::{self, Input},
    page::{self, Page},
    path::ChatbotPath,
    problem::{Kind, Problem},
};
use actix_web::web::{Data, Json, Path, Query};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, IntegrationId, IntegrationState, Platform, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError,
    administration::chatbots::{self, Chatbot, Filter, Place, State},
    budgets::Period,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A chatbot, seen from outside: never what it is told or knows.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatbotOverview {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ChatbotId,
    /// Its name.
    name: String,
    /// `active`; `paused`, stopped by an administrator; or `archived`.
    #[schema(example = "active")]
    state: &'static str,
    /// Since when it is stopped.
    paused_at: Option<DateTime<Utc>>,
    /// Why.
    pause_reason: Option<String>,
    /// The workspace.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    workspace_name: String,
    /// The addresses of the workspace's owners, three at most.
    owners: Vec<String>,
    /// The model's name; `null`: it quotes its knowledge.
    model: Option<String>,
    /// Where it can be written to.
    channels: Vec<ChannelState>,
    /// When it last answered, or somebody last wrote in one of its newest conversations.
    last_event_at: Option<DateTime<Utc>>,
    /// What last went wrong with one of its integrations.
    last_error: Option<ChannelError>,
    /// Texts that it knows.
    documents: i64,
    /// Conversations ever.
    conversations: i64,
    /// Answers this month.
    answers: i64,
    /// What they cost, in US dollars, as far as prices are known.
    cost_usd: f64,
    /// When it was made.
    created_at: DateTime<Utc>,
}

/// One integration.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelState {
    /// Its id.
    #[schema(value_type = Uuid)]
    integration_id: IntegrationId,
    /// Its platform.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// `pending`, `connected` or `error`.
    #[schema(value_type = String, example = "connected")]
    state: IntegrationState,
    /// Why not connected.
    state_reason: Option<String>,
    /// Whether its owner has it switched on.
    enabled: bool,
}

/// What last went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelError {
    /// When.
    at: DateTime<Utc>,
    /// A stable name.
    #[schema(example = "send.rejected")]
    event: String,
    /// In words.
    message: String,
}

/// Which chatbots to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatbotsQuery {
    /// Whose name, workspace's name or owner's address contains this.
    q: Option<String>,
    /// Of this workspace.
    workspace_id: Option<Uuid>,
    /// `active`, `paused` or `archived`.
    state: Option<String>,
    /// With an integration on this platform.
    #[param(value_type = Option<String>)]
    platform: Option<Platform>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// Why a chatbot is stopped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    /// For its owners, who see it.
    #[schema(example = "it sends advertising")]
    reason: String,
}

/// A chatbot that goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Resumed {
    /// The chatbot.
    chatbot: ChatbotOverview,
    /// In how many conversations something waited.
    waiting: u64,
}

impl From<Chatbot> for ChatbotOverview {
    fn from(chatbot: Chatbot) -> Self {
        Self {
            id: chatbot.id,
            name: chatbot.name,
            state: chatbot.state.as_str(),
            paused_at: chatbot.paused_at,
            pause_reason: chatbot.pause_reason,
            workspace_id: chatbot.workspace,
            workspace_name: chatbot.workspace_name,
            owners: chatbot.owners,
            model: chatbot.model,
            channels: chatbot.channels.into_iter().map(Into::into).collect(),
            last_event_at: chatbot.last_event_at,
            last_error: chatbot.last_error.map(|error| ChannelError {
                at: error.at,
                event: error.event,
                message: error.message,
            }),
            documents: chatbot.documents,
            conversations: chatbot.conversations,
            answers: chatbot.answers,
            cost_usd: usd(chatbot.cost_micros),
            created_at: chatbot.created_at,
        }
    }
}

impl From<Place> for ChannelState {
    fn from(place: Place) -> Self {
        Self {
            integration_id: place.id,
            platform: place.platform,
            state: place.state,
            state_reason: place.state_reason,
            enabled: place.enabled,
        }
    }
}

/// Chatbots of all workspaces, newest first.
#[utoipa::path(
    get, path = "/api/administration/chatbots", params(ChatbotsQuery), responses((status = 200, body = Page<ChatbotOverview>))
)]
pub(crate) async fn chatbots_everywhere(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<ChatbotsQuery>,
) -> Result<Json<Page<ChatbotOverview>>, Problem> {
    let query = query.into_inner();
    let limit = page::limit(query.limit)?;
    let state = match query.state.as_deref() {
        None => None,
        Some("active") => Some(State::Active),
        Some("paused") => Some(State::Paused),
        Some("archived") => Some(State::Archived),
        Some(_) => return Err(Problem::invalid("state", "state is active, paused or archived")),
    };
    let filter = Filter {
        id: None,
        text: input::sought(query.q.as_deref())?,
        workspace: query.workspace_id.map(Into::into),
        state,
        platform: query.platform,
    };
    let (month, after) = (Period::Month.since(api.now()), query.after.map(Into::into));
    let rows = chatbots::list(api.db(), &filter, month, after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |chatbot| chatbot.id.as_uuid(),
        Into::into,
    )))
}

/// Stop a chatbot.
///
/// What people write to it is kept and waits; an answer that is being made still goes out. People who work with it see the
/// reason.
#[utoipa::path(
    post, path = "/api/administration/chatbots/{chatbot_id}/pause", params(ChatbotPath), request_body = Pause,
    responses((status = 200, body = ChatbotOverview))
)]
pub(crate) async fn pause(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ChatbotPath>,
    input: Input<Pause>,
) -> Result<Json<ChatbotOverview>, Problem> {
    let reason = input::line("reason", &input.0.reason, 300)?;
    let workspace = workspace_of(&api, path.chatbot_id).await?;
    let mut tx = api.db().system().await?;
    if !store::chatbots::pause(&mut tx, path.chatbot_id, &reason, api.now()).await? {
        return Err(Problem::new(Kind::Conflict, "the chatbot is stopped already"));
    }
    let activity = noted(
        &person,
        &facts,
        "chatbot.pause",
        path.chatbot_id,
        json!({ "reason": reason }),
    );
    note(&api, &mut tx, Some(workspace), &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    api.chatbot_changed(path.chatbot_id);
    Ok(Json(found(&api, path.chatbot_id).await?))
}

/// Let a stopped chatbot go on.
///
/// What waits is answered now, unless it has become older than the chatbot's answers may be.
#[utoipa::path(
    post, path = "/api/administration/chatbots/{chatbot_id}/resume", params(ChatbotPath),
    responses((status = 200, body = Resumed))
)]
pub(crate) async fn resume(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ChatbotPath>,
) -> Result<Json<Resumed>, Problem> {
    let workspace = workspace_of(&api, path.chatbot_id).await?;
    let mut tx = api.db().system().await?;
    let waiting = store::chatbots::resume(&mut tx, path.chatbot_id, api.now())
        .await?
        .ok_or_else(|| Problem::new(Kind::Conflict, "the chatbot is not stopped"))?;
    let activity = noted(
        &person,
        &facts,
        "chatbot.resume",
        path.chatbot_id,
        json!({ "waiting": waiting }),
    );
    note(&api, &mut tx, Some(workspace), &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    api.chatbot_changed(path.chatbot_id);
    if waiting > 0 {
        api.wake_workers();
    }
    Ok(Json(Resumed {
        chatbot: found(&api, path.chatbot_id).await?,
        waiting,
    }))
}

async fn workspace_of(api: &AdminApi, id: ChatbotId) -> Result<WorkspaceId, Problem> {
    store::chatbots::workspace_of(api.db(), id)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn found(api: &AdminApi, id: ChatbotId) -> Result<ChatbotOverview, Problem> {
    let filter = Filter {
        id: Some(id),
        ..Filter::default()
    };
    let month = Period::Month.since(api.now());
    let chatbot = chatbots::list(api.db(), &filter, month, None, 1).await?.pop();
    Ok(chatbot.ok_or_else(Problem::not_found)?.into())
}
