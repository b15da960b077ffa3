//! The second factor of accounts: the sealed secret of time-based codes, and hashes of recovery codes.
//!
//! Invariants:
//! - A code works once: [`use_step`] takes a time step only when it is later than the last one taken.
//! - A recovery code works once, and only its hash is here.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};
use domain::UserId;

/// Where a secret is sealed for: the row is the account's id.
pub const SECRET_COLUMN: &str = "second_factors.secret";

/// A person's second factor.
#[derive(Clone)]
pub struct SecondFactor {
    /// The secret, sealed for the installation.
    pub secret: Vec<u8>,
    /// Since when a code is asked for; none: it is being set up.
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// What may be shown of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Since when a code is asked for.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
}

/// The second factor of a person, confirmed or not.
pub async fn find(tx: &mut SystemTx, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
    let row = sqlx::query!(
        "select secret, confirmed_at from second_factors where user_id = $1 for update",
        user.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| SecondFactor {
        secret: row.secret,
        confirmed_at: row.confirmed_at,
    }))
}

/// Whether a code is asked for when this person signs in.
pub async fn is_confirmed(db: &Db, user: UserId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from second_factors where user_id = $1 and confirmed_at is not null) as "exists!""#,
        user.as_uuid(),
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// What may be shown of a person's second factor.
pub async fn state(db: &Db, user: UserId) -> Result<State, StoreError> {
    let row = sqlx::query!(
        r#"select confirmed_at,
                  (select count(*) from recovery_codes r where r.user_id = f.user_id and r.used_at is null) as "left!"
           from second_factors f where user_id = $1 and confirmed_at is not null"#,
        user.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map_or_else(State::default, |row| State {
        confirmed_at: row.confirmed_at,
        recovery_codes: row.left,
    }))
}

/// Begins to set one up, in place of one that was never confirmed. `false`: there is a confirmed one, which stays.
pub async fn begin(
    tx: &mut SystemTx,
    user: UserId,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into second_factors as f (user_id, secret, created_at) values ($1, $2, $3)
         on conflict (user_id) do update set secret = excluded.secret, created_at = excluded.created_at, last_step = 0
         where f.confirmed_at is null",
        user.as_uuid(),
        sealed,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// From now on a code is asked for.
pub async fn confirm(tx: &mut SystemTx, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update second_factors set confirmed_at = $2 where user_id = $1",
        user.as_uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a time step. `false`: it, or a later one, was taken before.
pub async fn use_step(tx: &mut SystemTx, user: UserId, step: i64) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update second_factors set last_step = $2 where user_id = $1 and last_step < $2",
        user.as_uuid(),
        step,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses a recovery code up. `false`: there is none like it, or it was used.
pub async fn use_recovery_code(
    tx: &mut SystemTx,
    user: UserId,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null",
        user.as_uuid(),
        hash,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps these recovery codes in place of all earlier ones.
pub async fn replace_recovery_codes(
    tx: &mut SystemTx,
    user: UserId,
    hashes: &[Vec<u8>],
) -> Result<(), StoreError> {
    sqlx::query!("delete from recovery_codes where user_id = $1", user.as_uuid())
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "insert into recovery_codes (user_id, code_hash) select $1, unnest($2::bytea[])",
        user.as_uuid(),
        hashes,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the second factor away, its recovery codes with it. `false`: there was no confirmed one.
pub async fn delete(tx: &mut SystemTx, user: UserId) -> Result<bool, StoreError> {
    sqlx::query!("delete from recovery_codes where user_id = $1", user.as_uuid())
        .execute(&mut **tx)
        .await?;
    let was = sqlx::query_scalar!(
        r#"delete from second_factors where user_id = $1 returning confirmed_at is not null as "confirmed!""#,
        user.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(was == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    async fn person(db: &Db) -> UserId {
        let user = UserId::new();
        let mut tx = db.system().await.unwrap();
        crate::users::insert(&mut tx, user, "a@acme.test", "A", None, false, Utc::now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        user
    }

    #[sqlx::test]
    async fn a_time_step_is_taken_once_and_none_before_it_after_it(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let user = person(&db).await;
        let mut tx = db.system().await.unwrap();
        assert!(begin(&mut tx, user, b"sealed", Utc::now()).await.unwrap());

        assert!(use_step(&mut tx, user, 100).await.unwrap());
        assert!(!use_step(&mut tx, user, 100).await.unwrap());
        assert!(!use_step(&mut tx, user, 99).await.unwrap());
        assert!(use_step(&mut tx, user, 101).await.unwrap());
    }

    #[sqlx::test]
    async fn a_recovery_code_works_once_and_new_ones_end_the_old(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (user, now) = (person(&db).await, Utc::now());
        let mut tx = db.system().await.unwrap();
        replace_recovery_codes(&mut tx, user, &[b"one".to_vec(), b"two".to_vec()])
            .await
            .unwrap();

        assert!(use_recovery_code(&mut tx, user, b"one", now).await.unwrap());
        assert!(!use_recovery_code(&mut tx, user, b"one", now).await.unwrap());
        replace_recovery_codes(&mut tx, user, &[b"three".to_vec()])
            .await
            .unwrap();
        assert!(!use_recovery_code(&mut tx, user, b"two", now).await.unwrap());
        assert!(use_recovery_code(&mut tx, user, b"three", now).await.unwrap());
    }

    #[sqlx::test]
    async fn a_confirmed_one_is_not_replaced_by_setting_up_another(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (user, now) = (person(&db).await, Utc::now());
        let mut tx = db.system().await.unwrap();
        assert!(begin(&mut tx, user, b"first", now).await.unwrap());
        assert!(begin(&mut tx, user, b"second", now).await.unwrap());
        confirm(&mut tx, user, now).await.unwrap();

        assert!(!begin(&mut tx, user, b"third", now).await.unwrap());
        assert_eq!(find(&mut tx, user).await.unwrap().unwrap().secret, b"second");
        assert!(delete(&mut tx, user).await.unwrap());
        assert!(!delete(&mut tx, user).await.unwrap());
    }
}
