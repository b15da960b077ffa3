//! The end of a run, and what follows from it.

use super::{Claimed, Scores, Tried, Worse, worse};
use crate::{
    Db, StoreError, SystemTx, TenantTx,
    activity_log::{self, NewActivity},
    golden::Expected,
    versions::{self, Author, Keys},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, LeaseToken, RunKind, TrialRunId};
use serde_json::{Value, json};

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concluded {
    /// It is known how well the version does.
    Measured,
    /// The version that waited for it is live.
    Live(i64),
    /// The version that waited for it is refused.
    Refused(i64),
    /// Another worker has it, or nobody wants to know any more.
    Lost,
}

/// Ends a run whose questions are all answered: the version that waits for it goes live, or is refused.
pub async fn conclude(db: &Db, claimed: &Claimed, now: DateTime<Utc>) -> Result<Concluded, StoreError> {
    let mut tx = db.system().await?;
    lock(&mut tx, claimed).await?;
    let after = tried(&mut tx, claimed.id).await?;
    let ended = sqlx::query!(
        "update trial_runs set state = 'done', scores = $3, finished_at = $4, lease_token = null, lease_until = null,
             keys = '{}'
         where id = $1 and lease_token = $2
         returning baseline_id, user_id, api_key_id",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        serde_json::to_value(Scores::of(&after))?,
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(ended) = ended else {
        return Ok(Concluded::Lost);
    };
    if claimed.kind != RunKind::Publish {
        tx.commit().await?;
        return Ok(Concluded::Measured);
    }
    let author = Author {
        user: ended.user_id.map(Into::into),
        api_key: ended.api_key_id.map(Into::into),
    };
    let concluded = match against(&mut tx, claimed.id, ended.baseline_id.map(Into::into), &after).await? {
        None => {
            let (_, keys) = claimed.candidate.split()?;
            go_live(&mut tx, claimed, author, &keys, now).await?
        }
        Some(verdict) => refuse(&mut tx, claimed, author, &verdict, now).await?,
    };
    tx.commit().await?;
    Ok(concluded)
}

/// Ends a run that will never come to an end. A version that waits for it is refused: nobody knows what it does.
pub async fn fail(
    db: &Db,
    claimed: &Claimed,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Concluded, StoreError> {
    let mut tx = db.system().await?;
    lock(&mut tx, claimed).await?;
    let ended = sqlx::query!(
        "update trial_runs set state = 'failed', error = $3, finished_at = $4, lease_token = null, lease_until = null,
             keys = '{}'
         where id = $1 and lease_token = $2
         returning user_id, api_key_id",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        reason,
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(ended) = ended else {
        return Ok(Concluded::Lost);
    };
    let author = Author {
        user: ended.user_id.map(Into::into),
        api_key: ended.api_key_id.map(Into::into),
    };
    let verdict = unknown(format!("its golden questions could not be asked: {reason}"));
    let concluded = refuse(&mut tx, claimed, author, &verdict, now).await?;
    tx.commit().await?;
    Ok(concluded)
}

/// Ends a run whose settings cannot be read: claimed again, they would not be either.
pub(super) async fn fail_unread(
    db: &Db,
    run: TrialRunId,
    lease: LeaseToken,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with ended as (
             update trial_runs set state = 'failed', error = $3, finished_at = now(), lease_token = null,
                 lease_until = null, keys = '{}'
             where id = $1 and lease_token = $2
             returning id
         )
         update chatbot_versions set state = 'refused'
         where run_id in (select id from ended) and state = 'checking'",
        run.as_uuid(),
        lease.as_uuid(),
        reason,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Ends a run because nobody wants to know any more; a version that waits for it is wanted no more either. `false`: there
/// is no such run, or it has ended.
pub async fn cancel(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    run: TrialRunId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    // As in `lock`.
    sqlx::query!(
        "select 1 as one from chatbots where id = $1 and workspace_id = $2 for update",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    let ended = sqlx::query_scalar!(
        r#"with ended as (
               update trial_runs set state = 'cancelled', keys = '{}', finished_at = $4, lease_token = null,
                   lease_until = null
               where id = $1 and chatbot_id = $2 and workspace_id = $3 and state in ('due', 'running')
               returning id
           ), unwanted as (
               update chatbot_versions set state = 'superseded'
               where chatbot_id = $2 and run_id in (select id from ended) and state = 'checking'
           )
           select count(*) as "count!" from ended"#,
        run.as_uuid(),
        chatbot.as_uuid(),
        workspace,
        now,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(ended == 1)
}

/// The chatbot's row first, as whoever publishes does: both in the same order never wait for each other in a ring.
async fn lock(tx: &mut SystemTx, claimed: &Claimed) -> Result<(), StoreError> {
    sqlx::query!(
        "select 1 as one from chatbots where id = $1 for update",
        claimed.chatbot.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(())
}

fn unknown(reason: String) -> Worse {
    Worse {
        reasons: vec![reason],
        before: None,
        after: None,
        questions: Vec::new(),
    }
}

/// What is worse than in the run that was made before. `None`: nothing.
async fn against(
    tx: &mut SystemTx,
    run: TrialRunId,
    baseline: Option<TrialRunId>,
    after: &[Tried],
) -> Result<Option<Worse>, StoreError> {
    let Some(baseline) = baseline else {
        return Ok(None);
    };
    let before = sqlx::query!(
        r#"select b.state, b.knowledge_version is not distinct from r.knowledge_version as "same_knowledge!"
           from trial_runs b, trial_runs r where b.id = $1 and r.id = $2"#,
        baseline.as_uuid(),
        run.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(before) = before.filter(|before| before.state == "done") else {
        let reason = "how well the live version does could not be found out".to_owned();
        return Ok(Some(unknown(reason)));
    };
    if !before.same_knowledge {
        let reason = "the knowledge changed while the golden questions were asked, so that the versions cannot be compared; \
                      publish it again"
            .to_owned();
        return Ok(Some(unknown(reason)));
    }
    Ok(worse(&tried(tx, baseline).await?, after))
}

async fn tried(tx: &mut SystemTx, run: TrialRunId) -> Result<Vec<Tried>, StoreError> {
    let rows = sqlx::query!(
        "select question_id, question, expected, rank, passed from trial_results where run_id = $1 order by position",
        run.as_uuid(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let expected: Expected = serde_json::from_value(row.expected)?;
            Ok(Tried {
                golden: row.question_id,
                question: row.question,
                to_be_found: expected.to_be_found(),
                rank: row.rank,
                passed: row.passed.unwrap_or(false),
            })
        })
        .collect()
}

async fn go_live(
    tx: &mut SystemTx,
    claimed: &Claimed,
    author: Author,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<Concluded, StoreError> {
    let live = versions::go_live(tx, claimed.workspace, claimed.chatbot, claimed.id, keys, now).await?;
    let Some(number) = live else {
        return Ok(Concluded::Measured);
    };
    let details = json!({ "version": number, "run": claimed.id });
    note(tx, claimed, author, "version.live", details, now).await?;
    Ok(Concluded::Live(number))
}

async fn refuse(
    tx: &mut SystemTx,
    claimed: &Claimed,
    author: Author,
    verdict: &Worse,
    now: DateTime<Utc>,
) -> Result<Concluded, StoreError> {
    let refused = versions::refuse(tx, claimed.chatbot, claimed.id, &serde_json::to_value(verdict)?).await?;
    let Some(number) = refused else {
        return Ok(Concluded::Measured);
    };
    let details = json!({ "version": number, "run": claimed.id, "reasons": verdict.reasons });
    note(tx, claimed, author, "version.refused", details, now).await?;
    Ok(Concluded::Refused(number))
}

async fn note(
    tx: &mut SystemTx,
    claimed: &Claimed,
    author: Author,
    action: &'static str,
    details: Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let activity = NewActivity {
        user: author.user,
        api_key: author.api_key,
        impersonated_by: None,
        action,
        target: Some(claimed.chatbot.to_string()),
        details,
        ip: None,
        request_id: None,
    };
    activity_log::record_system(tx, Some(claimed.workspace), &activity, now).await
}
