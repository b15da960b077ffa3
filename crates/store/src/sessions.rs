//! Signed-in browsers.
//!
//! Invariant: a session's token is never stored, only its hash; a session of a disabled account is none.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Duration, Utc};
use domain::{SessionId, UserId};

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    /// Its id.
    pub id: SessionId,
    /// SHA-256 of its token.
    pub token_hash: &'a [u8],
    /// Who signed in.
    pub user: UserId,
    /// When it ends, whatever happens.
    pub expires_at: DateTime<Utc>,
    /// From where.
    pub ip: Option<&'a str>,
    /// With what.
    pub user_agent: Option<&'a str>,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// The person.
    pub user: UserId,
    /// Whether they administer the installation.
    pub is_administrator: bool,
    /// Whether they have to choose another password before anything else.
    pub must_change_password: bool,
}

/// Stores a session.
pub async fn insert(tx: &mut SystemTx, new: &NewSession<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into sessions (id, token_hash, user_id, created_at, last_used_at, expires_at, ip, user_agent)
         values ($1, $2, $3, $4, $4, $5, $6, $7)",
        new.id.as_uuid(),
        new.token_hash,
        new.user.as_uuid(),
        now,
        new.expires_at,
        new.ip,
        new.user_agent,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who holds the session with this token's hash, unless it ended or was not used for `idle`. Notes the use, once a
/// minute at most.
pub async fn signed_in(
    db: &Db,
    token_hash: &[u8],
    idle: Duration,
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>, StoreError> {
    let Some(row) = sqlx::query!(
        "select s.id, s.user_id, s.last_used_at, u.is_administrator, u.must_change_password
         from sessions s join users u on u.id = s.user_id
         where s.token_hash = $1 and s.expires_at > $2 and s.last_used_at > $3 and u.disabled_at is null",
        token_hash,
        now,
        now - idle,
    )
    .fetch_optional(db.system_pool())
    .await?
    else {
        return Ok(None);
    };
    if now - row.last_used_at > Duration::minutes(1) {
        sqlx::query!("update sessions set last_used_at = $2 where id = $1", row.id, now)
            .execute(db.system_pool())
            .await?;
    }
    Ok(Some(SignedIn {
        session: row.id.into(),
        user: row.user_id.into(),
        is_administrator: row.is_administrator,
        must_change_password: row.must_change_password,
    }))
}

/// Whether a session goes on, its account is not disabled and need not choose another password first. Unlike
/// [`signed_in`] this is no use of it.
pub async fn is_alive(
    db: &Db,
    id: SessionId,
    idle: Duration,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from sessions s join users u on u.id = s.user_id
               where s.id = $1 and s.expires_at > $2 and s.last_used_at > $3 and u.disabled_at is null
                 and not u.must_change_password) as "is_alive!""#,
        id.as_uuid(),
        now,
        now - idle,
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// Ends a session.
pub async fn delete(db: &Db, id: SessionId) -> Result<(), StoreError> {
    sqlx::query!("delete from sessions where id = $1", id.as_uuid())
        .execute(db.system_pool())
        .await?;
    Ok(())
}

/// Ends a session by its token's hash: the one that a new sign-in replaces.
pub async fn delete_by_token(tx: &mut SystemTx, token_hash: &[u8]) -> Result<(), StoreError> {
    sqlx::query!("delete from sessions where token_hash = $1", token_hash)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends all sessions of a person. How many there were, ended ones included.
pub async fn delete_of_user(tx: &mut SystemTx, user: UserId) -> Result<u64, StoreError> {
    Ok(
        sqlx::query!("delete from sessions where user_id = $1", user.as_uuid())
            .execute(&mut **tx)
            .await?
            .rows_affected(),
    )
}
