//! The steps from the first word to a customer, in a workspace's own order.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::Page,
    path::WorkspacePath,
    problem::{Kind, Problem},
};
use actix_web::web::{Data, Json, Path};
use domain::LeadStageId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::leads::{self, Replaced, Stage};
use utoipa::ToSchema;

const MOST: usize = 20;

/// One step.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadStage {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: LeadStageId,
    /// What it is called; a default one by its word: `new`, `contacted`, `qualified`, `won`, `lost`.
    #[schema(example = "new")]
    name: String,
    /// How many leads stand there.
    leads: i64,
}

/// All steps, in their order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadStages {
    /// Known ones with their ids, new ones without. One that is left out goes; no lead may stand there.
    stages: Vec<LeadStageInput>,
}

/// One step of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadStageInput {
    /// Its id; left out: it is new.
    #[schema(value_type = Option<Uuid>)]
    id: Option<LeadStageId>,
    /// What it is called.
    #[schema(example = "Offer sent")]
    name: String,
}

impl From<Stage> for LeadStage {
    fn from(stage: Stage) -> Self {
        Self {
            id: stage.id,
            name: stage.name,
            leads: stage.leads,
        }
    }
}

/// The stages of the workspace's leads, in their order.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/lead-stages", params(WorkspacePath), responses((status = 200, body = Page<LeadStage>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<Page<LeadStage>>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let stages = leads::stages(&mut tx).await?;
    Ok(Json(Page::whole(stages.into_iter().map(Into::into).collect())))
}

/// Rename, add, remove and order the stages: all of them at once.
#[utoipa::path(
    put, path = "/api/workspaces/{workspace_id}/lead-stages", params(WorkspacePath), request_body = LeadStages,
    responses((status = 200, body = Page<LeadStage>))
)]
pub(crate) async fn save(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<LeadStages>,
) -> Result<Json<Page<LeadStage>>, Problem> {
    let given = input.0.stages;
    input::number("stages", given.len(), 1, MOST)?;
    let mut wanted = Vec::new();
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for stage in given {
        let name = input::line("stages", &stage.name, 60)?;
        if !names.insert(name.to_lowercase()) || stage.id.is_some_and(|id| !ids.insert(id)) {
            return Err(Problem::invalid("stages", format!("{name} is there twice")));
        }
        wanted.push((stage.id, name));
    }
    let mut tx = seat.begin(&api).await?;
    match leads::replace_stages(&mut tx, &wanted).await? {
        Replaced::Done => {}
        Replaced::Unknown => return Err(Problem::not_found()),
        Replaced::InUse(name) => {
            let detail = format!("leads stand on the stage {name}: move them first");
            return Err(Problem::new(Kind::Conflict, detail));
        }
    }
    let names: Vec<_> = wanted.iter().map(|(_, name)| name).collect();
    let details = serde_json::json!({ "stages": names });
    seat.did(&api, &mut tx, "lead_stages.update", seat.workspace, details)
        .await?;
    let stages = leads::stages(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(Page::whole(stages.into_iter().map(Into::into).collect())))
}
