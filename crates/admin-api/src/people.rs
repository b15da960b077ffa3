//! What the law asks for: a person's data given to them or erased, conversations kept no longer than they are needed, and
//! chatbots deleted for good. All of it is work that takes its time; what is left of it is a receipt.

use crate::{
    AdminApi, attachments,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ChatbotPath, ConversationPath, DataJobPath, LeadPath, WorkspacePath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, ChatbotId, DataJobId, LeadId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    TenantTx, blobs,
    data_jobs::{self, Job, JobKind, Subject},
    erasure, leads,
};
use utoipa::ToSchema;

/// Work on data, and the receipt for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct DataJob {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: DataJobId,
    /// `export`, `erase` or `delete_chatbot`.
    #[schema(example = "erase")]
    kind: &'static str,
    /// The lead that it is about; after erasing there is none any more.
    #[schema(value_type = Option<Uuid>)]
    lead_id: Option<LeadId>,
    /// The chatbot that it is about; after deleting there is none any more.
    #[schema(value_type = Option<Uuid>)]
    chatbot_id: Option<ChatbotId>,
    /// `due`, `running`, `done` or `failed`.
    #[schema(example = "done")]
    state: String,
    /// What has been found or erased up to now, by kind of thing.
    #[schema(value_type = Object, example = json!({"conversations": 2, "messages": 31}))]
    counts: BTreeMap<String, i64>,
    /// SHA-256 of what named the person (keys on platforms, e-mail addresses, telephone numbers; sorted, a line each).
    subject_hash: Option<String>,
    /// Why it failed.
    error: Option<String>,
    /// Whether its file can be fetched: of an export, for seven days.
    has_file: bool,
    /// The person who asked for it.
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Their address, while they belong to the workspace.
    email: Option<String>,
    /// The API key that asked for it.
    #[schema(value_type = Option<Uuid>)]
    api_key_id: Option<ApiKeyId>,
    /// When.
    created_at: DateTime<Utc>,
    /// When it was done, or failed.
    finished_at: Option<DateTime<Utc>>,
}

/// How long conversations are kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionInput {
    /// Days of silence after which a conversation is erased: 1 to 3650; `null`: they are kept.
    #[schema(example = 90)]
    days: Option<i32>,
}

/// How long conversations are kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retention {
    /// Days of silence after which a conversation is erased; `null`: they are kept.
    days: Option<i32>,
}

/// Deleting a chatbot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deletion {
    /// The chatbot's name, so that it is this one.
    #[schema(example = "Support")]
    name: String,
}

impl From<Job> for DataJob {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind.as_str(),
            lead_id: job.lead,
            chatbot_id: job.chatbot,
            state: job.state,
            counts: job.counts,
            subject_hash: job
                .subject_hash
                .map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
            error: job.error,
            has_file: job.blob.is_some(),
            user_id: job.by.user,
            email: job.email,
            api_key_id: job.by.api_key,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}

/// Work on people's data and on chatbots, and the receipts for it, newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/data-jobs", params(WorkspacePath, PageQuery), responses((status = 200, body = Page<DataJob>)))]
pub(crate) async fn jobs(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<DataJob>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = data_jobs::list(&mut tx, None, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |job| job.id.as_uuid(), Into::into)))
}

/// One of them.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/data-jobs/{job_id}", params(DataJobPath), responses((status = 200, body = DataJob)))]
pub(crate) async fn job(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<DataJobPath>,
) -> Result<Json<DataJob>, Problem> {
    let mut tx = seat.begin(&api).await?;
    Ok(Json(found(&mut tx, path.job_id).await?.into()))
}

/// The file of an export: a ZIP.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/data-jobs/{job_id}/file", params(DataJobPath),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>))
)]
pub(crate) async fn file(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<DataJobPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let blob = found(&mut tx, path.job_id)
        .await?
        .blob
        .ok_or_else(Problem::not_found)?;
    let known = blobs::get(&mut tx, blob).await?.ok_or_else(Problem::not_found)?;
    seat.did(
        &api,
        &mut tx,
        "person.fetch",
        path.job_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"person.zip\""))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .no_chunking(known.bytes.unsigned_abs())
        .streaming(attachments::pieces(api, seat.workspace, blob)))
}

/// Write everything of a lead into a file.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/leads/{lead_id}/export", params(LeadPath),
    responses((status = 202, body = DataJob))
)]
pub(crate) async fn export_lead(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LeadPath>,
) -> Result<HttpResponse, Problem> {
    of_lead(&api, &seat, path.lead_id, JobKind::Export).await
}

