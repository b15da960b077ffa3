//! Work on a person's data or on a whole chatbot that takes its time, and the receipts for it.
//!
//! Invariants:
//! - A job is in one hand at a time, and due again when the lease of a hand that died runs out: every step can be repeated.
//! - A receipt says what was found, how many, when and by whom. It holds nothing of the person but a hash.

use crate::{Db, StoreError, SystemTx, TenantTx, intake::interval, versions::Author};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BlobId, ChatbotId, ContactId, ConversationId, DataJobId, LeadId, LeaseToken, WorkspaceId};
use std::collections::BTreeMap;

/// How many of each kind of thing.
pub type Counts = BTreeMap<String, i64>;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Everything of a person is written into a file.
    Export,
    /// Everything of a person is erased.
    Erase,
    /// A chatbot is deleted with everything of it.
    DeleteChatbot,
}

impl JobKind {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Erase => "erase",
            Self::DeleteChatbot => "delete_chatbot",
        }
    }

    fn stored(name: &str) -> Result<Self, StoreError> {
        [Self::Export, Self::Erase, Self::DeleteChatbot]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| StoreError::Unreadable(format!("a job is to {name:?}")))
    }
}

/// Whom or what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A lead with all their contacts.
    Lead(LeadId),
    /// A contact who is no lead.
    Contact(ContactId),
    /// A chatbot.
    Chatbot(ChatbotId),
}

/// A job, as it is shown: what is left of it is the receipt.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: DataJobId,
    /// What is done.
    pub kind: JobKind,
    /// The lead.
    pub lead: Option<LeadId>,
    /// The chatbot.
    pub chatbot: Option<ChatbotId>,
    /// `due`, `running`, `done` or `failed`.
    pub state: String,
    /// What has been found or erased up to now.
    pub counts: Counts,
    /// SHA-256 of what names the person.
    pub subject_hash: Option<Vec<u8>>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether there is a file.
    pub blob: Option<BlobId>,
    /// Who asked for it.
    pub by: Author,
    /// Their address, while they belong to the workspace.
    pub email: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was done, or failed.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A job in our hand.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id.
    pub id: DataJobId,
    /// Ours as long as the row has it.
    pub lease: LeaseToken,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What is done.
    pub kind: JobKind,
    /// Whom or what it is about.
    pub subject: Subject,
    /// How often it was begun before.
    pub attempts: i32,
}

/// Puts work on the list, unless the same is waiting or under way: then its id.
pub async fn add(
    tx: &mut TenantTx,
    kind: JobKind,
    subject: Subject,
    by: Author,
    now: DateTime<Utc>,
) -> Result<DataJobId, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let (lead, contact, chatbot) = match subject {
        Subject::Lead(id) => (Some(id.as_uuid()), None, None),
        Subject::Contact(id) => (None, Some(id.as_uuid()), None),
        Subject::Chatbot(id) => (None, None, Some(id.as_uuid())),
    };
    let open = sqlx::query_scalar!(
        "select id from data_jobs where workspace_id = $1 and kind = $2 and state in ('due', 'running')
           and (lead_id = $3 or contact_id = $4 or chatbot_id = $5)",
        workspace,
        kind.as_str(),
        lead,
        contact,
        chatbot,
    )
    .fetch_optional(tx.connection())
    .await?;
    if let Some(open) = open {
        return Ok(open.into());
    }
    let id = DataJobId::new();
    sqlx::query!(
        "insert into data_jobs (id, workspace_id, kind, lead_id, contact_id, chatbot_id, user_id, api_key_id, created_at, due_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        id.as_uuid(),
        workspace,
        kind.as_str(),
        lead,
        contact,
        chatbot,
        by.user.map(|id| id.as_uuid()),
        by.api_key.map(|id| id.as_uuid()),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(id)
}

/// The workspace's jobs, the newest first; only this one, when it is named.
pub async fn list(
    tx: &mut TenantTx,
    only: Option<DataJobId>,
    after: Option<DataJobId>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        r#"select j.id, j.kind, j.lead_id, j.chatbot_id, j.state, j.counts, j.subject_hash, j.error, j.blob_id, j.user_id,
                  j.api_key_id, u.email as "email?", j.created_at, j.finished_at
           from data_jobs j left join users u on u.id = j.user_id
           where j.workspace_id = $1 and ($2::uuid is null or j.id = $2) and ($3::uuid is null or j.id < $3)
           order by j.id desc limit $4"#,
        workspace,
        only.map(|id| id.as_uuid()),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Job {
                id: row.id.into(),
                kind: JobKind::stored(&row.kind)?,
                lead: row.lead_id.map(Into::into),
                chatbot: row.chatbot_id.map(Into::into),
                state: row.state,
                counts: serde_json::from_value(row.counts)?,
                subject_hash: row.subject_hash,
                error: row.error,
                blob: row.blob_id.map(Into::into),
                by: Author {
                    user: row.user_id.map(Into::into),
                    api_key: row.api_key_id.map(Into::into),
                },
                email: row.email,
                created_at: row.created_at,
                finished_at: row.finished_at,
            })
        })
        .collect()
}

