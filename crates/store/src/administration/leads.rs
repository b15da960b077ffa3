//! Leads of all workspaces, and forgetting one.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ConversationId, LeadId, WorkspaceId};
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

/// Somebody who said something of themselves, or whom a workspace brought in.
#[derive(Clone)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub workspace_name: String,
    /// The chatbot to which they first said something.
    pub chatbot: Option<ChatbotId>,
    /// Its name.
    pub chatbot_name: Option<String>,
    /// The platforms on which they write.
    pub platforms: Vec<String>,
    /// The stage on which the workspace has them.
    pub stage_name: String,
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// What else is known, by the field's name.
    pub fields: serde_json::Value,
    /// When they agreed, where they were asked to.
    pub consented_at: Option<DateTime<Utc>>,
    /// To what.
    pub consent_text: Option<String>,
    /// When they first said it, or were brought in.
    pub created_at: DateTime<Utc>,
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
    after: Option<LeadId>,
    limit: i64,
) -> Result<Vec<Lead>, StoreError> {
    let rows = sqlx::query!(
        r#"select l.id, l.workspace_id, w.name as workspace_name, l.chatbot_id, b.name as "chatbot_name?",
                  s.name as stage_name, l.name, l.email, l.phone, l.fields, l.consented_at, l.consent_text, l.created_at,
                  array(select distinct i.platform from contacts c join integrations i on i.id = c.integration_id
                        where c.lead_id = l.id order by 1) as "platforms!",
                  (select v.id from conversations v join contacts c on c.id = v.contact_id
                   where c.lead_id = l.id order by v.id desc limit 1) as conversation
           from leads l
           join workspaces w on w.id = l.workspace_id
           join lead_stages s on s.id = l.stage_id
           left join chatbots b on b.id = l.chatbot_id
           where ($1::uuid is null or l.workspace_id = $1)
             and ($2::uuid is null or l.chatbot_id = $2)
             and ($3::text is null or position(lower($3) in lower(l.name)) > 0
                  or position(lower($3) in lower(l.email)) > 0 or position($3 in l.phone) > 0)
             and ($4::bool is null or (l.consented_at is not null) = $4)
             and ($5::uuid is null or l.id < $5)
           order by l.id desc limit $6"#,
        filter.workspace.map(|id| id.as_uuid()),
        filter.chatbot.map(|id| id.as_uuid()),
        filter.text,
        filter.consented,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Lead {
            id: row.id.into(),
            workspace: row.workspace_id.into(),
            workspace_name: row.workspace_name,
            chatbot: row.chatbot_id.map(Into::into),
            chatbot_name: row.chatbot_name,
            platforms: row.platforms,
            stage_name: row.stage_name,
            name: row.name,
            email: row.email,
            phone: row.phone,
            fields: row.fields,
            consented_at: row.consented_at,
            consent_text: row.consent_text,
            created_at: row.created_at,
            conversation: row.conversation.map(Into::into),
        })
        .collect())
}

/// Whose lead this is.
pub async fn workspace_of(db: &Db, id: LeadId) -> Result<Option<WorkspaceId>, StoreError> {
    Ok(
        sqlx::query_scalar!("select workspace_id from leads where id = $1", id.as_uuid())
            .fetch_optional(db.system_pool())
            .await?
            .map(Into::into),
    )
}

/// Forgets a lead, and what they said of themselves on every channel; their conversations stay. `false`: there is no such
/// lead here.
pub async fn erase(tx: &mut TenantTx, id: LeadId) -> Result<bool, StoreError> {
    let workspace: Uuid = tx.workspace().as_uuid();
    sqlx::query!(
        "update contacts set name = null, email = null, phone = null, fields = '{}', consented_at = null,
             consent_text = null, lead_at = null, lead_id = null
         where workspace_id = $1 and lead_id = $2",
        workspace,
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from webhook_events where workspace_id = $1 and lead_id = $2",
        workspace,
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    let erased = sqlx::query!(
        "delete from leads where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(erased.rows_affected() > 0)
}
