//! Failed sign-ins, counted per account and per address, for the delay that grows with them.
//!
//! Invariant: a subject is a hash or an address, never an e-mail address in clear.

use crate::{Db, StoreError};
use chrono::{DateTime, Duration, Utc};

/// After this long without another failure a subject starts from nothing.
pub const FORGOTTEN_AFTER: Duration = Duration::hours(24);

/// This many failures cost nothing; each one more doubles the wait, from a second to [`LONGEST_WAIT`].
pub const FREE: i32 = 10;

/// No wait is longer.
pub const LONGEST_WAIT: Duration = Duration::minutes(15);

/// Whether a try may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Yes. It counts as a failure until [`clear`] or [`forgive`] says otherwise, so that many at once all count.
    Yes,
    /// Not before this long.
    After(Duration),
}

/// Counts a try, unless the subject has to wait.
pub async fn admit(db: &Db, subject: &str, now: DateTime<Utc>) -> Result<Admitted, StoreError> {
    let counted = sqlx::query_scalar!(
        "insert into sign_in_failures as f (subject, failures, last_at) values ($1, 1, $2)
         on conflict (subject) do update set
             failures = case when f.last_at > $3 then f.failures + 1 else 1 end,
             last_at = excluded.last_at
         where f.failures < $4
            or f.last_at + make_interval(secs => least($5, power(2, least(f.failures - $4, 20)))) <= excluded.last_at
         returning failures",
        subject,
        now,
        now - FORGOTTEN_AFTER,
        FREE,
        LONGEST_WAIT.num_seconds() as f64,
    )
    .fetch_optional(db.system_pool())
    .await?;
    if counted.is_some() {
        return Ok(Admitted::Yes);
    }
    let row = sqlx::query!(
        "select failures, last_at from sign_in_failures where subject = $1",
        subject
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map_or(Admitted::After(Duration::seconds(1)), |row| {
        let wait = Duration::seconds(1 << (row.failures - FREE).clamp(0, 20)).min(LONGEST_WAIT);
        Admitted::After((row.last_at + wait - now).max(Duration::seconds(1)))
    }))
}

/// Takes one try back: of an address, when the password given from there was right. The others stay, lest somebody
/// clears them by signing in to an account of their own.
pub async fn forgive(db: &Db, subject: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update sign_in_failures set failures = failures - 1 where subject = $1 and failures > 0",
        subject
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Starts from nothing: the right password was given.
pub async fn clear(db: &Db, subject: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from sign_in_failures where subject = $1", subject)
        .execute(db.system_pool())
        .await?;
    Ok(())
}

/// Forgets what counts no more; housekeeping. Returns how many.
pub async fn prune(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from sign_in_failures where last_at <= $1",
        now - FORGOTTEN_AFTER
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    #[sqlx::test]
    async fn s15_after_ten_failures_the_wait_doubles_and_a_day_later_all_is_forgotten(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for _ in 0..FREE {
            assert_eq!(admit(&db, "ip:198.51.100.7", start).await.unwrap(), Admitted::Yes);
        }

        let eleventh = admit(&db, "ip:198.51.100.7", start).await.unwrap();
        let waited = admit(&db, "ip:198.51.100.7", start + Duration::seconds(1))
            .await
            .unwrap();
        let twelfth = admit(&db, "ip:198.51.100.7", start + Duration::seconds(2))
            .await
            .unwrap();

        assert_eq!(eleventh, Admitted::After(Duration::seconds(1)));
        assert_eq!(waited, Admitted::Yes);
        assert_eq!(twelfth, Admitted::After(Duration::seconds(1)));
        assert_eq!(admit(&db, "ip:203.0.113.9", start).await.unwrap(), Admitted::Yes);
        let tomorrow = start + FORGOTTEN_AFTER + Duration::seconds(1);
        assert_eq!(
            admit(&db, "ip:198.51.100.7", tomorrow).await.unwrap(),
            Admitted::Yes
        );
        assert_eq!(
            admit(&db, "ip:198.51.100.7", tomorrow).await.unwrap(),
            Admitted::Yes
        );
    }

    #[sqlx::test]
    async fn s15_a_hundred_tries_at_once_are_not_a_hundred_tries(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let now = Utc::now();
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let db = db.clone();
            tries.spawn(async move { admit(&db, "account:a", now).await.unwrap() });
        }

        let admitted = tries
            .join_all()
            .await
            .into_iter()
            .filter(|tried| *tried == Admitted::Yes)
            .count();

        assert_eq!(admitted, 10);
    }

    #[sqlx::test]
    async fn a_right_password_takes_back_one_failure_of_the_address_and_all_of_the_account(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let now = Utc::now();
        for _ in 0..FREE {
            admit(&db, "ip", now).await.unwrap();
            admit(&db, "account", now).await.unwrap();
        }

        forgive(&db, "ip").await.unwrap();
        clear(&db, "account").await.unwrap();

        assert_eq!(admit(&db, "ip", now).await.unwrap(), Admitted::Yes);
        assert!(matches!(admit(&db, "ip", now).await.unwrap(), Admitted::After(_)));
        for _ in 0..FREE {
            assert_eq!(admit(&db, "account", now).await.unwrap(), Admitted::Yes);
        }
    }
}
