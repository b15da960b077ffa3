//! Calls of tools that change something: what a person was asked, what they said, and what came of it.
//!
//! Invariants:
//! - A conversation has one open call at most, and is asked about it in the commit of a turn.
//! - A call is `running` in a durable commit before it is made, and its outcome is written as soon as it is known. A turn
//!   that is run again finds the outcome, or makes the call again under the same id, by which the other side knows it.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, ConversationId, ToolCallId, WorkspaceId};
use std::fmt;

/// How long a person may take to say yes.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// A call that a person is to be asked about.
#[derive(Clone)]
pub struct NewCall {
    /// Its id, by which the other side will know a repeat.
    pub id: ToolCallId,
    /// The tool, as models know it.
    pub tool: String,
    /// What it is called with.
    pub arguments: serde_json::Value,
    /// What the person is asked.
    pub question: String,
}

/// An open call.
#[derive(Clone)]
pub struct OpenCall {
    /// Its id.
    pub id: ToolCallId,
    /// The tool.
    pub tool: String,
    /// What it is called with.
    pub arguments: serde_json::Value,
    /// Whether the person said yes already, in a turn that did not come to its end.
    pub running: bool,
    /// How it went, where that is known already.
    pub outcome: Option<serde_json::Value>,
    /// Until when the person may say yes.
    pub expires_at: DateTime<Utc>,
}

/// Arguments are the person's: they are not printed.
impl fmt::Debug for NewCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCall")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCall")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How an open call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was made, and its outcome told.
    Done,
    /// The person said no.
    Declined,
    /// They said something else, or said yes too late.
    Lapsed,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Declined => "declined",
            Self::Lapsed => "lapsed",
        }
    }
}

/// The call that a conversation waits with.
pub async fn open(db: &Db, conversation: ConversationId) -> Result<Option<OpenCall>, StoreError> {
    let row = sqlx::query!(
        "select id, tool, arguments, state, outcome, expires_at from tool_calls
         where conversation_id = $1 and state in ('asked', 'running')",
        conversation.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| OpenCall {
        id: row.id.into(),
        tool: row.tool,
        arguments: row.arguments,
        running: row.state == "running",
        outcome: row.outcome,
        expires_at: row.expires_at,
    }))
}

/// The person said yes: from here on it is being made. `false`: somebody else ended it.
pub async fn run(db: &Db, id: ToolCallId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update tool_calls set state = 'running' where id = $1 and state in ('asked', 'running')",
        id.as_uuid(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes down how it went, before anybody is told.
pub async fn record(db: &Db, id: ToolCallId, outcome: &serde_json::Value) -> Result<(), StoreError> {
    sqlx::query!(
        "update tool_calls set outcome = $2 where id = $1 and state = 'running'",
        id.as_uuid(),
        outcome,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// What a turn's commit does with the calls of its conversation.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The open call, and how it ended.
    pub ended: Option<(ToolCallId, Ending)>,
    /// What the person is asked now.
    pub asked: Option<NewCall>,
}

pub(crate) async fn commit(
    tx: &mut SystemTx,
    place: (WorkspaceId, ChatbotId, ConversationId),
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (workspace, chatbot, conversation) = place;
    if let Some((id, ending)) = &changes.ended {
        sqlx::query!(
            "update tool_calls set state = $2, ended_at = $3 where id = $1 and state in ('asked', 'running')",
            id.as_uuid(),
            ending.as_str(),
            now,
        )
        .execute(&mut **tx)
        .await?;
    }
    if let Some(call) = &changes.asked {
        sqlx::query!(
            "update tool_calls set state = 'lapsed', ended_at = $2 where conversation_id = $1 and state = 'asked'",
            conversation.as_uuid(),
            now,
        )
        .execute(&mut **tx)
        .await?;
        sqlx::query!(
            "insert into tool_calls (id, workspace_id, chatbot_id, conversation_id, tool, arguments, question, asked_at,
                                     expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            call.id.as_uuid(),
            workspace.as_uuid(),
            chatbot.as_uuid(),
            conversation.as_uuid(),
            call.tool,
            call.arguments,
            call.question,
            now,
            now + PATIENCE,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
