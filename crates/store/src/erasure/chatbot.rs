//! A whole chatbot, for good.

use crate::{
    Db, StoreError, SystemTx, TenantTx,
    data_jobs::{self, Claimed, Counts},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ConversationId, Platform};

/// Marks an archived chatbot as being deleted: nobody brings it back. Its name; `None`: there is no such chatbot here, or
/// it is not archived.
pub async fn is_deletable(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        "update chatbots set deleting_at = coalesce(deleting_at, $3)
         where workspace_id = $1 and id = $2 and archived_at is not null returning name",
        workspace,
        chatbot.as_uuid(),
        now,
    )
    .fetch_optional(tx.connection())
    .await?)
}

/// Its next conversations.
pub async fn next_conversations(
    db: &Db,
    chatbot: ChatbotId,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from conversations where chatbot_id = $1 order by id limit $2",
        chatbot.as_uuid(),
        limit
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Removes some of its passages and files; an empty count: none are left.
pub async fn remove_pieces(tx: &mut SystemTx, chatbot: ChatbotId, limit: i64) -> Result<Counts, StoreError> {
    let id = chatbot.as_uuid();
    let passages = sqlx::query!(
        "delete from chunks where id in (select id from chunks where chatbot_id = $1 order by id limit $2)",
        id,
        limit
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let files = sqlx::query!(
        "delete from blobs where id in (
             select blob_id from sources where chatbot_id = $1 and blob_id is not null
             union all select blob_id from outbound_files where chatbot_id = $1
             union all select f.blob_id from chat_files f join integrations i on i.id = f.integration_id
                       where i.chatbot_id = $1
             limit 100)",
        id
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let mut counts = Counts::new();
    for (name, count) in [("passages", passages), ("files", files)] {
        if count > 0 {
            counts.insert(name.to_owned(), count.cast_signed());
        }
    }
    Ok(counts)
}

/// Removes what is left of it and the chatbot itself, in the transaction that ends the job. The platforms of its
/// integrations, which every process has to forget.
pub async fn remove_chatbot(
    tx: &mut SystemTx,
    job: &Claimed,
    chatbot: ChatbotId,
    until: DateTime<Utc>,
) -> Result<Vec<Platform>, StoreError> {
    let id = chatbot.as_uuid();
    let platforms = sqlx::query_scalar!(
        "delete from integrations where chatbot_id = $1 returning platform",
        id
    )
    .fetch_all(&mut **tx)
    .await?;
    let sources = sqlx::query!("delete from sources where chatbot_id = $1", id)
        .execute(&mut **tx)
        .await?
        .rows_affected();
    sqlx::query!("delete from seen where chatbot_id = $1", id)
        .execute(&mut **tx)
        .await?;
    let events = sqlx::query!(
        "delete from webhook_events where workspace_id = $1 and chatbot_id = $2",
        job.workspace.as_uuid(),
        id
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let chatbots = sqlx::query!(
        "delete from chatbots where id = $1 and archived_at is not null",
        id
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let mut counts = Counts::new();
    for (name, count) in [
        ("integrations", platforms.len() as u64),
        ("sources", sources),
        ("webhook_events", events),
        ("chatbots", chatbots),
    ] {
        if count > 0 {
            counts.insert(name.to_owned(), count.cast_signed());
        }
    }
    data_jobs::progress(tx, job, &counts, until).await?;
    platforms
        .into_iter()
        .map(|platform| Ok(platform.try_into()?))
        .collect()
}
