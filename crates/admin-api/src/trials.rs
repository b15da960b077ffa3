//! Runs of golden questions: how well a chatbot does, now and over time.

use crate::{
    AdminApi,
    caller::Seat,
    input::OptionalInput,
    page::{self, Page, PageQuery},
    path::{ChatbotPath, RunPath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, ChatbotId, GoldenQuestionId, RunKind, RunState, TrialRunId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    TenantTx,
    trials::{self, Answered, NewRun},
    versions::{self, Candidate},
};
use utoipa::{IntoParams, ToSchema};

/// Runs of a chatbot that may wait at once, beside those that a version waits for.
const MOST_WAITING: usize = 5;

/// A run.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialRun {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TrialRunId,
    /// `demand`: somebody wanted to know; `publish`: a version waits for it, or went live with a reason; `baseline`: the live
    /// version, to be compared with; `again`: one message, answered once more.
    #[schema(value_type = String, example = "publish")]
    kind: RunKind,
    /// The version that is tried; `null`: something that never was one.
    version: Option<i64>,
    /// `due`, `running`, `done`, `failed` or `cancelled`.
    #[schema(value_type = String, example = "done")]
    state: RunState,
    /// Why it failed.
    error: Option<String>,
    /// The run that it is compared with.
    #[schema(value_type = Option<Uuid>)]
    baseline_id: Option<TrialRunId>,
    /// The knowledge that it was made with: only runs of the same knowledge compare the versions alone.
    knowledge_version: Option<i64>,
    /// How many passages an answer might rest on: the k of hit@k.
    k: Option<i32>,
    /// How many questions it has.
    questions: i64,
    /// How many of them are answered.
    done: i64,
    /// How well it did, when it is done.
    scores: Option<TrialScores>,
    /// The person who wanted it.
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// The key of the program that did.
    #[schema(value_type = Option<Uuid>)]
    api_key_id: Option<ApiKeyId>,
    /// When.
    created_at: DateTime<Utc>,
    /// When its first question was asked.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

/// How well a run did.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialScores {
    /// How many questions it has.
    questions: i64,
    /// How many of them were answered as expected.
    passed: i64,
    /// In how many something had to be found.
    ranked: i64,
    /// The share of those in which it was found among the passages that the answer may rest on.
    hit_at_k: f64,
    /// The mean of 1/rank over them, 0 where it was not found.
    mrr: f64,
}

/// One question of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialResult {
    /// Its place in the run, from 1.
    position: i32,
    /// The golden question.
    #[schema(value_type = Option<Uuid>)]
    golden_id: Option<GoldenQuestionId>,
    /// As it was asked.
    question: String,
    /// What was expected, as a golden question has it.
    #[schema(value_type = Object)]
    expected: Value,
    /// When it was answered; `null`: not yet.
    done_at: Option<DateTime<Utc>>,
    /// Where what had to be found stood, from 1; `null`: nowhere, or nothing had to.
    rank: Option<i32>,
    /// Whether everything was as expected.
    passed: Option<bool>,
    /// Whether the chatbot said that it does not know.
    refused: Option<bool>,
    /// What was not as expected, in words.
    #[schema(value_type = Vec<String>)]
    failures: Value,
    /// What it said.
    answer: Option<String>,
    /// How the answer came to be, as a message's journey has it.
    #[schema(value_type = Option<Object>)]
    record: Option<Value>,
}

/// One page of the questions of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialResultPage {
    /// In their order.
    items: Vec<TrialResult>,
    /// Give it as `after` for the next page; `null` on the last.
    next: Option<i32>,
}

/// Which page of the questions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultQuery {
    /// The `next` of the page before.
    after: Option<i32>,
    /// How many items at most: 1 to 200, 50 by default.
    limit: Option<i64>,
}

/// What is to be tried: what is live, when nothing is said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRun {
    /// This version.
    version: Option<i64>,
    /// The draft.
    #[serde(default)]
    draft: bool,
}

impl From<trials::Run> for TrialRun {
    fn from(run: trials::Run) -> Self {
        Self {
            id: run.id,
            kind: run.kind,
            version: run.version,
            state: run.state,
            error: run.error,
            baseline_id: run.baseline,
            knowledge_version: run.knowledge_version,
            k: run.k,
            questions: run.questions,
            done: run.done,
            scores: run.scores.map(|scores| TrialScores {
                questions: scores.questions,
                passed: scores.passed,
                ranked: scores.ranked,
                hit_at_k: scores.hit_at_k,
                mrr: scores.mrr,
            }),
            user_id: run.author.user,
            api_key_id: run.author.api_key,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
        }
    }
}

impl TryFrom<Answered> for TrialResult {
    type Error = Problem;

    fn try_from(answered: Answered) -> Result<Self, Problem> {
        Ok(Self {
            position: answered.position,
            golden_id: answered.golden,
            question: answered.question,
            expected: serde_json::to_value(answered.expected).map_err(Problem::internal)?,
            done_at: answered.done_at,
            rank: answered.rank,
            passed: answered.passed,
            refused: answered.refused,
            failures: answered.failures,
            answer: answered.answer,
            record: answered.record,
        })
    }
}

