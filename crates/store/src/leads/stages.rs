//! The steps from the first word to a customer, in a workspace's own order.

use crate::{StoreError, TenantTx};
use domain::LeadStageId;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its id.
    pub id: LeadStageId,
    /// What it is called; a default one by its word: `new`, `contacted`, `qualified`, `won` or `lost`.
    pub name: String,
    /// How many leads stand there.
    pub leads: i64,
}

/// What came of replacing them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// Done.
    Done,
    /// One that was named is none of this workspace's.
    Unknown,
    /// Leads stand on one that was left out; its name.
    InUse(String),
}

/// The workspace's steps, in their order.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Stage>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        r#"select s.id, s.name, (select count(*) from leads l where l.stage_id = s.id) as "leads!"
           from lead_stages s where s.workspace_id = $1 order by s.position"#,
        workspace
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Stage {
            id: row.id.into(),
            name: row.name,
            leads: row.leads,
        })
        .collect())
}

/// Gives the workspace these steps in this order: known ones by their ids, new ones without. Those left out go.
pub async fn replace(
    tx: &mut TenantTx,
    wanted: &[(Option<LeadStageId>, String)],
) -> Result<Replaced, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "select id from lead_stages where workspace_id = $1 for update",
        workspace
    )
    .fetch_all(tx.connection())
    .await?;
    let present = list(tx).await?;
    if wanted
        .iter()
        .filter_map(|(id, _)| *id)
        .any(|id| present.iter().all(|stage| stage.id != id))
    {
        return Ok(Replaced::Unknown);
    }
    let leaving = present
        .iter()
        .filter(|stage| wanted.iter().all(|(id, _)| *id != Some(stage.id)));
    for stage in leaving {
        if stage.leads > 0 {
            return Ok(Replaced::InUse(stage.name.clone()));
        }
        sqlx::query!("delete from lead_stages where id = $1", stage.id.as_uuid())
            .execute(tx.connection())
            .await?;
    }
    // Two may swap their names: nobody may have the other's for a moment.
    sqlx::query!(
        "update lead_stages set name = id::text where workspace_id = $1",
        workspace
    )
    .execute(tx.connection())
    .await?;
    for (position, (id, name)) in (1..).zip(wanted) {
        sqlx::query!(
            "insert into lead_stages (id, workspace_id, name, position) values ($1, $2, $3, $4)
             on conflict (id) do update set name = excluded.name, position = excluded.position",
            id.unwrap_or_else(LeadStageId::new).as_uuid(),
            workspace,
            name,
            position,
        )
        .execute(tx.connection())
        .await?;
    }
    Ok(Replaced::Done)
}
