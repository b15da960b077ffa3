//! What owners added to their chatbots' knowledge, and how far it is on its way into it.
//!
//! Invariants: a source's state, version and lease are the truth, a wake-up on the queue only saves waiting. Whoever
//! indexes it holds a lease token that is new at every claim, and a change of the content takes the lease away: what an
//! indexer read before the change matches no row when it commits.

mod answered;
mod content;

use crate::{Db, StoreError, SystemTx, TenantTx, chunks::NewChunk};
pub use answered::add_answer;
use chrono::{DateTime, Utc};
pub(crate) use content::without_nul;
pub use content::{Content, File, Pair, Site};
use domain::{ChatbotId, DocumentId, LeaseToken, SourceId, SourceState, WorkspaceId};
use std::time::Duration;

/// A source to be added.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Made by the caller.
    pub id: SourceId,
    /// Whose knowledge it becomes.
    pub chatbot: ChatbotId,
    /// As the owner and, in citations, the visitor see it.
    pub title: String,
    /// What it says.
    pub content: Content,
    /// A site is read again this often.
    pub refresh_hours: Option<i32>,
}

/// What is to change; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// A new title.
    pub title: Option<String>,
    /// Other content.
    pub content: Option<Content>,
    /// Read again this often from now on; `Some(None)`: not any more.
    pub refresh_hours: Option<Option<i32>>,
}

/// A source, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The source.
    pub id: SourceId,
    /// Whose knowledge it is.
    pub chatbot: ChatbotId,
    /// `text`, `qa`, `file` or `site`.
    pub kind: String,
    /// As the owner and, in citations, the visitor see it.
    pub title: String,
    /// How far it is.
    pub state: SourceState,
    /// Why it failed.
    pub error: Option<String>,
    /// Bumped by every change.
    pub version: i64,
    /// The version that can be found now; 0 before the first.
    pub indexed_version: i64,
    /// How many passages of it can be found.
    pub chunks: i64,
    /// How many of these can be found by their meaning.
    pub with_vector: i64,
    /// How many documents it was read into, those that cannot be read included.
    pub documents: i64,
    /// Characters of these.
    pub characters: i64,
    /// Pages of a site that were found, and those of them that are still to be read.
    pub pages: i64,
    /// Pages that are still to be read.
    pub pages_due: i64,
    /// A site is read again this often, and next then.
    pub refresh_hours: Option<i32>,
    /// When a site is next read again.
    pub refresh_due_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A source that one indexer has in hand.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The source.
    pub id: SourceId,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Whose knowledge it is.
    pub chatbot: ChatbotId,
    /// As the owner sees it.
    pub title: String,
    /// What it says.
    pub content: Content,
    /// The version that was read.
    pub version: i64,
    /// How often it was claimed since it last changed, this time included.
    pub attempts: i32,
    /// Proves the claim.
    pub lease: LeaseToken,
}

/// Where documents and passages belong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub workspace: WorkspaceId,
    pub chatbot: ChatbotId,
    pub source: SourceId,
}

impl Claimed {
    const fn place(&self) -> Place {
        Place {
            workspace: self.workspace,
            chatbot: self.chatbot,
            source: self.id,
        }
    }
}

/// One document of a source, cut into passages.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// As citations name it.
    pub title: String,
    /// Of a page: its address.
    pub url: Option<String>,
    /// How many it has.
    pub characters: i32,
    /// Why it cannot be read; it has no passages then.
    pub error: Option<String>,
    /// Pages and slides that hold pictures only.
    pub unreadable_pages: i32,
    /// Of everything that its passages are made from, and of how they are made.
    pub content_hash: Vec<u8>,
    /// In the order of the text.
    pub chunks: Vec<NewChunk>,
}

/// What became of an indexer's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It can be found now, as of this version of the chatbot's knowledge.
    Ready {
        /// The chatbot's knowledge version after it.
        knowledge_version: i64,
    },
    /// The source was changed or deleted meanwhile, or the lease ran out: nothing was written.
    Superseded,
}

