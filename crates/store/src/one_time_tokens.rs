//! What works once: links for set-up, invitation and password reset, and a sign-in that waits for its code.
//!
//! Invariant: only a token's hash is kept, and [`take`] gives it out once, before its end, for its own purpose.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};
use domain::{InvitationId, Role, UserId, WorkspaceId};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Makes the installation's administrator.
    Setup,
    /// Joins a workspace.
    Invite,
    /// Sets a new password.
    Reset,
    /// Signs in, together with a code of the second factor.
    SignIn,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Invite => "invite",
            Self::Reset => "reset",
            Self::SignIn => "sign_in",
        }
    }
}

/// A token to be stored.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// SHA-256 of the token.
    pub hash: &'a [u8],
    /// What it is for.
    pub purpose: Purpose,
    /// Reset and sign-in: whose.
    pub user: Option<UserId>,
    /// Invitation: where to.
    pub workspace: Option<WorkspaceId>,
    /// Invitation: as what.
    pub role: Option<Role>,
    /// Invitation: for whom.
    pub email: Option<&'a str>,
    /// Invitation: by whom.
    pub created_by: Option<UserId>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// What a token was made for.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Reset and sign-in: whose.
    pub user: Option<UserId>,
    /// Invitation: where to.
    pub workspace: Option<WorkspaceId>,
    /// Invitation: as what.
    pub role: Option<Role>,
    /// Invitation: for whom.
    pub email: Option<String>,
}

/// Stores a token; its id is what lists know it by.
pub async fn insert(
    tx: &mut SystemTx,
    token: &NewToken<'_>,
    now: DateTime<Utc>,
) -> Result<InvitationId, StoreError> {
    let id = InvitationId::new();
    sqlx::query!(
        "insert into one_time_tokens
             (token_hash, purpose, user_id, workspace_id, role, email, created_at, expires_at, id, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        token.hash,
        token.purpose.as_str(),
        token.user.map(|id| id.as_uuid()),
        token.workspace.map(|id| id.as_uuid()),
        token.role.map(Role::as_str),
        token.email,
        now,
        token.expires_at,
        id.as_uuid(),
        token.created_by.map(|id| id.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// Uses a token up. `None`: unknown, used already, too old, or for another purpose.
pub async fn take(
    tx: &mut SystemTx,
    hash: &[u8],
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<Taken>, StoreError> {
    let row = sqlx::query!(
        "update one_time_tokens set used_at = $3
         where token_hash = $1 and purpose = $2 and used_at is null and expires_at > $3
         returning user_id, workspace_id, role, email",
        hash,
        purpose.as_str(),
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Taken {
            user: row.user_id.map(Into::into),
            workspace: row.workspace_id.map(Into::into),
            role: row.role.map(|role| role.parse()).transpose()?,
            email: row.email,
        })
    })
    .transpose()
}

/// Ends every unused token of a purpose, of one person where one is named. A new link replaces the old ones.
pub async fn revoke_unused(
    tx: &mut SystemTx,
    purpose: Purpose,
    user: Option<UserId>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from one_time_tokens
         where purpose = $1 and used_at is null and ($2::uuid is null or user_id = $2)",
        purpose.as_str(),
        user.map(|id| id.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends every unused token of a purpose that names this workspace and address.
pub async fn revoke_invitations(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    email: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from one_time_tokens
         where purpose = 'invite' and used_at is null and workspace_id = $1 and lower(email) = lower($2)",
        workspace.as_uuid(),
        email,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets what ended, or was used, before this moment; housekeeping. Returns how many.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from one_time_tokens where expires_at < $1 or used_at < $1",
        before
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use sqlx::PgPool;

    async fn stored(db: &Db, now: DateTime<Utc>) {
        let mut tx = db.system().await.unwrap();
        let token = NewToken {
            hash: b"hash",
            purpose: Purpose::Setup,
            user: None,
            workspace: None,
            role: None,
            email: None,
            created_by: None,
            expires_at: now + Duration::minutes(30),
        };
        insert(&mut tx, &token, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[sqlx::test]
    async fn s16_a_token_works_once_and_only_for_its_purpose(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let now = Utc::now();
        stored(&db, now).await;
        let mut tx = db.system().await.unwrap();

        assert!(
            take(&mut tx, b"hash", Purpose::Reset, now)
                .await
                .unwrap()
                .is_none()
        );
        assert!(take(&mut tx, b"", Purpose::Setup, now).await.unwrap().is_none());
        assert!(
            take(&mut tx, b"hash", Purpose::Setup, now)
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            take(&mut tx, b"hash", Purpose::Setup, now)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[sqlx::test]
    async fn s16_a_token_ends_after_its_time(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let now = Utc::now();
        stored(&db, now).await;
        let mut tx = db.system().await.unwrap();

        let late = take(&mut tx, b"hash", Purpose::Setup, now + Duration::minutes(30))
            .await
            .unwrap();

        assert!(late.is_none());
    }
}
