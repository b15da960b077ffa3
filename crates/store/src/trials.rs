//! Runs: questions asked of one version of a chatbot, by workers, and what became of each.
//!
//! Invariants: a run's row says whether it is due, and an answer that was recorded is never asked for again: a worker that
//! dies leaves a run which another goes on with. A run's end and what follows from it, a version that goes live or does
//! not, are one transaction, by whoever holds the lease.

mod conclude;
mod forget;
mod verdict;

pub use conclude::{Concluded, cancel, conclude, fail};
pub use forget::forget;
pub use verdict::{Change, Scores, Tried, Worse, worse};

use crate::{
    Db, StoreError, TenantTx,
    golden::Expected,
    versions::{Author, Candidate, Keys},
};
use chrono::{DateTime, Utc};
use domain::{
    ChatbotId, ConversationId, GoldenQuestionId, LeaseToken, MessageId, RunKind, RunState, TrialRunId,
    WorkspaceId,
};
use serde_json::Value;
use std::{fmt, time::Duration};

/// A run to be made.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What for.
    pub kind: RunKind,
    /// What is tried.
    pub candidate: Candidate,
    /// Who wants it.
    pub author: Author,
    /// The run that has to be done before.
    pub baseline: Option<TrialRunId>,
    /// The message that is answered again, and its question; otherwise the golden questions are asked.
    pub again: Option<(ConversationId, MessageId, String)>,
}

impl NewRun {
    /// One that asks the golden questions.
    pub fn of(kind: RunKind, candidate: &Candidate, author: Author) -> Self {
        Self {
            kind,
            candidate: candidate.clone(),
            author,
            baseline: None,
            again: None,
        }
    }
}

/// A run, as it is listed.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: TrialRunId,
    /// What for.
    pub kind: RunKind,
    /// The version that is tried.
    pub version: Option<i64>,
    /// How far it is.
    pub state: RunState,
    /// Why it failed.
    pub error: Option<String>,
    /// The run that it is compared with.
    pub baseline: Option<TrialRunId>,
    /// The message that is answered again.
    pub message: Option<MessageId>,
    /// The knowledge that it was made with.
    pub knowledge_version: Option<i64>,
    /// How many passages an answer might rest on.
    pub k: Option<i32>,
    /// How many questions it has.
    pub questions: i64,
    /// How many of them are answered.
    pub done: i64,
    /// How well it did, when it is done.
    pub scores: Option<Scores>,
    /// Who wanted it.
    pub author: Author,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When its first question was asked.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A run that one worker has in hand.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The run.
    pub id: TrialRunId,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Its chatbot.
    pub chatbot: ChatbotId,
    /// What for.
    pub kind: RunKind,
    /// What is tried, with its keys.
    pub candidate: Candidate,
    /// Again: the conversation, and the message that is answered.
    pub again: Option<(ConversationId, MessageId)>,
    /// How often it was claimed, this time included.
    pub attempts: i32,
    /// Proves the claim.
    pub lease: LeaseToken,
}

/// A question that is to be asked.
#[derive(Clone)]
pub struct Asked {
    /// Its place in the run.
    pub position: i32,
    /// As a visitor asks it.
    pub question: String,
    /// What is expected.
    pub expected: Expected,
}

/// What visitors ask is not for logs.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// How a question was answered.
#[derive(Clone)]
pub struct Outcome {
    /// Where what had to be found stood, from 1.
    pub rank: Option<i32>,
    /// Whether everything is as expected.
    pub passed: bool,
    /// Whether the chatbot said that it does not know.
    pub refused: bool,
    /// What is not as expected.
    pub failures: Vec<String>,
    /// What it said.
    pub answer: String,
    /// How it came to be.
    pub record: Value,
    /// How many passages an answer might rest on.
    pub k: i32,
}

/// One question of a run, as it is listed.
#[derive(Clone)]
pub struct Answered {
    /// Its place in the run.
    pub position: i32,
    /// The golden question, as it was called then.
    pub golden: Option<GoldenQuestionId>,
    /// As it was asked.
    pub question: String,
    /// What was expected.
    pub expected: Expected,
    /// When it was answered; `None`: not yet.
    pub done_at: Option<DateTime<Utc>>,
    /// Where what had to be found stood, from 1.
    pub rank: Option<i32>,
    /// Whether everything is as expected.
    pub passed: Option<bool>,
    /// Whether the chatbot said that it does not know.
    pub refused: Option<bool>,
    /// What is not as expected.
    pub failures: Value,
    /// What it said.
    pub answer: Option<String>,
    /// How it came to be.
    pub record: Option<Value>,
}

