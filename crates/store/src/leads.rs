//! Leads: who said something of themselves, or of whom an owner knows something.
//!
//! Invariants:
//! - Of somebody whom the owner vouches for, what is known stays: a visitor's words only fill what is empty.
//! - A lead has any number of contacts, one on each channel; a contact has one lead at most.

mod list;
mod stages;
#[cfg(test)]
mod tests;
mod write;

pub use list::{Filter, Lead as Listed, LeadContact, contacts, get, list};
pub use stages::{Replaced, Stage, list as stages, replace as replace_stages};
pub use write::{Merged, NewLead, Update, delete, find, insert, merge, of_conversation, update};

use crate::{Db, StoreError, moves};
use chrono::{DateTime, Utc};
use domain::{ContactId, IntegrationId, LeadId};
use std::{collections::BTreeMap, fmt};

/// What a visitor said of themselves, checked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Lead {
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Everything else that was asked.
    pub fields: BTreeMap<String, String>,
    /// When they agreed, where they were asked to.
    pub consented_at: Option<DateTime<Utc>>,
    /// To what: the words, as they stood there.
    pub consent_text: Option<String>,
}

/// Who somebody is is nobody's business in a log.
impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").finish_non_exhaustive()
    }
}

/// Writes it to the contact, who is made where there is none yet, and to their lead. `vouched`: the owner says who they are.
/// Nothing is written where the integration is gone.
pub async fn keep(
    db: &Db,
    integration: IntegrationId,
    contact_key: &str,
    lead: &Lead,
    vouched: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = db.system().await?;
    let Some(chatbot) = sqlx::query_scalar!(
        "select chatbot_id from integrations where id = $1",
        integration.as_uuid()
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(());
    };
    moves::accepting(&mut tx, [chatbot.into()]).await?;
    let fields = serde_json::to_value(&lead.fields)?;
    let Some(contact) = sqlx::query!(
        "insert into contacts (id, workspace_id, integration_id, key, name, email, phone, fields, consented_at, consent_text,
                               lead_at, last_seen_at)
         select $1, workspace_id, id, $3, $4, $5, $6, $7, $8, $11, $9, $9 from integrations where id = $2
         on conflict (integration_id, key) do update set
             name = case when $10 then coalesce(contacts.name, excluded.name)
                         else coalesce(excluded.name, contacts.name) end,
             email = case when $10 then coalesce(contacts.email, excluded.email)
                          else coalesce(excluded.email, contacts.email) end,
             phone = case when $10 then coalesce(contacts.phone, excluded.phone)
                          else coalesce(excluded.phone, contacts.phone) end,
             fields = case when $10 then excluded.fields || contacts.fields
                           else contacts.fields || excluded.fields end,
             consented_at = coalesce(contacts.consented_at, excluded.consented_at),
             consent_text = case when contacts.consented_at is null then excluded.consent_text
                                 else contacts.consent_text end,
             lead_at = coalesce(contacts.lead_at, excluded.lead_at)
         returning id, workspace_id, lead_id",
        ContactId::new().as_uuid(),
        integration.as_uuid(),
        contact_key,
        lead.name,
        lead.email,
        lead.phone,
        fields,
        lead.consented_at,
        now,
        vouched,
        lead.consent_text,
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(());
    };
    if let Some(known) = contact.lead_id {
        sqlx::query!(
            "update leads set
                 name = case when $2 then coalesce(name, $3) else coalesce($3, name) end,
                 email = case when $2 then coalesce(email, $4) else coalesce($4, email) end,
                 phone = case when $2 then coalesce(phone, $5) else coalesce($5, phone) end,
                 fields = case when $2 then $6 || fields else fields || $6 end,
                 consented_at = coalesce(consented_at, $7),
                 consent_text = case when consented_at is null then $8 else consent_text end,
                 updated_at = $9
             where id = $1",
            known,
            vouched,
            lead.name,
            lead.email,
            lead.phone,
            fields,
            lead.consented_at,
            lead.consent_text,
            now,
        )
        .execute(&mut *tx)
        .await?;
    } else {
        sqlx::query!(
            "with made as (
                 insert into leads (id, workspace_id, stage_id, chatbot_id, name, email, phone, fields, consented_at,
                                    consent_text, created_at, updated_at)
                 select $1, c.workspace_id, s.id, i.chatbot_id, c.name, c.email, c.phone, c.fields, c.consented_at,
                        c.consent_text, $3, $3
                 from contacts c join integrations i on i.id = c.integration_id
                 join lateral (select id from lead_stages where workspace_id = c.workspace_id order by position limit 1) s
                     on true
                 where c.id = $2
                 returning id)
             update contacts set lead_id = made.id from made where contacts.id = $2",
            LeadId::new().as_uuid(),
            contact.id,
            now,
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}
