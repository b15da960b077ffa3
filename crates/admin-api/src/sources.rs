//! What owners add to their chatbots' knowledge: texts, and questions with answers.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ChatbotPath, SourcePath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{SourceId, SourceState};
use queue::{Outgoing, QueueName};
use serde::{Deserialize, Serialize};
use store::sources::{Change, Content, NewSource as StoredSource, Pair};
use utoipa::ToSchema;

const MOST_TEXT: usize = 1_000_000;
const MOST_PAIRS: usize = 5_000;
const MOST_QUESTION: usize = 2_000;
const MOST_ANSWER: usize = 10_000;

/// A source, without its content.
#[derive(Serialize, ToSchema)]
pub(crate) struct Source {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: SourceId,
    /// `text` or `qa`.
    kind: String,
    /// As you and, in citations, your visitors see it.
    title: String,
    /// `pending`, `indexing`, `ready` or `failed`.
    #[schema(value_type = String, example = "ready")]
    state: SourceState,
    /// Why it failed.
    error: Option<String>,
    /// Bumped by every change.
    version: i64,
    /// The version that can be found now; 0 before the first.
    indexed_version: i64,
    /// How many passages of it can be found.
    passages: i64,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// A source with its content.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceWithContent {
    /// The source.
    #[serde(flatten)]
    source: Source,
    /// The text, of a source of kind `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The pairs, of a source of kind `qa`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<Vec<QuestionAndAnswer>>,
}

/// A question with its answer.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuestionAndAnswer {
    /// As a visitor may ask it.
    question: String,
    /// As the chatbot is to answer it.
    answer: String,
}

/// A new source: either `text` or `pairs`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// As you and, in citations, your visitors see it.
    title: String,
    /// A text; lines that begin with `#` are headings.
    text: Option<String>,
    /// Questions with their answers.
    pairs: Option<Vec<QuestionAndAnswer>>,
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceChange {
    /// The title.
    title: Option<String>,
    /// The text.
    text: Option<String>,
    /// The pairs.
    pairs: Option<Vec<QuestionAndAnswer>>,
}

impl From<store::sources::Source> for Source {
    fn from(source: store::sources::Source) -> Self {
        Self {
            id: source.id,
            kind: source.kind,
            title: source.title,
            state: source.state,
            error: source.error,
            version: source.version,
            indexed_version: source.indexed_version,
            passages: source.chunks,
            created_at: source.created_at,
            updated_at: source.updated_at,
        }
    }
}

/// The sources of a chatbot.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/sources", params(ChatbotPath, PageQuery), responses((status = 200, body = Page<Source>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Source>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = store::sources::list(&mut tx, path.chatbot_id, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |source| source.id.as_uuid(),
        Into::into,
    )))
}

/// Add a source.
///
/// It is indexed at once; its `state` tells how far it is.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/sources", params(ChatbotPath), request_body = NewSource,
    responses((status = 201, body = Source))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<NewSource>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let content = content(input.text, input.pairs)?
        .ok_or_else(|| Problem::invalid("text", "send the source's text, or its pairs"))?;
    let new = StoredSource {
        id: SourceId::new(),
        chatbot: path.chatbot_id,
        title: input::line("title", &input.title, 200)?,
        content,
    };
    let mut tx = seat.begin(&api).await?;
    let source = store::sources::insert(&mut tx, &new)
        .await?
        .ok_or_else(Problem::not_found)?;
    let details = serde_json::json!({ "chatbot": path.chatbot_id, "kind": source.kind });
    seat.did(&api, &mut tx, "source.create", source.id, details)
        .await?;
    tx.commit().await?;
    index(&api, &seat, source.id).await;
    Ok(HttpResponse::Created().json(Source::from(source)))
}

/// One source, with its content.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/sources/{source_id}", params(SourcePath), responses((status = 200, body = SourceWithContent))
)]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
) -> Result<Json<SourceWithContent>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let source = store::sources::get(&mut tx, path.chatbot_id, path.source_id).await?;
    let source = source.ok_or_else(Problem::not_found)?.into();
    let content = store::sources::content(&mut tx, path.chatbot_id, path.source_id).await?;
    Ok(Json(match content.ok_or_else(Problem::not_found)? {
        Content::Text(text) => SourceWithContent {
            source,
            text: Some(text),
            pairs: None,
        },
        Content::Qa(pairs) => {
            let pairs = pairs
                .into_iter()
                .map(|pair| QuestionAndAnswer {
                    question: pair.question,
                    answer: pair.answer,
                })
                .collect();
            SourceWithContent {
                source,
                text: None,
                pairs: Some(pairs),
            }
        }
    }))
}

