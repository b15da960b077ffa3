//! Who answers in a conversation.

use crate::{Db, StoreError, TenantTx, tool_calls};
use chrono::{DateTime, Utc};
use domain::{ConversationId, IntegrationId, UserId, WorkspaceId};

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

/// Hands back what no human has written into for as long as its chatbot's owner said. Which, and whose.
pub async fn hand_back_silent(
    db: &Db,
    now: DateTime<Utc>,
) -> Result<Vec<(WorkspaceId, ConversationId)>, StoreError> {
    let rows = sqlx::query!(
        "update conversations
         set handler = 'bot', updated_at = $1, handoff_reason = null, handoff_detail = null, handed_off_at = null,
             handoff_message_id = null, hand_back_at = null
         where hand_back_at <= $1 and handler = 'human'
         returning workspace_id, id",
        now
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.workspace_id.into(), row.id.into()))
        .collect())
}

/// There is nothing left to do in a conversation until the person writes. `false`: no such conversation here.
pub async fn resolve(
    tx: &mut TenantTx,
    conversation: ConversationId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    set_state(tx, conversation, Some(now), None).await
}

/// There is nothing to do in a conversation until then, or until the person writes. `false`: no such conversation here.
pub async fn snooze(
    tx: &mut TenantTx,
    conversation: ConversationId,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    set_state(tx, conversation, None, Some(until)).await
}

/// There is something to do in a conversation again. `false`: no such conversation here.
pub async fn reopen(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, StoreError> {
    set_state(tx, conversation, None, None).await
}

async fn set_state(
    tx: &mut TenantTx,
    conversation: ConversationId,
    resolved_at: Option<DateTime<Utc>>,
    snoozed_until: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let found = sqlx::query!(
        "update conversations set resolved_at = $3, snoozed_until = $4, updated_at = now()
         where workspace_id = $1 and id = $2",
        workspace,
        conversation.as_uuid(),
        resolved_at,
        snoozed_until,
    )
    .execute(tx.connection())
    .await?;
    Ok(found.rows_affected() > 0)
}

/// Opens what is snoozed no longer. Which, and whose.
pub async fn end_snoozes(
    db: &Db,
    now: DateTime<Utc>,
) -> Result<Vec<(WorkspaceId, ConversationId)>, StoreError> {
    let rows = sqlx::query!(
        "update conversations set snoozed_until = null, updated_at = $1 where snoozed_until <= $1
         returning workspace_id, id",
        now,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.workspace_id.into(), row.id.into()))
        .collect())
}

/// Has a member look after a conversation, or nobody. `false`: there is no such conversation or member here.
pub async fn assign(
    tx: &mut TenantTx,
    conversation: ConversationId,
    assignee: Option<UserId>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let found = sqlx::query!(
        "update conversations set assignee_id = $3, updated_at = now()
         where workspace_id = $1 and id = $2
           and ($3::uuid is null or exists (select from memberships where workspace_id = $1 and user_id = $3))",
        workspace,
        conversation.as_uuid(),
        assignee.map(|id| id.as_uuid()),
    )
    .execute(tx.connection())
    .await?;
    Ok(found.rows_affected() > 0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{Bot, bot, claim_turns, noon, write},
        inbox,
    };
    use chrono::TimeDelta;
    use domain::ConversationState;
    use sqlx::PgPool;

    async fn state(db: &Db, bot: Bot) -> ConversationState {
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let found = inbox::list(&mut tx, &inbox::Search::default(), None, 1)
            .await
            .unwrap();
        found[0].state
    }

    async fn only(db: &Db, bot: Bot) -> ConversationId {
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let found = inbox::list(&mut tx, &inbox::Search::default(), None, 1)
            .await
            .unwrap();
        found[0].id
    }

    #[sqlx::test]
    async fn whoever_writes_again_opens_their_conversation_and_is_answered_as_before(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        crate::fixtures::answer(&db, &["hi"]).await;
        let id = only(&db, bot).await;
        let later = Utc::now() + TimeDelta::hours(1);

        for state_before in [ConversationState::Resolved, ConversationState::Snoozed] {
            let mut tx = db.tenant(bot.workspace).await.unwrap();
            let found = match state_before {
                ConversationState::Resolved => resolve(&mut tx, id, noon()).await,
                _ => snooze(&mut tx, id, later).await,
            };
            assert!(found.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(state(&db, bot).await, state_before);

            write(&db, bot, "+1", "and another thing").await;

            assert_eq!(state(&db, bot).await, ConversationState::Open);
            assert_eq!(claim_turns(&db, 10).await.len(), 1, "the bot does not answer");
            sqlx::query!("update conversations set lease_token = null, due_at = null")
                .execute(&pool)
                .await
                .unwrap();
        }
    }

    #[sqlx::test]
    async fn what_is_snoozed_comes_back_once_when_its_time_is_up(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        let (id, until) = (only(&db, bot).await, Utc::now() + TimeDelta::hours(1));
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        assert!(snooze(&mut tx, id, until).await.unwrap());
        tx.commit().await.unwrap();

        let early = end_snoozes(&db, until - TimeDelta::seconds(1)).await.unwrap();
        let back = end_snoozes(&db, until).await.unwrap();
        let again = end_snoozes(&db, until).await.unwrap();

        assert_eq!((early, back, again), (vec![], vec![(bot.workspace, id)], vec![]));
        assert_eq!(state(&db, bot).await, ConversationState::Open);
    }

    #[sqlx::test]
    async fn the_list_goes_by_who_wrote_last_and_goes_on_where_it_ended(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        for contact in ["+1", "+2", "+3", "+1"] {
            write(&db, bot, contact, "hello").await;
        }
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let search = inbox::Search::default();

        let first = inbox::list(&mut tx, &search, None, 2).await.unwrap();
        let rest = inbox::list(&mut tx, &search, Some(first[1].cursor), 2)
            .await
            .unwrap();

        let keys: Vec<_> = first.iter().chain(&rest).map(|one| one.key.as_str()).collect();
        assert_eq!(keys, ["+1", "+3", "+2"]);
    }
}
