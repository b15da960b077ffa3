//! Vectors of passages, and how far a chatbot's are.
//!
//! Invariants: a passage has at most one vector of a model, and that is of what the passage says now: a passage that
//! changes gets another id, one whose title changes loses its vectors, and a vector that was being made meanwhile is not
//! kept. Whoever makes them holds a lease token that is new at every claim, and commits portion by portion: killed at any
//! point, only the portion in hand is made again. What serves is one model's, and it changes in one step: when the new
//! one's vectors are complete, or when nobody can ask the old model any more.

use crate::{
    Db, StoreError, TenantTx,
    chunks::Chunk,
    sources::{Place, next_version, set_version, without_nul},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ChunkId, LeaseToken, SourceId, WorkspaceId};
use std::time::Duration;
use uuid::Uuid;

/// A chatbot whose vectors one indexer makes.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// Whose vectors are made.
    pub wanted: String,
    /// Whose vectors serve until then.
    pub serving: Option<String>,
    /// How many attempts have failed in a row.
    pub failures: i32,
    /// Proves the claim.
    pub lease: LeaseToken,
}

/// What came of a portion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// The claim held.
    pub held: bool,
    /// What a question finds may have changed.
    pub changed: bool,
    /// Every passage has its vector.
    pub done: bool,
}

/// How far a chatbot's vectors are, for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// All passages.
    pub passages: i64,
    /// Those with a vector of the wanted model.
    pub with_vector: i64,
    /// Whose vectors are made; `None`: nothing was looked at yet.
    pub wanted: Option<String>,
    /// Whose vectors questions are compared with.
    pub serving: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it is next tried.
    pub due_at: Option<DateTime<Utc>>,
}

/// How far the vectors of all chatbots in use are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressOfAll {
    /// All passages.
    pub passages: i64,
    /// Those with a vector of the model that is wanted for them.
    pub with_vector: i64,
    /// Chatbots with passages that have none yet.
    pub chatbots_under_way: i64,
}

