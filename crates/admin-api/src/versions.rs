//! Versions of what a chatbot does: what there were, what is different between two, and bringing one back.
//!
//! Invariant: whatever changes what a chatbot does goes through [`publish`], so that its golden questions are asked first.

pub(crate) mod changes;
pub(crate) mod draft;

use crate::{
    AdminApi,
    caller::Seat,
    chatbots::{Model, model},
    input::{self, OptionalInput},
    knowledge::RetrievalSettings,
    page,
    path::{ChatbotPath, VersionPath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, ChatbotId, TrialRunId, UserId, VersionState};
use serde::{Deserialize, Serialize};
use store::{
    TenantTx,
    versions::{self, Author, Candidate, Published, Wish},
};
use utoipa::{IntoParams, ToSchema};

const MOST_NOTE: usize = 1_000;

/// What a version says: all that answers depend on beside the knowledge. No key is in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Behaviour {
    /// The chatbot's name, which models are told.
    name: String,
    /// What it is told beside its knowledge.
    instructions: String,
    /// What it says when its knowledge has no answer.
    fallback_text: String,
    /// Its model; `null`: it quotes its knowledge.
    model: Option<Model>,
    /// An answer older than this is not sent any more.
    max_answer_age_seconds: i32,
    /// How its knowledge is searched.
    retrieval: RetrievalSettings,
}

impl From<versions::Behaviour> for Behaviour {
    fn from(said: versions::Behaviour) -> Self {
        Self {
            name: said.name,
            instructions: said.instructions,
            fallback_text: said.fallback_text,
            model: said.model.map(model::shown),
            max_answer_age_seconds: said.max_answer_age_seconds,
            retrieval: said.retrieval.into(),
        }
    }
}

/// A version, without what it says.
#[derive(Serialize, ToSchema)]
pub(crate) struct Version {
    /// Counted from 1.
    number: i64,
    /// `checking`: its golden questions are being asked; `live`: it answers; `retired`: it did; `refused`: it would have made
    /// the chatbot worse; `superseded`: another was wanted before it was checked.
    #[schema(value_type = String, example = "live")]
    state: VersionState,
    /// The older version that it brings back.
    from: Option<i64>,
    /// Its author's words.
    note: String,
    /// The person who made it.
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Their address, while they belong to the workspace.
    email: Option<String>,
    /// The key of the program that made it.
    #[schema(value_type = Option<Uuid>)]
    api_key_id: Option<ApiKeyId>,
    /// The run of golden questions that judges it.
    #[schema(value_type = Option<Uuid>)]
    run_id: Option<TrialRunId>,
    /// Why it went live whatever its run says.
    override_reason: Option<String>,
    /// Why it was refused: `reasons` in words, `before` and `after` as a run's `scores`, and the `questions` that did worse
    /// with `question`, `rank_before`, `rank_after`, `passed_before` and `passed_after`.
    #[schema(value_type = Option<Object>)]
    worse: Option<serde_json::Value>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it went live.
    live_at: Option<DateTime<Utc>>,
}

impl From<versions::Version> for Version {
    fn from(version: versions::Version) -> Self {
        Self {
            number: version.number,
            state: version.state,
            from: version.from,
            note: version.note,
            user_id: version.author.user,
            email: version.email,
            api_key_id: version.author.api_key,
            run_id: version.run,
            override_reason: version.override_reason,
            worse: version.worse,
            created_at: version.created_at,
            live_at: version.live_at,
        }
    }
}

/// A version with what it says.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionWithSettings {
    /// The version.
    #[serde(flatten)]
    version: Version,
    /// What it says.
    settings: Behaviour,
}

/// One page of the versions of a chatbot.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionPage {
    /// The newest first.
    items: Vec<Version>,
    /// Give it as `before` for the next page; `null` on the last.
    next: Option<i64>,
}

/// Which page of the versions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The `next` of the page before.
    before: Option<i64>,
    /// How many items at most: 1 to 200, 50 by default.
    limit: Option<i64>,
}

/// How something is published.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishInput {
    /// For those who read the list of versions.
    #[serde(default)]
    note: String,
    /// Why it is to go live whatever the golden questions say. They are asked all the same, and the reason is kept.
    override_reason: Option<String>,
}

/// What became of something that was published.
#[derive(Serialize, ToSchema)]
pub(crate) struct Publication {
    /// `live`: it answers from now on; `unchanged`: what is live says the same; `checking`: its golden questions are being
    /// asked, and `version.run_id` tells how far that is.
    #[schema(value_type = String, example = "checking")]
    state: &'static str,
    /// The version.
    version: Version,
}

impl Publication {
    /// Whether it answers.
    pub(crate) fn is_live(&self) -> bool {
        self.version.state != VersionState::Checking
    }

    /// Tells whoever has to know. After the commit.
    pub(crate) fn announce(&self, api: &AdminApi, chatbot: ChatbotId) {
        api.chatbot_changed(chatbot);
        if self.version.run_id.is_some() {
            api.trial_due();
        }
    }

