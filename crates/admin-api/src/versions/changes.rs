//! What is different between two versions, field by field.

use super::{Behaviour, with_first};
use crate::{AdminApi, caller::Seat, path::VersionPath, problem::Problem};
use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{TenantTx, versions};
use utoipa::{IntoParams, ToSchema};

/// What is different.
#[derive(Serialize, ToSchema)]
pub(crate) struct Changes {
    /// The version that is compared.
    from: i64,
    /// With which one; `null`: the draft.
    to: Option<i64>,
    /// The fields in which they differ.
    changes: Vec<Changed>,
}

/// A field that is different.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// Its name: `instructions`, `model.base_url`.
    field: String,
    /// In the first.
    before: Value,
    /// In the other.
    after: Value,
}

/// With what a version is compared.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareQuery {
    /// With this version; left out: with the one that is live.
    to: Option<i64>,
    /// With the draft.
    #[serde(default)]
    draft: bool,
}

/// What is different between a version and another.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/versions/{number}/changes", params(VersionPath, CompareQuery),
    responses((status = 200, body = Changes))
)]
pub(crate) async fn compare(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<VersionPath>,
    query: Query<CompareQuery>,
) -> Result<Json<Changes>, Problem> {
    let chatbot = path.chatbot_id;
    let mut tx = seat.begin(&api).await?;
    let live = with_first(&mut tx, chatbot).await?;
    let of = async |tx: &mut TenantTx, number: i64| -> Result<versions::Behaviour, Problem> {
        let version = versions::get(tx, chatbot, number).await?;
        Ok(version.ok_or_else(Problem::not_found)?.behaviour)
    };
    let before = of(&mut tx, path.number).await?;
    let (to, after) = if query.draft {
        let draft = versions::draft(&mut tx, chatbot).await?;
        (None, draft.ok_or_else(Problem::not_found)?.candidate.behaviour)
    } else {
        let to = query.to.unwrap_or(live);
        (Some(to), of(&mut tx, to).await?)
    };
    Ok(Json(Changes {
        from: path.number,
        to,
        changes: between(before, after)?,
    }))
}

/// The fields in which two say something else.
pub(super) fn between(
    before: versions::Behaviour,
    after: versions::Behaviour,
) -> Result<Vec<Changed>, Problem> {
    let shown = |said| serde_json::to_value(Behaviour::from(said)).map_err(Problem::internal);
    let mut changes = Vec::new();
    differ("", &shown(before)?, &shown(after)?, &mut changes);
    Ok(changes)
}

fn differ(field: &str, before: &Value, after: &Value, changes: &mut Vec<Changed>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                let within = if field.is_empty() {
                    name.clone()
                } else {
                    format!("{field}.{name}")
                };
                differ(&within, &before[name], &after[name], changes);
            }
        }
        _ if before == after => {}
        _ => changes.push(Changed {
            field: field.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_that_differ_are_named_with_both_values_and_the_others_are_not() {
        let before =
            json!({"name": "Help", "model": {"model": "a", "fallbacks": []}, "retrieval": {"top_k": null}});
        let after =
            json!({"name": "Help", "model": {"model": "b", "fallbacks": []}, "retrieval": {"top_k": 3}});
        let mut changes = Vec::new();

        differ("", &before, &after, &mut changes);

        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["model.model", "retrieval.top_k"]);
        assert_eq!((&changes[1].before, &changes[1].after), (&json!(null), &json!(3)));
    }
}
