//! People who sign in.
//!
//! Invariant: an e-mail address belongs to one account, however its letters are cased.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};
use domain::{Language, Role, UserId, WorkspaceId};
use secrecy::SecretString;

/// A person's account.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Whether they administer the installation.
    pub is_administrator: bool,
    /// Since when it is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// Whether they have to choose another password before anything else.
    pub must_change_password: bool,
}

/// A workspace that a person belongs to.
#[derive(Debug, Clone)]
pub struct Seat {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// The person's role there.
    pub role: Role,
    /// When the workspace was made.
    pub created_at: DateTime<Utc>,
}

/// Makes an account. [`StoreError::Taken`]: the address has one.
pub async fn insert(
    tx: &mut SystemTx,
    id: UserId,
    email: &str,
    name: &str,
    password_hash: Option<&str>,
    is_administrator: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into users (id, email, name, password_hash, is_administrator, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        email,
        name,
        password_hash,
        is_administrator,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One account.
pub async fn get(db: &Db, id: UserId) -> Result<Option<User>, StoreError> {
    let row = sqlx::query!(
        "select id, email, name, is_administrator, disabled_at, created_at, last_sign_in_at, must_change_password
         from users where id = $1",
        id.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| User {
        id: row.id.into(),
        email: row.email,
        name: row.name,
        is_administrator: row.is_administrator,
        disabled_at: row.disabled_at,
        created_at: row.created_at,
        last_sign_in_at: row.last_sign_in_at,
        must_change_password: row.must_change_password,
    }))
}

/// The account of an address, with its password's hash where one was chosen. Disabled accounts are not found.
pub async fn for_sign_in(db: &Db, email: &str) -> Result<Option<(UserId, Option<SecretString>)>, StoreError> {
    let row = sqlx::query!(
        "select id, password_hash from users where lower(email) = lower($1) and disabled_at is null",
        email,
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| (row.id.into(), row.password_hash.map(SecretString::from))))
}

/// A person's password's hash.
pub async fn password_hash(db: &Db, id: UserId) -> Result<Option<SecretString>, StoreError> {
    let hash = sqlx::query_scalar!("select password_hash from users where id = $1", id.as_uuid())
        .fetch_optional(db.system_pool())
        .await?;
    Ok(hash.flatten().map(SecretString::from))
}

/// The account of an address, disabled or not.
pub async fn id_of_email(tx: &mut SystemTx, email: &str) -> Result<Option<UserId>, StoreError> {
    Ok(
        sqlx::query_scalar!("select id from users where lower(email) = lower($1)", email)
            .fetch_optional(&mut **tx)
            .await?
            .map(Into::into),
    )
}

/// Who can be mailed about a new password: the account of an address, unless it is disabled, with its language as far as
/// that is known.
pub async fn for_reset(
    tx: &mut SystemTx,
    email: &str,
) -> Result<Option<(UserId, Option<Language>)>, StoreError> {
    let row = sqlx::query!(
        "select id, language from users where lower(email) = lower($1) and disabled_at is null",
        email,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.id.into(), row.language.as_deref().and_then(Language::of_tag))))
}

/// Sets a password; whoever calls it ends the person's sessions in the same transaction.
pub async fn set_password(tx: &mut SystemTx, id: UserId, password_hash: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update users set password_hash = $2, must_change_password = false where id = $1",
        id.as_uuid(),
        password_hash
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Disables an account, or enables it again; whoever disables it ends its sessions in the same transaction.
pub async fn set_disabled(
    tx: &mut SystemTx,
    id: UserId,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update users set disabled_at = $2 where id = $1",
        id.as_uuid(),
        disabled_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// From now on the person has to choose another password before anything else. `false`: there is no such account, or it
/// has no password yet.
pub async fn require_password_change(tx: &mut SystemTx, id: UserId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update users set must_change_password = true where id = $1 and password_hash is not null",
        id.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a sign-in, and the language that the person reads; `None`: as before.
pub async fn signed_in(
    tx: &mut SystemTx,
    id: UserId,
    ip: Option<&str>,
    language: Option<Language>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update users set last_sign_in_at = $2, last_sign_in_ip = $3, language = coalesce($4, language) where id = $1",
        id.as_uuid(),
        now,
        ip,
        language.map(Language::as_str),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the installation has an administrator.
pub async fn any_administrator(db: &Db) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"select exists (select from users where is_administrator) as "exists!""#)
            .fetch_one(db.system_pool())
            .await?,
    )
}

/// The same inside a transaction that goes on to make one: two of them at once come one after the other.
pub async fn any_administrator_locked(tx: &mut SystemTx) -> Result<bool, StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('botsmith.setup'))")
        .fetch_one(&mut **tx)
        .await?;
    Ok(
        sqlx::query_scalar!(r#"select exists (select from users where is_administrator) as "exists!""#)
            .fetch_one(&mut **tx)
            .await?,
    )
}

/// The addresses of the installation's administrators, oldest account first.
pub async fn administrators(db: &Db) -> Result<Vec<(UserId, String)>, StoreError> {
    let rows = sqlx::query!("select id, email from users where is_administrator order by id")
        .fetch_all(db.system_pool())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.email)).collect())
}

/// The workspaces a person belongs to, in the order of their making.
pub async fn seats(
    db: &Db,
    id: UserId,
    after: Option<WorkspaceId>,
    limit: i64,
) -> Result<Vec<Seat>, StoreError> {
    let rows = sqlx::query!(
        "select w.id, w.name, w.created_at, m.role from memberships m join workspaces w on w.id = m.workspace_id
         where m.user_id = $1 and ($2::uuid is null or w.id > $2)
         order by w.id limit $3",
        id.as_uuid(),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Seat {
                workspace: row.id.into(),
                name: row.name,
                role: row.role.parse()?,
                created_at: row.created_at,
            })
        })
        .collect()
}