/// The version or draft that is to be tried, and its number. Nothing said: what is live.
pub(crate) async fn candidate(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    version: Option<i64>,
    draft: bool,
) -> Result<(Candidate, Option<i64>), Problem> {
    let found = match (version, draft) {
        (Some(_), true) => {
            return Err(Problem::invalid("draft", "send version or draft, not both"));
        }
        (None, true) => {
            let draft = versions::draft(tx, chatbot).await?;
            draft.map(|draft| (draft.candidate, None))
        }
        (Some(number), false) => {
            versions::first(tx, chatbot, versions::Author::default()).await?;
            let candidate = versions::candidate(tx, chatbot, number).await?;
            candidate.map(|candidate| (candidate, Some(number)))
        }
        (None, false) => {
            let number = versions::first(tx, chatbot, versions::Author::default()).await?;
            let live = versions::live(tx, chatbot).await?;
            live.map(|live| (live, number))
        }
    };
    found.ok_or_else(Problem::not_found)
}

/// The runs of a chatbot's golden questions, the newest first: how well it did over time.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/runs", params(ChatbotPath, PageQuery), responses((status = 200, body = Page<TrialRun>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<TrialRun>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = trials::list(&mut tx, path.chatbot_id, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |run| run.id.as_uuid(), Into::into)))
}

/// Ask the golden questions.
///
/// For instance after a change of the knowledge. Nothing is published and nothing sent; models are asked as they are for
/// visitors, and what that costs counts.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/runs", params(ChatbotPath), request_body = StartRun,
    responses((status = 202, body = TrialRun))
)]
pub(crate) async fn start(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: OptionalInput<StartRun>,
) -> Result<HttpResponse, Problem> {
    let (input, chatbot) = (input.0.unwrap_or_default(), path.chatbot_id);
    let mut tx = seat.begin(&api).await?;
    let (candidate, version) = candidate(&mut tx, chatbot, input.version, input.draft).await?;
    if trials::questions_hash(&mut tx, chatbot).await?.is_none() {
        let detail = "the chatbot has no golden questions; write some first";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let newest = trials::list(&mut tx, chatbot, None, 50).await?;
    let waiting = newest
        .iter()
        .filter(|run| run.kind == RunKind::Demand && matches!(run.state, RunState::Due | RunState::Running));
    if waiting.count() >= MOST_WAITING {
        let detail =
            format!("{MOST_WAITING} runs of this chatbot wait already; wait for them or cancel some");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let new = NewRun::of(RunKind::Demand, &candidate, seat.author());
    let id = trials::create(&mut tx, chatbot, version, &new, api.now()).await?;
    let details = serde_json::json!({ "chatbot": chatbot, "version": version });
    seat.did(&api, &mut tx, "run.start", id, details).await?;
    let run = trials::get(&mut tx, chatbot, id).await?;
    tx.commit().await?;
    api.trial_due();
    Ok(HttpResponse::Accepted().json(TrialRun::from(run.ok_or_else(Problem::not_found)?)))
}

/// One run.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/runs/{run_id}", params(RunPath), responses((status = 200, body = TrialRun)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<RunPath>,
) -> Result<Json<TrialRun>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let run = trials::get(&mut tx, path.chatbot_id, path.run_id).await?;
    Ok(Json(run.ok_or_else(Problem::not_found)?.into()))
}

/// The questions of a run with what became of each.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/runs/{run_id}/results", params(RunPath, ResultQuery),
    responses((status = 200, body = TrialResultPage))
)]
pub(crate) async fn results(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<RunPath>,
    query: Query<ResultQuery>,
) -> Result<Json<TrialResultPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let run = trials::get(&mut tx, path.chatbot_id, path.run_id).await?;
    let run = run.ok_or_else(Problem::not_found)?;
    let mut rows = trials::results(&mut tx, run.id, query.after.unwrap_or(0), limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|row| row.position);
    let items: Result<_, _> = rows.into_iter().map(TrialResult::try_from).collect();
    Ok(Json(TrialResultPage { items: items?, next }))
}

/// Cancel a run.
///
/// A version that waits for it is not published.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/runs/{run_id}/cancel", params(RunPath), responses((status = 200, body = TrialRun))
)]
pub(crate) async fn cancel(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<RunPath>,
) -> Result<Json<TrialRun>, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.run_id);
    let mut tx = seat.begin(&api).await?;
    let known = trials::get(&mut tx, chatbot, id).await?;
    known.ok_or_else(Problem::not_found)?;
    if !trials::cancel(&mut tx, chatbot, id, api.now()).await? {
        return Err(Problem::new(Kind::Conflict, "the run has ended already"));
    }
    let details = serde_json::json!({ "chatbot": chatbot });
    seat.did(&api, &mut tx, "run.cancel", id, details).await?;
    let run = trials::get(&mut tx, chatbot, id).await?;
    tx.commit().await?;
    Ok(Json(run.ok_or_else(Problem::not_found)?.into()))
}