    fn response(self) -> HttpResponse {
        match self.is_live() {
            true => HttpResponse::Ok().json(self),
            false => HttpResponse::Accepted().json(self),
        }
    }
}

/// The caller's wish that a chatbot does this.
pub(crate) fn wish(seat: &Seat, candidate: Candidate) -> Wish {
    Wish {
        candidate,
        from: None,
        note: String::new(),
        author: seat.author(),
        override_reason: None,
    }
}

/// Makes a new version: live at once, or when its golden questions say so.
pub(crate) async fn publish(
    api: &AdminApi,
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    wish: &Wish,
) -> Result<Publication, Problem> {
    let published = versions::publish(tx, chatbot, wish, api.now()).await?;
    let published = published.ok_or_else(Problem::not_found)?;
    let version = versions::get(tx, chatbot, published.number()).await?;
    Ok(Publication {
        state: match published {
            Published::Unchanged(_) => "unchanged",
            Published::Live(_) => "live",
            Published::Checking(..) => "checking",
        },
        version: version.ok_or_else(Problem::not_found)?.into(),
    })
}

/// The same with a note or a reason, as a person asks for it, and noted as such.
async fn publish_as_asked(
    api: &AdminApi,
    seat: &Seat,
    mut tx: TenantTx,
    chatbot: ChatbotId,
    mut wish: Wish,
    input: PublishInput,
) -> Result<HttpResponse, Problem> {
    wish.note = input::block("note", &input.note, MOST_NOTE)?;
    wish.override_reason = input
        .override_reason
        .map(|reason| input::filled_block("override_reason", &reason, MOST_NOTE))
        .transpose()?;
    let publication = publish(api, &mut tx, chatbot, &wish).await?;
    let details = serde_json::json!({
        "version": publication.version.number, "state": publication.state, "from": wish.from,
        "override_reason": wish.override_reason,
    });
    seat.did(api, &mut tx, "version.publish", chatbot, details)
        .await?;
    tx.commit().await?;
    publication.announce(api, chatbot);
    Ok(publication.response())
}

/// What a chatbot did before it had versions is its first one, seen in this transaction whether or not it is kept.
async fn with_first(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<i64, Problem> {
    let live = versions::first(tx, chatbot, Author::default()).await?;
    live.ok_or_else(Problem::not_found)
}

/// The versions of a chatbot, the newest first.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/versions", params(ChatbotPath, ListQuery), responses((status = 200, body = VersionPage))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<ListQuery>,
) -> Result<Json<VersionPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    with_first(&mut tx, path.chatbot_id).await?;
    let mut rows = versions::list(&mut tx, path.chatbot_id, query.before, limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    Ok(Json(VersionPage {
        next: rows.last().filter(|_| more).map(|version| version.number),
        items: rows.into_iter().map(Into::into).collect(),
    }))
}

/// One version, with what it says.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/versions/{number}", params(VersionPath),
    responses((status = 200, body = VersionWithSettings))
)]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<VersionPath>,
) -> Result<Json<VersionWithSettings>, Problem> {
    let mut tx = seat.begin(&api).await?;
    with_first(&mut tx, path.chatbot_id).await?;
    let version = versions::get(&mut tx, path.chatbot_id, path.number).await?;
    let version = version.ok_or_else(Problem::not_found)?;
    Ok(Json(VersionWithSettings {
        settings: version.behaviour.clone().into(),
        version: version.into(),
    }))
}

/// Bring a version back.
///
/// What it says becomes a new version, which is checked like any other. Keys of models are those that were last used for
/// the same addresses.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/versions/{number}/publish", params(VersionPath), request_body = PublishInput,
    responses(
        (status = 200, description = "It is live.", body = Publication),
        (status = 202, description = "Its golden questions are being asked.", body = Publication),
    )
)]
pub(crate) async fn bring_back(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<VersionPath>,
    input: OptionalInput<PublishInput>,
) -> Result<HttpResponse, Problem> {
    let (chatbot, number) = (path.chatbot_id, path.number);
    let mut tx = seat.begin(&api).await?;
    with_first(&mut tx, chatbot).await?;
    let version = versions::get(&mut tx, chatbot, number).await?;
    let candidate = versions::candidate(&mut tx, chatbot, number).await?;
    let (version, candidate) = version.zip(candidate).ok_or_else(Problem::not_found)?;
    if keys_of(&version.behaviour) != keys_of(&candidate.behaviour) {
        return Err(Problem::new(
            Kind::Conflict,
            "the key of one of its models is not kept any more: make a draft of it, give the key, and publish that",
        ));
    }
    let mut wish = wish(&seat, candidate);
    wish.from = Some(number);
    publish_as_asked(&api, &seat, tx, chatbot, wish, input.0.unwrap_or_default()).await
}

/// Which of its models have a key.
fn keys_of(said: &versions::Behaviour) -> Vec<bool> {
    let model = said.model.iter();
    model
        .flat_map(|model| {
            let fallbacks = model.fallbacks.iter().map(|fallback| &fallback.endpoint);
            std::iter::once(model).chain(fallbacks)
        })
        .map(|endpoint| endpoint.key_shown.is_some())
        .collect()
}
