//! Who belongs to which workspace, and as what.
//!
//! Invariant: a workspace never loses its last owner. Changes of one workspace's members come one after the other.

use crate::{Db, StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use domain::{Role, UserId, WorkspaceId};

/// A member, as listed.
#[derive(Debug, Clone)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role here.
    pub role: Role,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Since when the account is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Done.
    Done,
    /// No such member here.
    NoMember,
    /// Refused: the workspace would have no owner.
    LastOwner,
}

/// The role of a person in a workspace; `None`: not a member, or the account is disabled.
pub async fn role_in(db: &Db, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
    let role = sqlx::query_scalar!(
        "select m.role from memberships m join users u on u.id = m.user_id
         where m.workspace_id = $1 and m.user_id = $2 and u.disabled_at is null",
        workspace.as_uuid(),
        user.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(role.map(|role| role.parse()).transpose()?)
}

/// Adds a person, or gives a member a higher role; a member's role is never lowered by being added again.
pub async fn add(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    user: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let held = sqlx::query_scalar!(
        "select role from memberships where workspace_id = $1 and user_id = $2 for update",
        workspace.as_uuid(),
        user.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(held) = held
        && held.parse::<Role>()? >= role
    {
        return Ok(());
    }
    sqlx::query!(
        "insert into memberships (workspace_id, user_id, role, created_at) values ($1, $2, $3, $4)
         on conflict (workspace_id, user_id) do update set role = excluded.role",
        workspace.as_uuid(),
        user.as_uuid(),
        role.as_str(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The members, in the order of their joining.
pub async fn list(tx: &mut TenantTx, after: Option<UserId>, limit: i64) -> Result<Vec<Member>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select u.id, u.email, u.name, m.role, m.created_at, u.disabled_at, u.last_sign_in_at
         from memberships m join users u on u.id = m.user_id
         where m.workspace_id = $1 and ($2::uuid is null or u.id > $2)
         order by u.id limit $3",
        workspace,
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                user: row.id.into(),
                email: row.email,
                name: row.name,
                role: row.role.parse()?,
                created_at: row.created_at,
                disabled_at: row.disabled_at,
                last_sign_in_at: row.last_sign_in_at,
            })
        })
        .collect()
}

/// Gives a member another role.
pub async fn set_role(tx: &mut TenantTx, user: UserId, role: Role) -> Result<Changed, StoreError> {
    let workspace = tx.workspace().as_uuid();
    match may_change(tx, user, role == Role::Owner).await? {
        Changed::Done => {}
        refused => return Ok(refused),
    }
    sqlx::query!(
        "update memberships set role = $3 where workspace_id = $1 and user_id = $2",
        workspace,
        user.as_uuid(),
        role.as_str(),
    )
    .execute(tx.connection())
    .await?;
    Ok(Changed::Done)
}

/// Ends a membership.
pub async fn remove(tx: &mut TenantTx, user: UserId) -> Result<Changed, StoreError> {
    let workspace = tx.workspace().as_uuid();
    match may_change(tx, user, false).await? {
        Changed::Done => {}
        refused => return Ok(refused),
    }
    sqlx::query!(
        "delete from memberships where workspace_id = $1 and user_id = $2",
        workspace,
        user.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(Changed::Done)
}

/// Holds all memberships of the workspace, so that two owners cannot remove each other at once.
async fn may_change(tx: &mut TenantTx, user: UserId, stays_owner: bool) -> Result<Changed, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let members = sqlx::query!(
        "select user_id, role from memberships where workspace_id = $1 order by user_id for update",
        workspace,
    )
    .fetch_all(tx.connection())
    .await?;
    let is_owner = |role: &str| role == Role::Owner.as_str();
    let Some(member) = members.iter().find(|member| member.user_id == user.as_uuid()) else {
        return Ok(Changed::NoMember);
    };
    let owners = members.iter().filter(|member| is_owner(&member.role)).count();
    if is_owner(&member.role) && !stays_owner && owners == 1 {
        return Ok(Changed::LastOwner);
    }
    Ok(Changed::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    async fn owner(db: &Db) -> (WorkspaceId, UserId) {
        let (workspace, user) = (WorkspaceId::new(), UserId::new());
        let mut tx = db.system().await.unwrap();
        crate::workspaces::insert(&mut tx, workspace, "Acme")
            .await
            .unwrap();
        crate::users::insert(&mut tx, user, "a@acme.test", "A", None, false, Utc::now())
            .await
            .unwrap();
        add(&mut tx, workspace, user, Role::Owner, Utc::now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (workspace, user)
    }

    #[sqlx::test]
    async fn the_last_owner_can_neither_go_nor_step_down(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (workspace, user) = owner(&db).await;
        let mut tx = db.tenant(workspace).await.unwrap();

        assert_eq!(remove(&mut tx, user).await.unwrap(), Changed::LastOwner);
        assert_eq!(
            set_role(&mut tx, user, Role::Admin).await.unwrap(),
            Changed::LastOwner
        );
        assert_eq!(set_role(&mut tx, user, Role::Owner).await.unwrap(), Changed::Done);
        assert_eq!(remove(&mut tx, UserId::new()).await.unwrap(), Changed::NoMember);
    }

    #[sqlx::test]
    async fn being_invited_again_lowers_nobody(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (workspace, user) = owner(&db).await;
        let mut tx = db.system().await.unwrap();
        add(&mut tx, workspace, user, Role::Viewer, Utc::now())
            .await
            .unwrap();
        tx.commit().await.unwrap();

        assert_eq!(role_in(&db, workspace, user).await.unwrap(), Some(Role::Owner));
    }
}
