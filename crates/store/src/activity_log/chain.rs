//! Whether the log is as it was written.
//!
//! Every entry's hash is over what it says and the hash before it; the newest hash stands in a row of its own. Whoever can
//! write all of that anew leaves no trace in the database: the newest hash, noted elsewhere, shows it.

use crate::{Db, StoreError};
use std::fmt;
use uuid::Uuid;

/// Where in the chain a walk stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// The place of the last entry that was looked at, from 1; 0 before the first.
    pub position: i64,
    hash: Vec<u8>,
}

/// A part of the way.
#[derive(Debug, Clone)]
pub struct Walked {
    /// Where to go on from.
    pub link: Link,
    /// Entries that were looked at.
    pub entries: u64,
    /// What was wrong with them.
    pub faults: Vec<Fault>,
}

/// The end of the chain.
#[derive(Debug, Clone)]
pub struct Head {
    /// The newest entry's hash, in hexadecimal. To be noted elsewhere.
    pub hash: String,
    /// What was wrong there.
    pub faults: Vec<Fault>,
}

/// A place where the log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The entry at this place says something else than when it was written, or was put there.
    Changed {
        /// Its place.
        position: i64,
        /// Its id.
        id: Uuid,
    },
    /// The entries of these places are gone, the last one included.
    Removed {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// The entry was put in beside the chain.
    Inserted {
        /// Its id.
        id: Uuid,
    },
    /// The row that says where the chain ends was taken away or set to something else.
    Head,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { position, id } => {
                write!(f, "entry {position} ({id}) was changed after it was written")
            }
            Self::Removed { from, to } if from == to => write!(f, "entry {from} was removed"),
            Self::Removed { from, to } => write!(f, "entries {from} to {to} were removed"),
            Self::Inserted { id } => write!(f, "an entry ({id}) was inserted beside the chain"),
            Self::Head => f.write_str("the record of where the chain ends was changed"),
        }
    }
}

