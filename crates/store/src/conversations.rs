//! Who answers in a conversation.

use crate::{Db, StoreError, TenantTx, tool_calls};
use chrono::{DateTime, Utc};
use domain::{ConversationId, IntegrationId};

/// A human takes the conversation: the bot's unsent parts are cancelled, what it asked lapses, and its waiting messages
/// become the human's, in the same transaction. A turn that is under way finds the change when it commits. `false`: no such conversation here.
pub async fn take_over(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, StoreError> {
    let id = conversation.as_uuid();
    let found = sqlx::query!(
        "update conversations
         set handler = 'human', due_at = null, waiting_since = null, updated_at = now(),
             handoff_reason = coalesce(handoff_reason, 'agent'), handed_off_at = coalesce(handed_off_at, now()),
             handoff_message_id = null, hand_back_at = now() + hand_back_after(chatbot_id)
         where id = $1",
        id
    )
    .execute(tx.connection())
    .await?;
    if found.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "update parts set state = 'cancelled', settled_at = now(), error = 'a human took over'
         where conversation_id = $1 and sender = 'bot' and state in ('queued', 'parked')",
        id
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update messages set state = 'for_human'
         where conversation_id = $1 and direction = 'inbound' and state in ('waiting', 'answering')",
        id
    )
    .execute(tx.connection())
    .await?;
    tool_calls::leave(tx.connection(), conversation).await?;
    Ok(true)
}

/// The bot answers again, from the next message on. `false`: no such conversation here.
pub async fn hand_back(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        "update conversations
         set handler = 'bot', updated_at = now(), handoff_reason = null, handoff_detail = null, handed_off_at = null,
             handoff_message_id = null, hand_back_at = null
         where id = $1",
        conversation.as_uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(found.rows_affected() > 0)
}

/// Hands back what no human has written into for as long as its chatbot's owner said. How many.
pub async fn hand_back_silent(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "update conversations
         set handler = 'bot', updated_at = $1, handoff_reason = null, handoff_detail = null, handed_off_at = null,
             handoff_message_id = null, hand_back_at = null
         where hand_back_at <= $1 and handler = 'human'",
        now
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

/// When the person last wrote into a conversation, as the platform names it. `None`: never.
pub async fn last_inbound_at(
    tx: &mut TenantTx,
    integration: IntegrationId,
    key: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        "select last_inbound_at from conversations where workspace_id = $1 and integration_id = $2 and key = $3",
        workspace,
        integration.as_uuid(),
        key,
    )
    .fetch_optional(tx.connection())
    .await?
    .flatten())
}