struct Row {
    id: uuid::Uuid,
    chatbot_id: uuid::Uuid,
    kind: String,
    title: String,
    state: String,
    error: Option<String>,
    version: i64,
    indexed_version: i64,
    chunks: i64,
    with_vector: i64,
    documents: i64,
    characters: i64,
    pages: i64,
    pages_due: i64,
    refresh_hours: Option<i32>,
    refresh_due_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Source {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            chatbot: row.chatbot_id.into(),
            kind: row.kind,
            title: row.title,
            state: row.state.parse()?,
            error: row.error,
            version: row.version,
            indexed_version: row.indexed_version,
            chunks: row.chunks,
            with_vector: row.with_vector,
            documents: row.documents,
            characters: row.characters,
            pages: row.pages,
            pages_due: row.pages_due,
            refresh_hours: row.refresh_hours,
            refresh_due_at: row.refresh_due_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Adds a source; it is due for indexing at once. `None`: the workspace has no such chatbot.
pub async fn insert(tx: &mut TenantTx, new: &NewSource) -> Result<Option<Source>, StoreError> {
    let inserted = sqlx::query!(
        "insert into sources (id, workspace_id, chatbot_id, kind, title, content, blob_id, refresh_hours)
         select $1, workspace_id, id, $3, $4, $5, $6, $7 from chatbots where id = $2 and workspace_id = $8",
        new.id.as_uuid(),
        new.chatbot.as_uuid(),
        new.content.kind(),
        without_nul(&new.title),
        new.content.to_json()?,
        new.content.blob().map(|blob| blob.as_uuid()),
        new.refresh_hours,
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    get(tx, new.chatbot, new.id).await
}

/// A chatbot's sources after `after`, in the order in which they were added.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    after: Option<SourceId>,
    limit: i64,
) -> Result<Vec<Source>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select id, chatbot_id, kind, title, state, error, version, indexed_version, created_at, updated_at,
                  refresh_hours, refresh_due_at,
                  (select count(*) from chunks c join documents d on d.id = c.document_id
                   where d.source_id = sources.id) as "chunks!",
                  (select count(*) from meanings m
                       join chunk_vectors v on v.chatbot_id = m.chatbot_id and v.model = m.wanted
                       join chunks c on c.id = v.chunk_id join documents d on d.id = c.document_id
                   where m.chatbot_id = sources.chatbot_id and d.source_id = sources.id) as "with_vector!",
                  (select count(*) from documents d where d.source_id = sources.id) as "documents!",
                  (select coalesce(sum(characters), 0) from documents d where d.source_id = sources.id) as "characters!",
                  (select count(*) from pages p where p.source_id = sources.id) as "pages!",
                  (select count(*) from pages p where p.source_id = sources.id and p.state = 'due') as "pages_due!"
           from sources
           where chatbot_id = $1 and workspace_id = $2 and ($3::uuid is null or id > $3)
           order by id
           limit $4"#,
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(Source::try_from)
    .collect()
}

/// One source of a chatbot.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId, id: SourceId) -> Result<Option<Source>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, chatbot_id, kind, title, state, error, version, indexed_version, created_at, updated_at,
                  refresh_hours, refresh_due_at,
                  (select count(*) from chunks c join documents d on d.id = c.document_id
                   where d.source_id = sources.id) as "chunks!",
                  (select count(*) from meanings m
                       join chunk_vectors v on v.chatbot_id = m.chatbot_id and v.model = m.wanted
                       join chunks c on c.id = v.chunk_id join documents d on d.id = c.document_id
                   where m.chatbot_id = sources.chatbot_id and d.source_id = sources.id) as "with_vector!",
                  (select count(*) from documents d where d.source_id = sources.id) as "documents!",
                  (select coalesce(sum(characters), 0) from documents d where d.source_id = sources.id) as "characters!",
                  (select count(*) from pages p where p.source_id = sources.id) as "pages!",
                  (select count(*) from pages p where p.source_id = sources.id and p.state = 'due') as "pages_due!"
           from sources
           where id = $1 and chatbot_id = $2 and workspace_id = $3"#,
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Source::try_from).transpose()
}

