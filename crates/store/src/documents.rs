//! The texts that sources were read into. Written only by `sources::commit`.

use crate::{
    StoreError, SystemTx, TenantTx,
    sources::{NewDocument, Place, without_nul},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, DocumentId, SourceId};

/// A document, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The document.
    pub id: DocumentId,
    /// As citations name it.
    pub title: String,
    /// Of a page: its address.
    pub url: Option<String>,
    /// How many it has.
    pub characters: i32,
    /// Why it could not be read.
    pub error: Option<String>,
    /// Pages and slides that hold pictures only.
    pub unreadable_pages: i32,
    /// How many passages it was cut into.
    pub chunks: i64,
    /// When it was first read.
    pub created_at: DateTime<Utc>,
}

/// What `sources::commit` compares with.
pub(crate) struct Before {
    pub id: DocumentId,
    pub title: String,
    pub content_hash: Vec<u8>,
}

/// A source's documents after `after`, in the order in which they were first read.
pub async fn list(
    tx: &mut TenantTx,
    source: SourceId,
    after: Option<DocumentId>,
    limit: i64,
) -> Result<Vec<Document>, StoreError> {
    let rows = sqlx::query!(
        r#"select id, title, url, characters, error, unreadable_pages, created_at,
                  (select count(*) from chunks where document_id = documents.id) as "chunks!"
           from documents
           where source_id = $1 and workspace_id = $2 and ($3::uuid is null or id > $3)
           order by id limit $4"#,
        source.as_uuid(),
        tx.workspace().as_uuid(),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Document {
            id: row.id.into(),
            title: row.title,
            url: row.url,
            characters: row.characters,
            error: row.error,
            unreadable_pages: row.unreadable_pages,
            chunks: row.chunks,
            created_at: row.created_at,
        })
        .collect())
}

/// Whether a source of this chatbot has such a document.
pub async fn exists(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    source: SourceId,
    id: DocumentId,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let found = sqlx::query_scalar!(
        r#"select exists (select from documents
               where id = $1 and source_id = $2 and chatbot_id = $3 and workspace_id = $4) as "found!""#,
        id.as_uuid(),
        source.as_uuid(),
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(found)
}

pub(crate) async fn of_source(tx: &mut SystemTx, source: SourceId) -> Result<Vec<Before>, StoreError> {
    let rows = sqlx::query!(
        "select id, title, content_hash from documents where source_id = $1 order by id",
        source.as_uuid()
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Before {
            id: row.id.into(),
            title: row.title,
            content_hash: row.content_hash,
        })
        .collect())
}

/// What `pages::commit` compares with.
pub(crate) async fn before(tx: &mut SystemTx, id: DocumentId) -> Result<Option<Before>, StoreError> {
    let row = sqlx::query!(
        "select id, title, content_hash from documents where id = $1",
        id.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Before {
        id: row.id.into(),
        title: row.title,
        content_hash: row.content_hash,
    }))
}

pub(crate) async fn insert(
    tx: &mut SystemTx,
    place: &Place,
    id: DocumentId,
    document: &NewDocument,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into documents
             (id, workspace_id, chatbot_id, source_id, title, url, characters, error, unreadable_pages, content_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.as_uuid(),
        place.workspace.as_uuid(),
        place.chatbot.as_uuid(),
        place.source.as_uuid(),
        without_nul(&document.title),
        document.url,
        document.characters,
        document.error.as_deref().map(without_nul),
        document.unreadable_pages,
        document.content_hash,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn update(
    tx: &mut SystemTx,
    id: DocumentId,
    document: &NewDocument,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update documents set title = $2, url = $3, characters = $4, error = $5, unreadable_pages = $6, content_hash = $7
         where id = $1",
        id.as_uuid(),
        without_nul(&document.title),
        document.url,
        document.characters,
        document.error.as_deref().map(without_nul),
        document.unreadable_pages,
        document.content_hash,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut SystemTx, id: DocumentId) -> Result<(), StoreError> {
    sqlx::query!("delete from documents where id = $1", id.as_uuid())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
