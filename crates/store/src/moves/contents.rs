//! What moves with a chatbot, counted.

use super::Held;
use crate::{StoreError, SystemTx};

/// How much of what moves with a chatbot, and what cannot come along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Integrations, with their credentials.
    pub integrations: i64,
    /// Sources of knowledge.
    pub sources: i64,
    /// Texts that were read from them.
    pub documents: i64,
    /// HTTP tools and MCP servers.
    pub tools: i64,
    /// Versions.
    pub versions: i64,
    /// Golden questions.
    pub golden_questions: i64,
    /// Conversations.
    pub conversations: i64,
    /// Messages in them.
    pub messages: i64,
    /// Messages of people that wait for an answer: they are answered there.
    pub waiting: i64,
    /// Parts of messages that wait to be sent: they are sent from there.
    pub unsent: i64,
    /// People who wrote.
    pub contacts: i64,
    /// Leads that move.
    pub leads: i64,
    /// Leads whom the workspace knows otherwise too: they stay, and a copy moves.
    pub copied_leads: i64,
    /// Labels on conversations that the other workspace has by the same name.
    pub kept_labels: i64,
    /// The names of those that it has not: they are taken off.
    pub lost_labels: Vec<String>,
    /// Conversations that go on being looked after by somebody who belongs to both.
    pub kept_assignments: i64,
    /// Conversations that nobody looks after then.
    pub lost_assignments: i64,
}

/// Counts it.
pub async fn contents(tx: &mut SystemTx, held: &Held) -> Result<Contents, StoreError> {
    Ok(sqlx::query_as!(
        Contents,
        r#"with talks as materialized (select id, assignee_id from conversations where chatbot_id = $1),
                places as materialized (select id from integrations where chatbot_id = $1),
                labelled as (
                    select l.name, exists (select from labels there where there.workspace_id = $3
                                           and lower(there.name) = lower(l.name)) as is_there
                    from conversation_labels cl join labels l on l.id = cl.label_id
                    where cl.conversation_id in (select id from talks)
                ),
                known as (
                    select l.id, lead_moves(l, $1) as moves from leads l
                    where l.workspace_id = $2
                      and (l.chatbot_id = $1 or exists (select from contacts k where k.lead_id = l.id
                                                        and k.integration_id in (select id from places)))
                ),
                looked_after as (
                    select exists (select from memberships m where m.workspace_id = $3 and m.user_id = t.assignee_id) as goes_on
                    from talks t where t.assignee_id is not null
                )
           select (select count(*) from places) as "integrations!",
                  (select count(*) from sources where chatbot_id = $1) as "sources!",
                  (select count(*) from documents where chatbot_id = $1) as "documents!",
                  (select count(*) from tools where chatbot_id = $1)
                      + (select count(*) from mcp_servers where chatbot_id = $1) as "tools!",
                  (select count(*) from chatbot_versions where chatbot_id = $1) as "versions!",
                  (select count(*) from golden_questions where chatbot_id = $1) as "golden_questions!",
                  (select count(*) from talks) as "conversations!",
                  (select count(*) from messages where conversation_id in (select id from talks)) as "messages!",
                  (select count(*) from messages where conversation_id in (select id from talks)
                   and state in ('waiting', 'answering')) as "waiting!",
                  (select count(*) from parts where conversation_id in (select id from talks)
                   and state in ('queued', 'sending', 'uncertain', 'parked')) as "unsent!",
                  (select count(*) from contacts where integration_id in (select id from places)) as "contacts!",
                  (select count(*) from known where moves) as "leads!",
                  (select count(*) from known k where not k.moves
                   and exists (select from contacts c where c.lead_id = k.id
                               and c.integration_id in (select id from places))) as "copied_leads!",
                  (select count(*) from labelled where is_there) as "kept_labels!",
                  array(select distinct name from labelled where not is_there order by name) as "lost_labels!",
                  (select count(*) from looked_after where goes_on) as "kept_assignments!",
                  (select count(*) from looked_after where not goes_on) as "lost_assignments!""#,
        held.chatbot.as_uuid(),
        held.from.id.as_uuid(),
        held.to.id.as_uuid(),
    )
    .fetch_one(&mut **tx)
    .await?)
}
