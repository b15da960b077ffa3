//! Putting messages of agents and programs on their way. A bot's replies are put there by the commit of their turn.

use crate::{StoreError, TenantTx, chat, moves, tool_calls};
use chrono::{DateTime, Utc};
use domain::{
    ChatbotId, ContactId, ConversationId, IntegrationId, MessageId, PartId, Platform, Sender, UserId,
};
use std::fmt;

/// A message of an agent or a program.
pub struct NewOutbound {
    /// The bot in whose name it is sent.
    pub chatbot: ChatbotId,
    /// The integration it goes through.
    pub integration: IntegrationId,
    /// Its platform.
    pub platform: Platform,
    /// The person, as the platform names them.
    pub contact_key: String,
    /// The conversation, as the platform names it.
    pub conversation_key: String,
    /// Who wrote it.
    pub sender: Sender,
    /// The member, where it was one.
    pub author: Option<UserId>,
    /// The whole text.
    pub text: String,
    /// What can be answered with one tap: `[{title, value}]`.
    pub buttons: Option<serde_json::Value>,
    /// What the platform makes of it: one content a part, at least one.
    pub contents: Vec<serde_json::Value>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// When it is not worth sending any more.
    pub expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for NewOutbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOutbound")
            .field("integration", &self.integration)
            .finish_non_exhaustive()
    }
}

/// What was put on its way.
#[derive(Debug, Clone)]
pub struct Enqueued {
    /// The message.
    pub message: MessageId,
    /// Its conversation; made if there was none.
    pub conversation: ConversationId,
    /// Its parts, in order.
    pub parts: Vec<PartId>,
}

/// How many parts of a conversation may wait to be sent: a channel that takes nothing must not fill the database.
pub const MOST_UNSENT: usize = 1_000;

/// Why nothing was put on its way.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// The person has said STOP. Only their own START changes that.
    #[error("the contact has opted out; they must write START first")]
    OptedOut,
    /// There is no such integration in this workspace.
    #[error("the integration does not exist")]
    UnknownIntegration,
    /// Too much of the conversation has not been sent yet.
    #[error("{MOST_UNSENT} parts of messages of this conversation wait to be sent already")]
    TooManyUnsent,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for EnqueueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Stores a message and its parts as `queued`, as long as no more than [`MOST_UNSENT`] parts wait. After the
