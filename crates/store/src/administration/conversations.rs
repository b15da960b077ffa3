//! Conversations of all workspaces: finding them. What is in one is read in a transaction of its workspace.

use crate::{
    Db, StoreError,
    inbox::{Conversation, Filter, PREVIEW_CHARACTERS, Row},
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
    let rows = sqlx::query_as!(
        Row,
        r#"select v.id, v.chatbot_id, b.name as chatbot_name, v.integration_id, i.platform, v.contact_id,
                  c.key as contact_key, c.name as contact_name, c.opted_out_at, c.email, c.phone, c.fields, c.consented_at,
                  v.key, v.handler, v.handoff_reason, v.handoff_detail, v.handed_off_at, v.hand_back_at,
                  (select count(*) from messages w
                   where w.conversation_id = v.id and w.state in ('waiting', 'answering')) as "waiting!",
                  v.last_inbound_at, m.direction as "last_direction?", left(m.text, $2) as last_text,
                  m.accepted_at as "last_at?", v.created_at
           from conversations v
           join chatbots b on b.id = v.chatbot_id
           join integrations i on i.id = v.integration_id
           join contacts c on c.id = v.contact_id
           left join lateral (
               select direction, text, accepted_at from messages
               where conversation_id = v.id order by id desc limit 1
           ) m on true
           where v.id = any($1)
           order by v.id desc"#,
        &ids,
        PREVIEW_CHARACTERS,
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut places = places.into_iter();
    rows.into_iter()
        .map(|row| {
            // Both lists are in the same order; one that was deleted meanwhile is in the first only.
            let place = places
                .find(|place| place.id == row.id)
                .ok_or_else(|| StoreError::Unreadable("a conversation without a workspace".to_owned()))?;
            Ok(Found {
                workspace: place.workspace_id.into(),
                workspace_name: place.name,
                conversation: row.try_into()?,
            })
        })
        .collect()
}
