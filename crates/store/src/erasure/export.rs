//! Everything of a person, to be given to them.

use super::Person;
use crate::{Db, StoreError};
use domain::{BlobId, ConversationId};
use serde_json::Value;

/// A file that came with a message.
#[derive(Debug, Clone)]
pub struct ExportFile {
    /// Its bytes.
    pub blob: BlobId,
    /// How many.
    pub bytes: i64,
    /// What it is called, where the platform said.
    pub name: Option<String>,
}

/// What is known of the person beside their conversations.
pub async fn known(db: &Db, person: &Person) -> Result<Value, StoreError> {
    let contacts: Vec<_> = person.contacts.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_scalar!(
        r#"select jsonb_build_object(
             'lead', (select jsonb_build_object(
                 'name', l.name, 'email', l.email, 'phone', l.phone, 'fields', l.fields, 'stage', s.name,
                 'consented_at', l.consented_at, 'consent_text', l.consent_text, 'created_at', l.created_at)
                 from leads l join lead_stages s on s.id = l.stage_id where l.workspace_id = $1 and l.id = $2),
             'contacts', (select coalesce(jsonb_agg(jsonb_build_object(
                 'platform', i.platform, 'chatbot', b.name, 'key', c.key, 'name', c.name, 'email', c.email,
                 'phone', c.phone, 'fields', c.fields, 'consented_at', c.consented_at, 'consent_text', c.consent_text,
                 'opted_out_at', c.opted_out_at, 'created_at', c.created_at, 'last_seen_at', c.last_seen_at)
                 order by c.id), '[]')
                 from contacts c join integrations i on i.id = c.integration_id join chatbots b on b.id = i.chatbot_id
                 where c.workspace_id = $1 and c.id = any($3))) as "known!""#,
        person.workspace.as_uuid(),
        person.lead.map(|id| id.as_uuid()),
        &contacts,
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// One conversation; `None`: it is gone.
pub async fn conversation(db: &Db, id: ConversationId) -> Result<Option<Value>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select jsonb_build_object(
             'id', v.id, 'platform', i.platform, 'chatbot', b.name, 'created_at', v.created_at,
             'messages', (select coalesce(jsonb_agg(jsonb_build_object(
                 'id', m.id, 'at', coalesce(m.sent_at, m.accepted_at), 'from', coalesce(m.sender, 'contact'), 'text', m.text,
                 'choice', m.choice,
                 'feedback', (select jsonb_build_object('rating', f.rating, 'comment', f.comment, 'at', f.updated_at)
                     from message_feedback f where f.message_id = m.id),
                 'files', (select coalesce(jsonb_agg(jsonb_build_object(
                     'id', a.id, 'blob', a.blob_id, 'name', a.name, 'content_type', a.content_type) order by a.position), '[]')
                     from attachments a where a.message_id = m.id)) order by m.id), '[]')
                 from messages m where m.conversation_id = v.id),
             'answers', (select coalesce(jsonb_agg(jsonb_build_object(
                 'question', a.question, 'searched_for', a.searched_for, 'model', a.model,
                 'created_at', a.created_at) order by a.id), '[]')
                 from answers a where a.conversation_id = v.id),
             'calls', (select coalesce(jsonb_agg(jsonb_build_object(
                 'tool', c.tool, 'arguments', c.arguments, 'question', c.question, 'asked_at', c.asked_at) order by c.id), '[]')
                 from tool_calls c where c.conversation_id = v.id)) as "talk!"
           from conversations v join integrations i on i.id = v.integration_id join chatbots b on b.id = v.chatbot_id
           where v.id = $1"#,
        id.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?)
}

/// The files that came in a conversation.
pub async fn files(db: &Db, id: ConversationId) -> Result<Vec<ExportFile>, StoreError> {
    let rows = sqlx::query!(
        "select b.id, b.bytes, a.name from attachments a join messages m on m.id = a.message_id join blobs b on b.id = a.blob_id
         where m.conversation_id = $1 order by a.id",
        id.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ExportFile {
            blob: row.id.into(),
            bytes: row.bytes,
            name: row.name,
        })
        .collect())
}
