//! Stored bytes: media that came with messages, later uploads too.
//!
//! Invariant: a blob's pieces are written in the transaction that makes the blob, 1 MiB each but the last.

use crate::{Db, StoreError, SystemTx, TenantTx};
use domain::{BlobId, WorkspaceId};
use sqlx::PgConnection;

/// The size of all pieces but the last.
pub const PIECE_BYTES: usize = 1024 * 1024;

/// What is known of a blob without reading it.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Its id.
    pub id: BlobId,
    /// Its MIME type, as whoever brought it said.
    pub content_type: String,
    /// Its length.
    pub bytes: i64,
}

/// Stores bytes for a workspace.
pub async fn insert(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    content_type: &str,
    bytes: &[u8],
) -> Result<BlobId, StoreError> {
    write(tx, workspace, content_type, bytes).await
}

/// Stores bytes for the workspace whose transaction it is.
pub async fn insert_own(tx: &mut TenantTx, content_type: &str, bytes: &[u8]) -> Result<BlobId, StoreError> {
    let workspace = tx.workspace();
    write(tx.connection(), workspace, content_type, bytes).await
}

async fn write(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    content_type: &str,
    bytes: &[u8],
) -> Result<BlobId, StoreError> {
    let id = BlobId::new();
    sqlx::query!(
        "insert into blobs (id, workspace_id, content_type, bytes) values ($1, $2, $3, $4)",
        id.as_uuid(),
        workspace.as_uuid(),
        content_type,
        bytes.len() as i64,
    )
    .execute(&mut *connection)
    .await?;
    for (position, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
        sqlx::query!(
            "insert into blob_pieces (workspace_id, blob_id, position, bytes) values ($1, $2, $3, $4)",
            workspace.as_uuid(),
            id.as_uuid(),
            position as i32,
            piece,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(id)
}

/// What is known of a blob of this workspace.
pub async fn get(tx: &mut TenantTx, id: BlobId) -> Result<Option<Blob>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select id, content_type, bytes from blobs where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Blob {
        id: row.id.into(),
        content_type: row.content_type,
        bytes: row.bytes,
    }))
}

/// One piece of a blob of this workspace; `None` after the last.
pub async fn piece(tx: &mut TenantTx, id: BlobId, position: i32) -> Result<Option<Vec<u8>>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        "select bytes from blob_pieces where workspace_id = $1 and blob_id = $2 and position = $3",
        workspace,
        id.as_uuid(),
        position,
    )
    .fetch_optional(tx.connection())
    .await?)
}

/// How much a workspace has stored, for its quota.
pub async fn stored_bytes(db: &Db, workspace: WorkspaceId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(bytes), 0)::bigint as "bytes!" from blobs where workspace_id = $1"#,
        workspace.as_uuid(),
    )
    .fetch_one(db.system_pool())
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    #[sqlx::test]
    async fn bytes_longer_than_a_piece_read_back_as_they_were(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let workspace = WorkspaceId::new();
        let bytes: Vec<u8> = (0..PIECE_BYTES + 17).map(|n| (n % 251) as u8).collect();
        let mut tx = db.system().await.unwrap();
        crate::workspaces::insert(&mut tx, workspace, "Acme")
            .await
            .unwrap();

        let id = insert(&mut tx, workspace, "image/png", &bytes).await.unwrap();
        tx.commit().await.unwrap();

        let mut tenant = db.tenant(workspace).await.unwrap();
        let mut read = Vec::new();
        for position in 0.. {
            let Some(piece) = piece(&mut tenant, id, position).await.unwrap() else {
                break;
            };
            read.extend(piece);
        }
        assert!(read == bytes);
        assert_eq!(
            get(&mut tenant, id).await.unwrap().unwrap().bytes,
            bytes.len() as i64
        );
        assert_eq!(stored_bytes(&db, workspace).await.unwrap(), bytes.len() as i64);
    }

    #[sqlx::test]
    async fn another_workspace_finds_nothing(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (ours, theirs) = (WorkspaceId::new(), WorkspaceId::new());
        let mut tx = db.system().await.unwrap();
        crate::workspaces::insert(&mut tx, ours, "Acme").await.unwrap();
        crate::workspaces::insert(&mut tx, theirs, "Globex")
            .await
            .unwrap();
        let id = insert(&mut tx, ours, "image/png", b"png").await.unwrap();
        tx.commit().await.unwrap();

        let mut tenant = db.tenant(theirs).await.unwrap();

        assert!(get(&mut tenant, id).await.unwrap().is_none());
        assert!(piece(&mut tenant, id, 0).await.unwrap().is_none());
    }
}
