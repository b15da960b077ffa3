//! Answers to requests that carried an Idempotency-Key.
//!
//! Invariant: of all requests with one caller's key, one at a time does its work. A request that failed leaves nothing
//! behind, so it may be tried again with the same key; one that succeeded is answered from here.

use crate::{Db, StoreError};
use chrono::{DateTime, Duration, Utc};
use domain::WorkspaceId;
use std::fmt;
use uuid::Uuid;

/// Whose key it is and for which request.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The person or API key.
    pub caller: Uuid,
    /// The key as it was given.
    pub key: &'a str,
    /// Where the request does its work.
    pub workspace: Option<WorkspaceId>,
    /// Hash of method, path and body.
    pub request_hash: &'a [u8],
}

/// What became of a claim.
pub enum Claimed {
    /// The request is ours to do; call [`finish`] or [`release`] with this proof.
    Ours(Hold),
    /// It has been done, and this was the answer.
    Done(Answer),
    /// It is being done at this moment.
    UnderWay,
    /// The key was used for another request.
    AnotherRequest,
}

/// The right to do the work of a key. Lost when the key is taken over after [`GIVEN_UP_AFTER_SECONDS`].
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    since: DateTime<Utc>,
}

/// An answer as it was kept.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, sealed where the request had a workspace.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// After this long a request that is still under way belongs to a process that died.
pub const GIVEN_UP_AFTER_SECONDS: i64 = 120;

/// Takes the key for a request, or says what became of it before.
pub async fn claim(db: &Db, claim: Claim<'_>, now: DateTime<Utc>) -> Result<Claimed, StoreError> {
    // Microseconds, as the database keeps them: the time is compared later.
    let since = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
    let ours = sqlx::query_scalar!(
        "insert into idempotency_keys (caller, key, workspace_id, request_hash, created_at)
         values ($1, $2, $3, $4, $5)
         on conflict (caller, key) do update set created_at = excluded.created_at
         where idempotency_keys.status is null and idempotency_keys.request_hash = excluded.request_hash
           and idempotency_keys.created_at < $6
         returning created_at",
        claim.caller,
        claim.key,
        claim.workspace.map(|id| id.as_uuid()),
        claim.request_hash,
        since,
        since - Duration::seconds(GIVEN_UP_AFTER_SECONDS),
    )
    .fetch_optional(db.system_pool())
    .await?;
    if let Some(since) = ours {
        return Ok(Claimed::Ours(Hold { since }));
    }
    let row = sqlx::query!(
        "select request_hash, status, body from idempotency_keys where caller = $1 and key = $2",
        claim.caller,
        claim.key,
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(match row {
        Some(row) if row.request_hash != claim.request_hash => Claimed::AnotherRequest,
        Some(row) => match row.status {
            Some(status) => Claimed::Done(Answer {
                status: u16::try_from(status).unwrap_or(500),
                body: row.body.unwrap_or_default(),
            }),
            None => Claimed::UnderWay,
        },
        // It failed and was released between the two statements.
        None => Claimed::UnderWay,
    })
}

/// Keeps the answer of a request that succeeded.
pub async fn finish(db: &Db, claim: Claim<'_>, hold: Hold, answer: &Answer) -> Result<(), StoreError> {
    sqlx::query!(
        "update idempotency_keys set status = $4, body = $5
         where caller = $1 and key = $2 and created_at = $3 and status is null",
        claim.caller,
        claim.key,
        hold.since,
        i32::from(answer.status),
        answer.body,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Forgets a request that failed, so that it can be tried again.
pub async fn release(db: &Db, claim: Claim<'_>, hold: Hold) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from idempotency_keys where caller = $1 and key = $2 and created_at = $3 and status is null",
        claim.caller,
        claim.key,
        hold.since,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    fn of<'a>(caller: Uuid, hash: &'a [u8]) -> Claim<'a> {
        Claim {
            caller,
            key: "order-17",
            workspace: None,
            request_hash: hash,
        }
    }

    #[sqlx::test]
    async fn a_repeat_hears_the_first_answer(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (caller, now) = (Uuid::now_v7(), Utc::now());
        let Claimed::Ours(hold) = claim(&db, of(caller, b"a"), now).await.unwrap() else {
            panic!("not ours")
        };
        assert!(matches!(
            claim(&db, of(caller, b"a"), now).await.unwrap(),
            Claimed::UnderWay
        ));
        finish(
            &db,
            of(caller, b"a"),
            hold,
            &Answer {
                status: 201,
                body: b"first".to_vec(),
            },
        )
        .await
        .unwrap();

        let again = claim(&db, of(caller, b"a"), now + Duration::days(1))
            .await
            .unwrap();

        assert!(matches!(again, Claimed::Done(answer) if answer.status == 201 && answer.body == b"first"));
        assert!(matches!(
            claim(&db, of(caller, b"b"), now).await.unwrap(),
            Claimed::AnotherRequest
        ));
        assert!(matches!(
            claim(&db, of(Uuid::now_v7(), b"b"), now).await.unwrap(),
            Claimed::Ours(_)
        ));
    }

    #[sqlx::test]
    async fn a_request_that_failed_may_be_tried_again(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (caller, now) = (Uuid::now_v7(), Utc::now());
        let Claimed::Ours(hold) = claim(&db, of(caller, b"a"), now).await.unwrap() else {
            panic!("not ours")
        };

        release(&db, of(caller, b"a"), hold).await.unwrap();

        assert!(matches!(
            claim(&db, of(caller, b"a"), now).await.unwrap(),
            Claimed::Ours(_)
        ));
    }

    #[sqlx::test]
    async fn the_key_of_a_process_that_died_is_taken_over_and_the_dead_one_cannot_answer(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (caller, now) = (Uuid::now_v7(), Utc::now());
        let Claimed::Ours(dead) = claim(&db, of(caller, b"a"), now).await.unwrap() else {
            panic!("not ours")
        };
        let later = now + Duration::seconds(GIVEN_UP_AFTER_SECONDS + 1);

        let taken = claim(&db, of(caller, b"a"), later).await.unwrap();
        finish(
            &db,
            of(caller, b"a"),
            dead,
            &Answer {
                status: 200,
                body: Vec::new(),
            },
        )
        .await
        .unwrap();

        assert!(matches!(taken, Claimed::Ours(_)));
        assert!(matches!(
            claim(&db, of(caller, b"a"), later).await.unwrap(),
            Claimed::UnderWay
        ));
    }
}
