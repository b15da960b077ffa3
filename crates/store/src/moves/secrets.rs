//! The secrets of a chatbot, each sealed for its workspace, row and column: opened and sealed anew for another workspace.

use crate::{
    StoreError, SystemTx,
    chatbots::{FALLBACK_KEY_COLUMN, MODEL_KEY_COLUMN},
};
use domain::ChatbotId;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// Sealed bytes: the table, its column, and which rows are the chatbot's, which is `$1`. The seal names table and column.
const COLUMNS: &[(&str, &str, &str, &str)] = &[
    ("chatbots", "model_key", "chatbots.model_key", "id = $1"),
    (
        "integrations",
        "credentials",
        "integrations.credentials",
        "chatbot_id = $1",
    ),
    ("tools", "secrets", "tools.secrets", "chatbot_id = $1"),
    ("mcp_servers", "secrets", "mcp_servers.secrets", "chatbot_id = $1"),
    (
        "quarantine",
        "sealed",
        "quarantine.sealed",
        "integration_id in (select id from integrations where chatbot_id = $1)",
    ),
];
/// What platforms gave with messages.
const REPLY_TO: &str = "messages.reply_to";
/// Conversations whose messages are sealed anew at once.
const CONVERSATIONS: i64 = 200;

/// Seals every secret of a chatbot anew. `seal` is given the row, the column as the seal names it, and the sealed bytes.
/// How many there are.
pub async fn reseal<E: From<StoreError>>(
    tx: &mut SystemTx,
    chatbot: ChatbotId,
    seal: impl AsyncFn(Uuid, &'static str, Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<i64, E> {
    let id = chatbot.as_uuid();
    let mut count = 0;
    for (table, column, name, which) in COLUMNS {
        let found: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(format!(
            "select id, {column} from {table} where {which} and {column} is not null order by id"
        )))
        .bind(id)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from)?;
        let (mut rows, mut sealed) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for (row, before) in found {
            sealed.push(seal(row, name, before).await?);
            rows.push(row);
        }
        count += rows.len() as i64;
        sqlx::query(AssertSqlSafe(format!(
            "update {table} t set {column} = anew.sealed from unnest($1::uuid[], $2::bytea[]) as anew (id, sealed)
             where t.id = anew.id"
        )))
        .bind(&rows)
        .bind(&sealed)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from)?;
    }
    Ok(count + of_models(tx, id, &seal).await? + of_messages(tx, id, &seal).await?)
}

/// Keys of models: they stand as text beside what they are for.
async fn of_models<E: From<StoreError>>(
    tx: &mut SystemTx,
    chatbot: Uuid,
    seal: &impl AsyncFn(Uuid, &'static str, Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<i64, E> {
    let mut count = 0;
    let model = sqlx::query_scalar!("select model from chatbots where id = $1", chatbot)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from)?
        .flatten();
    if let Some(mut model) = model {
        let fallbacks = model.get_mut("fallbacks").and_then(Value::as_array_mut);
        for fallback in fallbacks.into_iter().flatten() {
            let place = fallback["id"].as_str().unwrap_or_default().to_owned();
            if let Some(Value::String(key)) = fallback.get_mut("key") {
                *key = again(chatbot, &place, key, seal).await?;
                count += 1;
            }
        }
        sqlx::query!("update chatbots set model = $2 where id = $1", chatbot, model)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from)?;
    }
    let kept = sqlx::query!(
        "select place, sealed from model_keys where chatbot_id = $1",
        chatbot
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from)?;
    for key in kept {
        let sealed = again(chatbot, &key.place, &key.sealed, seal).await?;
        sqlx::query!(
            "update model_keys set sealed = $3 where chatbot_id = $1 and place = $2",
            chatbot,
            key.place,
            sealed
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from)?;
        count += 1;
    }
    let draft = sqlx::query_scalar!("select keys from chatbot_drafts where chatbot_id = $1", chatbot)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from)?;
    if let Some(mut keys) = draft {
        for (place, key) in keys.as_object_mut().into_iter().flatten() {
            if let Value::String(sealed) = key {
                *sealed = again(chatbot, place, sealed, seal).await?;
                count += 1;
            }
        }
        sqlx::query!(
            "update chatbot_drafts set keys = $2 where chatbot_id = $1",
            chatbot,
            keys
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from)?;
    }
    Ok(count)
}

/// A place is the id of a fallback model, or the address of the model itself.
async fn again<E: From<StoreError>>(
    chatbot: Uuid,
    place: &str,
    sealed: &str,
    seal: &impl AsyncFn(Uuid, &'static str, Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let (row, column) = match place.parse() {
        Ok(fallback) => (fallback, FALLBACK_KEY_COLUMN),
        Err(_) => (chatbot, MODEL_KEY_COLUMN),
    };
    let bytes = crate::versions::unhex(sealed)
        .ok_or_else(|| StoreError::Unreadable(format!("the key of a model of chatbot {chatbot}")))?;
    Ok(crate::versions::hex(&seal(row, column, bytes).await?))
}

async fn of_messages<E: From<StoreError>>(
    tx: &mut SystemTx,
    chatbot: Uuid,
    seal: &impl AsyncFn(Uuid, &'static str, Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<i64, E> {
    let (mut count, mut after) = (0, Uuid::nil());
    loop {
        let conversations = sqlx::query_scalar!(
            "select id from conversations where chatbot_id = $1 and id > $2 order by id limit $3",
            chatbot,
            after,
            CONVERSATIONS,
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from)?;
        let Some(last) = conversations.last() else {
            return Ok(count);
        };
        after = *last;
        let found = sqlx::query!(
            r#"select id, reply_to as "reply_to!" from messages
               where conversation_id = any($1) and reply_to is not null order by id"#,
            &conversations,
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from)?;
        let (mut rows, mut sealed) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for message in found {
            sealed.push(seal(message.id, REPLY_TO, message.reply_to).await?);
            rows.push(message.id);
        }
        count += rows.len() as i64;
        sqlx::query!(
            "update messages m set reply_to = anew.sealed from unnest($1::uuid[], $2::bytea[]) as anew (id, sealed)
             where m.id = anew.id",
            &rows,
            &sealed,
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from)?;
    }
}
