//! Versions of what a chatbot does: numbered, never changed, one of them live.
//!
//! Invariants:
//! - The chatbot's row says what the live version says: whoever answers reads nothing else.
//! - Where a chatbot has golden questions, a version goes live only in the transaction that finds its run no worse than
//!   that of the version before it, or with a reason why it should all the same.
//! - No version, draft or run is stored with a key in what it says: see [`Keys`].

mod behaviour;
mod draft;
mod keys;
mod publish;
#[cfg(test)]
mod tests;

pub use behaviour::{Behaviour, Candidate};
pub use draft::{Draft, delete_draft, draft, draft_for_update, save_draft};
pub use keys::Keys;
pub(crate) use keys::{hex, unhex};
pub use publish::{Published, Wish, first, publish};
pub(crate) use publish::{go_live, refuse};

use crate::{StoreError, TenantTx, chatbots, retrieval};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, ChatbotId, TrialRunId, UserId, VersionState};
use serde_json::Value;

/// Who wanted something.
#[derive(Debug, Clone, Copy, Default)]
pub struct Author {
    /// The person.
    pub user: Option<UserId>,
    /// The key of the program.
    pub api_key: Option<ApiKeyId>,
}

/// A version.
#[derive(Debug, Clone)]
pub struct Version {
    /// Counted from 1.
    pub number: i64,
    /// What it says; no key.
    pub behaviour: Behaviour,
    /// What became of it.
    pub state: VersionState,
    /// The older version that it brings back.
    pub from: Option<i64>,
    /// Its author's words.
    pub note: String,
    /// Who made it.
    pub author: Author,
    /// The person's address, while they belong to the workspace.
    pub email: Option<String>,
    /// The run that judges it.
    pub run: Option<TrialRunId>,
    /// Why it went live whatever its run says.
    pub override_reason: Option<String>,
    /// Why it was refused: see [`crate::trials::Worse`].
    pub worse: Option<Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it went live.
    pub live_at: Option<DateTime<Utc>>,
}

struct Row {
    number: i64,
    settings: Value,
    state: String,
    from_number: Option<i64>,
    note: String,
    user_id: Option<uuid::Uuid>,
    api_key_id: Option<uuid::Uuid>,
    email: Option<String>,
    run_id: Option<uuid::Uuid>,
    override_reason: Option<String>,
    worse: Option<Value>,
    created_at: DateTime<Utc>,
    live_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Version {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.number,
            behaviour: serde_json::from_value(row.settings)?,
            state: row.state.parse()?,
            from: row.from_number,
            note: row.note,
            author: Author {
                user: row.user_id.map(Into::into),
                api_key: row.api_key_id.map(Into::into),
            },
            email: row.email,
            run: row.run_id.map(Into::into),
            override_reason: row.override_reason,
            worse: row.worse,
            created_at: row.created_at,
            live_at: row.live_at,
        })
    }
}

/// A chatbot's versions, the newest first, older than `before`.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Version>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select v.number, v.settings, v.state, v.from_number, v.note, v.user_id, v.api_key_id,
                  u.email as "email?", v.run_id, v.override_reason, v.worse, v.created_at, v.live_at
           from chatbot_versions v left join users u on u.id = v.user_id
           where v.chatbot_id = $1 and v.workspace_id = $2 and ($3::bigint is null or v.number < $3)
           order by v.number desc
           limit $4"#,
        chatbot.as_uuid(),
        workspace,
        before,
        limit,
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(Version::try_from)
    .collect()
}

/// One version.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId, number: i64) -> Result<Option<Version>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select v.number, v.settings, v.state, v.from_number, v.note, v.user_id, v.api_key_id,
                  u.email as "email?", v.run_id, v.override_reason, v.worse, v.created_at, v.live_at
           from chatbot_versions v left join users u on u.id = v.user_id
           where v.chatbot_id = $1 and v.workspace_id = $2 and v.number = $3"#,
        chatbot.as_uuid(),
        workspace,
        number,
    )
    .fetch_optional(tx.connection())
    .await?
    .map(Version::try_from)
    .transpose()
}

/// What a chatbot does now; its row is held until the transaction ends. `None`: the workspace has no such chatbot.
pub async fn live(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<Candidate>, StoreError> {
    let Some(stored) = chatbots::get_for_update(tx, chatbot).await? else {
        return Ok(None);
    };
    let retrieval = retrieval::get(tx, chatbot).await?;
    Ok(Some(Candidate::of(&stored, retrieval)))
}

/// What a chatbot will do, if nothing speaks against it: as the version that is being checked has it, or else as it does
/// now. Its row is held until the transaction ends. `None`: the workspace has no such chatbot.
pub async fn wanted(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<Candidate>, StoreError> {
    let Some(live) = live(tx, chatbot).await? else {
        return Ok(None);
    };
    let workspace = tx.workspace().as_uuid();
    let checked = sqlx::query!(
        "select r.settings, r.keys from chatbot_versions v join trial_runs r on r.id = v.run_id
         where v.chatbot_id = $1 and v.workspace_id = $2 and v.state = 'checking'",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    match checked {
        None => Ok(Some(live)),
        Some(checked) => {
            let keys: Keys = serde_json::from_value(checked.keys)?;
            Candidate::join(checked.settings, &keys).map(Some)
        }
    }
}

/// What a version says, with the keys that are remembered for it.
pub async fn candidate(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    number: i64,
) -> Result<Option<Candidate>, StoreError> {
    let Some(version) = get(tx, chatbot, number).await? else {
        return Ok(None);
    };
    let keys = remembered(tx, chatbot).await?;
    let settings = serde_json::to_value(&version.behaviour)?;
    Candidate::join(settings, &keys).map(Some)
}

/// The keys that a chatbot's versions have used, and which were not taken away.
pub async fn remembered(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Keys, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select place, sealed from model_keys where chatbot_id = $1 and workspace_id = $2",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(Keys(
        rows.into_iter().map(|row| (row.place, row.sealed)).collect(),
    ))
}
