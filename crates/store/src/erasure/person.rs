//! A person: which contacts they are, and what is left of them beside their conversations.

use crate::{
    Db, StoreError, SystemTx,
    data_jobs::{Counts, Subject},
};
use domain::{ContactId, ConversationId, IntegrationId, LeadId, QuarantineId, WorkspaceId};
use std::fmt;

/// Shorter names are part of too much that is not theirs.
const LEAST_NAME: usize = 5;

/// Who is to be exported or erased.
#[derive(Clone)]
pub struct Person {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Their lead.
    pub lead: Option<LeadId>,
    /// Their contacts.
    pub contacts: Vec<ContactId>,
    /// Where those write.
    pub integrations: Vec<IntegrationId>,
    /// Their conversations.
    pub conversations: Vec<ConversationId>,
    /// What names them wherever it stands: keys on platforms, e-mail addresses, telephone numbers.
    pub names: Vec<String>,
}

/// Who somebody is is nobody's business in a log.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("lead", &self.lead)
            .field("contacts", &self.contacts)
            .finish_non_exhaustive()
    }
}

/// A webhook that lies sealed in quarantine.
#[derive(Clone)]
pub struct Quarantined {
    /// Its id.
    pub id: QuarantineId,
    /// What was sealed.
    pub sealed: Vec<u8>,
}

/// Finds a person in their workspace. Nobody is left of one who is gone already.
pub async fn person(db: &Db, workspace: WorkspaceId, subject: Subject) -> Result<Person, StoreError> {
    let (lead, contact) = match subject {
        Subject::Lead(id) => (Some(id.as_uuid()), None),
        Subject::Contact(id) => (None, Some(id.as_uuid())),
        Subject::Chatbot(_) => (None, None),
    };
    let mut person = Person {
        workspace,
        lead: None,
        contacts: Vec::new(),
        integrations: Vec::new(),
        conversations: Vec::new(),
        names: Vec::new(),
    };
    let mut names: Vec<Option<String>> = Vec::new();
    // Who is a lead is erased with all their contacts, whichever was named.
    let leads = sqlx::query!(
        "select id, email, phone from leads where workspace_id = $1
           and (id = $2 or id = (select lead_id from contacts where workspace_id = $1 and id = $3))",
        workspace.as_uuid(),
        lead,
        contact,
    )
    .fetch_optional(db.system_pool())
    .await?;
    if let Some(row) = leads {
        person.lead = Some(row.id.into());
        names.extend([row.email, row.phone]);
    }
    let rows = sqlx::query!(
        "select id, integration_id, key, email, phone from contacts
         where workspace_id = $1 and (lead_id = $2 or id = $3) order by id",
        workspace.as_uuid(),
        person.lead.map(|id| id.as_uuid()),
        contact,
    )
    .fetch_all(db.system_pool())
    .await?;
    for row in rows {
        person.contacts.push(row.id.into());
        person.integrations.push(row.integration_id.into());
        // `user:ada`, `+4930…`: the part that a platform writes in any place.
        let key = row.key.rsplit([':', '+']).next().unwrap_or_default();
        names.extend([Some(key.to_owned()), row.email, row.phone]);
    }
    let contacts: Vec<_> = person.contacts.iter().map(|id| id.as_uuid()).collect();
    let conversations = sqlx::query_scalar!(
        "select id from conversations where contact_id = any($1) order by id",
        &contacts
    )
    .fetch_all(db.system_pool())
    .await?;
    person.conversations = conversations.into_iter().map(Into::into).collect();
    person.names = names
        .into_iter()
        .flatten()
        .filter(|name| name.chars().count() >= LEAST_NAME)
        .collect();
    person.names.sort();
    person.names.dedup();
    Ok(person)
}

/// Erases what names the person in logs of their integrations, in dead letters without a conversation, and in events.
pub async fn forget_mentions(tx: &mut SystemTx, person: &Person) -> Result<Counts, StoreError> {
    let workspace = person.workspace.as_uuid();
    let integrations: Vec<_> = person.integrations.iter().map(|id| id.as_uuid()).collect();
    let contacts: Vec<_> = person.contacts.iter().map(|id| id.as_uuid()).collect();
    let mut counts = Counts::new();
    let logs = sqlx::query!(
        "delete from integration_logs l where l.workspace_id = $1 and l.integration_id = any($2)
           and exists (select from unnest($3::text[]) name
                       where position(name in l.message) > 0 or position(name in l.details::text) > 0)",
        workspace,
        &integrations,
        &person.names,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let letters = sqlx::query!(
        "delete from dead_letters d where (d.workspace_id = $1 or d.workspace_id is null) and d.payload is not null
           and exists (select from unnest($2::text[]) name
                       where position(convert_to(name, 'UTF8') in d.payload) > 0)",
        workspace,
        &person.names,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let events = sqlx::query!(
        "delete from webhook_events where workspace_id = $1 and (contact_id = any($2) or lead_id = $3)",
        workspace,
        &contacts,
        person.lead.map(|id| id.as_uuid()),
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    for (name, count) in [
        ("integration_logs", logs),
        ("dead_letters", letters),
        ("webhook_events", events),
    ] {
        if count > 0 {
            counts.insert(name.to_owned(), count.cast_signed());
        }
    }
    Ok(counts)
}

/// What lies in quarantine for the person's integrations, to be opened and looked through.
pub async fn quarantined(db: &Db, person: &Person) -> Result<Vec<Quarantined>, StoreError> {
    let integrations: Vec<_> = person.integrations.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"select id, sealed as "sealed!" from quarantine
           where workspace_id = $1 and integration_id = any($2) and sealed is not null"#,
        person.workspace.as_uuid(),
        &integrations,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Quarantined {
            id: row.id.into(),
            sealed: row.sealed,
        })
        .collect())
}

/// Erases webhooks in quarantine. How many there were.
pub async fn discard(tx: &mut SystemTx, ids: &[QuarantineId]) -> Result<u64, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query!("delete from quarantine where id = any($1)", &ids)
        .execute(&mut **tx)
        .await?
        .rows_affected())
}

/// Erases the person themselves: what they uploaded and never sent, files of earlier exports, contacts and lead.
pub async fn remove(tx: &mut SystemTx, person: &Person) -> Result<Counts, StoreError> {
    let workspace = person.workspace.as_uuid();
    let contacts: Vec<_> = person.contacts.iter().map(|id| id.as_uuid()).collect();
    let lead = person.lead.map(|id| id.as_uuid());
    let files = sqlx::query!(
        "delete from blobs where workspace_id = $1 and id in (
             select f.blob_id from chat_files f join contacts c on c.integration_id = f.integration_id and c.key = f.contact_key
             where c.id = any($2)
             union
             select blob_id from data_jobs where workspace_id = $1 and (contact_id = any($2) or lead_id = $3))",
        workspace,
        &contacts,
        lead,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let erased = sqlx::query!(
        "delete from contacts where workspace_id = $1 and id = any($2)",
        workspace,
        &contacts
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let leads = sqlx::query!(
        "delete from leads where workspace_id = $1 and id = $2",
        workspace,
        lead
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let mut counts = Counts::new();
    for (name, count) in [("files", files), ("contacts", erased), ("leads", leads)] {
        if count > 0 {
            counts.insert(name.to_owned(), count.cast_signed());
        }
    }
    Ok(counts)
}
