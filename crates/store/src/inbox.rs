//! Reading conversations, for people who follow or answer them.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{
    ChatbotId, ContactId, ConversationId, Handler, HandoffReason, IntegrationId, Platform, WorkspaceId,
};
use std::fmt;

/// Which conversations to list. Every given condition must hold.
#[derive(Clone, Default)]
pub struct Filter {
    /// Of this chatbot.
    pub chatbot: Option<ChatbotId>,
    /// Through this integration.
    pub integration: Option<IntegrationId>,
    /// On this platform.
    pub platform: Option<Platform>,
    /// In these hands.
    pub handler: Option<Handler>,
    /// In a human's hands for this reason.
    pub handoff_reason: Option<HandoffReason>,
    /// Whose contact's name or address on the platform contains this.
    pub contact: Option<String>,
}

/// A conversation, as it is listed.
#[derive(Clone)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// The chatbot's name.
    pub chatbot_name: String,
    /// The integration.
    pub integration: IntegrationId,
    /// Its platform.
    pub platform: Platform,
    /// The person.
    pub contact: Contact,
    /// The conversation, as the platform names it.
    pub key: String,
    /// In whose hands it is.
    pub handler: Handler,
    /// Why and since when a human has it.
    pub handoff: Option<Handoff>,
    /// Messages that wait for an answer of the bot.
    pub waiting: i64,
    /// When the person last wrote.
    pub last_inbound_at: Option<DateTime<Utc>>,
    /// The newest message.
    pub last_message: Option<LastMessage>,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

/// Why and since when a human has a conversation.
#[derive(Clone)]
pub struct Handoff {
    /// Why.
    pub reason: HandoffReason,
    /// The owner's words that were found.
    pub detail: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it goes back to the bot if no human writes.
    pub back_at: Option<DateTime<Utc>>,
}

/// The person on the other side.
#[derive(Clone)]
pub struct Contact {
    /// Our id.
    pub id: ContactId,
    /// The person, as the platform names them.
    pub key: String,
    /// Their name, where the platform tells it.
    pub name: Option<String>,
    /// Since when they want no messages.
    pub opted_out_at: Option<DateTime<Utc>>,
    /// Their e-mail address, where they said it.
    pub email: Option<String>,
    /// Their telephone number, where they said it.
    pub phone: Option<String>,
    /// What else they said of themselves, by the field's name.
    pub fields: serde_json::Value,
    /// When they agreed to what they were asked to.
    pub consented_at: Option<DateTime<Utc>>,
}

/// The newest message of a conversation.
#[derive(Clone)]
pub struct LastMessage {
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Its beginning.
    pub text: String,
    /// When it was accepted.
    pub at: DateTime<Utc>,
}

/// Who talks about what is nobody's business in a log.
impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Row {
    pub id: uuid::Uuid,
    pub chatbot_id: uuid::Uuid,
    pub chatbot_name: String,
    pub integration_id: uuid::Uuid,
    pub platform: String,
    pub contact_id: uuid::Uuid,
    pub contact_key: String,
    pub contact_name: Option<String>,
    pub opted_out_at: Option<DateTime<Utc>>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub fields: serde_json::Value,
    pub consented_at: Option<DateTime<Utc>>,
    pub key: String,
    pub handler: String,
    pub handoff_reason: Option<String>,
    pub handoff_detail: Option<String>,
    pub handed_off_at: Option<DateTime<Utc>>,
    pub hand_back_at: Option<DateTime<Utc>>,
    pub waiting: i64,
    pub last_inbound_at: Option<DateTime<Utc>>,
    pub last_direction: Option<String>,
    pub last_text: Option<String>,
    pub last_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Conversation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let last_message = match (row.last_direction, row.last_text, row.last_at) {
            (Some(direction), Some(text), Some(at)) => Some(LastMessage { direction, text, at }),
            _ => None,
        };
        Ok(Self {
            id: row.id.into(),
            chatbot: row.chatbot_id.into(),
            chatbot_name: row.chatbot_name,
            integration: row.integration_id.into(),
            platform: row.platform.try_into()?,
            contact: Contact {
                id: row.contact_id.into(),
                key: row.contact_key,
                name: row.contact_name,
                opted_out_at: row.opted_out_at,
                email: row.email,
                phone: row.phone,
                fields: row.fields,
                consented_at: row.consented_at,
            },
            key: row.key,
            handler: row.handler.parse()?,
            handoff: match (row.handoff_reason, row.handed_off_at) {
                (Some(reason), Some(since)) => Some(Handoff {
                    reason: reason.parse()?,
                    detail: row.handoff_detail,
                    since,
                    back_at: row.hand_back_at,
                }),
                _ => None,
            },
            waiting: row.waiting,
            last_inbound_at: row.last_inbound_at,
            last_message,
            created_at: row.created_at,
        })
    }
}

