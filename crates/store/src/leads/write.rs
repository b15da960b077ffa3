//! Writing leads by hand or from a file, and merging two that are one person.

use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ConversationId, LeadId, LeadStageId, UserId};
use serde_json::{Map, Value};

/// A lead that somebody brings in.
#[derive(Clone, Default)]
pub struct NewLead {
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// What else is known.
    pub fields: Map<String, Value>,
    /// Where it stands; `None`: on the first stage.
    pub stage: Option<LeadStageId>,
    /// Who looks after it.
    pub assignee: Option<UserId>,
    /// When they agreed, and to what.
    pub consent: Option<(DateTime<Utc>, Option<String>)>,
}

/// What changes of a lead. The outer `None` stays as it is; the inner one takes it away.
#[derive(Clone, Default)]
pub struct Update {
    /// What they are called.
    pub name: Option<Option<String>>,
    /// Their e-mail address.
    pub email: Option<Option<String>>,
    /// Their telephone number.
    pub phone: Option<Option<String>>,
    /// Fields that change; `null` takes one away.
    pub fields: Map<String, Value>,
    /// Where it stands.
    pub stage: Option<LeadStageId>,
    /// Who looks after it.
    pub assignee: Option<Option<UserId>>,
    /// When they agreed, and to what.
    pub consent: Option<Option<(DateTime<Utc>, Option<String>)>>,
}

/// What came of merging two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// They are one now.
    Done,
    /// One of them is none of this workspace's, or they are the same.
    Unknown,
}

/// Stores a lead. `false`: the stage is none of this workspace's.
pub async fn insert(
    tx: &mut TenantTx,
    id: LeadId,
    new: &NewLead,
    chatbot: Option<ChatbotId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "insert into leads (id, workspace_id, stage_id, assignee, chatbot_id, name, email, phone, fields, consented_at,
                            consent_text, created_at, updated_at)
         select $1, $2, s.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12
         from lead_stages s where s.workspace_id = $2 and ($3::uuid is null or s.id = $3) order by s.position limit 1",
        id.as_uuid(),
        workspace,
        new.stage.map(|id| id.as_uuid()),
        new.assignee.map(|id| id.as_uuid()),
        chatbot.map(|id| id.as_uuid()),
        new.name,
        new.email,
        new.phone,
        Value::Object(new.fields.clone()),
        new.consent.as_ref().map(|(at, _)| *at),
        new.consent.as_ref().and_then(|(_, text)| text.as_deref()),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes a lead. `false`: there is no such lead here, or the stage is none of this workspace's.
pub async fn update(
    tx: &mut TenantTx,
    id: LeadId,
    change: &Update,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let consent = change.consent.clone().flatten();
    let gone: Vec<String> = change
        .fields
        .iter()
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| name.clone())
        .collect();
    let set: Map<String, Value> = change
        .fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let done = sqlx::query!(
        "update leads set
             name = case when $3 then $4 else name end,
             email = case when $5 then $6 else email end,
             phone = case when $7 then $8 else phone end,
             fields = (fields || $9::jsonb) - $10::text[],
             stage_id = coalesce($11, stage_id),
             assignee = case when $12 then $13 else assignee end,
             consented_at = case when $14 then $15 else consented_at end,
             consent_text = case when $14 then $16 else consent_text end,
             updated_at = $17
         where workspace_id = $1 and id = $2
           and ($11::uuid is null or exists (select from lead_stages s where s.workspace_id = $1 and s.id = $11))",
        workspace,
        id.as_uuid(),
        change.name.is_some(),
        change.name.clone().flatten(),
        change.email.is_some(),
        change.email.clone().flatten(),
        change.phone.is_some(),
        change.phone.clone().flatten(),
        Value::Object(set),
        &gone,
        change.stage.map(|id| id.as_uuid()),
        change.assignee.is_some(),
        change.assignee.flatten().map(|id| id.as_uuid()),
        change.consent.is_some(),
        consent.as_ref().map(|(at, _)| *at),
        consent.as_ref().and_then(|(_, text)| text.as_deref()),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The oldest lead with this e-mail address, or else with this telephone number, whatever stands between its digits.
pub async fn find(
    tx: &mut TenantTx,
    email: Option<&str>,
    phone: Option<&str>,
) -> Result<Option<LeadId>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let digits: Option<String> = phone.map(|phone| phone.chars().filter(char::is_ascii_digit).collect());
    let found = sqlx::query_scalar!(
        r#"select id as "id!" from (
             select 1 as rank, id from leads where workspace_id = $1 and lower(email) = lower($2)
             union all
             select 2, id from leads where workspace_id = $1 and regexp_replace(phone, '\D', '', 'g') = $3
           ) found order by rank, id limit 1"#,
        workspace,
        email,
        digits,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(found.map(Into::into))
}