/// What a source says.
pub async fn content(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: SourceId,
) -> Result<Option<Content>, StoreError> {
    let row = sqlx::query!(
        "select kind, content, blob_id from sources where id = $1 and chatbot_id = $2 and workspace_id = $3",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| Content::from_row(&row.kind, row.content, row.blob_id))
        .transpose()
}

/// Changes a source; it is due for indexing at once, and until then its old passages are found. `None`: there is none.
pub async fn update(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: SourceId,
    change: &Change,
) -> Result<Option<Source>, StoreError> {
    if change.content.is_some() {
        delete_blob(tx, chatbot, id).await?;
    }
    sqlx::query!(
        "update sources set
             title = coalesce($4, title),
             kind = coalesce($5, kind),
             content = coalesce($6, content),
             blob_id = coalesce($7, blob_id),
             refresh_hours = case when $8 then $9 else refresh_hours end,
             refresh_due_at = null,
             version = version + 1, state = 'pending', error = null, attempts = 0, due_at = now(),
             lease_token = null, lease_until = null, updated_at = now()
         where id = $1 and chatbot_id = $2 and workspace_id = $3",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
        change.title.as_deref().map(without_nul),
        change.content.as_ref().map(Content::kind),
        change.content.as_ref().map(Content::to_json).transpose()?,
        change
            .content
            .as_ref()
            .and_then(Content::blob)
            .map(|blob| blob.as_uuid()),
        change.refresh_hours.is_some(),
        change.refresh_hours.flatten(),
    )
    .execute(tx.connection())
    .await?;
    get(tx, chatbot, id).await
}

/// Reads a source again: a site's pages are asked whether they have changed, a file is read as if it were new. `None`:
/// there is none.
pub async fn read_again(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: SourceId,
) -> Result<Option<Source>, StoreError> {
    sqlx::query!(
        "update sources set state = 'pending', error = null, attempts = 0, due_at = now(), refresh_due_at = null,
             lease_token = null, lease_until = null, updated_at = now()
         where id = $1 and chatbot_id = $2 and workspace_id = $3",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    get(tx, chatbot, id).await
}

/// Makes due what is to be read again by now. How many sources.
pub async fn renew(db: &Db) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update sources set state = 'pending', attempts = 0, due_at = now(), refresh_due_at = null
         where refresh_due_at <= now() and state in ('ready', 'failed')",
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected())
}

/// The bytes of a file go with it.
async fn delete_blob(tx: &mut TenantTx, chatbot: ChatbotId, id: SourceId) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "delete from blobs where workspace_id = $3
             and id = (select blob_id from sources where id = $1 and chatbot_id = $2 and workspace_id = $3)",
        id.as_uuid(),
        chatbot.as_uuid(),
        workspace,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Indexes a failed source again. `false`: there is none, or it has not failed.
