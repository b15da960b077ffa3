//! Dead letters of all workspaces, and bringing them back.

use super::noted;
use crate::{
    AdminApi,
    caller::{Facts, Person},
    dead_letters::{DeadLetter, Replay, ReplayResult, woken},
    input::Input,
    page::{self, Page},
    path::AnyDeadLetterPath,
    problem::{Kind, Problem},
};
use actix_web::web::{Data, Json, Path, Query};
use domain::{Platform, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::dead_letters::{self, Owned, Replayed, Selection};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// An open dead letter, and whose it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnedDeadLetter {
    #[serde(flatten)]
    letter: DeadLetter,
    /// The workspace; `null`: nobody could read whose it is.
    #[schema(value_type = Option<Uuid>)]
    workspace_id: Option<WorkspaceId>,
    /// Its name.
    workspace_name: Option<String>,
    /// The integration's platform.
    #[schema(value_type = Option<String>)]
    platform: Option<Platform>,
}

/// Which dead letters to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadLettersQuery {
    /// Of this workspace.
    workspace_id: Option<Uuid>,
    /// Of this integration.
    integration_id: Option<Uuid>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

impl From<Owned> for OwnedDeadLetter {
    fn from(owned: Owned) -> Self {
        Self {
            letter: owned.letter.into(),
            workspace_id: owned.workspace,
            workspace_name: owned.workspace_name,
            platform: owned.platform,
        }
    }
}

/// The open dead letters of all workspaces, newest first.
#[utoipa::path(
    get, path = "/api/administration/dead-letters/open", params(DeadLettersQuery),
    responses((status = 200, body = Page<OwnedDeadLetter>))
)]
pub(crate) async fn open(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<DeadLettersQuery>,
) -> Result<Json<Page<OwnedDeadLetter>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = dead_letters::list_everywhere(
        api.db(),
        query.workspace_id.map(Into::into),
        query.integration_id.map(Into::into),
        query.after.map(Into::into),
        limit + 1,
    )
    .await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |owned| owned.letter.id.as_uuid(),
        Into::into,
    )))
}

/// Replay dead letters of an integration or a time, whosever they are.
///
/// Each comes back once, marked late and at its integration's pace; opt-outs and reply windows are checked again.
#[utoipa::path(
    post, path = "/api/administration/dead-letters/replay", request_body = Replay,
    responses((status = 200, body = ReplayResult))
)]
pub(crate) async fn replay(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<Replay>,
) -> Result<Json<ReplayResult>, Problem> {
    let selection = input.0.selection()?;
    Ok(Json(
        replayed(&api, &person, &facts, selection, "matching").await?,
    ))
}

/// Replay one dead letter, whosever it is.
///
/// It comes back once, marked late and at its integration's pace; opt-outs and reply windows are checked again.
#[utoipa::path(
    post, path = "/api/administration/dead-letters/{dead_letter_id}/replay", params(AnyDeadLetterPath),
    responses((status = 200, body = ReplayResult))
)]
pub(crate) async fn replay_one(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<AnyDeadLetterPath>,
) -> Result<Json<ReplayResult>, Problem> {
    let selection = Selection {
        id: Some(path.dead_letter_id),
        ..Selection::default()
    };
    let target = path.dead_letter_id.to_string();
    let result = replayed(&api, &person, &facts, selection, &target).await?;
    if result.is_nothing() {
        return Err(Problem::new(
            Kind::NotFound,
            "there is no open dead letter of this id that can be replayed",
        ));
    }
    Ok(Json(result))
}

async fn replayed(
    api: &AdminApi,
    person: &Person,
    facts: &Facts,
    selection: Selection,
    target: &str,
) -> Result<ReplayResult, Problem> {
    let mut all = Replayed::default();
    // Each workspace's in a transaction of that workspace: one that fails leaves the others as they are, to be asked again.
    for workspace in dead_letters::owners(api.db(), selection).await? {
        let mut tx = api.db().tenant(workspace).await?;
        let replayed = dead_letters::replay(&mut tx, selection, api.now()).await?;
        let details = json!({ "parts": replayed.parts, "messages": replayed.messages });
        let activity = noted(person, facts, "dead_letter.replay", target, details);
        store::activity_log::record(&mut tx, &activity, api.now()).await?;
        tx.commit().await?;
        all.parts += replayed.parts;
        all.messages += replayed.messages;
        all.platforms.extend(replayed.platforms);
    }
    all.platforms.sort_unstable();
    all.platforms.dedup();
    Ok(woken(api, &all))
}
