//! Conversations of all workspaces.
//!
//! Invariant: what people wrote is shown of one conversation at a time, and every time the workspace finds in its activity
//! who read it. Lists show who and where, never what.

use super::noted;
use crate::{
    AdminApi,
    caller::{Facts, Person},
    conversations::{Conversation, Message, listing::conversations_query},
    page::{self, Page, PageQuery},
    path::ConversationPath,
    problem::Problem,
};
use actix_web::web::{Data, Json, Path, Query};
use domain::WorkspaceId;
use serde::Serialize;
use serde_json::json;
use store::{
    administration::conversations::{self, Found},
    inbox, journey,
};
use utoipa::ToSchema;
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

conversations_query!(
    /// Which conversations to list. Every given condition must hold.
    ConversationsQuery {
        /// Of this workspace.
        workspace_id: Option<Uuid>,
    }
);

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
    let limit = page::limit(query.limit)?;
    let filter = query.filter()?;
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