/// Change a source.
///
/// It is indexed again; until then what it said before is found.
#[utoipa::path(
    patch, path = "/api/chatbots/{chatbot_id}/sources/{source_id}", params(SourcePath), request_body = SourceChange,
    responses((status = 200, body = Source))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
    input: Input<SourceChange>,
) -> Result<Json<Source>, Problem> {
    let input = input.0;
    let change = Change {
        title: input
            .title
            .map(|title| input::line("title", &title, 200))
            .transpose()?,
        content: content(input.text, input.pairs)?,
    };
    if change.title.is_none() && change.content.is_none() {
        return Err(Problem::new(
            Kind::Invalid,
            "nothing is to be changed: send title, text or pairs",
        ));
    }
    let mut tx = seat.begin(&api).await?;
    let source = store::sources::update(&mut tx, path.chatbot_id, path.source_id, &change).await?;
    let source = source.ok_or_else(Problem::not_found)?;
    let details = serde_json::json!({ "chatbot": path.chatbot_id, "version": source.version });
    seat.did(&api, &mut tx, "source.update", source.id, details)
        .await?;
    tx.commit().await?;
    index(&api, &seat, source.id).await;
    Ok(Json(source.into()))
}

/// Index a failed source again.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/retry", params(SourcePath), responses((status = 200, body = Source))
)]
pub(crate) async fn retry(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
) -> Result<Json<Source>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let known = store::sources::get(&mut tx, path.chatbot_id, path.source_id).await?;
    known.ok_or_else(Problem::not_found)?;
    if !store::sources::retry(&mut tx, path.chatbot_id, path.source_id).await? {
        return Err(Problem::new(Kind::Conflict, "the source has not failed"));
    }
    seat.did(
        &api,
        &mut tx,
        "source.retry",
        path.source_id,
        serde_json::Value::Null,
    )
    .await?;
    let source = store::sources::get(&mut tx, path.chatbot_id, path.source_id).await?;
    let source = source.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    index(&api, &seat, source.id).await;
    Ok(Json(source.into()))
}

/// Delete a source.
///
/// What it said is not found any more.
#[utoipa::path(delete, path = "/api/chatbots/{chatbot_id}/sources/{source_id}", params(SourcePath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    store::sources::delete(&mut tx, path.chatbot_id, path.source_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let details = serde_json::json!({ "chatbot": path.chatbot_id });
    seat.did(&api, &mut tx, "source.delete", path.source_id, details)
        .await?;
    tx.commit().await?;
    api.chatbot_changed(path.chatbot_id);
    Ok(HttpResponse::NoContent().finish())
}

fn content(text: Option<String>, pairs: Option<Vec<QuestionAndAnswer>>) -> Result<Option<Content>, Problem> {
    match (text, pairs) {
        (Some(_), Some(_)) => Err(Problem::invalid(
            "pairs",
            "a source has either text or pairs, not both",
        )),
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(Content::Text(input::filled_block(
            "text", &text, MOST_TEXT,
        )?))),
        (None, Some(pairs)) => {
            input::number("pairs", pairs.len(), 1, MOST_PAIRS)?;
            let pairs = pairs
                .iter()
                .map(|pair| {
                    Ok(Pair {
                        question: input::filled_block("question", &pair.question, MOST_QUESTION)?,
                        answer: input::filled_block("answer", &pair.answer, MOST_ANSWER)?,
                    })
                })
                .collect::<Result<_, Problem>>()?;
            Ok(Some(Content::Qa(pairs)))
        }
    }
}

/// Tells the indexers. The row says that it is due, so a message that cannot be sent costs time only.
async fn index(api: &AdminApi, seat: &Seat, source: SourceId) {
    let message = wire::IndexSource {
        schema: wire::SCHEMA,
        workspace_id: wire::id_bytes(seat.workspace.as_uuid()),
        source_id: wire::id_bytes(source.as_uuid()),
    };
    let outgoing = Outgoing {
        payload: wire::write(&message),
        traceparent: process::trace::current_traceparent(),
    };
    if let Err(error) = api.queue().publish(&QueueName::Index, outgoing).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, source.id = %source, "the indexer was not told of a source; it will find it by itself");
    }
}