/// Erase a lead with their contacts, conversations and all that came of them.
///
/// This cannot be undone. What is left is a receipt: what was found, how many, when and by whom.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/leads/{lead_id}/erase", params(LeadPath),
    responses((status = 202, body = DataJob))
)]
pub(crate) async fn erase_lead(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LeadPath>,
) -> Result<HttpResponse, Problem> {
    of_lead(&api, &seat, path.lead_id, JobKind::Erase).await
}

/// Write everything of a conversation's person into a file: of their other conversations too, where they are a lead.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/person/export", params(ConversationPath),
    responses((status = 202, body = DataJob))
)]
pub(crate) async fn export(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<HttpResponse, Problem> {
    of_conversation(&api, &seat, &path, JobKind::Export).await
}

/// Erase a conversation's person, with all their conversations and all that came of them.
///
/// This cannot be undone. What is left is a receipt: what was found, how many, when and by whom.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/person/erase", params(ConversationPath),
    responses((status = 202, body = DataJob))
)]
pub(crate) async fn erase(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<HttpResponse, Problem> {
    of_conversation(&api, &seat, &path, JobKind::Erase).await
}

/// Set how long a chatbot's conversations are kept.
///
/// A conversation in which nothing was written for so many days is erased with all that came of it.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/retention", params(ChatbotPath), request_body = RetentionInput,
    responses((status = 200, body = Retention))
)]
pub(crate) async fn set_retention(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<RetentionInput>,
) -> Result<Json<Retention>, Problem> {
    let days = input
        .0
        .days
        .map(|days| input::number("days", days, 1, 3650))
        .transpose()?;
    let mut tx = seat.begin(&api).await?;
    let before = erasure::keep_for(&mut tx, path.chatbot_id, days, api.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    let details = crate::difference::between(&json!({ "days": before }), &json!({ "days": days }));
    seat.did(&api, &mut tx, "chatbot.retention", path.chatbot_id, details)
        .await?;
    tx.commit().await?;
    Ok(Json(Retention { days }))
}

/// Delete an archived chatbot for good: conversations, knowledge, files and integrations go with it.
///
/// This cannot be undone, and takes its time.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/delete", params(ChatbotPath), request_body = Deletion,
    responses((status = 202, body = DataJob))
)]
pub(crate) async fn delete_chatbot(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<Deletion>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let name = erasure::is_deletable(&mut tx, path.chatbot_id, api.now())
        .await?
        .ok_or_else(|| Problem::new(Kind::Conflict, "archive the chatbot first"))?;
    if name.trim() != input.0.name.trim() {
        return Err(Problem::invalid("name", "this is not the chatbot's name"));
    }
    let subject = Subject::Chatbot(path.chatbot_id);
    let id = data_jobs::add(&mut tx, JobKind::DeleteChatbot, subject, seat.author(), api.now()).await?;
    let details = json!({ "job": id });
    seat.did(&api, &mut tx, "chatbot.delete", path.chatbot_id, details)
        .await?;
    accepted(tx, id).await
}

async fn of_lead(api: &AdminApi, seat: &Seat, lead: LeadId, kind: JobKind) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(api).await?;
    leads::get(&mut tx, lead).await?.ok_or_else(Problem::not_found)?;
    begun(api, seat, tx, Subject::Lead(lead), kind).await
}

async fn of_conversation(
    api: &AdminApi,
    seat: &Seat,
    path: &ConversationPath,
    kind: JobKind,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(api).await?;
    let subject = data_jobs::subject_of(&mut tx, path.conversation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    begun(api, seat, tx, subject, kind).await
}

async fn begun(
    api: &AdminApi,
    seat: &Seat,
    mut tx: TenantTx,
    subject: Subject,
    kind: JobKind,
) -> Result<HttpResponse, Problem> {
    let id = data_jobs::add(&mut tx, kind, subject, seat.author(), api.now()).await?;
    let action = match kind {
        JobKind::Export => "person.export",
        JobKind::Erase => "person.erase",
        JobKind::DeleteChatbot => "chatbot.delete",
    };
    seat.did(api, &mut tx, action, id, serde_json::Value::Null)
        .await?;
    accepted(tx, id).await
}

async fn accepted(mut tx: TenantTx, id: DataJobId) -> Result<HttpResponse, Problem> {
    let job: DataJob = found(&mut tx, id).await?.into();
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(job))
}

async fn found(tx: &mut TenantTx, id: DataJobId) -> Result<Job, Problem> {
    let jobs = data_jobs::list(tx, Some(id), None, 1).await?;
    jobs.into_iter().next().ok_or_else(Problem::not_found)
}
