//! Chatbots of all workspaces.

use crate::{Db, StoreError};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, IntegrationId, IntegrationState, Platform, WorkspaceId};
use serde::Deserialize;

/// Which chatbots to list. Every given condition must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<ChatbotId>,
    /// Whose name, workspace's name or owner's address contains this.
    pub text: Option<String>,
    /// Of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// In this state.
    pub state: Option<State>,
    /// With an integration on this platform.
    pub platform: Option<Platform>,
}

/// Whether a chatbot answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// An administrator has stopped it.
    Paused,
    /// Its owner has put it away.
    Archived,
}

impl State {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }
}

/// A chatbot, seen from outside: never what it is told or knows.
#[derive(Debug, Clone)]
pub struct Chatbot {
    /// Its id.
    pub id: ChatbotId,
    /// Its name.
    pub name: String,
    /// Whether it answers.
    pub state: State,
    /// Since when it is stopped.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why.
    pub pause_reason: Option<String>,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The workspace's name.
    pub workspace_name: String,
    /// The addresses of the workspace's owners, three at most.
    pub owners: Vec<String>,
    /// The model's name; `None`: it quotes its knowledge.
    pub model: Option<String>,
    /// Where it can be written to.
    pub channels: Vec<Place>,
    /// When it last answered, or somebody last wrote in one of its newest hundred conversations.
    pub last_event_at: Option<DateTime<Utc>>,
    /// What last went wrong with one of its integrations, in the owner's log.
    pub last_error: Option<LastError>,
    /// Texts that it knows.
    pub documents: i64,
    /// Conversations ever.
    pub conversations: i64,
    /// Answers since the first of the month.
    pub answers: i64,
    /// What those cost, in millionths of a US dollar, as far as prices are known.
    pub cost_micros: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One integration.
#[derive(Debug, Clone, Deserialize)]
pub struct Place {
    /// Its id.
    pub id: IntegrationId,
    /// Its platform.
    pub platform: Platform,
    /// Whether it works.
    pub state: IntegrationState,
    /// Why not.
    pub state_reason: Option<String>,
    /// Whether its owner has it switched on.
    pub enabled: bool,
}

/// What last went wrong.
#[derive(Debug, Clone, Deserialize)]
pub struct LastError {
    /// When.
    pub at: DateTime<Utc>,
    /// A stable name.
    pub event: String,
    /// In words.
    pub message: String,
}

/// Chatbots of all workspaces, newest first, those older than `after` when it is given. Costs are of the time since
/// `month`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    month: DateTime<Utc>,
    after: Option<ChatbotId>,
    limit: i64,
) -> Result<Vec<Chatbot>, StoreError> {
    let rows = sqlx::query!(
        r#"with page as (
               select c.id, c.name, c.workspace_id, w.name as workspace_name, c.model, c.archived_at, c.paused_at,
                      c.pause_reason, c.created_at
               from chatbots c join workspaces w on w.id = c.workspace_id
               where ($1::uuid is null or c.id < $1)
                 and ($2::uuid is null or c.id = $2)
                 and ($3::text is null or position(lower($3) in lower(c.name)) > 0
                      or position(lower($3) in lower(w.name)) > 0
                      or exists (select from memberships m join users u on u.id = m.user_id
                                 where m.workspace_id = w.id and m.role = 'owner'
                                   and position(lower($3) in lower(u.email)) > 0))
                 and ($4::uuid is null or c.workspace_id = $4)
                 and ($5::text is null or $5 = case when c.archived_at is not null then 'archived'
                                                    when c.paused_at is not null then 'paused' else 'active' end)
                 and ($6::text is null or exists (select from integrations i
                                                  where i.chatbot_id = c.id and i.platform = $6))
               order by c.id desc limit $7
           )
           select p.id as "id!", p.name as "name!", p.workspace_id as "workspace_id!",
                  p.workspace_name as "workspace_name!", p.model ->> 'model' as model,
                  p.archived_at is not null as "archived!", p.paused_at, p.pause_reason, p.created_at as "created_at!",
                  array(select u.email from memberships m join users u on u.id = m.user_id
                        where m.workspace_id = p.workspace_id and m.role = 'owner'
                        order by m.created_at limit 3) as "owners!",
                  coalesce((select jsonb_agg(jsonb_build_object('id', i.id, 'platform', i.platform, 'state', i.state,
                                                                'state_reason', i.state_reason, 'enabled', i.enabled)
                                             order by i.platform)
                            from integrations i where i.chatbot_id = p.id), '[]') as "channels!",
                  greatest((select max(v.last_inbound_at)
                            from (select last_inbound_at from conversations
                                  where chatbot_id = p.id order by id desc limit 100) v),
                           (select max(a.created_at) from answers a where a.chatbot_id = p.id)) as last_event_at,
                  (select jsonb_build_object('at', l.at, 'event', l.event, 'message', l.message)
                   from integrations i cross join lateral (
                       select id, at, event, message from integration_logs
                       where integration_id = i.id and level = 'error' order by id desc limit 1
                   ) l where i.chatbot_id = p.id order by l.id desc limit 1) as last_error,
                  (select count(*) from documents d where d.chatbot_id = p.id) as "documents!",
                  (select count(*) from conversations v where v.chatbot_id = p.id) as "conversations!",
                  month.answers as "answers!", month.cost as "cost!"
           from page p cross join lateral (
               select count(*) as answers, coalesce(sum(a.cost_micros), 0)::bigint as cost
               from answers a where a.chatbot_id = p.id and a.created_at >= $8
           ) month
           order by p.id desc"#,
        after.map(|id| id.as_uuid()),
        filter.id.map(|id| id.as_uuid()),
        filter.text,
        filter.workspace.map(|id| id.as_uuid()),
        filter.state.map(State::as_str),
        filter.platform.as_ref().map(Platform::as_str),
        limit,
        month,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Chatbot {
                id: row.id.into(),
                name: row.name,
                state: match (row.archived, row.paused_at) {
                    (true, _) => State::Archived,
                    (false, Some(_)) => State::Paused,
                    (false, None) => State::Active,
                },
                paused_at: row.paused_at,
                pause_reason: row.pause_reason,
                workspace: row.workspace_id.into(),
                workspace_name: row.workspace_name,
                owners: row.owners,
                model: row.model,
                channels: serde_json::from_value(row.channels)?,
                last_event_at: row.last_event_at,
                last_error: row.last_error.map(serde_json::from_value).transpose()?,
                documents: row.documents,
                conversations: row.conversations,
                answers: row.answers,
                cost_micros: row.cost,
                created_at: row.created_at,
            })
        })
        .collect()
}
