//! How a version goes live, or does not.

use super::{Author, Behaviour, Candidate, Keys};
use crate::{
    StoreError, TenantTx, chatbots, retrieval,
    trials::{self, NewRun},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, RunKind, TrialRunId, WorkspaceId};
use serde_json::Value;
use sqlx::PgConnection;

/// What is to go live.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What the chatbot is to do.
    pub candidate: Candidate,
    /// The older version that this brings back.
    pub from: Option<i64>,
    /// Its author's words.
    pub note: String,
    /// Who wants it.
    pub author: Author,
    /// Why it is to go live whatever the golden questions say.
    pub override_reason: Option<String>,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The live version says the same.
    Unchanged(i64),
    /// It answers from now on.
    Live(i64),
    /// Its golden questions are being asked.
    Checking(i64, TrialRunId),
}

impl Published {
    /// The version.
    pub const fn number(self) -> i64 {
        match self {
            Self::Unchanged(number) | Self::Live(number) | Self::Checking(number, _) => number,
        }
    }
}

/// Where a version belongs.
#[derive(Debug, Clone, Copy)]
struct Place {
    workspace: WorkspaceId,
    chatbot: ChatbotId,
}

/// Notes what a chatbot does as a version, if it has none yet. The chatbot's row is held until the transaction ends.
/// `None`: the workspace has no such chatbot.
pub async fn first(tx: &mut TenantTx, chatbot: ChatbotId, author: Author) -> Result<Option<i64>, StoreError> {
    let Some(stored) = chatbots::get_for_update(tx, chatbot).await? else {
        return Ok(None);
    };
    let place = Place {
        workspace: tx.workspace(),
        chatbot,
    };
    let candidate = Candidate::of(&stored, retrieval::get(tx, chatbot).await?);
    let (mut settings, keys) = candidate.split()?;
    let noted = sqlx::query!(
        "insert into chatbot_versions (chatbot_id, workspace_id, number, settings, state, user_id, api_key_id,
                                       created_at, live_at)
         select $1, $2, $3, $4, 'live', $5, $6, $7, $7
         where not exists (select from chatbot_versions where chatbot_id = $1)",
        chatbot.as_uuid(),
        place.workspace.as_uuid(),
        stored.live_version,
        settings,
        author.user.map(|id| id.as_uuid()),
        author.api_key.map(|id| id.as_uuid()),
        stored.updated_at,
    )
    .execute(tx.connection())
    .await?;
    if noted.rows_affected() == 1 {
        remember(tx.connection(), place, &mut settings, &keys).await?;
    }
    Ok(Some(stored.live_version))
}

/// Makes a new version of a chatbot. It is live at once where there are no golden questions, or where a reason is given
/// why it should be; otherwise when its run says so. `None`: the workspace has no such chatbot.
pub async fn publish(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    wish: &Wish,
    now: DateTime<Utc>,
) -> Result<Option<Published>, StoreError> {
    let Some(live) = first(tx, chatbot, Author::default()).await? else {
        return Ok(None);
    };
    let place = Place {
        workspace: tx.workspace(),
        chatbot,
    };
    supersede(tx.connection(), place, now).await?;
    let current = super::live(tx, chatbot).await?;
    let (settings, keys) = wish.candidate.split()?;
    if current.as_ref() == Some(&wish.candidate) {
        forget_draft(tx.connection(), chatbot, &settings).await?;
        return Ok(Some(Published::Unchanged(live)));
    }
    let judged = trials::questions_hash(tx, chatbot).await?;
    let waits = judged.is_some() && wish.override_reason.is_none();
    let number = insert(tx.connection(), place, wish, &settings, now).await?;
    let mut run = None;
    if let Some(hash) = judged {
        let baseline = match waits {
            true => Some(baseline(tx, place, live, current.as_ref(), &hash, wish.author, now).await?),
            false => None,
        };
        let new = NewRun {
            baseline,
            ..NewRun::of(RunKind::Publish, &wish.candidate, wish.author)
        };
        let id = trials::create(tx, chatbot, Some(number), &new, now).await?;
        sqlx::query!(
            "update chatbot_versions set run_id = $3 where chatbot_id = $1 and number = $2",
            chatbot.as_uuid(),
            number,
            id.as_uuid(),
        )
        .execute(tx.connection())
        .await?;
        run = Some(id);
    }
    match run.filter(|_| waits) {
        Some(run) => Ok(Some(Published::Checking(number, run))),
        None => {
            activate(tx.connection(), place, number, settings, &keys, now).await?;
            Ok(Some(Published::Live(number)))
        }
    }
}

