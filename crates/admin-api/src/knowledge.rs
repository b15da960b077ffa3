//! How a chatbot's knowledge is searched: by words, by meaning, and as its owner wants it.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    path::ChatbotPath,
    problem::Problem,
    versions::{self, Publication},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use store::{installation, meanings, retrieval::Retrieval};
use utoipa::ToSchema;

/// Under this name the indexer notes which model makes vectors.
const STATE: &str = "embeddings";
const TOP_K: RangeInclusive<i32> = 1..=20;

/// How far the knowledge is on its way to being found by meaning.
#[derive(Serialize, ToSchema)]
pub(crate) struct KnowledgeState {
    /// `words`, or `words_and_meaning`.
    searched_by: &'static str,
    /// The model by whose vectors meanings are compared now.
    model: Option<String>,
    /// The model whose vectors are made, where that is another one: the old one serves until they are complete.
    next_model: Option<String>,
    /// How many passages there are.
    passages: i64,
    /// How many of them have a vector of the newest model.
    passages_with_meaning: i64,
    /// Whether all have.
    complete: bool,
    /// Why there are none, or no more for now.
    problem: Option<String>,
    /// When it is tried again.
    retry_at: Option<DateTime<Utc>>,
}

/// The embedding model of the installation.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmbeddingState {
    /// Which model makes vectors; `null`: none, search goes by words alone.
    pub model: Option<String>,
    /// Why none does.
    pub problem: Option<String>,
}

/// How a chatbot's knowledge is searched; `null`: as usual.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetrievalSettings {
    /// Passages that an answer may rest on: 1 to 20, usually 6.
    top_k: Option<i32>,
    /// How sure the chatbot must be before it answers: 0 to 1, usually 0.4. Below it, it says that it does not know.
    threshold: Option<f32>,
    /// How much meaning counts against words: 0 to 1, usually 0.5 in English and less in languages that the model does not
    /// know.
    dense_weight: Option<f32>,
}

impl From<Retrieval> for RetrievalSettings {
    fn from(set: Retrieval) -> Self {
        Self {
            top_k: set.top_k,
            threshold: set.threshold,
            dense_weight: set.dense_weight,
        }
    }
}

impl RetrievalSettings {
    /// Refused where a value is out of range.
    pub(crate) fn checked(&self) -> Result<Retrieval, Problem> {
        let top_k = self
            .top_k
            .map(|k| input::number("top_k", k, *TOP_K.start(), *TOP_K.end()));
        Ok(Retrieval {
            top_k: top_k.transpose()?,
            threshold: share("threshold", self.threshold)?,
            dense_weight: share("dense_weight", self.dense_weight)?,
        })
    }
}

/// How far a chatbot's knowledge is.
///
/// Passages are found by their words as soon as their source is ready, and by their meaning when they have a vector.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/knowledge", params(ChatbotPath), responses((status = 200, body = KnowledgeState)))]
pub(crate) async fn state(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<KnowledgeState>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let progress = meanings::progress(&mut tx, path.chatbot_id).await?;
    drop(tx);
    let installation = embeddings(&api).await?;
    let next = progress
        .wanted
        .filter(|wanted| progress.serving.as_ref() != Some(wanted));
    let complete = installation.model.is_some() && progress.with_vector == progress.passages;
    let failed = progress.error.is_some();
    Ok(Json(KnowledgeState {
        searched_by: match progress.serving {
            Some(_) => "words_and_meaning",
            None => "words",
        },
        model: progress.serving.as_deref().map(shown),
        next_model: next.as_deref().map(shown),
        passages: progress.passages,
        passages_with_meaning: progress.with_vector,
        complete,
        problem: match (progress.error, &installation.model) {
            (Some(error), _) => Some(error),
            // Where its files should be is the operator's affair.
            (None, None) => Some("this installation has no embedding model now".to_owned()),
            (None, Some(_)) => None,
        },
        retry_at: progress.due_at.filter(|_| failed),
    }))
}

/// The installation's embedding model.
///
/// As its indexer last found it.
#[utoipa::path(get, path = "/api/administration/embeddings", responses((status = 200, body = EmbeddingState)))]
pub(crate) async fn installed(api: Data<AdminApi>) -> Result<Json<EmbeddingState>, Problem> {
    Ok(Json(embeddings(&api).await?))
}

/// How a chatbot's knowledge is searched.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/retrieval", params(ChatbotPath), responses((status = 200, body = RetrievalSettings)))]
pub(crate) async fn retrieval(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<RetrievalSettings>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let set = store::retrieval::get(&mut tx, path.chatbot_id).await?;
    Ok(Json(set.into()))
}

/// Set how a chatbot's knowledge is searched.
///
/// What is left out or `null` is as usual again. Where the chatbot has golden questions they are asked first: 202, and the
/// version that is being checked.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/retrieval", params(ChatbotPath), request_body = RetrievalSettings,
    responses(
        (status = 200, description = "It is live.", body = RetrievalSettings),
        (status = 202, description = "Its golden questions are being asked.", body = Publication),
    )
)]
pub(crate) async fn set_retrieval(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<RetrievalSettings>,
) -> Result<HttpResponse, Problem> {
    let given = input.0;
    let checked = given.checked()?;
    let mut tx = seat.begin(&api).await?;
    let wanted = store::versions::wanted(&mut tx, path.chatbot_id).await?;
    let mut candidate = wanted.ok_or_else(Problem::not_found)?;
    candidate.behaviour.retrieval = checked;
    let wish = versions::wish(&seat, candidate);
    let publication = versions::publish(&api, &mut tx, path.chatbot_id, &wish).await?;
    let details = serde_json::json!(given);
    seat.did(&api, &mut tx, "chatbot.retrieval", path.chatbot_id, details)
        .await?;
    tx.commit().await?;
    publication.announce(&api, path.chatbot_id);
    Ok(match publication.is_live() {
        true => HttpResponse::Ok().json(given),
        false => HttpResponse::Accepted().json(publication),
    })
}

fn share(field: &'static str, given: Option<f32>) -> Result<Option<f32>, Problem> {
    match given {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(Problem::invalid(
            field,
            format!("{field} must be between 0 and 1"),
        )),
        given => Ok(given),
    }
}

pub(crate) async fn embeddings(api: &AdminApi) -> Result<EmbeddingState, Problem> {
    let noted = installation::get(api.db(), STATE).await?;
    let Some(noted) = noted else {
        return Ok(EmbeddingState {
            model: None,
            problem: Some("no indexer has run yet".to_owned()),
        });
    };
    let text = |name: &str| noted[name].as_str().map(str::to_owned);
    Ok(EmbeddingState {
        model: text("model"),
        problem: text("problem"),
    })
}

/// A model's name, without the address of who runs it.
pub(crate) fn shown(identity: &str) -> String {
    identity.rsplit(' ').next().unwrap_or(identity).to_owned()
}
