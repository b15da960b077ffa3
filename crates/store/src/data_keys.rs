//! Each workspace's data key, wrapped by a master key that is not in this database.
//!
//! What is stored here opens nothing by itself. Only `vault` knows what the bytes mean.

use crate::{Db, StoreError};
use domain::WorkspaceId;
use std::fmt;

/// A workspace's data key, wrapped.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Which master key it is wrapped by.
    pub master_key_id: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("workspace", &self.workspace)
            .field("master_key_id", &self.master_key_id)
            .finish_non_exhaustive()
    }
}

/// The workspace's data key, if it has one yet.
pub async fn find(db: &Db, workspace: WorkspaceId) -> Result<Option<DataKey>, StoreError> {
    let row = sqlx::query!(
        "select master_key_id, wrapped from data_keys where workspace_id = $1",
        workspace.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| DataKey {
        workspace,
        master_key_id: row.master_key_id,
        wrapped: row.wrapped,
    }))
}

/// Keeps this key if the workspace has none, and answers with the one it has now: of several that are made at once,
/// everybody uses the first. `None`: there is no such workspace. The nil id stands for the installation itself.
pub async fn insert_if_absent(db: &Db, key: &DataKey) -> Result<Option<DataKey>, StoreError> {
    sqlx::query!(
        "insert into data_keys (workspace_id, master_key_id, wrapped)
         select $1::uuid, $2, $3
         where $1 = '00000000-0000-0000-0000-000000000000'::uuid or exists (select from workspaces where id = $1)
         on conflict (workspace_id) do nothing",
        key.workspace.as_uuid(),
        key.master_key_id,
        key.wrapped,
    )
    .execute(db.system_pool())
    .await?;
    find(db, key.workspace).await
}

/// The next `limit` keys, by workspace, that another master key than this one wraps.
pub async fn not_wrapped_by(
    db: &Db,
    master_key_id: &str,
    after: Option<WorkspaceId>,
    limit: i64,
) -> Result<Vec<DataKey>, StoreError> {
    let rows = sqlx::query!(
        "select workspace_id, master_key_id, wrapped from data_keys
         where master_key_id <> $1 and ($2::uuid is null or workspace_id > $2)
         order by workspace_id limit $3",
        master_key_id,
        after.map(|workspace| workspace.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    let key = |workspace, master_key_id, wrapped| DataKey {
        workspace,
        master_key_id,
        wrapped,
    };
    Ok(rows
        .into_iter()
        .map(|row| key(row.workspace_id.into(), row.master_key_id, row.wrapped))
        .collect())
}

/// The same key, before and after it was wrapped anew.
#[derive(Debug)]
pub struct Rewrapped {
    /// What is stored now.
    pub before: DataKey,
    /// What shall be stored.
    pub after: DataKey,
}

/// Replaces every key that is still what it was. How many were.
pub async fn rewrap(db: &Db, keys: &[Rewrapped]) -> Result<u64, StoreError> {
    let workspaces: Vec<_> = keys.iter().map(|key| key.before.workspace.as_uuid()).collect();
    let before: Vec<_> = keys.iter().map(|key| key.before.wrapped.clone()).collect();
    let masters: Vec<_> = keys.iter().map(|key| key.after.master_key_id.clone()).collect();
    let after: Vec<_> = keys.iter().map(|key| key.after.wrapped.clone()).collect();
    let done = sqlx::query!(
        "update data_keys k set master_key_id = n.master, wrapped = n.after, rewrapped_at = now()
         from unnest($1::uuid[], $2::bytea[], $3::text[], $4::bytea[]) as n (workspace, before, master, after)
         where k.workspace_id = n.workspace and k.wrapped = n.before",
        &workspaces,
        &before,
        &masters,
        &after,
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected())
}

/// How many keys each master key wraps.
pub async fn count_by_master_key(db: &Db) -> Result<Vec<(String, u64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select master_key_id, count(*) as "count!" from data_keys group by master_key_id order by master_key_id"#
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.master_key_id, row.count.unsigned_abs()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    async fn workspace(pool: &PgPool) -> WorkspaceId {
        let workspace = WorkspaceId::new();
        sqlx::query!(
            "insert into workspaces (id, name) values ($1, 'Acme')",
            workspace.as_uuid()
        )
        .execute(pool)
        .await
        .unwrap();
        workspace
    }

    fn key(workspace: WorkspaceId, master: &str, wrapped: &[u8]) -> DataKey {
        DataKey {
            workspace,
            master_key_id: master.to_owned(),
            wrapped: wrapped.to_vec(),
        }
    }

    #[sqlx::test]
    async fn of_two_keys_made_for_one_workspace_the_first_stays(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let workspace = workspace(&pool).await;
        let (first, second) = (key(workspace, "m1", b"first"), key(workspace, "m1", b"second"));

        assert_eq!(insert_if_absent(&db, &first).await.unwrap(), Some(first.clone()));
        assert_eq!(insert_if_absent(&db, &second).await.unwrap(), Some(first.clone()));
        assert_eq!(find(&db, workspace).await.unwrap(), Some(first));
    }

    #[sqlx::test]
    async fn a_workspace_that_is_gone_gets_no_key(pool: PgPool) {
        let db = Db::of_pool(&pool);

        let kept = insert_if_absent(&db, &key(WorkspaceId::new(), "m1", b"wrapped"))
            .await
            .unwrap();

        assert_eq!(kept, None);
    }

    #[sqlx::test]
    async fn a_key_that_changed_meanwhile_is_not_overwritten(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (stays, changed) = (workspace(&pool).await, workspace(&pool).await);
        insert_if_absent(&db, &key(stays, "m1", b"a")).await.unwrap();
        insert_if_absent(&db, &key(changed, "m1", b"b")).await.unwrap();

        let rewrapped = rewrap(
            &db,
            &[
                Rewrapped {
                    before: key(stays, "m1", b"a"),
                    after: key(stays, "m2", b"A"),
                },
                Rewrapped {
                    before: key(changed, "m1", b"what it was before"),
                    after: key(changed, "m2", b"B"),
                },
            ],
        )
        .await
        .unwrap();

        assert_eq!(rewrapped, 1);
        assert_eq!(find(&db, stays).await.unwrap(), Some(key(stays, "m2", b"A")));
        assert_eq!(find(&db, changed).await.unwrap(), Some(key(changed, "m1", b"b")));
        assert_eq!(
            count_by_master_key(&db).await.unwrap(),
            [("m1".to_owned(), 1), ("m2".to_owned(), 1)]
        );
        assert_eq!(
            not_wrapped_by(&db, "m2", None, 10).await.unwrap(),
            [key(changed, "m1", b"b")]
        );
        assert!(
            not_wrapped_by(&db, "m2", Some(changed), 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