/// How far the vectors of all chatbots in use are, whoever they belong to.
pub async fn progress_of_all(db: &Db) -> Result<ProgressOfAll, StoreError> {
    Ok(sqlx::query_as!(
        ProgressOfAll,
        r#"select count(*) as "passages!", count(v.chunk_id) as "with_vector!",
                  count(distinct c.chatbot_id) filter (where v.chunk_id is null) as "chatbots_under_way!"
           from chunks c join chatbots b on b.id = c.chatbot_id and b.archived_at is null
           left join meanings m on m.chatbot_id = c.chatbot_id
           left join chunk_vectors v on v.chunk_id = c.id and v.model = m.wanted"#
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// Takes a chatbot in use whose passages do not all have vectors of this model; the one that was served longest ago.
pub async fn claim(db: &Db, model: &str, lease: Duration) -> Result<Option<Claim>, StoreError> {
    let token = LeaseToken::new();
    let row = sqlx::query!(
        "insert into meanings as m (chatbot_id, workspace_id, wanted, lease_token, lease_until)
         select b.id, b.workspace_id, $1, $2, now() + make_interval(secs => $3)
         from chatbots b left join meanings old on old.chatbot_id = b.id
         where b.knowledge_version > 0 and b.archived_at is null
           and (old.chatbot_id is null
                or ((old.done_model is distinct from $1 or old.done_version < b.knowledge_version)
                    and (old.due_at <= now() or old.wanted <> $1)
                    and (old.lease_until is null or old.lease_until <= now())))
         order by old.due_at nulls first
         limit 1
         on conflict (chatbot_id) do update
             set failures = case when m.wanted = $1 then m.failures else 0 end,
                 error = case when m.wanted = $1 then m.error end,
                 wanted = $1, lease_token = excluded.lease_token, lease_until = excluded.lease_until
             where m.lease_until is null or m.lease_until <= now()
         returning chatbot_id, workspace_id, serving, failures",
        model,
        token.as_uuid(),
        lease.as_secs_f64(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| Claim {
        workspace: row.workspace_id.into(),
        chatbot: row.chatbot_id.into(),
        wanted: model.to_owned(),
        serving: row.serving,
        failures: row.failures,
        lease: token,
    }))
}

/// Keeps a claim for longer. `false`: it is lost.
pub async fn extend(db: &Db, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update meanings set lease_until = now() + make_interval(secs => $3) where chatbot_id = $1 and lease_token = $2",
        claim.chatbot.as_uuid(),
        claim.lease.as_uuid(),
        lease.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Passages without a vector of the wanted model, the oldest first.
pub async fn missing(db: &Db, claim: &Claim, limit: i64) -> Result<Vec<Chunk>, StoreError> {
    let rows = sqlx::query!(
        "select c.id, c.document_id, d.title, d.url, c.heading, c.question, c.text, c.since_version
         from chunks c join documents d on d.id = c.document_id
         where c.chatbot_id = $1 and c.workspace_id = $2
           and not exists (select from chunk_vectors v where v.chunk_id = c.id and v.model = $3)
         order by c.id
         limit $4",
        claim.chatbot.as_uuid(),
        claim.workspace.as_uuid(),
        claim.wanted,
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Chunk {
            id: row.id.into(),
            document: row.document_id.into(),
            title: row.title,
            url: row.url,
            heading: row.heading,
            question: row.question,
            text: row.text,
            since_version: row.since_version,
        })
        .collect())
}

/// Keeps the vectors of passages that are still as they were read (`since_version`), and gives the claim back.
/// `old_serves`: the model that serves can still be asked.
pub async fn commit(
    db: &Db,
    claim: &Claim,
    vectors: &[(ChunkId, i64, Vec<f32>)],
    old_serves: bool,
) -> Result<Committed, StoreError> {
    let place = Place {
        workspace: claim.workspace,
        chatbot: claim.chatbot,
        source: SourceId::new(), // of no one source
    };
    let mut tx = db.system().await?;
    // The chatbot's row first, as everybody does who changes knowledge: nobody adds passages meanwhile.
    let Some(version) = next_version(&mut tx, &place).await? else {
        return Ok(Committed::default());
    };
    let held = sqlx::query_scalar!(
        "select serving from meanings where chatbot_id = $1 and lease_token = $2 for update",
        claim.chatbot.as_uuid(),
        claim.lease.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(serving) = held else {
        return Ok(Committed::default());
    };
    let ids: Vec<Uuid> = vectors.iter().map(|(id, ..)| id.as_uuid()).collect();
    let since: Vec<i64> = vectors.iter().map(|(_, since, _)| *since).collect();
    let bytes: Vec<Vec<u8>> = vectors.iter().map(|(.., vector)| to_bytes(vector)).collect();
    let kept = sqlx::query!(
        "insert into chunk_vectors (chunk_id, model, workspace_id, chatbot_id, vector)
         select c.id, $4, c.workspace_id, c.chatbot_id, made.vector
         from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as made (id, since, vector)
              join chunks c on c.id = made.id and c.since_version = made.since
         where c.chatbot_id = $5 and c.workspace_id = $6
         on conflict do nothing",
        &ids,
        &since,
        &bytes,
        claim.wanted,
        claim.chatbot.as_uuid(),
        claim.workspace.as_uuid(),
    )
    .execute(&mut *tx)
    .await?;
    let done = sqlx::query_scalar!(
        r#"select not exists (
               select from chunks c where c.chatbot_id = $1
                   and not exists (select from chunk_vectors v where v.chunk_id = c.id and v.model = $2)
           ) as "done!""#,
        claim.chatbot.as_uuid(),
        claim.wanted,
    )
    .fetch_one(&mut *tx)
    .await?;
    let serves_already = serving.as_deref() == Some(claim.wanted.as_str());
    let serves_now = serves_already || done || serving.is_none() || !old_serves;
    let committed = Committed {
        held: true,
        changed: serves_now && (!serves_already || kept.rows_affected() > 0),
        done,
    };
    let version = if committed.changed { version } else { version - 1 };
    set_version(&mut tx, &place, version).await?;
    sqlx::query!(
        "update meanings set serving = case when $3 then wanted else serving end,
             done_model = case when $4 then wanted else done_model end,
             done_version = case when $4 then $5 else done_version end,
             error = null, failures = 0, due_at = now(), lease_token = null, lease_until = null
         where chatbot_id = $1 and lease_token = $2",
        claim.chatbot.as_uuid(),
        claim.lease.as_uuid(),
        serves_now,
        done,
        version,
    )
    .execute(&mut *tx)
    .await?;
    if done {
        sqlx::query!(
            "delete from chunk_vectors where chatbot_id = $1 and model <> $2",
            claim.chatbot.as_uuid(),
            claim.wanted,
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(committed)
}

/// Gives a claim back that came to nothing, to be tried again after a pause.
pub async fn fail(db: &Db, claim: &Claim, reason: &str, pause: Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "update meanings set error = $3, failures = failures + 1, due_at = now() + make_interval(secs => $4),
             lease_token = null, lease_until = null
         where chatbot_id = $1 and lease_token = $2",
        claim.chatbot.as_uuid(),
        claim.lease.as_uuid(),
        without_nul(reason),
        pause.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Gives a claim back as it was taken.
pub async fn release(db: &Db, claim: &Claim) -> Result<(), StoreError> {
    sqlx::query!(
        "update meanings set lease_token = null, lease_until = null where chatbot_id = $1 and lease_token = $2",
        claim.chatbot.as_uuid(),
        claim.lease.as_uuid(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// How far a chatbot's vectors are.
pub async fn progress(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Progress, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        r#"select m.wanted as "wanted?", m.serving, m.error, m.due_at as "due_at?",
                  (select count(*) from chunks c where c.chatbot_id = $1 and c.workspace_id = $2) as "passages!",
                  (select count(*) from chunk_vectors v
                   where v.chatbot_id = $1 and v.workspace_id = $2 and v.model = m.wanted) as "with_vector!"
           from (select 1) as one left join meanings m on m.chatbot_id = $1 and m.workspace_id = $2"#,
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Progress {
        passages: row.passages,
        with_vector: row.with_vector,
        wanted: row.wanted,
        serving: row.serving,
        error: row.error,
        due_at: row.due_at,
    })
}

fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A vector as it is stored.
pub(crate) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

#[cfg(test)]
mod tests;
