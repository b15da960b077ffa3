//! Chatbots: what they are told, which model they speak through, and their versions.
//!
//! Invariant: every change bumps `version`, so that whoever keeps a copy can tell.

use crate::{Db, StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, WorkspaceId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use uuid::Uuid;

/// The model endpoint of a chatbot, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEndpoint {
    /// Whose API it speaks.
    #[serde(default = "openai_compatible")]
    pub provider: String,
    /// Where that API is, its version included.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// How long one call may take.
    pub time_limit_seconds: u32,
    /// How many tokens the model takes, prompt and answer together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// What may be shown of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_shown: Option<String>,
    /// What is asked when this one fails, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<FallbackModel>,
}

/// A model that is asked when those before it fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallbackModel {
    /// Its id: the row for which its key is sealed.
    pub id: Uuid,
    /// Where it is; has no fallbacks of its own.
    #[serde(flatten)]
    pub endpoint: ModelEndpoint,
    /// Its key, sealed for (`id`, [`FALLBACK_KEY_COLUMN`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SealedKey>,
}

/// A sealed key within JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey(pub Vec<u8>);

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey")
    }
}

impl Serialize for SealedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for SealedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> = hex
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        digits
            .filter(|digits| digits.len() % 2 == 0)
            .map(|digits| Self(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
            .ok_or_else(|| de::Error::custom("a sealed key is not hexadecimal"))
    }
}

fn openai_compatible() -> String {
    "openai_compatible".to_owned()
}

/// The column for which a model's key is sealed, with the chatbot's id as the row.
pub const MODEL_KEY_COLUMN: &str = "chatbots.model_key";

/// The place within which a fallback model's key is sealed, with the fallback's id as the row.
pub const FALLBACK_KEY_COLUMN: &str = "chatbots.model.fallbacks";