/// A version that is checked is wanted no more when there is a newer one.
async fn supersede(tx: &mut PgConnection, place: Place, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "with gone as (
             update chatbot_versions set state = 'superseded' where chatbot_id = $1 and state = 'checking'
             returning run_id
         )
         update trial_runs set state = 'cancelled', keys = '{}', finished_at = $2, lease_token = null, lease_until = null
         where id in (select run_id from gone) and state in ('due', 'running')",
        place.chatbot.as_uuid(),
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert(
    tx: &mut PgConnection,
    place: Place,
    wish: &Wish,
    settings: &Value,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"insert into chatbot_versions (chatbot_id, workspace_id, number, settings, state, from_number, note, user_id,
                                         api_key_id, override_reason, created_at)
           select $1, $2, max(number) + 1, $3, 'checking', $4, $5, $6, $7, $8, $9
           from chatbot_versions where chatbot_id = $1
           returning number"#,
        place.chatbot.as_uuid(),
        place.workspace.as_uuid(),
        settings,
        wish.from,
        wish.note,
        wish.author.user.map(|id| id.as_uuid()),
        wish.author.api_key.map(|id| id.as_uuid()),
        wish.override_reason,
        now,
    )
    .fetch_one(tx)
    .await?)
}

/// How the live version does with the same knowledge and the same questions: known already, or to be found out first.
async fn baseline(
    tx: &mut TenantTx,
    place: Place,
    live: i64,
    current: Option<&Candidate>,
    hash: &str,
    author: Author,
    now: DateTime<Utc>,
) -> Result<TrialRunId, StoreError> {
    let known = sqlx::query_scalar!(
        "select r.id from trial_runs r join chatbots b on b.id = r.chatbot_id
         where r.chatbot_id = $1 and r.version = $2 and r.questions_hash = $3 and r.state in ('due', 'running', 'done')
           and r.kind <> 'again' and (r.knowledge_version is null or r.knowledge_version = b.knowledge_version)
         order by r.state = 'done' desc, r.id desc
         limit 1",
        place.chatbot.as_uuid(),
        live,
        hash,
    )
    .fetch_optional(tx.connection())
    .await?;
    match (known, current) {
        (Some(known), _) => Ok(known.into()),
        (None, Some(current)) => {
            let new = NewRun::of(RunKind::Baseline, current, author);
            trials::create(tx, place.chatbot, Some(live), &new, now).await
        }
        (None, None) => Err(StoreError::Unreadable(
            "a chatbot went away while it was locked".to_owned(),
        )),
    }
}

/// The version that waits for this run goes live. `None`: none waits for it any more.
pub(crate) async fn go_live(
    tx: &mut PgConnection,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    run: TrialRunId,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let waiting = sqlx::query!(
        "select number, settings from chatbot_versions where chatbot_id = $1 and run_id = $2 and state = 'checking'",
        chatbot.as_uuid(),
        run.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(waiting) = waiting else {
        return Ok(None);
    };
    let place = Place { workspace, chatbot };
    activate(tx, place, waiting.number, waiting.settings, keys, now).await?;
    Ok(Some(waiting.number))
}

/// The version that waits for this run does not go live. `None`: none waits for it any more.
pub(crate) async fn refuse(
    tx: &mut PgConnection,
    chatbot: ChatbotId,
    run: TrialRunId,
    worse: &Value,
) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        "update chatbot_versions set state = 'refused', worse = $3
         where chatbot_id = $1 and run_id = $2 and state = 'checking'
         returning number",
        chatbot.as_uuid(),
        run.as_uuid(),
        worse,
    )
    .fetch_optional(tx)
    .await?)
}

