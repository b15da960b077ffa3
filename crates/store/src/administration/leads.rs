//! Leads of all workspaces, and forgetting one.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ContactId, ConversationId, Platform, WorkspaceId};
use std::fmt;
use uuid::Uuid;

/// Which leads to list. Every given condition must hold.
#[derive(Clone, Default)]
pub struct Filter {
    /// Of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// Of this chatbot.
    pub chatbot: Option<ChatbotId>,
    /// Whose name, e-mail address or telephone number contains this.
    pub text: Option<String>,
    /// Who agreed to what they were asked to, or did not.
    pub consented: Option<bool>,
}

/// Somebody who said something of themselves.
#[derive(Clone)]
pub struct Lead {
    /// The contact.
    pub id: ContactId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub workspace_name: String,
    /// The chatbot that they wrote to.
    pub chatbot: ChatbotId,
    /// Its name.
    pub chatbot_name: String,
    /// Where.
    pub platform: Platform,
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// What else was asked, by the field's name.
    pub fields: serde_json::Value,
    /// When they agreed, where they were asked to.
    pub consented_at: Option<DateTime<Utc>>,
    /// When they first said it.
    pub lead_at: DateTime<Utc>,
    /// Their newest conversation.
    pub conversation: Option<ConversationId>,
}

/// Who somebody is is nobody's business in a log.
impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Leads of one workspace or of all, the newest first, those older than `after` when it is given.
pub async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<ContactId>,
    limit: i64,
) -> Result<Vec<Lead>, StoreError> {
    let rows = sqlx::query!(
        r#"select c.id, c.workspace_id, w.name as workspace_name, i.chatbot_id, b.name as chatbot_name, i.platform,
                  c.name, c.email, c.phone, c.fields, c.consented_at, c.lead_at as "lead_at!",
                  (select v.id from conversations v where v.contact_id = c.id order by v.id desc limit 1) as conversation
           from contacts c
           join workspaces w on w.id = c.workspace_id
           join integrations i on i.id = c.integration_id
           join chatbots b on b.id = i.chatbot_id
           where c.lead_at is not null
             and ($1::uuid is null or c.workspace_id = $1)
             and ($2::uuid is null or i.chatbot_id = $2)
             and ($3::text is null or position(lower($3) in lower(c.name)) > 0
                  or position(lower($3) in lower(c.email)) > 0 or position($3 in c.phone) > 0)
             and ($4::bool is null or (c.consented_at is not null) = $4)
             and ($5::uuid is null or (c.lead_at, c.id) < (select p.lead_at, p.id from contacts p where p.id = $5))
           order by c.lead_at desc, c.id desc limit $6"#,
        filter.workspace.map(|id| id.as_uuid()),
        filter.chatbot.map(|id| id.as_uuid()),
        filter.text,
        filter.consented,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Lead {
                id: row.id.into(),
                workspace: row.workspace_id.into(),
                workspace_name: row.workspace_name,
                chatbot: row.chatbot_id.into(),
                chatbot_name: row.chatbot_name,
                platform: row.platform.try_into()?,
                name: row.name,
                email: row.email,
                phone: row.phone,
                fields: row.fields,
                consented_at: row.consented_at,
                lead_at: row.lead_at,
                conversation: row.conversation.map(Into::into),
            })
        })
        .collect()
}

/// Whose lead this is.
pub async fn workspace_of(db: &Db, id: ContactId) -> Result<Option<WorkspaceId>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select workspace_id from contacts where id = $1 and lead_at is not null",
        id.as_uuid()
    )
    .fetch_optional(db.system_pool())
    .await?
    .map(Into::into))
}

/// Forgets what a lead said of themselves, here and on their workspace's list; their conversations stay. `false`: there is
/// no such lead here.
pub async fn erase(tx: &mut TenantTx, id: ContactId) -> Result<bool, StoreError> {
    let workspace: Uuid = tx.workspace().as_uuid();
    let Some(lead) = sqlx::query_scalar!(
        "select lead_id from contacts where workspace_id = $1 and id = $2 and lead_at is not null for update",
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    else {
        return Ok(false);
    };
    sqlx::query!(
        "update contacts set name = null, email = null, phone = null, fields = '{}', consented_at = null,
             consent_text = null, lead_at = null, lead_id = null
         where workspace_id = $1 and (id = $2 or lead_id = $3)",
        workspace,
        id.as_uuid(),
        lead,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from webhook_events where workspace_id = $1 and lead_id = $2",
        workspace,
        lead
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from leads where workspace_id = $1 and id = $2",
        workspace,
        lead
    )
    .execute(tx.connection())
    .await?;
    Ok(true)
}