/// A chatbot.
#[derive(Clone)]
pub struct Chatbot {
    /// Its id.
    pub id: ChatbotId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// What it is told beside its knowledge.
    pub instructions: String,
    /// What it says when its knowledge has no answer.
    pub fallback_text: String,
    /// Its model; `None`: it quotes its knowledge.
    pub model: Option<ModelEndpoint>,
    /// The key of that endpoint, sealed for (`id`, [`MODEL_KEY_COLUMN`]).
    pub model_key: Option<Vec<u8>>,
    /// Bumped by every change.
    pub version: i64,
    /// The number of the version that answers: see [`crate::versions`].
    pub live_version: i64,
    /// Bumped when its chunks change.
    pub knowledge_version: i64,
    /// An answer older than this is not sent any more.
    pub max_answer_age_seconds: i32,
    /// Since when it is archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// Since when an administrator of the installation has stopped it: what people write waits.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why.
    pub pause_reason: Option<String>,
    /// Days after which conversations in which nothing was written are erased; `None`: they are kept.
    pub retention_days: Option<i32>,
    /// Since when it is being deleted for good.
    pub deleting_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Instructions are their owner's, and the key is a secret: neither is printed.
impl fmt::Debug for Chatbot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chatbot")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What may be written of a chatbot.
#[derive(Clone)]
pub struct ChatbotSettings {
    /// Its name.
    pub name: String,
    /// What it is told beside its knowledge.
    pub instructions: String,
    /// What it says when its knowledge has no answer.
    pub fallback_text: String,
    /// Its model.
    pub model: Option<ModelEndpoint>,
    /// The sealed key of that endpoint.
    pub model_key: Option<Vec<u8>>,
    /// An answer older than this is not sent any more.
    pub max_answer_age_seconds: i32,
}

struct Row {
    id: uuid::Uuid,
    workspace_id: uuid::Uuid,
    name: String,
    instructions: String,
    fallback_text: String,
    model: Option<serde_json::Value>,
    model_key: Option<Vec<u8>>,
    version: i64,
    live_version: i64,
    knowledge_version: i64,
    max_answer_age_seconds: i32,
    archived_at: Option<DateTime<Utc>>,
    paused_at: Option<DateTime<Utc>>,
    pause_reason: Option<String>,
    retention_days: Option<i32>,
    deleting_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Chatbot {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id.into(),
            workspace: row.workspace_id.into(),
            name: row.name,
            instructions: row.instructions,
            fallback_text: row.fallback_text,
            model: row.model.map(serde_json::from_value).transpose()?,
            model_key: row.model_key,
            version: row.version,
            live_version: row.live_version,
            knowledge_version: row.knowledge_version,
            max_answer_age_seconds: row.max_answer_age_seconds,
            archived_at: row.archived_at,
            paused_at: row.paused_at,
            pause_reason: row.pause_reason,
            retention_days: row.retention_days,
            deleting_at: row.deleting_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Makes a chatbot.
pub async fn insert(
    tx: &mut TenantTx,
    id: ChatbotId,
    settings: &ChatbotSettings,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "insert into chatbots (id, workspace_id, name, instructions, fallback_text, model, model_key,
                               max_answer_age_seconds, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        id.as_uuid(),
        workspace,
        settings.name,
        settings.instructions,
        settings.fallback_text,
        settings.model.as_ref().map(serde_json::to_value).transpose()?,
        settings.model_key,
        settings.max_answer_age_seconds,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A chatbot of this workspace, archived or not.
pub async fn get(tx: &mut TenantTx, id: ChatbotId) -> Result<Option<Chatbot>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select * from chatbots where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid()
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// The same, held until the transaction ends, so that two changes come one after the other.
pub async fn get_for_update(tx: &mut TenantTx, id: ChatbotId) -> Result<Option<Chatbot>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select * from chatbots where workspace_id = $1 and id = $2 for update",
        workspace,
        id.as_uuid()
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// The workspace's chatbots, newest first.
pub async fn list(
    tx: &mut TenantTx,
    archived: bool,
    after: Option<ChatbotId>,
    limit: i64,
) -> Result<Vec<Chatbot>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select * from chatbots
         where workspace_id = $1 and (archived_at is not null) = $2 and ($3::uuid is null or id < $3)
         order by id desc limit $4",
        workspace,
        archived,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(TryInto::try_into)
    .collect()
}

/// Writes a chatbot's settings. `false`: there is no such chatbot here.
pub async fn update(
    tx: &mut TenantTx,
    id: ChatbotId,
    settings: &ChatbotSettings,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update chatbots set name = $3, instructions = $4, fallback_text = $5, model = $6, model_key = $7,
                max_answer_age_seconds = $8, version = version + 1, updated_at = $9
         where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
        settings.name,
        settings.instructions,
        settings.fallback_text,
        settings.model.as_ref().map(serde_json::to_value).transpose()?,
        settings.model_key,
        settings.max_answer_age_seconds,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Archives a chatbot, or brings it back. `false`: there is no such chatbot here.
pub async fn set_archived(
    tx: &mut TenantTx,
    id: ChatbotId,
    archived_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update chatbots set archived_at = $3, version = version + 1, updated_at = $4
         where workspace_id = $1 and id = $2",
        workspace,
        id.as_uuid(),
        archived_at,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stops a chatbot: what people write to it is kept and waits. `false`: there is no such chatbot, or it is stopped.
pub async fn pause(
    tx: &mut SystemTx,
    id: ChatbotId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update chatbots set paused_at = $3, pause_reason = $2, version = version + 1, updated_at = $3
         where id = $1 and paused_at is null",
        id.as_uuid(),
        reason,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a stopped chatbot go on: whatever waits for it is due at once. `None`: there is no such chatbot, or it is not
/// stopped. Otherwise in how many conversations something waits.
pub async fn resume(tx: &mut SystemTx, id: ChatbotId, now: DateTime<Utc>) -> Result<Option<u64>, StoreError> {
    let done = sqlx::query!(
        "update chatbots set paused_at = null, pause_reason = null, version = version + 1, updated_at = $2
         where id = $1 and paused_at is not null",
        id.as_uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    // Whoever puts a conversation off holds the chatbot's row: see `turns::put_off`. It has been put off by now, and is
    // seen here, or it finds the chatbot going on.
    let waiting = sqlx::query!(
        "update conversations set due_at = least(due_at, $2) where chatbot_id = $1 and due_at is not null",
        id.as_uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(Some(waiting.rows_affected()))
}

/// A chatbot, whosever it is: for workers.
pub async fn load(db: &Db, id: ChatbotId) -> Result<Option<Chatbot>, StoreError> {
    sqlx::query_as!(Row, "select * from chatbots where id = $1", id.as_uuid())
        .fetch_optional(db.system_pool())
        .await?
        .map(TryInto::try_into)
        .transpose()
}

/// Whose chatbot this is: for finding out whether a caller may see it.
pub async fn workspace_of(db: &Db, id: ChatbotId) -> Result<Option<WorkspaceId>, StoreError> {
    Ok(
        sqlx::query_scalar!("select workspace_id from chatbots where id = $1", id.as_uuid())
            .fetch_optional(db.system_pool())
            .await?
            .map(Into::into),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_endpoint_of_before_there_were_providers_is_read() {
        let old = json!({"base_url": "https://m.example/v1", "model": "m", "time_limit_seconds": 30});

        let endpoint: ModelEndpoint = serde_json::from_value(old).unwrap();

        assert_eq!(endpoint.provider, "openai_compatible");
        assert!(endpoint.fallbacks.is_empty());
    }

    #[test]
    fn a_fallback_with_its_sealed_key_is_read_as_it_was_written_and_not_printed() {
        let mut endpoint: ModelEndpoint =
            serde_json::from_value(json!({"base_url": "u", "model": "m", "time_limit_seconds": 1})).unwrap();
        endpoint.fallbacks.push(FallbackModel {
            id: Uuid::now_v7(),
            endpoint: endpoint.clone(),
            key: Some(SealedKey(vec![0, 9, 10, 255])),
        });

        let written = serde_json::to_value(&endpoint).unwrap();

        assert_eq!(written["fallbacks"][0]["key"], "00090aff");
        assert_eq!(
            serde_json::from_value::<ModelEndpoint>(written).unwrap(),
            endpoint
        );
        let printed = format!("{endpoint:?}");
        // Neither as it is kept nor as it is written; its last byte alone may stand in any id.
        assert!(
            !printed.contains("10, 255") && !printed.contains("00090aff"),
            "{printed}"
        );
    }
}