/// commit, wake the platform's senders.
pub async fn enqueue(tx: &mut TenantTx, new: NewOutbound) -> Result<Enqueued, EnqueueError> {
    let workspace = tx.workspace().as_uuid();
    moves::accepting(tx.connection(), [new.chatbot]).await?;
    let conversation = sqlx::query!(
        r#"
        with known as (
            select id, workspace_id, chatbot_id from integrations where id = $1 and chatbot_id = $2 and platform = $3
        ), contact as (
            insert into contacts (id, workspace_id, integration_id, key)
            select $4, workspace_id, id, $5 from known
            on conflict (integration_id, key) do update set key = excluded.key
            returning id, opted_out_at
        ), conversation as (
            insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
            select $6, k.workspace_id, k.chatbot_id, k.id, c.id, $7 from known k, contact c
            on conflict (integration_id, key) do update set updated_at = now()
            returning id, next_position
        )
        select v.id, v.next_position, c.opted_out_at from conversation v, contact c
        "#,
        new.integration.as_uuid(),
        new.chatbot.as_uuid(),
        new.platform.as_str(),
        ContactId::new().as_uuid(),
        new.contact_key,
        ConversationId::new().as_uuid(),
        new.conversation_key,
    )
    .fetch_optional(tx.connection())
    .await?
    .ok_or(EnqueueError::UnknownIntegration)?;
    if conversation.opted_out_at.is_some() {
        return Err(EnqueueError::OptedOut);
    }
    // The conversation's row is locked: nobody else adds to it before the commit.
    let unsent = sqlx::query_scalar!(
        r#"select count(*) as "unsent!"
         from (select from parts
               where conversation_id = $1 and state in ('queued', 'sending', 'uncertain', 'parked') limit $2) as p"#,
        conversation.id,
        MOST_UNSENT as i64,
    )
    .fetch_one(tx.connection())
    .await?;
    if unsent as usize + new.contents.len() > MOST_UNSENT {
        return Err(EnqueueError::TooManyUnsent);
    }

    tool_calls::lapse(tx.connection(), conversation.id.into(), Utc::now()).await?;
    let message = MessageId::new();
    sqlx::query!(
        "insert into messages (id, workspace_id, conversation_id, direction, sender, text, traceparent, accepted_at,
                               buttons, author_id)
         values ($1, $2, $3, 'outbound', $4, $5, $6, now(), $7, $8)",
        message.as_uuid(),
        workspace,
        conversation.id,
        new.sender.as_str(),
        new.text,
        new.traceparent,
        new.buttons,
        new.author.map(|id| id.as_uuid()),
    )
    .execute(tx.connection())
    .await?;

    let parts: Vec<PartId> = new.contents.iter().map(|_| PartId::new()).collect();
    let ids: Vec<_> = parts.iter().map(PartId::as_uuid).collect();
    sqlx::query!(
        "insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender,
                            content, due_at, expires_at, traceparent)
         select part.id, $1, $2, $3, $4, $5, $6 + part.ordinal - 1, $7, part.content, now(), $8, $9
         from unnest($10::uuid[], $11::jsonb[]) with ordinality as part (id, content, ordinal)",
        workspace,
        new.integration.as_uuid(),
        conversation.id,
        message.as_uuid(),
        new.platform.as_str(),
        conversation.next_position,
        new.sender.as_str(),
        new.expires_at,
        new.traceparent,
        &ids,
        &new.contents,
    )
    .execute(tx.connection())
    .await?;
    if new.platform.is_own() {
        chat::enter_parts(tx.connection(), conversation.id.into(), message, &parts).await?;
    }
    sqlx::query!(
        "update conversations
         set next_position = next_position + $2,
             hand_back_at = case when $3 and hand_back_at is not null then now() + hand_back_after(chatbot_id)
                                 else hand_back_at end
         where id = $1",
        conversation.id,
        parts.len() as i64,
        new.sender == Sender::Agent,
    )
    .execute(tx.connection())
    .await?;
    Ok(Enqueued {
        message,
        conversation: conversation.id.into(),
        parts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Db,
        fixtures::{Bot, bot},
    };
    use sqlx::PgPool;

    fn of_parts(bot: Bot, conversation: &str, parts: usize) -> NewOutbound {
        NewOutbound {
            chatbot: bot.chatbot,
            integration: bot.integration,
            platform: Platform::from_static("twilio"),
            contact_key: conversation.to_owned(),
            conversation_key: conversation.to_owned(),
            sender: Sender::Agent,
            author: None,
            text: "hello".to_owned(),
            buttons: None,
            contents: vec![serde_json::json!({"text": "hello"}); parts],
            traceparent: None,
            expires_at: None,
        }
    }

    #[sqlx::test]
    async fn a_conversation_takes_no_more_when_too_much_of_it_waits_to_be_sent(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        enqueue(&mut tx, of_parts(bot, "+1", MOST_UNSENT - 1))
            .await
            .unwrap();

        let two = enqueue(&mut tx, of_parts(bot, "+1", 2)).await;
        let one = enqueue(&mut tx, of_parts(bot, "+1", 1)).await;
        let full = enqueue(&mut tx, of_parts(bot, "+1", 1)).await;
        let other = enqueue(&mut tx, of_parts(bot, "+2", 1)).await;

        assert!(matches!(two, Err(EnqueueError::TooManyUnsent)), "{two:?}");
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
        assert!(matches!(full, Err(EnqueueError::TooManyUnsent)), "{full:?}");
        let sent = sqlx::query("update parts set state = 'sent' where id = $1")
            .bind(one.unwrap().parts[0].as_uuid())
            .execute(tx.connection())
            .await;
        assert_eq!(sent.unwrap().rows_affected(), 1);
        assert!(enqueue(&mut tx, of_parts(bot, "+1", 1)).await.is_ok());
    }
}