/// Characters of a conversation's newest message that a list shows.
pub(crate) const PREVIEW_CHARACTERS: i32 = 160;

/// The workspace's conversations, newest first.
pub async fn list(
    tx: &mut TenantTx,
    filter: &Filter,
    after: Option<ConversationId>,
    limit: i64,
) -> Result<Vec<Conversation>, StoreError> {
    find(tx, None, filter, after, limit).await
}

/// One conversation.
pub async fn get(tx: &mut TenantTx, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    Ok(find(tx, Some(id), &Filter::default(), None, 1).await?.pop())
}

async fn find(
    tx: &mut TenantTx,
    only: Option<ConversationId>,
    filter: &Filter,
    after: Option<ConversationId>,
    limit: i64,
) -> Result<Vec<Conversation>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select v.id, v.chatbot_id, b.name as chatbot_name, v.integration_id, i.platform, v.contact_id,
                  c.key as contact_key, c.name as contact_name, c.opted_out_at, c.email, c.phone, c.fields, c.consented_at,
                  v.key, v.handler, v.handoff_reason, v.handoff_detail, v.handed_off_at, v.hand_back_at,
                  (select count(*) from messages w
                   where w.conversation_id = v.id and w.state in ('waiting', 'answering')) as "waiting!",
                  v.last_inbound_at, m.direction as "last_direction?", left(m.text, $10) as last_text,
                  m.accepted_at as "last_at?", v.created_at
           from conversations v
           join chatbots b on b.id = v.chatbot_id
           join integrations i on i.id = v.integration_id
           join contacts c on c.id = v.contact_id
           left join lateral (
               select direction, text, accepted_at from messages
               where conversation_id = v.id order by id desc limit 1
           ) m on true
           where v.workspace_id = $1
             and ($2::uuid is null or v.id = $2)
             and ($3::uuid is null or v.chatbot_id = $3)
             and ($4::uuid is null or v.integration_id = $4)
             and ($5::text is null or i.platform = $5)
             and ($6::text is null or v.handler = $6)
             and ($7::text is null or position(lower($7) in lower(c.key)) > 0
                  or position(lower($7) in lower(c.name)) > 0)
             and ($8::uuid is null or v.id < $8)
             and ($11::text is null or v.handoff_reason = $11)
           order by v.id desc limit $9"#,
        workspace,
        only.map(|id| id.as_uuid()),
        filter.chatbot.map(|id| id.as_uuid()),
        filter.integration.map(|id| id.as_uuid()),
        filter.platform.as_ref().map(Platform::as_str),
        filter.handler.map(Handler::as_str),
        filter.contact,
        after.map(|id| id.as_uuid()),
        limit,
        PREVIEW_CHARACTERS,
        filter.handoff_reason.map(HandoffReason::as_str),
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// Whose conversation this is: for finding out whether a caller may see it.
pub async fn workspace_of(db: &Db, id: ConversationId) -> Result<Option<WorkspaceId>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select workspace_id from conversations where id = $1",
        id.as_uuid()
    )
    .fetch_optional(db.system_pool())
    .await?
    .map(Into::into))
}
