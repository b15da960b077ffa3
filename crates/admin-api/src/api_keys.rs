//! Keys for programs.

use crate::{
    AdminApi,
    area::Area,
    caller::{Caller, Seat},
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ApiKeyPath, WorkspacePath},
    problem::{Kind, Problem},
    token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, Role, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::api_keys::Scope;
use utoipa::ToSchema;

/// Makes keys of ours recognisable, for people and for scanners of leaked secrets.
const PREFIX: &str = "bsk_";
/// Characters of a key that are shown.
const SHOWN: usize = 10;

/// A key, without the key itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKey {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ApiKeyId,
    /// What you call it.
    name: String,
    /// Its first characters.
    prefix: String,
    /// What it may do.
    #[schema(value_type = String, example = "agent")]
    role: Role,
    /// Whether it only reads.
    read_only: bool,
    /// The areas that it may touch; `null`: all that its role may.
    areas: Option<Vec<String>>,
    /// Who made it.
    #[schema(value_type = Option<Uuid>)]
    created_by: Option<UserId>,
    /// When.
    created_at: DateTime<Utc>,
    /// When it was last used, within a minute.
    last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    revoked_at: Option<DateTime<Utc>>,
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiKey {
    /// What you call it.
    name: String,
    /// What it may do: `viewer`, `agent`, `admin` or `owner`.
    #[schema(value_type = String, example = "agent")]
    role: Role,
    /// Whether it only reads.
    #[serde(default)]
    read_only: bool,
    /// What it may touch: `workspace`, `chatbots`, `knowledge`, `conversations`, `integrations`, `sending`, `analytics`.
    /// Left out or `null`: all that its role may, people and keys included.
    areas: Option<Vec<Area>>,
}

/// A key that was made. The key itself is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiKey {
    /// Send it as `Authorization: Bearer …`.
    key: String,
    /// What is kept of it.
    api_key: ApiKey,
}

impl From<store::api_keys::ApiKey> for ApiKey {
    fn from(key: store::api_keys::ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role: key.role,
            read_only: key.scope.read_only,
            areas: key.scope.areas,
            created_by: key.created_by,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// The keys.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/api-keys", params(WorkspacePath, PageQuery), responses((status = 200, body = Page<ApiKey>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<ApiKey>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = store::api_keys::list(&mut tx, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |key| key.id.as_uuid(), Into::into)))
}

/// A key that was just made up, and what is stored of it.
pub struct IssuedKey {
    /// The key itself.
    pub key: SecretString,
    /// Its first characters, which are shown.
    pub prefix: String,
    /// What recognises it.
    pub hash: Vec<u8>,
}

/// Makes up a key; it works once it is stored in a workspace.
pub fn issue() -> IssuedKey {
    let key = token::new(PREFIX);
    let prefix = key.expose_secret().chars().take(SHOWN).collect();
    let hash = token::digest(&key);
    IssuedKey { key, prefix, hash }
}

/// Make a key.
///
/// The answer shows the key, this once.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/api-keys", params(WorkspacePath), request_body = NewApiKey,
    responses((status = 201, body = CreatedApiKey))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<NewApiKey>,
) -> Result<HttpResponse, Problem> {
    let name = input::line("name", &input.0.name, 100)?;
    let scope = scope_of(&seat, &input.0)?;
    let (id, role, now) = (ApiKeyId::new(), input.0.role, api.now());
    let IssuedKey { key, prefix, hash } = issue();
    let new = store::api_keys::NewApiKey {
        id,
        name: &name,
        prefix: &prefix,
        key_hash: &hash,
        role,
        scope: scope.clone(),
        created_by: seat.user(),
    };
    let mut tx = seat.begin(&api).await?;
    store::api_keys::insert(&mut tx, &new, now).await?;
    seat.did(
        &api,
        &mut tx,
        "api_key.create",
        id,
        serde_json::json!({ "name": name, "role": role, "read_only": scope.read_only, "areas": scope.areas }),
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(CreatedApiKey {
        key: key.expose_secret().to_owned(),
        api_key: ApiKey {
            id,
            name,
            prefix,
            role,
            read_only: scope.read_only,
            areas: scope.areas,
            created_by: seat.user(),
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        },
    }))
}

/// What the new key is narrowed to. A key that only reads never gets here; one that is narrowed to areas neither.
fn scope_of(seat: &Seat, input: &NewApiKey) -> Result<Scope, Problem> {
    if let Caller::Key { scope, .. } = &seat.caller
        && *scope != Scope::default()
    {
        return Err(Problem::new(
            Kind::Forbidden,
            "a key that is narrowed makes no keys",
        ));
    }
    let areas = input.areas.as_ref().map(|areas| {
        let wanted = Area::ALL.into_iter().filter(|area| areas.contains(area));
        wanted.map(|area| area.name().to_owned()).collect::<Vec<_>>()
    });
    if areas.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::invalid(
            "areas",
            "areas names one at least; leave it out for all that the role may",
        ));
    }
    Ok(Scope {
        read_only: input.read_only,
        areas,
    })
}

/// Revoke a key.
///
/// It ends at once.
#[utoipa::path(delete, path = "/api/workspaces/{workspace_id}/api-keys/{api_key_id}", params(ApiKeyPath), responses((status = 204)))]
pub(crate) async fn revoke(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ApiKeyPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !store::api_keys::revoke(&mut tx, path.api_key_id, api.now()).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "api_key.revoke",
        path.api_key_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
