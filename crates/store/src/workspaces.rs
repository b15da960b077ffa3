//! Tenants.

use crate::{Db, StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;

/// A workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A workspace, as installation administrators see it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The workspace.
    pub workspace: Workspace,
    /// How many people belong to it.
    pub members: i64,
    /// How many chatbots it has, without archived ones.
    pub chatbots: i64,
}

/// Makes a workspace. It begins with the plan that new ones begin with, if there is one.
pub async fn insert(tx: &mut SystemTx, id: WorkspaceId, name: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into workspaces (id, name) values ($1, $2)",
        id.as_uuid(),
        name
    )
    .execute(&mut **tx)
    .await?;
    crate::subscriptions::begin_default(tx, id, Utc::now()).await
}

/// This transaction's workspace.
pub async fn get(tx: &mut TenantTx) -> Result<Option<Workspace>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let row = sqlx::query!(
        "select id, name, created_at from workspaces where id = $1",
        workspace
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Workspace {
        id: row.id.into(),
        name: row.name,
        created_at: row.created_at,
    }))
}

/// Gives this transaction's workspace another name.
pub async fn rename(tx: &mut TenantTx, name: &str) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!("update workspaces set name = $2 where id = $1", workspace, name)
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Workspaces that nobody belongs to.
pub async fn without_members(tx: &mut SystemTx) -> Result<Vec<WorkspaceId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from workspaces w where not exists (select from memberships m where m.workspace_id = w.id) order by id"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// All workspaces of the installation whose names contain `text` if it is given, in the order of their making.
pub async fn all(
    db: &Db,
    text: Option<&str>,
    after: Option<WorkspaceId>,
    limit: i64,
) -> Result<Vec<Overview>, StoreError> {
    let rows = sqlx::query!(
        r#"select w.id, w.name, w.created_at,
                  (select count(*) from memberships m where m.workspace_id = w.id) as "members!",
                  (select count(*) from chatbots c where c.workspace_id = w.id and c.archived_at is null)
                      as "chatbots!"
           from workspaces w
           where ($1::uuid is null or w.id > $1) and ($3::text is null or position(lower($3) in lower(w.name)) > 0)
           order by w.id limit $2"#,
        after.map(|id| id.as_uuid()),
        limit,
        text,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Overview {
            workspace: Workspace {
                id: row.id.into(),
                name: row.name,
                created_at: row.created_at,
            },
            members: row.members,
            chatbots: row.chatbots,
        })
        .collect())
}

/// Whether there is such a workspace.
pub async fn exists(tx: &mut SystemTx, id: WorkspaceId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from workspaces where id = $1) as "exists!""#,
        id.as_uuid()
    )
    .fetch_one(&mut **tx)
    .await?)
}
