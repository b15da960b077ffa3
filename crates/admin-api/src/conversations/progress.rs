//! Whose a conversation is, and whether there is something left to do in it.
//!
//! Invariant: none of this changes who answers. The bot goes on unless somebody takes the conversation over.

use super::Conversation;
use crate::{AdminApi, caller::Seat, input::Input, path::ConversationPath, problem::Problem};
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Duration, Utc};
use domain::{ConversationId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{TenantTx, conversations, inbox};
use utoipa::ToSchema;

const LONGEST_SNOOZE: Duration = Duration::days(366);

/// Until when a conversation is out of sight.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnoozeInput {
    /// It comes back then, or when the person writes. At most a year from now.
    #[schema(example = "2027-01-04T08:00:00Z")]
    until: DateTime<Utc>,
}

/// Who is to look after a conversation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssigneeInput {
    /// A member of the workspace; `null`: nobody.
    #[schema(value_type = Option<Uuid>)]
    assignee_id: Option<UserId>,
}

/// Resolve a conversation.
///
/// There is nothing left to do, until the person writes: their next message opens it again.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/resolve", params(ConversationPath), responses((status = 200, body = Conversation))
)]
pub(crate) async fn resolve(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<Json<Conversation>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let found = conversations::resolve(&mut tx, path.conversation_id, api.now()).await?;
    changed(
        &api,
        &seat,
        tx,
        path.conversation_id,
        found,
        "conversation.resolve",
        Value::Null,
    )
    .await
}

/// Open a conversation that is resolved or snoozed.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/reopen", params(ConversationPath), responses((status = 200, body = Conversation))
)]
pub(crate) async fn reopen(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<Json<Conversation>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let found = conversations::reopen(&mut tx, path.conversation_id).await?;
    changed(
        &api,
        &seat,
        tx,
        path.conversation_id,
        found,
        "conversation.reopen",
        Value::Null,
    )
    .await
}

/// Snooze a conversation.
///
/// It is out of sight until then, or until the person writes.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/snooze", params(ConversationPath), request_body = SnoozeInput,
    responses((status = 200, body = Conversation))
)]
pub(crate) async fn snooze(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
    input: Input<SnoozeInput>,
) -> Result<Json<Conversation>, Problem> {
    let until = input.0.until;
    let mut tx = seat.begin(&api).await?;
    // Whose conversation it is comes before what is wrong with the request.
    let found = conversations::snooze(&mut tx, path.conversation_id, until).await?;
    if found && (until <= api.now() || until > api.now() + LONGEST_SNOOZE) {
        return Err(Problem::invalid(
            "until",
            "until must be in the future, at most a year from now",
        ));
    }
    let details = json!({ "until": until });
    changed(
        &api,
        &seat,
        tx,
        path.conversation_id,
        found,
        "conversation.snooze",
        details,
    )
    .await
}

/// Say who looks after a conversation.
#[utoipa::path(
    put, path = "/api/conversations/{conversation_id}/assignee", params(ConversationPath), request_body = AssigneeInput,
    responses((status = 200, body = Conversation))
)]
pub(crate) async fn assign(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
    input: Input<AssigneeInput>,
) -> Result<Json<Conversation>, Problem> {
    let assignee = input.0.assignee_id;
    let mut tx = seat.begin(&api).await?;
    let found = conversations::assign(&mut tx, path.conversation_id, assignee).await?;
    let details = json!({ "assignee": assignee });
    changed(
        &api,
        &seat,
        tx,
        path.conversation_id,
        found,
        "conversation.assign",
        details,
    )
    .await
}

/// Notes the change, commits it and tells whoever follows. `found`: there is such a conversation.
async fn changed(
    api: &AdminApi,
    seat: &Seat,
    mut tx: TenantTx,
    id: ConversationId,
    found: bool,
    action: &'static str,
    details: Value,
) -> Result<Json<Conversation>, Problem> {
    if !found {
        return Err(Problem::not_found());
    }
    seat.did(api, &mut tx, action, id, details).await?;
    let conversation = inbox::get(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, id);
    Ok(Json(conversation.into()))
}
