//! Keys of the API: each belongs to one workspace and has one role there.
//!
//! Invariant: a key itself is never stored, only its hash and the few first characters that are shown.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, Role, UserId, WorkspaceId};

/// What a key may touch of what its role may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// It changes nothing.
    pub read_only: bool,
    /// The areas that it may touch, by name; `None`: all.
    pub areas: Option<Vec<String>>,
}

impl Scope {
    /// The area of conversations: the admin API's and the chat API's name one thing.
    pub const CONVERSATIONS: &'static str = "conversations";

    /// Whether the area is in it.
    pub fn covers(&self, area: &str) -> bool {
        self.areas
            .as_ref()
            .is_none_or(|areas| areas.iter().any(|own| own == area))
    }
}

/// A key to be stored.
#[derive(Debug)]
pub struct NewApiKey<'a> {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: &'a str,
    /// Its first characters, for recognising it.
    pub prefix: &'a str,
    /// SHA-256 of the key.
    pub key_hash: &'a [u8],
    /// What it may do.
    pub role: Role,
    /// What narrows that down.
    pub scope: Scope,
    /// Who made it.
    pub created_by: Option<UserId>,
}

/// A key, as it is listed.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may do.
    pub role: Role,
    /// What narrows that down.
    pub scope: Scope,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was last used, within a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a presented key may do.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    /// The key.
    pub id: ApiKeyId,
    /// The only workspace it opens.
    pub workspace: WorkspaceId,
    /// Its role there.
    pub role: Role,
    /// What narrows that down.
    pub scope: Scope,
}

/// Stores a key.
pub async fn insert(tx: &mut TenantTx, key: &NewApiKey<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query!(
        "insert into api_keys (id, workspace_id, name, prefix, key_hash, role, created_by, created_at, read_only, areas)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        key.id.as_uuid(),
        workspace,
        key.name,
        key.prefix,
        key.key_hash,
        key.role.as_str(),
        key.created_by.map(|id| id.as_uuid()),
        now,
        key.scope.read_only,
        key.scope.areas.as_deref(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The workspace's keys, newest first, revoked ones among them.
pub async fn list(tx: &mut TenantTx, after: Option<ApiKeyId>, limit: i64) -> Result<Vec<ApiKey>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, name, prefix, role, read_only, areas, created_by, created_at, last_used_at, revoked_at from api_keys
         where workspace_id = $1 and ($2::uuid is null or id < $2)
         order by id desc limit $3",
        workspace,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ApiKey {
                id: row.id.into(),
                name: row.name,
                prefix: row.prefix,
                role: row.role.parse()?,
                scope: Scope {
                    read_only: row.read_only,
                    areas: row.areas,
                },
                created_by: row.created_by.map(Into::into),
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                revoked_at: row.revoked_at,
            })
        })
        .collect()
}

/// Ends a key at once. `false`: there is no such key, or it is revoked already.
pub async fn revoke(tx: &mut TenantTx, id: ApiKeyId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "update api_keys set revoked_at = $3 where workspace_id = $1 and id = $2 and revoked_at is null",
        workspace,
        id.as_uuid(),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a key still opens its workspace.
pub async fn is_valid(db: &Db, id: ApiKeyId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from api_keys where id = $1 and revoked_at is null) as "is_valid!""#,
        id.as_uuid(),
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// Who holds the key of this hash, unless it is revoked. Notes the use, once a minute at most.
pub async fn holder(db: &Db, key_hash: &[u8], now: DateTime<Utc>) -> Result<Option<KeyHolder>, StoreError> {
    let Some(row) = sqlx::query!(
        "select id, workspace_id, role, read_only, areas, last_used_at from api_keys where key_hash = $1 and revoked_at is null",
        key_hash,
    )
    .fetch_optional(db.system_pool())
    .await?
    else {
        return Ok(None);
    };
    if row
        .last_used_at
        .is_none_or(|used| now - used > chrono::Duration::minutes(1))
    {
        sqlx::query!("update api_keys set last_used_at = $2 where id = $1", row.id, now)
            .execute(db.system_pool())
            .await?;
    }
    Ok(Some(KeyHolder {
        id: row.id.into(),
        workspace: row.workspace_id.into(),
        role: row.role.parse()?,
        scope: Scope {
            read_only: row.read_only,
            areas: row.areas,
        },
    }))
}
