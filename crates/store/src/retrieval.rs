//! How a chatbot's knowledge is searched, where its owner set something.

use crate::{StoreError, TenantTx};
use domain::ChatbotId;
use serde::{Deserialize, Serialize, Serializer};

/// What an owner set; `None`: as usual.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Retrieval {
    /// Passages that an answer may rest on.
    pub top_k: Option<i32>,
    /// Below this the chatbot rather says that it does not know: 0 to 1.
    #[serde(serialize_with = "as_written")]
    pub threshold: Option<f32>,
    /// How much meaning counts against words: 0 to 1.
    #[serde(serialize_with = "as_written")]
    pub dense_weight: Option<f32>,
}

/// 0.4 stays 0.4 where JSON's numbers have twice the digits.
fn as_written<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    value
        .and_then(|value| value.to_string().parse::<f64>().ok())
        .serialize(serializer)
}

/// What was set of a chatbot.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Retrieval, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query_as!(
        Retrieval,
        "select top_k, threshold, dense_weight from retrieval_settings where chatbot_id = $1 and workspace_id = $2",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.unwrap_or_default())
}

/// Sets it. Searchable copies are made anew, as after a change of the knowledge. `false`: the workspace has no such
/// chatbot.
pub async fn set(tx: &mut TenantTx, chatbot: ChatbotId, retrieval: &Retrieval) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let known = sqlx::query!(
        "update chatbots set knowledge_version = knowledge_version + 1 where id = $1 and workspace_id = $2",
        chatbot.as_uuid(),
        workspace,
    )
    .execute(tx.connection())
    .await?;
    if known.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into retrieval_settings (chatbot_id, workspace_id, top_k, threshold, dense_weight)
         values ($1, $2, $3, $4, $5)
         on conflict (chatbot_id) do update
             set top_k = excluded.top_k, threshold = excluded.threshold, dense_weight = excluded.dense_weight,
                 updated_at = now()",
        chatbot.as_uuid(),
        workspace,
        retrieval.top_k,
        retrieval.threshold,
        retrieval.dense_weight,
    )
    .execute(tx.connection())
    .await?;
    Ok(true)
}
