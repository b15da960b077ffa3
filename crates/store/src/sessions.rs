//! Signed-in browsers.
//!
//! Invariant: a session's token is never stored, only its hash; a session of a disabled account is none.

use crate::{
    Db, StoreError, SystemTx,
    one_time_tokens::{self, Purpose},
};
use chrono::{DateTime, Duration, Utc};
use domain::{ImpersonationId, SessionId, UserId};

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
    /// An administrator acts as the person.
    pub impersonation: Option<ImpersonationId>,
}

/// A session, as its holder sees it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, within a minute.
    pub last_used_at: DateTime<Utc>,
    /// When it ends, whatever happens.
    pub expires_at: DateTime<Utc>,
    /// From where it was begun.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
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
    /// The administrator who acts as the person, if one does.
    pub impersonator: Option<Impersonator>,
}

/// An administrator who acts as somebody else.
#[derive(Debug, Clone)]
pub struct Impersonator {
    /// The time in which they do.
    pub impersonation: ImpersonationId,
    /// Who.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their own session.
    pub session: SessionId,
}

/// Stores a session.
pub async fn insert(tx: &mut SystemTx, new: &NewSession<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into sessions
             (id, token_hash, user_id, created_at, last_used_at, expires_at, ip, user_agent, impersonation_id)
         values ($1, $2, $3, $4, $4, $5, $6, $7, $8)",
        new.id.as_uuid(),
        new.token_hash,
        new.user.as_uuid(),
        now,
        new.expires_at,
        new.ip,
        new.user_agent,
        new.impersonation.map(|id| id.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who holds the session with this token's hash, unless it ended or was not used for `idle`. Notes the use, once a
/// minute at most. A session in which an administrator acts as somebody is one only as long as the administrator is one
/// and signed in, and the other is none.
pub async fn signed_in(
    db: &Db,
    token_hash: &[u8],
    idle: Duration,
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>, StoreError> {
    let Some(row) = sqlx::query!(
        r#"select s.id, s.user_id, s.last_used_at, u.is_administrator, u.must_change_password,
                  i.id as "impersonation?", a.id as "administrator?", a.email as "administrator_email?",
                  own.id as "own?"
           from sessions s join users u on u.id = s.user_id
           left join impersonations i on i.id = s.impersonation_id
           left join users a on a.id = i.administrator_id
           left join sessions own on own.id = i.session_id
           where s.token_hash = $1 and s.expires_at > $2 and s.last_used_at > $3 and u.disabled_at is null
             and (s.impersonation_id is null
                  or (i.ended_at is null and i.ends_at > $2 and own.id is not null and own.expires_at > $2
                      and a.is_administrator and a.disabled_at is null and not u.is_administrator))"#,
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
        // Who acts as somebody else is there all the same.
        sqlx::query!(
            "update sessions set last_used_at = $2 where id = $1 or id = $3",
            row.id,
            now,
            row.own,
        )
        .execute(db.system_pool())
        .await?;
    }
    let impersonator = match (
        row.impersonation,
        row.administrator,
        row.administrator_email,
        row.own,
    ) {
        (Some(impersonation), Some(user), Some(email), Some(session)) => Some(Impersonator {
            impersonation: impersonation.into(),
            user: user.into(),
            email,
            session: session.into(),
        }),
        _ => None,
    };
    Ok(Some(SignedIn {
        session: row.id.into(),
        user: row.user_id.into(),
        is_administrator: row.is_administrator,
        must_change_password: row.must_change_password && impersonator.is_none(),
        impersonator,
    }))
}

/// The living sessions of a person, the last used first; those in which an administrator acts as them are not theirs.
pub async fn list(
    db: &Db,
    user: UserId,
    idle: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query!(
        "select id, created_at, last_used_at, expires_at, ip, user_agent from sessions
         where user_id = $1 and impersonation_id is null and expires_at > $2 and last_used_at > $3
         order by last_used_at desc, id desc limit 500",
        user.as_uuid(),
        now,
        now - idle,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: row.id.into(),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ip: row.ip,
            user_agent: row.user_agent,
        })
        .collect())
}

/// Ends one session of a person. `false`: they have none of this id.
pub async fn delete_own(tx: &mut SystemTx, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from sessions where id = $1 and user_id = $2 and impersonation_id is null",
        id.as_uuid(),
        user.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a person but one. How many there were, ended ones included.
pub async fn delete_others(tx: &mut SystemTx, user: UserId, but: SessionId) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from sessions where user_id = $1 and id <> $2 and impersonation_id is null",
        user.as_uuid(),
        but.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Gives a session another token: its holder comes back to it. `false`: it has ended.
pub async fn set_token(
    tx: &mut SystemTx,
    id: SessionId,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update sessions set token_hash = $2, last_used_at = $3 where id = $1 and expires_at > $3",
        id.as_uuid(),
        token_hash,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
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

/// Ends all sessions of a person, and sign-ins that wait for a code. How many sessions there were, ended ones included.
pub async fn delete_of_user(tx: &mut SystemTx, user: UserId) -> Result<u64, StoreError> {
    one_time_tokens::revoke_unused(tx, Purpose::SignIn, Some(user)).await?;
    Ok(
        sqlx::query!("delete from sessions where user_id = $1", user.as_uuid())
            .execute(&mut **tx)
            .await?
            .rows_affected(),
    )
}
