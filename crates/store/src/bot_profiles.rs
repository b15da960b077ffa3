//! Chatbots as the workers read them: across workspaces, with what a turn needs.

use crate::{Db, StoreError};
use chrono::TimeDelta;
use domain::{ChatbotId, WorkspaceId};
use std::fmt;

/// What a turn needs of its bot.
#[derive(Clone)]
pub struct BotProfile {
    /// The bot.
    pub id: ChatbotId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// What its owner wants it to do.
    pub instructions: String,
    /// What it says when its knowledge has no answer.
    pub fallback_text: String,
    /// Its model's endpoint as the owner set it; `None`: the installation's default.
    pub model: Option<serde_json::Value>,
    /// The sealed key of that endpoint.
    pub model_key: Option<Vec<u8>>,
    /// Bumped by every change.
    pub version: i64,
    /// Bumped when its chunks change.
    pub knowledge_version: i64,
    /// An answer older than this is not sent any more.
    pub max_answer_age: TimeDelta,
    /// Archived bots answer nothing.
    pub archived: bool,
}

impl fmt::Debug for BotProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotProfile")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The bot. `None`: it has been deleted.
pub async fn find(db: &Db, chatbot: ChatbotId) -> Result<Option<BotProfile>, StoreError> {
    let row = sqlx::query!(
        "select workspace_id, name, instructions, fallback_text, model, model_key, version, knowledge_version,
                max_answer_age_seconds, archived_at
         from chatbots where id = $1",
        chatbot.as_uuid()
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| BotProfile {
        id: chatbot,
        workspace: row.workspace_id.into(),
        name: row.name,
        instructions: row.instructions,
        fallback_text: row.fallback_text,
        model: row.model,
        model_key: row.model_key,
        version: row.version,
        knowledge_version: row.knowledge_version,
        max_answer_age: TimeDelta::seconds(row.max_answer_age_seconds.into()),
        archived: row.archived_at.is_some(),
    }))
}