/// Looks at up to `limit` entries after `from`. Fewer: there are no more.
pub async fn walk(db: &Db, from: &Link, limit: i64) -> Result<Walked, StoreError> {
    let rows = sqlx::query!(
        r#"select position as "position!", id, hash as "hash!",
                  sha256(coalesce(lag(hash) over (order by position), $2) || activity_content(a)) = hash as "is_right!"
           from activity_log a where position > $1 and hash is not null order by position limit $3"#,
        from.position,
        from.hash,
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut walked = Walked {
        link: from.clone(),
        entries: rows.len() as u64,
        faults: Vec::new(),
    };
    for row in rows {
        let expected = walked.link.position + 1;
        if row.position != expected {
            // What this entry's hash rests on is gone: nothing can be said of the entry itself.
            walked.faults.push(Fault::Removed {
                from: expected,
                to: row.position - 1,
            });
        } else if !row.is_right {
            walked.faults.push(Fault::Changed {
                position: row.position,
                id: row.id,
            });
        }
        walked.link = Link {
            position: row.position,
            hash: row.hash,
        };
    }
    Ok(walked)
}

/// Looks at the end of the chain, and for what is in no chain.
pub async fn head(db: &Db) -> Result<Head, StoreError> {
    let end = sqlx::query!(
        r#"select h.entries as "entries?", h.hash as "hash?", coalesce(a.position, 0) as "last!",
                  coalesce(a.hash, '') as "found!"
           from (select 1) one left join activity_head h on true
           left join lateral (
               select position, hash from activity_log where position is not null order by position desc limit 1
           ) a on true"#
    )
    .fetch_one(db.system_pool())
    .await?;
    let beside = sqlx::query_scalar!(
        "select id from activity_log where position is null or hash is null order by id limit 100"
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut faults: Vec<Fault> = beside.into_iter().map(|id| Fault::Inserted { id }).collect();
    match end.entries {
        Some(entries) if end.last < entries => faults.push(Fault::Removed {
            from: end.last + 1,
            to: entries,
        }),
        Some(entries) if end.last == entries && end.hash.as_ref() == Some(&end.found) => {}
        _ => faults.push(Fault::Head),
    }
    let hash = end.hash.unwrap_or_default();
    Ok(Head {
        hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        faults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity_log::{NewActivity, record_system};
    use chrono::Utc;
    use sqlx::PgPool;

    /// A log of six entries, one transaction each.
    async fn log(pool: &PgPool) -> Db {
        let db = Db::of_pool(pool);
        for target in ["1", "2", "3", "4", "5", "6"] {
            let mut tx = db.system().await.unwrap();
            let activity = NewActivity {
                action: "test",
                target: Some(target.to_owned()),
                details: serde_json::json!({"b": 1.50, "a": "é"}),
                ..Default::default()
            };
            record_system(&mut tx, None, &activity, Utc::now()).await.unwrap();
            tx.commit().await.unwrap();
        }
        db
    }

    /// In steps of two, so that a fault lies now and then at a page's edge.
    async fn faults(db: &Db) -> (u64, Vec<Fault>) {
        let (mut link, mut entries, mut faults) = (Link::default(), 0, Vec::new());
        loop {
            let walked = walk(db, &link, 2).await.unwrap();
            link = walked.link;
            entries += walked.entries;
            faults.extend(walked.faults);
            if walked.entries < 2 {
                break;
            }
        }
        faults.extend(head(db).await.unwrap().faults);
        (entries, faults)
    }

    async fn id(pool: &PgPool, position: i64) -> Uuid {
        sqlx::query_scalar!("select id from activity_log where position = $1", position)
            .fetch_one(pool)
            .await
            .unwrap()
    }

    #[sqlx::test]
    async fn a_log_that_nobody_touched_is_whole(pool: PgPool) {
        let db = log(&pool).await;

        assert_eq!(faults(&db).await, (6, Vec::new()));
        assert_eq!(head(&db).await.unwrap().hash.len(), 64);
    }

    #[sqlx::test]
    async fn an_entry_that_was_changed_is_named(pool: PgPool) {
        let db = log(&pool).await;
        sqlx::query!("update activity_log set details = '{\"b\": 1.5, \"a\": \"e\"}' where position = 3")
            .execute(&pool)
            .await
            .unwrap();

        let changed = Fault::Changed {
            position: 3,
            id: id(&pool, 3).await,
        };
        assert_eq!(faults(&db).await.1, [changed]);
    }

    #[sqlx::test]
    async fn entries_that_were_taken_out_of_the_middle_are_named(pool: PgPool) {
        let db = log(&pool).await;
        sqlx::query!("delete from activity_log where position in (3, 4)")
            .execute(&pool)
            .await
            .unwrap();

        assert_eq!(faults(&db).await.1, [Fault::Removed { from: 3, to: 4 }]);
    }

    #[sqlx::test]
    async fn the_last_entries_cannot_be_taken_away_unseen(pool: PgPool) {
        let db = log(&pool).await;
        sqlx::query!("delete from activity_log where position > 5")
            .execute(&pool)
            .await
            .unwrap();

        assert_eq!(faults(&db).await.1, [Fault::Removed { from: 6, to: 6 }]);

        sqlx::query!("update activity_head set entries = 5")
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(faults(&db).await.1, [Fault::Head]);

        sqlx::query!("delete from activity_log")
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(faults(&db).await, (0, vec![Fault::Removed { from: 1, to: 5 }]));
    }

    #[sqlx::test]
    async fn an_entry_that_was_put_in_is_named_wherever_it_is(pool: PgPool) {
        let db = log(&pool).await;
        let (beside, behind) = (Uuid::now_v7(), Uuid::now_v7());
        let mut tx = pool.begin().await.unwrap();
        sqlx::query!("alter table activity_log disable trigger chain_activity")
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query!(
            "insert into activity_log (id, action, position, hash) values ($1, 'x', null, null), ($2, 'x', 7, 'x')",
            beside,
            behind,
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();

        let expected = [
            Fault::Changed {
                position: 7,
                id: behind,
            },
            Fault::Inserted { id: beside },
            Fault::Head,
        ];
        assert_eq!(faults(&db).await.1, expected);
    }

    #[sqlx::test]
    async fn no_role_of_a_service_changes_an_entry_or_the_end_of_the_chain(pool: PgPool) {
        let db = log(&pool).await;

        for statement in [
            "update activity_log set action = 'other'",
            "delete from activity_log",
            "update activity_head set entries = 0",
        ] {
            let mut system = db.system().await.unwrap();
            let refused = sqlx::raw_sql(statement).execute(&mut *system).await;
            assert!(refused.is_err(), "the system may {statement}");
            let mut tenant = db.tenant(domain::WorkspaceId::new()).await.unwrap();
            let refused = sqlx::raw_sql(statement).execute(tenant.connection()).await;
            assert!(refused.is_err(), "a tenant may {statement}");
        }
    }

    #[sqlx::test]
    async fn entries_of_transactions_at_once_make_one_chain_and_none_waits_for_another(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let note = async |target: &str| {
            let mut tx = db.system().await.unwrap();
            let activity = NewActivity {
                action: "test",
                target: Some(target.to_owned()),
                ..Default::default()
            };
            record_system(&mut tx, None, &activity, Utc::now()).await.unwrap();
            tx
        };

        let (first, second) = (note("first").await, note("second").await);
        second.commit().await.unwrap();
        first.commit().await.unwrap();

        let order = sqlx::query_scalar!(r#"select target as "target!" from activity_log order by position"#)
            .fetch_all(&pool)
            .await
            .unwrap();
        assert_eq!(order, ["second", "first"]);
        assert_eq!(faults(&db).await, (2, Vec::new()));
    }
}
