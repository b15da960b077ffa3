//! Reading conversations, for people who follow or answer them.

mod find;

use crate::{Db, StoreError, labels::Label};
use chrono::{DateTime, Utc};
use domain::{
    ChatbotId, ContactId, ConversationId, ConversationState, Handler, HandoffReason, IntegrationId, Platform,
    UserId, WorkspaceId,
};
pub use find::{Cursor, MOST_COUNTED, MOST_LOOKED_THROUGH, Search, counts, get, list};
use sqlx::PgConnection;
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
    /// Whether there is something left to do.
    pub state: ConversationState,
    /// Since when it is resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Until when it is snoozed.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// The member who looks after it.
    pub assignee: Option<Assignee>,
    /// What it is marked with, in the order of their names.
    pub labels: Vec<Label>,
    /// How many of its answers the person calls good, and how many bad.
    pub rated: (i64, i64),
    /// Messages that wait for an answer of the bot.
    pub waiting: i64,
    /// When the person last wrote.
    pub last_inbound_at: Option<DateTime<Utc>>,
    /// The newest message.
    pub last_message: Option<LastMessage>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// Its place in the list.
    pub cursor: Cursor,
}

/// The member who looks after a conversation.
#[derive(Debug, Clone)]
pub struct Assignee {
    /// The person.
    pub user: UserId,
    /// Their name; their address where they have none.
    pub name: String,
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

struct Row {
    id: uuid::Uuid,
    chatbot_id: uuid::Uuid,
    chatbot_name: String,
    integration_id: uuid::Uuid,
    platform: String,
    contact_id: uuid::Uuid,
    contact_key: String,
    contact_name: Option<String>,
    opted_out_at: Option<DateTime<Utc>>,
    email: Option<String>,
    phone: Option<String>,
    fields: serde_json::Value,
    consented_at: Option<DateTime<Utc>>,
    key: String,
    handler: String,
    handoff_reason: Option<String>,
    handoff_detail: Option<String>,
    handed_off_at: Option<DateTime<Utc>>,
    hand_back_at: Option<DateTime<Utc>>,
    resolved_at: Option<DateTime<Utc>>,
    snoozed_until: Option<DateTime<Utc>>,
    assignee_id: Option<uuid::Uuid>,
    assignee_name: Option<String>,
    labels: serde_json::Value,
    rated_good: i64,
    rated_bad: i64,
    waiting: i64,
    last_inbound_at: Option<DateTime<Utc>>,
    last_direction: Option<String>,
    last_text: Option<String>,
    last_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    recent: uuid::Uuid,
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
            state: match (row.resolved_at, row.snoozed_until) {
                (Some(_), _) => ConversationState::Resolved,
                (None, Some(_)) => ConversationState::Snoozed,
                (None, None) => ConversationState::Open,
            },
            resolved_at: row.resolved_at,
            snoozed_until: row.snoozed_until,
            assignee: row.assignee_id.zip(row.assignee_name).map(|(id, name)| Assignee {
                user: id.into(),
                name,
            }),
            labels: serde_json::from_value(row.labels)?,
            rated: (row.rated_good, row.rated_bad),
            waiting: row.waiting,
            last_inbound_at: row.last_inbound_at,
            last_message,
            created_at: row.created_at,
            cursor: Cursor(row.recent),
        })
    }
}

/// Characters of a conversation's newest message that a list shows.
const PREVIEW_CHARACTERS: i32 = 160;

/// What is shown of these conversations, in the order of their ids here. One that was deleted meanwhile is left out.
pub(crate) async fn hydrate(
    connection: &mut PgConnection,
    ids: &[uuid::Uuid],
) -> Result<Vec<Conversation>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select v.id, v.chatbot_id, b.name as chatbot_name, v.integration_id, i.platform, v.contact_id,
                  c.key as contact_key, c.name as contact_name, c.opted_out_at, c.email, c.phone, c.fields, c.consented_at,
                  v.key, v.handler, v.handoff_reason, v.handoff_detail, v.handed_off_at, v.hand_back_at, v.resolved_at,
                  case when v.snoozed_until > now() then v.snoozed_until end as snoozed_until, v.assignee_id,
                  coalesce(nullif(u.name, ''), u.email) as assignee_name,
                  (select coalesce(jsonb_agg(to_jsonb(l) - 'workspace_id' order by lower(l.name)), '[]')
                   from conversation_labels p join labels l on l.id = p.label_id
                   where p.conversation_id = v.id) as "labels!",
                  f.good as "rated_good!", f.bad as "rated_bad!",
                  (select count(*) from messages w
                   where w.conversation_id = v.id and w.state in ('waiting', 'answering')) as "waiting!",
                  v.last_inbound_at, m.direction as "last_direction?", left(m.text, $2) as last_text,
                  m.accepted_at as "last_at?", v.created_at, coalesce(v.last_inbound, v.id) as "recent!"
           from unnest($1::uuid[]) with ordinality as chosen (id, place)
           join conversations v on v.id = chosen.id
           join chatbots b on b.id = v.chatbot_id
           join integrations i on i.id = v.integration_id
           join contacts c on c.id = v.contact_id
           left join users u on u.id = v.assignee_id
           left join lateral (
               select direction, text, accepted_at from messages
               where conversation_id = v.id order by id desc limit 1
           ) m on true
           cross join lateral (
               select count(*) filter (where rating = 'good') as good, count(*) filter (where rating = 'bad') as bad
               from message_feedback where conversation_id = v.id
           ) f
           order by chosen.place"#,
        ids,
        PREVIEW_CHARACTERS,
    )
    .fetch_all(connection)
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
