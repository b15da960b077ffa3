//! Reading leads: the list, one of them, and where they write.

use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ContactId, ConversationId, LeadId, LeadStageId, Platform, UserId};
use std::fmt;

/// Which leads to list. Every given condition must hold.
#[derive(Clone, Default)]
pub struct Filter {
    /// Whose name, e-mail address or telephone number contains this.
    pub text: Option<String>,
    /// On this stage.
    pub stage: Option<LeadStageId>,
    /// That came from this chatbot.
    pub chatbot: Option<ChatbotId>,
    /// Who write on this platform.
    pub platform: Option<Platform>,
    /// Whom this member looks after.
    pub assignee: Option<UserId>,
    /// Whom nobody looks after, or somebody.
    pub assigned: Option<bool>,
    /// Who agreed, or did not.
    pub consented: Option<bool>,
}

/// A lead, as it is shown.
#[derive(Clone)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// Where it stands.
    pub stage: LeadStageId,
    /// What that is called.
    pub stage_name: String,
    /// Who looks after it.
    pub assignee: Option<UserId>,
    /// Their address, while they belong to the workspace.
    pub assignee_email: Option<String>,
    /// The chatbot to which they first said something.
    pub chatbot: Option<ChatbotId>,
    /// Its name.
    pub chatbot_name: Option<String>,
    /// The platforms on which they write.
    pub platforms: Vec<String>,
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// What else is known, by the field's name.
    pub fields: serde_json::Value,
    /// When they agreed.
    pub consented_at: Option<DateTime<Utc>>,
    /// To what.
    pub consent_text: Option<String>,
    /// Their newest conversation.
    pub conversation: Option<ConversationId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Who somebody is is nobody's business in a log.
impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Where a lead writes.
#[derive(Debug, Clone)]
pub struct LeadContact {
    /// The contact.
    pub contact: ContactId,
    /// The platform.
    pub platform: Platform,
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// Its name.
    pub chatbot_name: String,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// When they last wrote there.
    pub last_inbound_at: Option<DateTime<Utc>>,
}

/// The workspace's leads, the newest first.
pub async fn list(
    tx: &mut TenantTx,
    filter: &Filter,
    after: Option<LeadId>,
    limit: i64,
) -> Result<Vec<Lead>, StoreError> {
    read(tx, filter, None, after, limit).await
}

/// One of them. `None`: there is no such lead here.
pub async fn get(tx: &mut TenantTx, id: LeadId) -> Result<Option<Lead>, StoreError> {
    let found = read(tx, &Filter::default(), Some(id), None, 1).await?;
    Ok(found.into_iter().next())
}

async fn read(
    tx: &mut TenantTx,
    filter: &Filter,
    only: Option<LeadId>,
    after: Option<LeadId>,
    limit: i64,
) -> Result<Vec<Lead>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        r#"select l.id, l.stage_id, s.name as stage_name, l.assignee, u.email as "assignee_email?", l.chatbot_id,
                  b.name as "chatbot_name?", l.name, l.email, l.phone, l.fields, l.consented_at, l.consent_text,
                  l.created_at, l.updated_at,
                  array(select distinct i.platform from contacts c join integrations i on i.id = c.integration_id
                        where c.lead_id = l.id order by 1) as "platforms!",
                  (select v.id from conversations v join contacts c on c.id = v.contact_id
                   where c.lead_id = l.id order by v.id desc limit 1) as conversation
           from leads l
           join lead_stages s on s.id = l.stage_id
           left join users u on u.id = l.assignee
           left join chatbots b on b.id = l.chatbot_id
           where l.workspace_id = $1
             and ($2::uuid is null or l.id = $2)
             and ($3::text is null or position(lower($3) in lower(l.name)) > 0
                  or position(lower($3) in lower(l.email)) > 0 or position($3 in l.phone) > 0)
             and ($4::uuid is null or l.stage_id = $4)
             and ($5::uuid is null or l.chatbot_id = $5)
             and ($6::text is null or exists (
                 select from contacts c join integrations i on i.id = c.integration_id
                 where c.lead_id = l.id and i.platform = $6))
             and ($7::uuid is null or l.assignee = $7)
             and ($8::bool is null or (l.assignee is not null) = $8)
             and ($9::bool is null or (l.consented_at is not null) = $9)
             and ($10::uuid is null or l.id < $10)
           order by l.id desc limit $11"#,
        workspace,
        only.map(|id| id.as_uuid()),
        filter.text,
        filter.stage.map(|id| id.as_uuid()),
        filter.chatbot.map(|id| id.as_uuid()),
        filter.platform.as_ref().map(Platform::as_str),
        filter.assignee.map(|id| id.as_uuid()),
        filter.assigned,
        filter.consented,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Lead {
            id: row.id.into(),
            stage: row.stage_id.into(),
            stage_name: row.stage_name,
            assignee: row.assignee.map(Into::into),
            assignee_email: row.assignee_email,
            chatbot: row.chatbot_id.map(Into::into),
            chatbot_name: row.chatbot_name,
            platforms: row.platforms,
            name: row.name,
            email: row.email,
            phone: row.phone,
            fields: row.fields,
            consented_at: row.consented_at,
            consent_text: row.consent_text,
            conversation: row.conversation.map(Into::into),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
        .collect())
}

/// Where a lead writes: the newest conversations, 50 at most, and contacts that have none yet.
pub async fn contacts(tx: &mut TenantTx, id: LeadId) -> Result<Vec<LeadContact>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        r#"select c.id, i.platform, i.chatbot_id, b.name as chatbot_name, v.id as "conversation?",
                  v.last_inbound_at as "last_inbound_at?"
           from contacts c
           join integrations i on i.id = c.integration_id
           join chatbots b on b.id = i.chatbot_id
           left join conversations v on v.contact_id = c.id
           where c.workspace_id = $1 and c.lead_id = $2
           order by v.id desc nulls last, c.id limit 50"#,
        workspace,
        id.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(LeadContact {
                contact: row.id.into(),
                platform: row.platform.try_into()?,
                chatbot: row.chatbot_id.into(),
                chatbot_name: row.chatbot_name,
                conversation: row.conversation.map(Into::into),
                last_inbound_at: row.last_inbound_at,
            })
        })
        .collect()
}
