//! Facts about the installation as a whole, by name.

use crate::{Db, StoreError, SystemTx};
use serde_json::Value;

/// What is noted under this name.
pub async fn get(db: &Db, key: &str) -> Result<Option<Value>, StoreError> {
    Ok(
        sqlx::query_scalar!("select value from installation where key = $1", key)
            .fetch_optional(db.system_pool())
            .await?,
    )
}

/// Notes it if nothing is noted under this name yet. `false`: something is, and stays.
pub async fn insert_if_absent(tx: &mut SystemTx, key: &str, value: &Value) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into installation (key, value) values ($1, $2) on conflict (key) do nothing",
        key,
        value,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes it in place of what was noted before.
pub async fn put(db: &Db, key: &str, value: &Value) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into installation (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value",
        key,
        value,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The same, in a transaction.
pub async fn put_in(tx: &mut SystemTx, key: &str, value: &Value) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into installation (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value",
        key,
        value,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets it. `false`: nothing was noted.
pub async fn delete(tx: &mut SystemTx, key: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from installation where key = $1", key)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sqlx::PgPool;

    #[sqlx::test]
    async fn what_was_noted_first_stays(pool: PgPool) {
        let db = Db::of_pool(&pool);
        assert_eq!(get(&db, "demo").await.unwrap(), None);

        let mut tx = db.system().await.unwrap();
        assert!(insert_if_absent(&mut tx, "demo", &json!({"n": 1})).await.unwrap());
        assert!(!insert_if_absent(&mut tx, "demo", &json!({"n": 2})).await.unwrap());
        tx.commit().await.unwrap();

        assert_eq!(get(&db, "demo").await.unwrap(), Some(json!({"n": 1})));
    }
}
