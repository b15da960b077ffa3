//! What owners add to their chatbots' knowledge: texts, questions with answers, files, pages and sites.

pub(crate) mod files;
pub(crate) mod given;
pub(crate) mod pairs;
pub(crate) mod reading;

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ChatbotPath, SourcePath},
    problem::{Kind, Problem},
    revenue::limits::make_room,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, SourceId, SourceState};
use queue::{Outgoing, QueueName};
use serde::{Deserialize, Serialize};
use store::{
    sources::{Change, Content, NewSource as StoredSource},
    usage::Limit,
};
use utoipa::ToSchema;

/// A source, without its content.
#[derive(Serialize, ToSchema)]
pub(crate) struct Source {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: SourceId,
    /// `text`, `qa`, `file` or `site`.
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
    /// How many of them can be found by their meaning too: see `…/knowledge`.
    passages_with_meaning: i64,
    /// How many documents it was read into.
    documents: i64,
    /// How many characters these have.
    characters: i64,
    /// How many pages of a site were found so far.
    pages: i64,
    /// How many of them are still to be read.
    pages_due: i64,
    /// A site is read again after this many hours.
    refresh_hours: Option<i32>,
    /// When it is read again.
    refresh_due_at: Option<DateTime<Utc>>,
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
    /// The file, of a source of kind `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileShown>,
    /// Which pages are read, of a source of kind `site`.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteShown>,
}

/// A file that was brought.
#[derive(Serialize, ToSchema)]
pub(crate) struct FileShown {
    /// As it was called.
    name: String,
    /// Its length.
    bytes: i64,
}

/// Which pages are read.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteShown {
    /// Where the look begins.
    url: String,
    /// Whether also its sitemap and its links are followed, on the same host.
    whole_site: bool,
    /// Paths that are read, with `*` for anything; all when empty.
    include: Vec<String>,
    /// Paths that are not.
    exclude: Vec<String>,
    /// So many pages at most.
    most_pages: i32,
    /// So many links away from the start at most.
    most_depth: i32,
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

/// A new source: one of `text`, `pairs` and `url`. Files are sent to `…/source-files`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// As you and, in citations, your visitors see it; of a site the host's name when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// A text; lines that begin with `#` are headings.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Questions with their answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<Vec<QuestionAndAnswer>>,
    /// A web page: `https://example.com/help`.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Which pages beside it are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteRules>,
    /// Read a site again after this many hours: 1 to 8760. Left out: only when asked to.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_hours: Option<i32>,
}

/// Which pages beside the one at `url` are read.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteRules {
    /// Paths that are read, with `*` for anything; all when left out.
    #[serde(default)]
    include: Vec<String>,
    /// Paths that are not, as `/archive/*`.
    #[serde(default)]
    exclude: Vec<String>,
    /// So many pages at most: 1 to 10000, 500 when left out.
    most_pages: Option<i32>,
    /// So many links away from `url` at most: 0 to 50, 10 when left out.
    most_depth: Option<i32>,
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceChange {
    /// The title.
    title: Option<String>,
    /// A text; lines that begin with `#` are headings.
    text: Option<String>,
    /// Questions with their answers.
    pairs: Option<Vec<QuestionAndAnswer>>,
    /// A web page: `https://example.com/help`.
    url: Option<String>,
    /// Which pages beside it are read.
    site: Option<SiteRules>,
    /// Read a site again after this many hours; `null`: not any more.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<i32>)]
    refresh_hours: Option<Option<i32>>,
}

impl NewSource {
    /// As it is stored. Refused where something does not fit.
    pub(crate) fn checked(self, chatbot: ChatbotId) -> Result<StoredSource, Problem> {
        let content = given::content(self.text, self.pairs, self.url, self.site)?.ok_or_else(|| {
            Problem::invalid("text", "send the source's text, its pairs, or the url of a page")
        })?;
        Ok(StoredSource {
            id: SourceId::new(),
            chatbot,
            title: match (&self.title, &content) {
                (None, Content::Site(site)) => given::host(site),
                (title, _) => input::line("title", title.as_deref().unwrap_or_default(), 200)?,
            },
            refresh_hours: given::refresh_hours(self.refresh_hours, &content)?,
            content,
        })
    }

    /// What would have to be sent for a source that is there. `None`: it is a file.
    pub(crate) fn again(title: String, refresh_hours: Option<i32>, content: Content) -> Option<Self> {
        let empty = Self {
            title: Some(title),
            text: None,
            pairs: None,
            url: None,
            site: None,
            refresh_hours,
        };
        match content {
            Content::File(_) => None,
            Content::Text(text) => Some(Self {
                text: Some(text),
                ..empty
            }),
            Content::Qa(pairs) => {
                let pairs = pairs.into_iter().map(|pair| QuestionAndAnswer {
                    question: pair.question,
                    answer: pair.answer,
                });
                Some(Self {
                    pairs: Some(pairs.collect()),
                    ..empty
                })
            }
            Content::Site(site) => Some(Self {
                url: Some(site.start),
                site: site.whole_site.then_some(SiteRules {
                    include: site.include,
                    exclude: site.exclude,
                    most_pages: Some(site.most_pages),
                    most_depth: Some(site.most_depth),
                }),
                ..empty
            }),
        }
    }
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
            passages_with_meaning: source.with_vector,
            documents: source.documents,
            characters: source.characters,
            pages: source.pages,
            pages_due: source.pages_due,
            refresh_hours: source.refresh_hours,
            refresh_due_at: source.refresh_due_at,
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
    let new = input.0.checked(path.chatbot_id)?;
    let mut tx = seat.begin(&api).await?;
    make_room(&api, &mut tx, Limit::Documents, 1).await?;
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
    let mut shown = SourceWithContent {
        source,
        text: None,
        pairs: None,
        file: None,
        site: None,
    };
    match content.ok_or_else(Problem::not_found)? {
        Content::Text(text) => shown.text = Some(text),
        Content::Qa(pairs) => {
            let pairs = pairs.into_iter().map(|pair| QuestionAndAnswer {
                question: pair.question,
                answer: pair.answer,
            });
            shown.pairs = Some(pairs.collect());
        }
        Content::File(file) => {
            shown.file = Some(FileShown {
                name: file.name,
                bytes: file.bytes,
            });
        }
        Content::Site(site) => {
            shown.site = Some(SiteShown {
                url: site.start,
                whole_site: site.whole_site,
                include: site.include,
                exclude: site.exclude,
                most_pages: site.most_pages,
                most_depth: site.most_depth,
            });
        }
    }
    Ok(Json(shown))
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
    let mut tx = seat.begin(&api).await?;
    let known = store::sources::content(&mut tx, path.chatbot_id, path.source_id).await?;
    let known = known.ok_or_else(Problem::not_found)?;
    let content = given::content(input.text, input.pairs, input.url, input.site)?;
    let after = content.as_ref().unwrap_or(&known);
    let change = Change {
        title: input
            .title
            .map(|title| input::line("title", &title, 200))
            .transpose()?,
        refresh_hours: input
            .refresh_hours
            .map(|hours| given::refresh_hours(hours, after))
            .transpose()?,
        content,
    };
    if change.title.is_none() && change.content.is_none() && change.refresh_hours.is_none() {
        return Err(Problem::new(
            Kind::Invalid,
            "nothing is to be changed: send title, text, pairs, url or refresh_hours",
        ));
    }
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

/// Tells the indexers. The row says that it is due, so a message that cannot be sent costs time only.
pub(crate) async fn index(api: &AdminApi, seat: &Seat, source: SourceId) {
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
