//! What could not be answered or delivered, and bringing it back.

use crate::{
    AdminApi,
    caller::Seat,
    input::Input,
    page::{self, Page},
    path::{DeadLetterPath, WorkspacePath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{DeadLetterId, IntegrationId, MessageId, PartId};
use serde::{Deserialize, Serialize};
use store::{
    TenantTx,
    dead_letters::{self, Replayed, Selection},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Something that could not be answered or delivered.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetter {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: DeadLetterId,
    /// `part`: a reply that was not delivered. `turn`: a message that could not be answered. Else a queue's name.
    kind: String,
    /// The integration.
    #[schema(value_type = Option<Uuid>)]
    integration_id: Option<IntegrationId>,
    /// The part that was not delivered.
    #[schema(value_type = Option<Uuid>)]
    part_id: Option<PartId>,
    /// The message.
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<MessageId>,
    /// Why it is here.
    reason: String,
    /// It may have arrived all the same: a replay asks the platform first.
    may_have_arrived: bool,
    /// Since when.
    created_at: DateTime<Utc>,
}

impl From<dead_letters::DeadLetter> for DeadLetter {
    fn from(letter: dead_letters::DeadLetter) -> Self {
        Self {
            id: letter.id,
            kind: letter.kind,
            integration_id: letter.integration,
            part_id: letter.part,
            message_id: letter.message,
            reason: letter.reason,
            may_have_arrived: letter.may_have_arrived,
            created_at: letter.created_at,
        }
    }
}

/// Which dead letters to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Of this integration only.
    integration_id: Option<Uuid>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// Which dead letters to replay: at least one condition, and all given ones must hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replay {
    /// Of this integration.
    pub integration_id: Option<Uuid>,
    /// That came at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// That came before this time.
    pub until: Option<DateTime<Utc>>,
}

/// What a replay brought back.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayResult {
    /// Parts of messages that will be sent, or asked about first where they may have arrived.
    parts: u64,
    /// Messages that will be answered.
    messages: u64,
}

impl ReplayResult {
    /// Whether it brought nothing back.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.parts + self.messages == 0
    }
}

impl Replay {
    /// What is meant, unless that is everything.
    pub(crate) fn selection(&self) -> Result<Selection, Problem> {
        if self.integration_id.is_none() && self.from.is_none() && self.until.is_none() {
            return Err(Problem::new(
                Kind::Invalid,
                "say which: integration_id, from, until, or several of them",
            ));
        }
        Ok(Selection {
            id: None,
            integration: self.integration_id.map(Into::into),
            from: self.from,
            until: self.until,
        })
    }
}

/// The open dead letters, newest first.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/dead-letters", params(WorkspacePath, ListQuery), responses((status = 200, body = Page<DeadLetter>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<ListQuery>,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let integration = query.integration_id.map(Into::into);
    let rows = dead_letters::list(&mut tx, integration, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |letter| letter.id.as_uuid(),
        Into::into,
    )))
}

/// Replay dead letters of an integration or a time.
///
/// Each comes back once, marked late and at the integration's pace; opt-outs and reply windows are checked again.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/dead-letters/replay", params(WorkspacePath), request_body = Replay,
    responses((status = 200, body = ReplayResult))
)]
pub(crate) async fn replay_matching(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<Replay>,
) -> Result<Json<ReplayResult>, Problem> {
    let selection = input.0.selection()?;
    let integration = selection.integration;
    let mut tx = seat.begin(&api).await?;
    if let Some(integration) = integration
        && !store::integrations::exists(&mut tx, integration).await?
    {
        return Err(Problem::not_found());
    }
    let replayed = replay(&api, &seat, &mut tx, selection, "matching").await?;
    tx.commit().await?;
    Ok(Json(woken(&api, &replayed)))
}

/// Replay one dead letter.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/dead-letters/{dead_letter_id}/replay", params(DeadLetterPath),
    responses((status = 200, body = ReplayResult))
)]
pub(crate) async fn replay_one(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<DeadLetterPath>,
) -> Result<Json<ReplayResult>, Problem> {
    let selection = Selection {
        id: Some(path.dead_letter_id),
        ..Selection::default()
    };
    let mut tx = seat.begin(&api).await?;
    let replayed = replay(&api, &seat, &mut tx, selection, &path.dead_letter_id.to_string()).await?;
    if replayed.parts + replayed.messages == 0 {
        return Err(Problem::new(
            Kind::NotFound,
            "there is no open dead letter here that can be replayed",
        ));
    }
    tx.commit().await?;
    Ok(Json(woken(&api, &replayed)))
}

/// Put a dead letter away for good.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/dead-letters/{dead_letter_id}/discard", params(DeadLetterPath), responses((status = 204))
)]
pub(crate) async fn discard(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<DeadLetterPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !dead_letters::discard(&mut tx, path.dead_letter_id, api.now()).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "dead_letter.discard",
        path.dead_letter_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn replay(
    api: &AdminApi,
    seat: &Seat,
    tx: &mut TenantTx,
    selection: Selection,
    target: &str,
) -> Result<Replayed, Problem> {
    let replayed = dead_letters::replay(tx, selection, api.now()).await?;
    let details = serde_json::json!({ "parts": replayed.parts, "messages": replayed.messages });
    seat.did(api, tx, "dead_letter.replay", target, details).await?;
    Ok(replayed)
}

/// Wakes whoever has something to do now.
pub(crate) fn woken(api: &AdminApi, replayed: &Replayed) -> ReplayResult {
    for platform in &replayed.platforms {
        api.wake_senders(platform);
    }
    if replayed.messages > 0 {
        api.wake_workers();
    }
    ReplayResult {
        parts: replayed.parts,
        messages: replayed.messages,
    }
}