/// The lead of a conversation's contact, who becomes one where they are none yet. `None`: there is no such conversation
/// here.
pub async fn of_conversation(
    tx: &mut TenantTx,
    conversation: ConversationId,
    now: DateTime<Utc>,
) -> Result<Option<(LeadId, bool)>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let Some(contact) = sqlx::query!(
        "select c.id, c.lead_id, c.name, v.chatbot_id from contacts c join conversations v on v.contact_id = c.id
         where v.workspace_id = $1 and v.id = $2 for update of c",
        workspace,
        conversation.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    else {
        return Ok(None);
    };
    if let Some(lead) = contact.lead_id {
        return Ok(Some((lead.into(), false)));
    }
    let new = NewLead {
        name: contact.name,
        ..NewLead::default()
    };
    let id = LeadId::new();
    insert(tx, id, &new, Some(contact.chatbot_id.into()), now).await?;
    sqlx::query!(
        "update contacts set lead_id = $2, lead_at = coalesce(lead_at, $3) where id = $1",
        contact.id,
        id.as_uuid(),
        now
    )
    .execute(tx.connection())
    .await?;
    Ok(Some((id, true)))
}

/// Makes two leads one: `from` goes, its contacts and their conversations are `into`'s, and it fills what `into` lacks.
pub async fn merge(
    tx: &mut TenantTx,
    into: LeadId,
    from: LeadId,
    now: DateTime<Utc>,
) -> Result<Merged, StoreError> {
    if into == from {
        return Ok(Merged::Unknown);
    }
    let workspace = tx.workspace().as_uuid();
    let found = sqlx::query!(
        "select id from leads where workspace_id = $1 and id in ($2, $3) order by id for update",
        workspace,
        into.as_uuid(),
        from.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    if found.len() != 2 {
        return Ok(Merged::Unknown);
    }
    sqlx::query!(
        "update contacts set lead_id = $2 where workspace_id = $1 and lead_id = $3",
        workspace,
        into.as_uuid(),
        from.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update leads l set
             name = coalesce(l.name, f.name), email = coalesce(l.email, f.email), phone = coalesce(l.phone, f.phone),
             fields = f.fields || l.fields, assignee = coalesce(l.assignee, f.assignee),
             chatbot_id = coalesce(l.chatbot_id, f.chatbot_id),
             consented_at = coalesce(l.consented_at, f.consented_at),
             consent_text = case when l.consented_at is null then f.consent_text else l.consent_text end,
             updated_at = $4
         from leads f where l.workspace_id = $1 and l.id = $2 and f.id = $3",
        workspace,
        into.as_uuid(),
        from.as_uuid(),
        now,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update webhook_events set lead_id = $2 where workspace_id = $1 and lead_id = $3",
        workspace,
        into.as_uuid(),
        from.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    delete(tx, from).await?;
    Ok(Merged::Done)
}

/// Takes a lead off the list. What its contacts said of themselves, and their conversations, stay. `false`: there is no
/// such lead here.
pub async fn delete(tx: &mut TenantTx, id: LeadId) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "delete from leads where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
