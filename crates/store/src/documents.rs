//! The texts that sources were read into. Written only by `sources::commit`.

use crate::{StoreError, SystemTx, TenantTx, sources::Claimed};
use chrono::{DateTime, Utc};
use domain::{DocumentId, SourceId};

/// A document, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The document.
    pub id: DocumentId,
    /// As citations name it.
    pub title: String,
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

/// A source's documents, in the order of its content.
pub async fn list(tx: &mut TenantTx, source: SourceId) -> Result<Vec<Document>, StoreError> {
    let rows = sqlx::query!(
        r#"select id, title, created_at,
                  (select count(*) from chunks where document_id = documents.id) as "chunks!"
           from documents where source_id = $1 and workspace_id = $2 order by id"#,
        source.as_uuid(),
        tx.workspace().as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Document {
            id: row.id.into(),
            title: row.title,
            chunks: row.chunks,
            created_at: row.created_at,
        })
        .collect())
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

pub(crate) async fn insert(
    tx: &mut SystemTx,
    claimed: &Claimed,
    id: DocumentId,
    title: &str,
    content_hash: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into documents (id, workspace_id, chatbot_id, source_id, title, content_hash)
         values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        claimed.workspace.as_uuid(),
        claimed.chatbot.as_uuid(),
        claimed.id.as_uuid(),
        title,
        content_hash,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn update(
    tx: &mut SystemTx,
    id: DocumentId,
    title: &str,
    content_hash: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update documents set title = $2, content_hash = $3 where id = $1",
        id.as_uuid(),
        title,
        content_hash
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
