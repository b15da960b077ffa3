//! What visitors say of themselves before they write.
//!
//! Invariant: of somebody whom the owner vouches for, what is known stays: a visitor's words only fill what is empty.

use crate::{Db, StoreError};
use chrono::{DateTime, Utc};
use domain::{ContactId, IntegrationId};
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
}

/// Who somebody is is nobody's business in a log.
impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").finish_non_exhaustive()
    }
}

/// Writes it to the contact, who is made where there is none yet. `vouched`: the owner says who they are.
/// Nothing is written where the integration is gone.
pub async fn keep(
    db: &Db,
    integration: IntegrationId,
    contact_key: &str,
    lead: &Lead,
    vouched: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into contacts (id, workspace_id, integration_id, key, name, email, phone, fields, consented_at, lead_at,
                               last_seen_at)
         select $1, workspace_id, id, $3, $4, $5, $6, $7, $8, $9, $9 from integrations where id = $2
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
             lead_at = coalesce(contacts.lead_at, excluded.lead_at)",
        ContactId::new().as_uuid(),
        integration.as_uuid(),
        contact_key,
        lead.name,
        lead.email,
        lead.phone,
        serde_json::to_value(&lead.fields)?,
        lead.consented_at,
        now,
        vouched,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}