struct Row {
    id: uuid::Uuid,
    kind: String,
    version: Option<i64>,
    state: String,
    error: Option<String>,
    baseline_id: Option<uuid::Uuid>,
    message_id: Option<uuid::Uuid>,
    knowledge_version: Option<i64>,
    k: Option<i32>,
    questions: i64,
    done: i64,
    scores: Option<Value>,
    user_id: Option<uuid::Uuid>,
    api_key_id: Option<uuid::Uuid>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Run {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            kind: row.kind.parse()?,
            version: row.version,
            state: row.state.parse()?,
            error: row.error,
            baseline: row.baseline_id.map(Into::into),
            message: row.message_id.map(Into::into),
            knowledge_version: row.knowledge_version,
            k: row.k,
            questions: row.questions,
            done: row.done,
            scores: row.scores.map(serde_json::from_value).transpose()?,
            author: Author {
                user: row.user_id.map(Into::into),
                api_key: row.api_key_id.map(Into::into),
            },
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

/// Names a chatbot's golden questions as they are now: runs with the same can be compared. `None`: it has none.
pub async fn questions_hash(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<String>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        "select md5(string_agg(id::text || md5(question) || expected::text, ' ' order by id)) from golden_questions
         where chatbot_id = $1 and workspace_id = $2",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_one(tx.connection())
    .await?)
}

/// Makes a run, due at once, with the questions as they are now.
pub async fn create(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    version: Option<i64>,
    new: &NewRun,
    now: DateTime<Utc>,
) -> Result<TrialRunId, StoreError> {
    let id = TrialRunId::new();
    let workspace = tx.workspace().as_uuid();
    let (settings, keys) = new.candidate.split()?;
    let hash = match new.again {
        Some(_) => String::new(),
        None => questions_hash(tx, chatbot).await?.unwrap_or_default(),
    };
    let again = new.again.as_ref();
    sqlx::query!(
        "insert into trial_runs (id, workspace_id, chatbot_id, kind, version, settings, keys, baseline_id,
                                 conversation_id, message_id, questions_hash, user_id, api_key_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        id.as_uuid(),
        workspace,
        chatbot.as_uuid(),
        new.kind.as_str(),
        version,
        settings,
        serde_json::to_value(keys)?,
        new.baseline.map(|id| id.as_uuid()),
        again.map(|(conversation, ..)| conversation.as_uuid()),
        again.map(|(_, message, _)| message.as_uuid()),
        hash,
        new.author.user.map(|id| id.as_uuid()),
        new.author.api_key.map(|id| id.as_uuid()),
        now,
    )
    .execute(tx.connection())
    .await?;
    match again {
        Some((.., question)) => {
            sqlx::query!(
                "insert into trial_results (run_id, position, workspace_id, question, expected)
                 values ($1, 1, $2, $3, '{}')",
                id.as_uuid(),
                workspace,
                question,
            )
            .execute(tx.connection())
            .await?;
        }
        None => {
            sqlx::query!(
                "insert into trial_results (run_id, position, workspace_id, question_id, question, expected)
                 select $1, row_number() over (order by id), workspace_id, id, question, expected
                 from golden_questions where chatbot_id = $2 and workspace_id = $3",
                id.as_uuid(),
                chatbot.as_uuid(),
                workspace,
            )
            .execute(tx.connection())
            .await?;
        }
    }
    Ok(id)
}

/// A chatbot's runs of golden questions, the newest first, older than `after`.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    after: Option<TrialRunId>,
    limit: i64,
) -> Result<Vec<Run>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select r.id, r.kind, r.version, r.state, r.error, r.baseline_id, r.message_id, r.knowledge_version, r.k, r.scores,
                  r.user_id, r.api_key_id, r.created_at, r.started_at, r.finished_at, c.questions as "questions!", c.done as "done!"
           from trial_runs r cross join lateral (
               select count(*) as questions, count(done_at) as done from trial_results where run_id = r.id
           ) c
           where r.chatbot_id = $1 and r.workspace_id = $2 and r.kind <> 'again' and ($3::uuid is null or r.id < $3)
           order by r.id desc
           limit $4"#,
        chatbot.as_uuid(),
        workspace,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}

/// One run.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId, id: TrialRunId) -> Result<Option<Run>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select r.id, r.kind, r.version, r.state, r.error, r.baseline_id, r.message_id, r.knowledge_version, r.k, r.scores,
                  r.user_id, r.api_key_id, r.created_at, r.started_at, r.finished_at, c.questions as "questions!", c.done as "done!"
           from trial_runs r cross join lateral (
               select count(*) as questions, count(done_at) as done from trial_results where run_id = r.id
           ) c
           where r.chatbot_id = $1 and r.workspace_id = $2 and r.id = $3"#,
        chatbot.as_uuid(),
        workspace,
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(Run::try_from)
    .transpose()
}

/// The questions of a run in their order, after `after`.
pub async fn results(
    tx: &mut TenantTx,
    run: TrialRunId,
    after: i32,
    limit: i64,
) -> Result<Vec<Answered>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select position, question_id, question, expected, done_at, rank, passed, refused, failures, answer, record
         from trial_results
         where run_id = $1 and workspace_id = $2 and position > $3
         order by position
         limit $4",
        run.as_uuid(),
        workspace,
        after,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Answered {
                position: row.position,
                golden: row.question_id.map(Into::into),
                question: row.question,
                expected: serde_json::from_value(row.expected)?,
                done_at: row.done_at,
                rank: row.rank,
                passed: row.passed,
                refused: row.refused,
                failures: row.failures,
                answer: row.answer,
                record: row.record,
            })
        })
        .collect()
}

