//! Invitations to a workspace that nobody has accepted yet: one-time tokens, as the workspace's owners see them.
//!
//! Invariant: every function asks for the workspace, so another one's invitation is none.

use crate::{Db, StoreError, SystemTx, one_time_tokens::revoke_invitations};
use chrono::{DateTime, Utc};
use domain::{InvitationId, Role, WorkspaceId};

/// An invitation.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// For whom.
    pub email: String,
    /// As what.
    pub role: Role,
    /// By whom: an address, while that account exists.
    pub invited_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// The mail that carries it: `queued`, `sent` or `failed`; none where the link is handed over.
    pub mail: Option<String>,
}

/// What an invitation's mail says.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The workspace's name.
    pub workspace: String,
    /// As what.
    pub role: Role,
    /// By whom: a name or an address, while that account exists.
    pub invited_by: Option<String>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
}

/// What was withdrawn.
#[derive(Debug, Clone)]
pub struct Withdrawn {
    /// For whom it was.
    pub email: String,
    /// As what.
    pub role: Role,
}

/// Invitations that wait, in the order of their making, those that ended unused included.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    after: Option<InvitationId>,
    limit: i64,
) -> Result<Vec<Invitation>, StoreError> {
    let rows = sqlx::query!(
        r#"select t.id, t.email as "email!", t.role as "role!", u.email as "invited_by?", t.created_at, t.expires_at,
                  (select m.state from mails m where m.invitation_id = t.id order by m.id desc limit 1) as mail
           from one_time_tokens t left join users u on u.id = t.created_by
           where t.purpose = 'invite' and t.used_at is null and t.workspace_id = $1
             and t.email is not null and t.role is not null and ($2::uuid is null or t.id > $2)
           order by t.id limit $3"#,
        workspace.as_uuid(),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Invitation {
                id: row.id.into(),
                email: row.email,
                role: row.role.parse()?,
                invited_by: row.invited_by,
                created_at: row.created_at,
                expires_at: row.expires_at,
                mail: row.mail,
            })
        })
        .collect()
}

/// Takes an invitation back: its link ends. `None`: the workspace has none of this id.
pub async fn withdraw(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    id: InvitationId,
) -> Result<Option<Withdrawn>, StoreError> {
    let row = sqlx::query!(
        r#"delete from one_time_tokens
           where id = $1 and workspace_id = $2 and purpose = 'invite' and used_at is null
           returning email as "email!", role as "role!""#,
        id.as_uuid(),
        workspace.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    // An address has one invitation at a time.
    revoke_invitations(tx, workspace, &row.email).await?;
    Ok(Some(Withdrawn {
        email: row.email,
        role: row.role.parse()?,
    }))
}

/// Gives an invitation that can still be accepted the link of its mail; earlier links of it end. `None`: it was used or
/// withdrawn, or has ended.
pub async fn set_token(
    tx: &mut SystemTx,
    id: InvitationId,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Letter>, StoreError> {
    let row = sqlx::query!(
        r#"update one_time_tokens t set token_hash = $2
           from workspaces w
           where w.id = t.workspace_id and t.id = $1 and t.purpose = 'invite' and t.used_at is null
             and t.expires_at > $3
           returning w.name, t.role as "role!", t.expires_at,
                     (select coalesce(nullif(u.name, ''), u.email) from users u where u.id = t.created_by) as invited_by"#,
        id.as_uuid(),
        token_hash,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Letter {
            workspace: row.name,
            role: row.role.parse()?,
            invited_by: row.invited_by,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}