/// Takes the job that has been due longest. `None`: none is.
pub async fn claim(db: &Db, now: DateTime<Utc>, lease: TimeDelta) -> Result<Option<Claimed>, StoreError> {
    let token = LeaseToken::new();
    let Some(row) = sqlx::query!(
        "update data_jobs j set state = 'running', attempts = attempts + 1, lease_token = $2,
             lease_until = $1::timestamptz + $3::interval, started_at = coalesce(started_at, $1)
         from (select id from data_jobs
               where state in ('due', 'running') and due_at <= $1 and (lease_until is null or lease_until < $1)
               order by due_at limit 1 for update skip locked) due
         where j.id = due.id
         returning j.id, j.workspace_id, j.kind, j.lead_id, j.contact_id, j.chatbot_id, j.attempts",
        now,
        token.as_uuid(),
        interval(lease),
    )
    .fetch_optional(db.system_pool())
    .await?
    else {
        return Ok(None);
    };
    let subject = match (row.lead_id, row.contact_id, row.chatbot_id) {
        (Some(id), ..) => Subject::Lead(id.into()),
        (_, Some(id), _) => Subject::Contact(id.into()),
        (.., Some(id)) => Subject::Chatbot(id.into()),
        _ => return Err(StoreError::Unreadable("a job is about nothing".to_owned())),
    };
    Ok(Some(Claimed {
        id: row.id.into(),
        lease: token,
        workspace: row.workspace_id.into(),
        kind: JobKind::stored(&row.kind)?,
        subject,
        attempts: row.attempts - 1,
    }))
}

/// Adds to what was done, and holds the job for longer. `false`: it is in another's hand, and nothing of it may be done
/// here; the transaction has to be rolled back.
pub async fn progress(
    tx: &mut SystemTx,
    job: &Claimed,
    more: &Counts,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update data_jobs j set lease_until = $3, counts = (
             select coalesce(jsonb_object_agg(key, total), '{}') from (
                 select key, sum(value::bigint) as total from (
                     select key, value from jsonb_each_text(j.counts)
                     union all
                     select key, value from jsonb_each_text($4::jsonb)) each
                 group by key) sums)
         where id = $1 and lease_token = $2",
        job.id.as_uuid(),
        job.lease.as_uuid(),
        until,
        serde_json::to_value(more)?,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a job: what is left is the receipt. `false`: it is in another's hand.
pub async fn finish(
    tx: &mut SystemTx,
    job: &Claimed,
    subject_hash: Option<&[u8]>,
    blob: Option<BlobId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update data_jobs set state = 'done', subject_hash = coalesce($3, subject_hash), blob_id = $4, error = null,
             finished_at = $5, lease_token = null, lease_until = null
         where id = $1 and lease_token = $2",
        job.id.as_uuid(),
        job.lease.as_uuid(),
        subject_hash,
        blob.map(|id| id.as_uuid()),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes whom it is about as soon as that is known: at a repeat there may be nobody left to ask.
pub async fn about(db: &Db, job: &Claimed, subject_hash: &[u8]) -> Result<(), StoreError> {
    sqlx::query!(
        "update data_jobs set subject_hash = coalesce(subject_hash, $3) where id = $1 and lease_token = $2",
        job.id.as_uuid(),
        job.lease.as_uuid(),
        subject_hash,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Lays a job back: it is tried again at `due_at`, or with `None` given up.
pub async fn fail(
    db: &Db,
    job: &Claimed,
    error: &str,
    due_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update data_jobs set state = case when $4::timestamptz is null then 'failed' else 'due' end,
             due_at = coalesce($4, due_at), error = $3, lease_token = null, lease_until = null,
             finished_at = case when $4 is null then $5::timestamptz end
         where id = $1 and lease_token = $2",
        job.id.as_uuid(),
        job.lease.as_uuid(),
        error,
        due_at,
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Forgets the files of exports that were done before this time; the receipts stay.
pub async fn forget_files(db: &Db, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from blobs where id in (select blob_id from data_jobs where blob_id is not null and finished_at < $1)",
        before
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Whom a conversation is with: their lead, where they are one. `None`: there is no such conversation here.
pub async fn subject_of(
    tx: &mut TenantTx,
    conversation: ConversationId,
) -> Result<Option<Subject>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select c.id, c.lead_id from contacts c join conversations v on v.contact_id = c.id
         where v.workspace_id = $1 and v.id = $2",
        workspace,
        conversation.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| {
        row.lead_id
            .map_or(Subject::Contact(row.id.into()), |lead| Subject::Lead(lead.into()))
    }))
}