/// Takes the run that has been due longest, for as long as `lease` says. `None`: none is due. One whose worker died is
/// due again when its lease runs out.
pub async fn claim(db: &Db, lease: Duration) -> Result<Option<Claimed>, StoreError> {
    let token = LeaseToken::new();
    let row = sqlx::query!(
        "update trial_runs r set state = 'running', attempts = attempts + 1, lease_token = $1,
             lease_until = now() + make_interval(secs => $2), started_at = coalesce(started_at, now()),
             knowledge_version = coalesce(r.knowledge_version, b.knowledge_version)
         from chatbots b
         where b.id = r.chatbot_id and r.id = (
             select id from trial_runs due
             where state in ('due', 'running') and due_at <= now() and (lease_until is null or lease_until <= now())
               and not exists (select from trial_runs before
                               where before.id = due.baseline_id and before.state in ('due', 'running'))
             order by kind <> 'again', due_at
             limit 1
             for update skip locked
         )
         returning r.id, r.workspace_id, r.chatbot_id, r.kind, r.settings, r.keys, r.conversation_id, r.message_id,
                   r.attempts",
        token.as_uuid(),
        lease.as_secs_f64(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let candidate = match serde_json::from_value::<Keys>(row.keys) {
        Ok(keys) => Candidate::join(row.settings, &keys),
        Err(error) => Err(error.into()),
    };
    let candidate = match candidate {
        Ok(candidate) => candidate,
        Err(error) => {
            conclude::fail_unread(db, row.id.into(), token, &error.to_string()).await?;
            return Err(error);
        }
    };
    Ok(Some(Claimed {
        id: row.id.into(),
        workspace: row.workspace_id.into(),
        chatbot: row.chatbot_id.into(),
        kind: row.kind.parse()?,
        candidate,
        again: row
            .conversation_id
            .zip(row.message_id)
            .map(|(conversation, message)| (conversation.into(), message.into())),
        attempts: row.attempts,
        lease: token,
    }))
}

/// Keeps a claim for longer. `false`: it is lost, and the work is for nothing.
pub async fn extend(db: &Db, claimed: &Claimed, lease: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update trial_runs set lease_until = now() + make_interval(secs => $3) where id = $1 and lease_token = $2",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        lease.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a claim back, for another attempt after `delay`.
pub async fn release(db: &Db, claimed: &Claimed, delay: Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "update trial_runs set state = 'due', lease_token = null, lease_until = null,
             due_at = now() + make_interval(secs => $3)
         where id = $1 and lease_token = $2",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        delay.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// How many messages of the workspace wait for being answered again.
pub async fn waiting_again(tx: &mut TenantTx) -> Result<i64, StoreError> {
    let workspace = tx.workspace().as_uuid();
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from trial_runs
           where workspace_id = $1 and kind = 'again' and state in ('due', 'running')"#,
        workspace,
    )
    .fetch_one(tx.connection())
    .await?)
}

/// Gives a claim back that has got on, so that other runs have their turn: it is the last of those that are due.
pub async fn pause(db: &Db, claimed: &Claimed) -> Result<(), StoreError> {
    sqlx::query!(
        "update trial_runs set lease_token = null, lease_until = null, due_at = now(), attempts = 0
         where id = $1 and lease_token = $2",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The questions of a run that are not answered yet, in their order.
pub async fn unanswered(db: &Db, claimed: &Claimed) -> Result<Vec<Asked>, StoreError> {
    let rows = sqlx::query!(
        "select position, question, expected from trial_results where run_id = $1 and done_at is null order by position",
        claimed.id.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Asked {
                position: row.position,
                question: row.question,
                expected: serde_json::from_value(row.expected)?,
            })
        })
        .collect()
}

/// Notes how a question was answered. `false`: the claim is lost.
pub async fn record(
    db: &Db,
    claimed: &Claimed,
    position: i32,
    outcome: &Outcome,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "with held as (
             update trial_runs set k = $10 where id = $1 and lease_token = $2 returning id
         )
         update trial_results set done_at = now(), rank = $4, passed = $5, refused = $6, failures = $7, answer = $8,
             record = $9
         where run_id in (select id from held) and position = $3 and done_at is null",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        position,
        outcome.rank,
        outcome.passed,
        outcome.refused,
        serde_json::to_value(&outcome.failures)?,
        outcome.answer.replace('\0', ""),
        outcome.record,
        outcome.k,
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The titles of the sources that documents were read from.
pub async fn source_titles(
    db: &Db,
    workspace: WorkspaceId,
    documents: &[domain::DocumentId],
) -> Result<Vec<(domain::DocumentId, String)>, StoreError> {
    let ids: Vec<uuid::Uuid> = documents.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        "select d.id, s.title from documents d join sources s on s.id = d.source_id
         where d.id = any($1) and d.workspace_id = $2",
        &ids,
        workspace.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.title)).collect())
}
