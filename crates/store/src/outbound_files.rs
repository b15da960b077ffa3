//! Files that agents and programs upload to be sent.

use crate::{Db, StoreError, TenantTx, blobs};
use chrono::{DateTime, Utc};
use domain::{BlobId, ChatbotId};

/// A file that was uploaded to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its id.
    pub id: BlobId,
    /// Its name.
    pub name: String,
    /// Its MIME type, as its bytes say.
    pub content_type: String,
    /// Its length.
    pub bytes: i64,
}

/// Keeps a file for a chatbot. `None`: the workspace has no such chatbot.
pub async fn keep(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    name: &str,
    content_type: &str,
    bytes: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<BlobId>, StoreError> {
    let id = blobs::insert_own(tx, content_type, bytes).await?;
    let workspace = tx.workspace().as_uuid();
    let kept = sqlx::query!(
        "insert into outbound_files (blob_id, workspace_id, chatbot_id, name, created_at)
         select $1, $2, id, $4, $5 from chatbots where id = $3 and workspace_id = $2",
        id.as_uuid(),
        workspace,
        chatbot.as_uuid(),
        name,
        now,
    )
    .execute(tx.connection())
    .await?
    .rows_affected();
    Ok((kept > 0).then_some(id))
}

/// Those of the files that this chatbot has, taken along by a message from now on. What is not committed is not.
pub async fn take_along(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    ids: &[BlobId],
    now: DateTime<Utc>,
) -> Result<Vec<File>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let ids: Vec<_> = ids.iter().map(BlobId::as_uuid).collect();
    let rows = sqlx::query!(
        "update outbound_files f set referenced_at = coalesce(f.referenced_at, $4)
         from blobs b
         where f.workspace_id = $1 and f.chatbot_id = $2 and f.blob_id = any($3) and b.id = f.blob_id
         returning f.blob_id, f.name, b.content_type, b.bytes",
        workspace,
        chatbot.as_uuid(),
        &ids,
        now,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| File {
            id: row.blob_id.into(),
            name: row.name,
            content_type: row.content_type,
            bytes: row.bytes,
        })
        .collect())
}

/// One file of this workspace. No other blob of the workspace is one.
pub async fn get(tx: &mut TenantTx, id: BlobId) -> Result<Option<File>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select f.blob_id, f.name, b.content_type, b.bytes
         from outbound_files f join blobs b on b.id = f.blob_id
         where f.workspace_id = $1 and f.blob_id = $2",
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| File {
        id: row.blob_id.into(),
        name: row.name,
        content_type: row.content_type,
        bytes: row.bytes,
    }))
}

/// Forgets files that no message has taken along. How many.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<u64, StoreError> {
    // The file's row goes first: a message that takes it along at the same time has it locked, and keeps it.
    Ok(sqlx::query!(
        "with gone as (
             delete from outbound_files where referenced_at is null and created_at < $1 returning blob_id
         )
         delete from blobs b using gone where b.id = gone.blob_id",
        before,
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{bot, noon};
    use chrono::TimeDelta;
    use sqlx::PgPool;

    async fn keep_one(db: &Db, bot: crate::fixtures::Bot) -> BlobId {
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let id = keep(&mut tx, bot.chatbot, "a.png", "image/png", b"png", noon())
            .await
            .unwrap()
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    #[sqlx::test]
    async fn a_file_is_taken_along_by_its_own_chatbot_only(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (ours, theirs) = (bot(&pool).await, bot(&pool).await);
        let id = keep_one(&db, ours).await;

        let mut tx = db.tenant(theirs.workspace).await.unwrap();
        for chatbot in [ours.chatbot, theirs.chatbot] {
            assert_eq!(take_along(&mut tx, chatbot, &[id], noon()).await.unwrap(), []);
        }
        assert_eq!(get(&mut tx, id).await.unwrap(), None);
        let foreign = keep(&mut tx, ours.chatbot, "a.png", "image/png", b"png", noon()).await;
        assert_eq!(foreign.unwrap(), None);
        drop(tx);

        let mut tx = db.tenant(ours.workspace).await.unwrap();
        let file = File {
            id,
            name: "a.png".to_owned(),
            content_type: "image/png".to_owned(),
            bytes: 3,
        };
        assert_eq!(get(&mut tx, id).await.unwrap().as_ref(), Some(&file));
        assert_eq!(
            take_along(&mut tx, ours.chatbot, &[id], noon()).await.unwrap(),
            [file]
        );
    }

    #[sqlx::test]
    async fn only_files_that_no_message_took_along_are_forgotten_when_they_are_old(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let bot = bot(&pool).await;
        let (sent, unsent) = (keep_one(&db, bot).await, keep_one(&db, bot).await);
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        take_along(&mut tx, bot.chatbot, &[sent], noon()).await.unwrap();

        // While the message is not committed its file is locked, and waited for.
        let old = noon() + TimeDelta::seconds(1);
        let forgetting = tokio::spawn({
            let db = db.clone();
            async move { forget(&db, old).await.unwrap() }
        });
        while sqlx::query_scalar::<_, i64>("select count(*) from pg_locks where not granted")
            .fetch_one(&pool)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
        tx.commit().await.unwrap();

        assert_eq!(forgetting.await.unwrap(), 1);
        assert_eq!(forget(&db, noon()).await.unwrap(), 0);
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        assert!(get(&mut tx, sent).await.unwrap().is_some());
        assert!(get(&mut tx, unsent).await.unwrap().is_none());
        assert!(crate::blobs::get(&mut tx, unsent).await.unwrap().is_none());
        assert!(crate::blobs::get(&mut tx, sent).await.unwrap().is_some());
    }
}
