//! A plan's limits, where something is added.

use crate::{
    AdminApi,
    problem::{Kind, Problem},
};
use domain::WorkspaceId;
use store::{
    SystemTx, TenantTx,
    usage::{self, Full, Limit},
};

/// Lets `more` be added in this transaction, or says why not.
pub(crate) async fn make_room(
    api: &AdminApi,
    tx: &mut TenantTx,
    limit: Limit,
    more: usize,
) -> Result<(), Problem> {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    refuse(usage::room(tx, limit, more, api.now()).await?)
}

/// Lets one more person into a workspace, or says why not.
pub(crate) async fn make_seat(
    api: &AdminApi,
    tx: &mut SystemTx,
    workspace: WorkspaceId,
) -> Result<(), Problem> {
    make_room_in(api, tx, workspace, Limit::Seats, 1).await
}

/// Lets `more` come into a workspace, or says why not.
pub(crate) async fn make_room_in(
    api: &AdminApi,
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    limit: Limit,
    more: i64,
) -> Result<(), Problem> {
    refuse(usage::room_in(tx, workspace, limit, more, api.now()).await?)
}

fn refuse(full: Option<Full>) -> Result<(), Problem> {
    match full {
        None => Ok(()),
        Some(full) => Err(Problem::new(Kind::PlanLimit, words(&full))),
    }
}

/// Which limit, of what plan, and what to do.
fn words(full: &Full) -> String {
    if full.has_ended {
        return format!(
            "the workspace's subscription to the plan {} has ended, and nothing can be added: choose a plan on the page \
             \"Plan and usage\" of the workspace, or ask the administrator of this installation",
            full.plan
        );
    }
    let (what, instead) = match full.limit {
        Limit::Chatbots => ("chatbots", "archive one that is not needed"),
        Limit::Messages => ("messages a month", "wait for the next month"),
        Limit::Documents => ("sources of knowledge", "delete some that are not needed"),
        Limit::Seats => ("members", "remove somebody who is not needed"),
    };
    format!(
        "the workspace's plan {} allows {} {what}, and {} are there: {instead}, or choose a larger plan on the page \"Plan and \
         usage\" of the workspace",
        full.plan, full.most, full.used
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_limit_of_what_plan_and_what_to_do() {
        let full = Full {
            limit: Limit::Chatbots,
            most: 2,
            used: 2,
            plan: "Small".to_owned(),
            has_ended: false,
        };

        let said = words(&full);

        for part in [
            "plan Small allows 2 chatbots",
            "2 are there",
            "archive one",
            "Plan and usage",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
}