pub async fn retry(tx: &mut TenantTx, chatbot: ChatbotId, id: SourceId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update sources set state = 'pending', error = null, attempts = 0, due_at = now(), updated_at = now()
         where id = $1 and chatbot_id = $2 and workspace_id = $3 and state = 'failed'",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Leaves a source that was just added unread until somebody has it tried again. `why` is what its owner reads.
pub async fn hold_back(tx: &mut TenantTx, id: SourceId, why: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update sources set state = 'failed', error = $2 where id = $1 and workspace_id = $3 and state = 'pending'",
        id.as_uuid(),
        why,
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes a source with all its passages. The chatbot's knowledge version after it; `None`: there is no such source.
pub async fn delete(tx: &mut TenantTx, chatbot: ChatbotId, id: SourceId) -> Result<Option<i64>, StoreError> {
    // The chatbot's row first, as in `commit`: both in the same order never wait for each other in a ring.
    let version = sqlx::query_scalar!(
        "update chatbots set knowledge_version = knowledge_version + 1
         where id = $2 and workspace_id = $3
           and exists (select from sources where id = $1 and chatbot_id = $2 and workspace_id = $3)
         returning knowledge_version",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    delete_blob(tx, chatbot, id).await?;
    let deleted = sqlx::query!(
        "delete from sources where id = $1 and chatbot_id = $2 and workspace_id = $3",
        id.as_uuid(),
        chatbot.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(version.filter(|_| deleted.rows_affected() == 1))
}

/// Takes the source that has been due longest, for as long as `lease` says. `None`: none is due. One whose indexer died
/// is due again when its lease runs out.
pub async fn claim(db: &Db, lease: Duration) -> Result<Option<Claimed>, StoreError> {
    let token = LeaseToken::new();
    let row = sqlx::query!(
        "update sources set state = 'indexing', attempts = attempts + 1, lease_token = $1,
             lease_until = now() + make_interval(secs => $2)
         where id = (
             select id from sources
             where state in ('pending', 'indexing') and due_at <= now()
               and (lease_until is null or lease_until <= now())
             order by due_at
             limit 1
             for update skip locked
         )
         returning id, workspace_id, chatbot_id, kind, title, content, blob_id, version, attempts",
        token.as_uuid(),
        lease.as_secs_f64(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    row.map(|row| {
        Ok(Claimed {
            id: row.id.into(),
            workspace: row.workspace_id.into(),
            chatbot: row.chatbot_id.into(),
            title: row.title,
            content: Content::from_row(&row.kind, row.content, row.blob_id)?,
            version: row.version,
            attempts: row.attempts,
            lease: token,
        })
    })
    .transpose()
}

/// Keeps a claim for longer. `false`: it is lost, and the work is for nothing.
pub async fn extend(db: &Db, claimed: &Claimed, lease: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update sources set lease_until = now() + make_interval(secs => $3) where id = $1 and lease_token = $2",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        lease.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the source's documents and passages and gives the chatbot's knowledge a new version, in one transaction. A
/// passage that says what it said before keeps its identity, so that a small change stays small in every copy.
pub async fn commit(db: &Db, claimed: &Claimed, documents: &[NewDocument]) -> Result<Committed, StoreError> {
    let mut tx = db.system().await?;
    let Some(knowledge_version) = next_version(&mut tx, &claimed.place()).await? else {
        return Ok(Committed::Superseded);
    };
    let settled = sqlx::query!(
        "update sources set state = 'ready', error = null, attempts = 0, indexed_version = version,
             lease_token = null, lease_until = null
         where id = $1 and lease_token = $2 and version = $3",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        claimed.version,
    )
    .execute(&mut *tx)
    .await?;
    if settled.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(Committed::Superseded);
    }
    if !replace_documents(&mut tx, claimed, documents, knowledge_version).await? {
        // Nothing that can be found has changed: no copy needs to be made anew.
        let undone = knowledge_version - 1;
        set_version(&mut tx, &claimed.place(), undone).await?;
        tx.commit().await?;
        return Ok(Committed::Ready {
            knowledge_version: undone,
        });
    }
    tx.commit().await?;
    Ok(Committed::Ready { knowledge_version })
}

/// The chatbot's next knowledge version, its row locked. `None`: there is no such chatbot.
pub(crate) async fn next_version(tx: &mut SystemTx, place: &Place) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        "update chatbots set knowledge_version = knowledge_version + 1 where id = $1 and workspace_id = $2
         returning knowledge_version",
        place.chatbot.as_uuid(),
        place.workspace.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Takes a version back that nothing came of, in the transaction that took it.
pub(crate) async fn set_version(tx: &mut SystemTx, place: &Place, version: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "update chatbots set knowledge_version = $2 where id = $1",
        place.chatbot.as_uuid(),
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether anything changed.
async fn replace_documents(
    tx: &mut SystemTx,
    claimed: &Claimed,
    documents: &[NewDocument],
    knowledge_version: i64,
) -> Result<bool, StoreError> {
    let old = crate::documents::of_source(tx, claimed.id).await?;
    let mut changed = false;
    for (i, document) in documents.iter().enumerate() {
        match old.get(i) {
            Some(before)
                if before.content_hash == document.content_hash && before.title == document.title => {}
            Some(before) => {
                changed = true;
                crate::documents::update(tx, before.id, document).await?;
                let renamed = before.title != document.title;
                crate::chunks::replace(
                    tx,
                    &claimed.place(),
                    before.id,
                    &document.chunks,
                    renamed,
                    knowledge_version,
                )
                .await?;
            }
            None => {
                changed = true;
                let id = DocumentId::new();
                crate::documents::insert(tx, &claimed.place(), id, document).await?;
                crate::chunks::replace(
                    tx,
                    &claimed.place(),
                    id,
                    &document.chunks,
                    false,
                    knowledge_version,
                )
                .await?;
            }
        }
    }
    for gone in old.iter().skip(documents.len()) {
        changed = true;
        crate::documents::delete(tx, gone.id).await?;
    }
    Ok(changed)
}

/// Gives a source back, to be tried again after `delay`. `false`: the claim was lost.
pub async fn release(db: &Db, claimed: &Claimed, delay: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update sources set state = 'pending', lease_token = null, lease_until = null,
             due_at = now() + make_interval(secs => $3)
         where id = $1 and lease_token = $2",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        delay.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a source up, with the reason for its owner. Its old passages stay. `false`: the claim was lost.
pub async fn fail(db: &Db, claimed: &Claimed, reason: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update sources set state = 'failed', error = $3, lease_token = null, lease_until = null
         where id = $1 and lease_token = $2 and version = $4",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        without_nul(reason),
        claimed.version,
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks;
    use sqlx::PgPool;

    const LEASE: Duration = Duration::from_secs(60);

    async fn chatbot(pool: &PgPool) -> (Db, WorkspaceId, ChatbotId) {
        let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
        sqlx::query!(
            "insert into workspaces (id, name) values ($1, 'Acme')",
            workspace.as_uuid()
        )
        .execute(pool)
        .await
        .unwrap();
        sqlx::query!(
            "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'Helper', 'No idea.')",
            chatbot.as_uuid(),
            workspace.as_uuid()
        )
        .execute(pool)
        .await
        .unwrap();
        (Db::of_pool(pool), workspace, chatbot)
    }

    async fn source(db: &Db, workspace: WorkspaceId, chatbot: ChatbotId, text: &str) -> SourceId {
        let mut tx = db.tenant(workspace).await.unwrap();
        let new = NewSource {
            id: SourceId::new(),
            chatbot,
            title: "Shipping".to_owned(),
            content: Content::Text(text.to_owned()),
            refresh_hours: None,
        };
        let source = insert(&mut tx, &new).await.unwrap().expect("the chatbot exists");
        tx.commit().await.unwrap();
        source.id
    }

    fn document(texts: &[&str]) -> NewDocument {
        let chunk = |text: &&str| NewChunk {
            heading: String::new(),
            question: None,
            text: (*text).to_owned(),
        };
        NewDocument {
            title: "Shipping".to_owned(),
            url: None,
            characters: 0,
            error: None,
            unreadable_pages: 0,
            content_hash: texts.concat().into_bytes(),
            chunks: texts.iter().map(chunk).collect(),
        }
    }

    async fn texts(db: &Db, workspace: WorkspaceId, chatbot: ChatbotId) -> Vec<(ChunkIdText, i64)> {
        let revisions = chunks::revisions(db, workspace, chatbot).await.unwrap().unwrap();
        let ids: Vec<_> = revisions.chunks.iter().map(|chunk| chunk.id).collect();
        let mut found: Vec<_> = chunks::by_ids(db, workspace, chatbot, &ids, None)
            .await
            .unwrap()
            .into_iter()
            .map(|found| ((found.chunk.id, found.chunk.text), found.chunk.since_version))
            .collect();
        found.sort();
        found
    }

    type ChunkIdText = (domain::ChunkId, String);

    #[sqlx::test]
    async fn another_workspaces_chatbot_cannot_be_given_a_source(pool: PgPool) {
        let (db, _, chatbot_of_a) = chatbot(&pool).await;
        let (_, b, _) = chatbot(&pool).await;

        let mut tx = db.tenant(b).await.unwrap();
        let new = NewSource {
            id: SourceId::new(),
            chatbot: chatbot_of_a,
            title: "x".to_owned(),
            content: Content::Text("x".to_owned()),
            refresh_hours: None,
        };

        assert!(insert(&mut tx, &new).await.unwrap().is_none());
        assert!(list(&mut tx, chatbot_of_a, None, 10).await.unwrap().is_empty());
    }

    #[sqlx::test]
    async fn a_null_character_is_stored_cleaned(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "Ships\0 today").await;

        let mut tx = db.tenant(workspace).await.unwrap();

        assert_eq!(
            content(&mut tx, bot, id).await.unwrap(),
            Some(Content::Text("Ships today".to_owned()))
        );
    }

    #[sqlx::test]
    async fn sources_are_listed_page_by_page(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let mut ids = Vec::new();
        for text in ["a", "b", "c"] {
            ids.push(source(&db, workspace, bot, text).await);
        }

        let mut tx = db.tenant(workspace).await.unwrap();
        let first = list(&mut tx, bot, None, 2).await.unwrap();
        let second = list(&mut tx, bot, Some(first[1].id), 2).await.unwrap();

        assert_eq!(first.iter().chain(&second).map(|s| s.id).collect::<Vec<_>>(), ids);
        assert_eq!(first[0].state, SourceState::Pending);
    }

    #[sqlx::test]
    async fn a_source_is_claimed_by_one_and_committed_once(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "text").await;

        let claimed = claim(&db, LEASE).await.unwrap().expect("it is due");
        assert!(claim(&db, LEASE).await.unwrap().is_none(), "claimed twice");
        let first = commit(&db, &claimed, &[document(&["one", "two"])]).await.unwrap();
        let again = commit(&db, &claimed, &[document(&["one", "two"])]).await.unwrap();

        assert_eq!(first, Committed::Ready { knowledge_version: 1 });
        assert_eq!(again, Committed::Superseded);
        assert_eq!(texts(&db, workspace, bot).await.len(), 2);
        let mut tx = db.tenant(workspace).await.unwrap();
        let ready = get(&mut tx, bot, id).await.unwrap().unwrap();
        assert_eq!(
            (ready.state, ready.indexed_version, ready.chunks),
            (SourceState::Ready, 1, 2)
        );
    }

    #[sqlx::test]
    async fn what_a_dead_indexer_claimed_is_claimed_again_and_its_late_commit_writes_nothing(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        source(&db, workspace, bot, "text").await;

        let dead = claim(&db, Duration::ZERO).await.unwrap().unwrap();
        let alive = claim(&db, LEASE).await.unwrap().expect("its lease ran out");

        assert_eq!(alive.attempts, 2);
        assert!(matches!(
            commit(&db, &alive, &[document(&["one"])]).await.unwrap(),
            Committed::Ready { .. }
        ));
        assert_eq!(
            commit(&db, &dead, &[document(&["one"])]).await.unwrap(),
            Committed::Superseded
        );
        assert_eq!(texts(&db, workspace, bot).await.len(), 1);
    }

    #[sqlx::test]
    async fn a_change_while_it_is_indexed_wins(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "old").await;
        let before = claim(&db, LEASE).await.unwrap().unwrap();

        let mut tx = db.tenant(workspace).await.unwrap();
        let change = Change {
            content: Some(Content::Text("new".to_owned())),
            ..Change::default()
        };
        let changed = update(&mut tx, bot, id, &change).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let late = commit(&db, &before, &[document(&["old"])]).await.unwrap();

        assert_eq!((changed.version, changed.state), (2, SourceState::Pending));
        assert_eq!(late, Committed::Superseded);
        let after = claim(&db, LEASE).await.unwrap().expect("due at once");
        assert_eq!(after.content, Content::Text("new".to_owned()));
    }

    #[sqlx::test]
    async fn a_passage_that_did_not_change_keeps_its_identity(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "text").await;
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        commit(&db, &claimed, &[document(&["same", "old", "same"])])
            .await
            .unwrap();
        let before = texts(&db, workspace, bot).await;

        let mut tx = db.tenant(workspace).await.unwrap();
        update(&mut tx, bot, id, &Change::default()).await.unwrap();
        tx.commit().await.unwrap();
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        let done = commit(&db, &claimed, &[document(&["new", "same", "same"])])
            .await
            .unwrap();

        let after = texts(&db, workspace, bot).await;
        let same = |found: &[(ChunkIdText, i64)]| {
            found
                .iter()
                .filter(|((_, text), _)| text == "same")
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(done, Committed::Ready { knowledge_version: 2 });
        assert_eq!(same(&before), same(&after));
        assert_eq!(
            after
                .iter()
                .filter(|((_, text), since)| text == "new" && *since == 2)
                .count(),
            1
        );
        assert!(!after.iter().any(|((_, text), _)| text == "old"));
    }

    #[sqlx::test]
    async fn an_unchanged_document_leaves_the_knowledge_version_alone(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "text").await;
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        commit(&db, &claimed, &[document(&["one"])]).await.unwrap();

        let mut tx = db.tenant(workspace).await.unwrap();
        update(&mut tx, bot, id, &Change::default()).await.unwrap();
        tx.commit().await.unwrap();
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();

        let done = commit(&db, &claimed, &[document(&["one"])]).await.unwrap();
        assert_eq!(done, Committed::Ready { knowledge_version: 1 });
    }

    #[sqlx::test]
    async fn a_new_title_gives_every_passage_a_new_revision(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "text").await;
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        commit(&db, &claimed, &[document(&["one"])]).await.unwrap();

        let mut tx = db.tenant(workspace).await.unwrap();
        update(
            &mut tx,
            bot,
            id,
            &Change {
                title: Some("Delivery".to_owned()),
                content: None,
                refresh_hours: None,
            },
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        let renamed = NewDocument {
            title: claimed.title.clone(),
            ..document(&["one"])
        };
        commit(&db, &claimed, &[renamed]).await.unwrap();

        let found = texts(&db, workspace, bot).await;
        assert_eq!(found.iter().map(|(_, since)| *since).collect::<Vec<_>>(), [2]);
    }

    #[sqlx::test]
    async fn deleting_a_source_takes_its_passages_and_gives_the_knowledge_a_new_version(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "text").await;
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        commit(&db, &claimed, &[document(&["one"])]).await.unwrap();

        let mut tx = db.tenant(workspace).await.unwrap();
        let version = delete(&mut tx, bot, id).await.unwrap();
        let again = delete(&mut tx, bot, id).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!((version, again), (Some(2), None));
        let revisions = chunks::revisions(&db, workspace, bot).await.unwrap().unwrap();
        assert_eq!((revisions.knowledge_version, revisions.chunks.len()), (2, 0));
    }

    #[sqlx::test]
    async fn a_source_that_was_given_up_says_why_and_can_be_tried_again(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let id = source(&db, workspace, bot, "text").await;
        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        assert!(fail(&db, &claimed, "the text is empty").await.unwrap());

        let mut tx = db.tenant(workspace).await.unwrap();
        let failed = get(&mut tx, bot, id).await.unwrap().unwrap();
        let retried = retry(&mut tx, bot, id).await.unwrap();
        let twice = retry(&mut tx, bot, id).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!(failed.state, SourceState::Failed);
        assert_eq!(failed.error.as_deref(), Some("the text is empty"));
        assert_eq!((retried, twice), (true, false));
        assert!(claim(&db, LEASE).await.unwrap().is_some());
    }

    #[sqlx::test]
    async fn a_source_that_was_given_back_waits_its_delay(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        source(&db, workspace, bot, "text").await;

        let claimed = claim(&db, LEASE).await.unwrap().unwrap();
        assert!(release(&db, &claimed, LEASE).await.unwrap());
        assert!(
            claim(&db, LEASE).await.unwrap().is_none(),
            "claimed before its delay was over"
        );
        assert!(
            !release(&db, &claimed, Duration::ZERO).await.unwrap(),
            "the claim was gone"
        );
    }
}
