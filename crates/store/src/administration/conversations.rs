//! Conversations of all workspaces: finding them. What is in one is read in a transaction of its workspace.

use crate::{
    Db, StoreError,
    inbox::{Conversation, Filter, hydrate},
};
use domain::{ConversationId, Handler, HandoffReason, Platform, WorkspaceId};

/// A conversation, and whose it is.
#[derive(Debug, Clone)]
pub struct Found {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub workspace_name: String,
    /// The conversation.
    pub conversation: Conversation,
}

/// Conversations of one workspace or of all, newest first, those older than `after` when it is given.
///
/// First which, then what is shown of them: only what is shown is joined and counted. People are looked for once, and not
/// for every conversation.
pub async fn list(
    db: &Db,
    workspace: Option<WorkspaceId>,
    filter: &Filter,
    after: Option<ConversationId>,
    limit: i64,
) -> Result<Vec<Found>, StoreError> {
    let places = sqlx::query!(
        r#"with people as materialized (
               select c.id from contacts c
               where $7::text is not null and (position(lower($7) in lower(c.key)) > 0
                                               or position(lower($7) in lower(c.name)) > 0)
           )
           select v.id, v.workspace_id, w.name
           from conversations v join workspaces w on w.id = v.workspace_id
           where ($1::uuid is null or v.workspace_id = $1)
             and ($2::uuid is null or v.chatbot_id = $2)
             and ($3::uuid is null or v.integration_id = $3)
             and ($4::text is null or exists (select from integrations i
                                              where i.id = v.integration_id and i.platform = $4))
             and ($5::text is null or v.handler = $5)
             and ($6::text is null or v.handoff_reason = $6)
             and ($7::text is null or v.contact_id in (select id from people))
             and ($8::uuid is null or v.id < $8)
           order by v.id desc limit $9"#,
        workspace.map(|id| id.as_uuid()),
        filter.chatbot.map(|id| id.as_uuid()),
        filter.integration.map(|id| id.as_uuid()),
        filter.platform.as_ref().map(Platform::as_str),
        filter.handler.map(Handler::as_str),
        filter.handoff_reason.map(HandoffReason::as_str),
        filter.contact,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    let ids: Vec<_> = places.iter().map(|place| place.id).collect();
    let rows = hydrate(&mut *db.system_pool().acquire().await?, &ids).await?;
    let mut places = places.into_iter();
    rows.into_iter()
        .map(|conversation| {
            // Both lists are in the same order; one that was deleted meanwhile is in the first only.
            let place = places
                .find(|place| place.id == conversation.id.as_uuid())
                .ok_or_else(|| StoreError::Unreadable("a conversation without a workspace".to_owned()))?;
            Ok(Found {
                workspace: place.workspace_id.into(),
                workspace_name: place.name,
                conversation,
            })
        })
        .collect()
}