/// Writes a version into the chatbot's row, where whoever answers reads it.
async fn activate(
    tx: &mut PgConnection,
    place: Place,
    number: i64,
    mut settings: Value,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let candidate = Candidate::join(settings.clone(), keys)?;
    write(tx, place, &candidate, number, now).await?;
    set_retrieval(tx, place, &candidate.behaviour).await?;
    sqlx::query!(
        "update chatbot_versions set state = 'retired' where chatbot_id = $1 and state = 'live'",
        place.chatbot.as_uuid(),
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update chatbot_versions set state = 'live', live_at = $3 where chatbot_id = $1 and number = $2",
        place.chatbot.as_uuid(),
        number,
        now,
    )
    .execute(&mut *tx)
    .await?;
    forget_draft(tx, place.chatbot, &settings).await?;
    remember(tx, place, &mut settings, keys).await
}

async fn write(
    tx: &mut PgConnection,
    place: Place,
    candidate: &Candidate,
    number: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let settings = candidate.settings();
    sqlx::query!(
        "update chatbots set name = $3, instructions = $4, fallback_text = $5, model = $6, model_key = $7,
                max_answer_age_seconds = $8, live_version = $9, version = version + 1, updated_at = $10
         where workspace_id = $1 and id = $2",
        place.workspace.as_uuid(),
        place.chatbot.as_uuid(),
        settings.name,
        settings.instructions,
        settings.fallback_text,
        settings.model.as_ref().map(serde_json::to_value).transpose()?,
        settings.model_key,
        settings.max_answer_age_seconds,
        number,
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Searchable copies are made anew, as after a change of the knowledge, where something changes.
async fn set_retrieval(tx: &mut PgConnection, place: Place, behaviour: &Behaviour) -> Result<(), StoreError> {
    let wanted = behaviour.retrieval;
    let changed = sqlx::query!(
        "insert into retrieval_settings (chatbot_id, workspace_id, top_k, threshold, dense_weight)
         select $1, $2, $3, $4, $5
         where coalesce($3::int, -1) <> -1 or $4::real is not null or $5::real is not null
            or exists (select from retrieval_settings where chatbot_id = $1)
         on conflict (chatbot_id) do update
             set top_k = excluded.top_k, threshold = excluded.threshold, dense_weight = excluded.dense_weight,
                 updated_at = now()
             where (retrieval_settings.top_k, retrieval_settings.threshold, retrieval_settings.dense_weight)
                   is distinct from (excluded.top_k, excluded.threshold, excluded.dense_weight)",
        place.chatbot.as_uuid(),
        place.workspace.as_uuid(),
        wanted.top_k,
        wanted.threshold,
        wanted.dense_weight,
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 1 {
        sqlx::query!(
            "update chatbots set knowledge_version = knowledge_version + 1 where id = $1 and workspace_id = $2",
            place.chatbot.as_uuid(),
            place.workspace.as_uuid(),
        )
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// A draft that says what is live now is done with.
async fn forget_draft(tx: &mut PgConnection, chatbot: ChatbotId, settings: &Value) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from chatbot_drafts where chatbot_id = $1 and settings = $2",
        chatbot.as_uuid(),
        settings,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps the keys that a version uses, for the day on which it is brought back; those taken away go.
async fn remember(
    tx: &mut PgConnection,
    place: Place,
    settings: &mut Value,
    keys: &Keys,
) -> Result<(), StoreError> {
    let model = &mut settings["model"];
    if model.is_object() {
        sqlx::query!(
            "delete from model_keys where chatbot_id = $1 and place = any($2)",
            place.chatbot.as_uuid(),
            &Keys::unwanted(model),
        )
        .execute(&mut *tx)
        .await?;
    }
    for (at, sealed) in &keys.0 {
        sqlx::query!(
            "insert into model_keys (chatbot_id, workspace_id, place, sealed) values ($1, $2, $3, $4)
             on conflict (chatbot_id, place) do update set sealed = excluded.sealed",
            place.chatbot.as_uuid(),
            place.workspace.as_uuid(),
            at,
            sealed,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
