//! Conversations of all workspaces.
//!
//! Invariant: what people wrote is shown of one conversation at a time, and every time the workspace finds in its activity
//! who read it. Lists show who and where, never what.

use super::noted;
use crate::{
    AdminApi,
    caller::{Facts, Person},
    conversations::{Conversation, Message},
    input,
    page::{self, Page, PageQuery},
    path::ConversationPath,
    problem::Problem,
};
use actix_web::web::{Data, Json, Path, Query};
use domain::{Handler, HandoffReason, Platform, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    administration::conversations::{self, Found},
    inbox::{self, Filter},
    journey,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A conversation, and whose it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundConversation {
    /// The workspace.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    workspace_name: String,
    /// The conversation; its newest message without its text.
    #[serde(flatten)]
    conversation: Conversation,
}

/// A conversation that was opened.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadConversation {
    /// The workspace.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    workspace_name: String,
    /// The conversation.
    conversation: Conversation,
    /// Its messages with their journeys, newest first.
    messages: Page<Message>,
}

/// Which conversations to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationsQuery {
    /// Of this workspace.
    workspace_id: Option<Uuid>,
    /// Of this chatbot.
    chatbot_id: Option<Uuid>,
    /// Through this integration.
    integration_id: Option<Uuid>,
    /// On this platform.
    #[param(value_type = Option<String>)]
    platform: Option<Platform>,
    /// In these hands: `bot` or `human`.
    #[param(value_type = Option<String>)]
    handler: Option<Handler>,
    /// In a human's hands for this reason: `requested`, `keyword`, `unanswered` or `agent`.
    #[param(value_type = Option<String>)]
    handoff_reason: Option<HandoffReason>,
    /// Whose contact's name or address contains this.
    contact: Option<String>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

impl From<Found> for FoundConversation {
    fn from(found: Found) -> Self {
        let mut conversation = found.conversation;
        if let Some(last) = &mut conversation.last_message {
            last.text.clear();
        }
        Self {
            workspace_id: found.workspace,
            workspace_name: found.workspace_name,
            conversation: conversation.into(),
        }
    }
}

/// Conversations of all workspaces, newest first.
#[utoipa::path(
    get, path = "/api/administration/conversations", params(ConversationsQuery),
    responses((status = 200, body = Page<FoundConversation>))
)]
pub(crate) async fn conversations_everywhere(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<ConversationsQuery>,
) -> Result<Json<Page<FoundConversation>>, Problem> {
    let query = query.into_inner();
    let limit = page::limit(query.limit)?;
    let filter = Filter {
        chatbot: query.chatbot_id.map(Into::into),
        integration: query.integration_id.map(Into::into),
        platform: query.platform,
        handler: query.handler,
        handoff_reason: query.handoff_reason,
        contact: query
            .contact
            .map(|contact| input::line("contact", &contact, 100))
            .transpose()?,
    };
    let (workspace, after) = (query.workspace_id.map(Into::into), query.after.map(Into::into));
    let rows = conversations::list(api.db(), workspace, &filter, after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |found| found.conversation.id.as_uuid(),
        Into::into,
    )))
}

/// Read a conversation.
///
/// Its workspace finds in its activity that you did.
#[utoipa::path(
    get, path = "/api/administration/conversations/{conversation_id}", params(ConversationPath, PageQuery),
    responses((status = 200, body = ReadConversation))
)]
pub(crate) async fn read(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ConversationPath>,
    query: Query<PageQuery>,
) -> Result<Json<ReadConversation>, Problem> {
    let limit = page::limit(query.limit)?;
    let id = path.conversation_id;
    let workspace = inbox::workspace_of(api.db(), id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let mut tx = api.db().tenant(workspace).await?;
    let found = inbox::get(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    let name = store::workspaces::get(&mut tx)
        .await?
        .ok_or_else(Problem::not_found)?
        .name;
    let rows = journey::messages(&mut tx, id, query.after.map(Into::into), limit + 1).await?;
    let messages = Page::of(rows, limit, |message| message.id.as_uuid(), Into::into);
    let details = json!({ "messages": messages.items.len(), "after": query.after, "chatbot": found.chatbot });
    let activity = noted(&person, &facts, "conversation.read", id, details);
    store::activity_log::record(&mut tx, &activity, api.now()).await?;
    tx.commit().await?;
    Ok(Json(ReadConversation {
        workspace_id: workspace,
        workspace_name: name,
        conversation: found.into(),
        messages,
    }))
}
