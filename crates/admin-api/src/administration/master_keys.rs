//! The master keys: which wrap how many data keys, and wrapping them all with the newest.

use super::{note, noted};
use crate::{
    AdminApi,
    caller::{Facts, Person},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use utoipa::ToSchema;

/// How far data keys are wrapped by the newest master key.
#[derive(Serialize, ToSchema)]
pub(crate) struct MasterKeys {
    /// The id of the master key that wraps what is new. It says nothing of the key.
    current: String,
    /// All data keys: one for each workspace that has secrets, and the installation's own.
    data_keys: u64,
    /// How many of them the current master key does not wrap yet. At 0 every other master key can be thrown away.
    remaining: u64,
    /// How many of those can be wrapped anew here: their master key is among `vault.previous_master_keys`.
    rotatable: u64,
    /// Which master key wraps how many.
    wrapped_by: Vec<WrappedBy>,
}

/// How many data keys one master key wraps.
#[derive(Serialize, ToSchema)]
pub(crate) struct WrappedBy {
    /// The master key's id.
    master_key_id: String,
    /// Data keys that it wraps.
    data_keys: u64,
    /// Whether it is configured. If not, what it wraps cannot be opened.
    is_configured: bool,
}

impl From<vault::MasterStatus> for MasterKeys {
    fn from(status: vault::MasterStatus) -> Self {
        let older = status
            .wrapped_by
            .iter()
            .filter(|by| by.master_key_id != status.current);
        Self {
            remaining: status.remaining(),
            rotatable: older.filter(|by| by.configured).map(|by| by.data_keys).sum(),
            data_keys: status.wrapped_by.iter().map(|by| by.data_keys).sum(),
            wrapped_by: status
                .wrapped_by
                .into_iter()
                .map(|by| WrappedBy {
                    master_key_id: by.master_key_id,
                    data_keys: by.data_keys,
                    is_configured: by.configured,
                })
                .collect(),
            current: status.current,
        }
    }
}

/// How far data keys are wrapped by the newest master key.
#[utoipa::path(get, path = "/api/administration/master-keys", responses((status = 200, body = MasterKeys)))]
pub(crate) async fn status(api: Data<AdminApi>, _person: Person) -> Result<Json<MasterKeys>, Problem> {
    let status = vault::master_status(api.db(), api.keyring().masters()).await?;
    Ok(Json(status.into()))
}

/// Wrap every data key with the newest master key.
///
/// Goes on in the background, in portions, and can be begun again at any time: what is done stays done. First put the new
/// master key beside the old one in every process's configuration, as `botsmith keys` says.
#[utoipa::path(
    post, path = "/api/administration/master-keys/rotate", responses((status = 202, body = MasterKeys))
)]
pub(crate) async fn rotate(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
) -> Result<HttpResponse, Problem> {
    let status = vault::master_status(api.db(), api.keyring().masters()).await?;
    let (shown, current) = (MasterKeys::from(status.clone()), status.current);
    if shown.rotatable == 0 {
        let why = if shown.remaining == 0 {
            "every data key is wrapped by the current master key"
        } else {
            "the master keys that wrap the rest are not among vault.previous_master_keys"
        };
        return Err(Problem::new(Kind::Conflict, why));
    }
    let mut tx = api.db().system().await?;
    let details = json!({ "data_keys": shown.rotatable });
    let activity = noted(
        &person,
        &facts,
        "installation.rotate_master_key",
        current,
        details,
    );
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tokio::spawn(async move {
        match vault::rotate_master(api.db(), api.keyring().masters()).await {
            Ok(done) => tracing::info!(
                rewrapped = done.rewrapped,
                refused = done.refused.len(),
                "data keys were wrapped anew"
            ),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "not all data keys were wrapped anew; begin it again"
            ),
        }
    });
    Ok(HttpResponse::Accepted().json(shown))
}
