//! Processes of the installation: each says every few seconds that it is there.

use crate::{Db, StoreError};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A process.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Of this run of it.
    pub id: Uuid,
    /// What it does: `all`, `gateway`, `chat-worker` and so on.
    pub role: String,
    /// Which version it is.
    pub version: String,
    /// The machine that it runs on, as that calls itself.
    pub host: String,
    /// Of the disk that it keeps its data on, where that is known.
    pub disk: Option<Disk>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When it last said that it is there.
    pub seen_at: DateTime<Utc>,
}

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is free.
    pub free: i64,
    /// What there is.
    pub total: i64,
}

/// Says that the process is there.
pub async fn beat(db: &Db, instance: &Instance) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into instances (id, role, version, host, disk_free_bytes, disk_total_bytes, started_at, seen_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (id) do update set
             disk_free_bytes = excluded.disk_free_bytes, disk_total_bytes = excluded.disk_total_bytes,
             seen_at = excluded.seen_at",
        instance.id,
        instance.role,
        instance.version,
        instance.host,
        instance.disk.map(|disk| disk.free),
        instance.disk.map(|disk| disk.total),
        instance.started_at,
        instance.seen_at,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The process ends in order.
pub async fn leave(db: &Db, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from instances where id = $1", id)
        .execute(db.system_pool())
        .await?;
    Ok(())
}

/// Forgets processes that were last seen before this.
pub async fn prune(db: &Db, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("delete from instances where seen_at < $1", before)
        .execute(db.system_pool())
        .await?;
    Ok(())
}

/// All that are known, by role and by start.
pub async fn list(db: &Db) -> Result<Vec<Instance>, StoreError> {
    let rows = sqlx::query!(
        "select id, role, version, host, disk_free_bytes, disk_total_bytes, started_at, seen_at
         from instances order by role, started_at, id"
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Instance {
            id: row.id,
            role: row.role,
            version: row.version,
            host: row.host,
            disk: row
                .disk_free_bytes
                .zip(row.disk_total_bytes)
                .map(|(free, total)| Disk { free, total }),
            started_at: row.started_at,
            seen_at: row.seen_at,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::noon;
    use chrono::TimeDelta;
    use sqlx::PgPool;

    #[sqlx::test]
    async fn a_process_is_there_from_its_first_word_until_it_leaves_or_is_forgotten(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let instance = |disk| Instance {
            id: Uuid::now_v7(),
            role: "gateway".to_owned(),
            version: "0.1.0".to_owned(),
            host: "one".to_owned(),
            disk,
            started_at: noon(),
            seen_at: noon(),
        };
        let (leaves, mut stays) = (instance(None), instance(Some(Disk { free: 1, total: 2 })));
        beat(&db, &leaves).await.unwrap();
        beat(&db, &stays).await.unwrap();
        stays.seen_at = noon() + TimeDelta::seconds(10);
        beat(&db, &stays).await.unwrap();

        leave(&db, leaves.id).await.unwrap();
        prune(&db, noon() + TimeDelta::seconds(10)).await.unwrap();

        let known = list(&db).await.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].id, known[0].seen_at), (stays.id, stays.seen_at));
        assert_eq!(known[0].disk, stays.disk);
        prune(&db, noon() + TimeDelta::seconds(11)).await.unwrap();
        assert!(list(&db).await.unwrap().is_empty());
    }
}
