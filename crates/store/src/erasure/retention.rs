//! What is older than its chatbot keeps.

use super::conversation;
use crate::{Db, StoreError, TenantTx, activity_log, data_jobs::Counts};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ConversationId, WorkspaceId};

/// What was erased of one chatbot in one round.
#[derive(Debug, Clone)]
pub struct Expired {
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// What, by kind.
    pub counts: Counts,
}

/// Erases up to `limit` conversations of each chatbot in which nothing was written for longer than it keeps them, each in
/// a transaction of its own, and contacts that have none left and are no leads. Whoever has a turn in hand is left alone.
pub async fn expire(db: &Db, now: DateTime<Utc>, limit: i64) -> Result<Vec<Expired>, StoreError> {
    let bots = sqlx::query!(
        r#"select id, workspace_id, retention_days as "days!" from chatbots where retention_days is not null"#
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut expired = Vec::new();
    for bot in bots {
        let before = now - chrono::TimeDelta::days(bot.days.into());
        let old = sqlx::query!(
            "select v.id, v.contact_id from conversations v
             where v.chatbot_id = $1 and v.id < first_id($2) and v.created_at < $2
               and (v.last_inbound_at is null or v.last_inbound_at < $2)
               and (v.lease_until is null or v.lease_until < $3)
               and not exists (select from messages m where m.conversation_id = v.id and m.accepted_at >= $2)
             order by v.id limit $4",
            bot.id,
            before,
            now,
            limit,
        )
        .fetch_all(db.system_pool())
        .await?;
        if old.is_empty() {
            continue;
        }
        let mut counts = Counts::new();
        for conversation in old {
            let mut tx = db.system().await?;
            let erased = conversation::erase(&mut tx, ConversationId::from(conversation.id)).await?;
            let contacts = sqlx::query!(
                "delete from contacts c where c.id = $1 and c.lead_id is null and c.opted_out_at is null
                   and not exists (select from conversations v where v.contact_id = c.id)",
                conversation.contact_id,
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
            tx.commit().await?;
            for (name, count) in erased
                .into_iter()
                .chain((contacts > 0).then(|| ("contacts".to_owned(), contacts.cast_signed())))
            {
                *counts.entry(name).or_default() += count;
            }
        }
        note(db, bot.workspace_id.into(), bot.id.into(), bot.days, &counts, now).await?;
        expired.push(Expired {
            chatbot: bot.id.into(),
            counts,
        });
    }
    Ok(expired)
}

/// The receipt, in the workspace's activity.
async fn note(
    db: &Db,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    days: i32,
    counts: &Counts,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = db.system().await?;
    let activity = activity_log::NewActivity {
        action: "retention.erase",
        target: Some(chatbot.to_string()),
        details: serde_json::json!({ "days": days, "erased": counts }),
        ..Default::default()
    };
    activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    Ok(tx.commit().await?)
}

/// Sets after how many days of silence a chatbot's conversations are erased; `None`: they are kept. What was set before;
/// the outer `None`: there is no such chatbot here.
pub async fn keep_for(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    days: Option<i32>,
    now: DateTime<Utc>,
) -> Result<Option<Option<i32>>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        "with was as (select id, retention_days from chatbots where workspace_id = $1 and id = $2 for update)
         update chatbots b set retention_days = $3, updated_at = $4 from was where b.id = was.id
         returning was.retention_days",
        workspace,
        chatbot.as_uuid(),
        days,
        now,
    )
    .fetch_optional(tx.connection())
    .await?)
}
