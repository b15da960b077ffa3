//! The table behind the queue's PostgreSQL transport: publish, claim, settle, and the bells that tell of it.
//!
//! Invariants: a job is handed to one consumer at a time; who has lost it cannot settle it any more, because every claim
//! carries a new token; the jobs of a consumer that died, however it died, are free as soon as its session is gone.

use crate::{Db, StoreError};
use chrono::{DateTime, Utc};
use sqlx::{
    PgConnection,
    postgres::{PgListener, PgPoolOptions},
};
use std::time::Duration;
use uuid::Uuid;

/// How long a claim holds without being extended.
pub const CLAIM_SECONDS: u32 = 30;

/// The only channel of notifications; what they are about is in the payload.
const CHANNEL: &str = "botsmith";

/// First keys of the advisory locks: numbers of living consumers, and queues that are consumed by one at a time.
const CONSUMERS: i32 = 0x6a6f_6273;
const QUEUES: i32 = 0x6a6f_6271;

/// At most as many claimed jobs at a queue's front are looked at when the jobs of dead consumers are freed. Claimed jobs
/// are always at the front, and there are no more of them than all consumers' prefetch together.
const FRONT: i64 = 10_000;

/// What is to be published.
#[derive(Clone, Copy)]
pub struct NewJob<'a> {
    /// The queue's full name.
    pub queue: &'a str,
    /// The message.
    pub payload: &'a [u8],
    /// The trace it belongs to.
    pub traceparent: Option<&'a str>,
}

/// One claim of one job: what is needed to settle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The job.
    pub id: i64,
    /// The fence.
    pub token: Uuid,
}

/// A job in hand.
pub struct Claimed {
    /// What settles it.
    pub claim: Claim,
    /// The message.
    pub payload: Vec<u8>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// How often it has been taken, this time included.
    pub attempts: i32,
    /// A dead letter: the queue it died on, why, and when.
    pub death: Option<Death>,
}

/// How a dead letter came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The queue it came from.
    pub origin: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A database session of its own, so that its locks live and die with it.
pub struct Session(PgConnection);

impl Session {
    /// Connects.
    pub async fn open(db: &Db) -> Result<Self, StoreError> {
        Ok(Self(db.system_connection().await?))
    }

    /// Whether the session still works.
    pub async fn ping(&mut self) -> Result<(), StoreError> {
        sqlx::query!("select 1 as one").fetch_one(&mut self.0).await?;
        Ok(())
    }

    /// Publishes all of them, in this order, or none.
    pub async fn publish(&mut self, jobs: &[NewJob<'_>]) -> Result<(), StoreError> {
        let queues: Vec<&str> = jobs.iter().map(|job| job.queue).collect();
        let payloads: Vec<&[u8]> = jobs.iter().map(|job| job.payload).collect();
        let traceparents: Vec<Option<&str>> = jobs.iter().map(|job| job.traceparent).collect();
        sqlx::query!(
            "insert into jobs (queue, payload, traceparent)
             select queue, payload, traceparent
             from unnest($1::text[], $2::bytea[], $3::text[]) with ordinality as new (queue, payload, traceparent, position)
             order by position",
            &queues as &[&str],
            &payloads as &[&[u8]],
            &traceparents as &[Option<&str>],
        )
        .execute(&mut self.0)
        .await?;
        Ok(())
    }

    /// Becomes a consumer: takes a number and holds its lock as long as the session lives.
    pub async fn take_number(&mut self) -> Result<i32, StoreError> {
        let number = sqlx::query_scalar!(r#"select nextval('job_consumers')::int as "number!""#)
            .fetch_one(&mut self.0)
            .await?;
        // Somebody may still hold it after two thousand million others.
        sqlx::query!("select pg_advisory_lock($1, $2)", CONSUMERS, number)
            .execute(&mut self.0)
            .await?;
        Ok(number)
    }

    /// Becomes the only consumer of the queue, as long as the session lives; false if another is.
    pub async fn try_lock_queue(&mut self, queue: &str) -> Result<bool, StoreError> {
        let locked = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock($1, hashtext($2)) as "locked!""#,
            QUEUES,
            queue,
        )
        .fetch_one(&mut self.0)
        .await?;
        Ok(locked)
    }

    /// Takes the next jobs of a queue, oldest first, but for those that somebody has in hand.
    ///
    /// The commit is not waited for: a claim that a crash of the database undoes leaves the job free, which is right.
    pub async fn claim(
        &mut self,
        queue: &str,
        consumer: i32,
        limit: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        let token = Uuid::new_v4();
        let mut rows = sqlx::query!(
            r#"with quickly as materialized (select set_config('synchronous_commit', 'off', true)),
                 next as (
                     select id from jobs, quickly
                     where queue = $1 and (claim is null or claimed_until < now())
                     order by id
                     limit $2
                     for update of jobs skip locked
                 )
             update jobs set
                 claim = $3, claimed_by = $4, claimed_until = now() + make_interval(secs => $5), attempts = attempts + 1
             from next
             where jobs.id = next.id
             returning jobs.id, payload, traceparent, published_at, attempts, origin, reason, died_at"#,
            queue,
            limit,
            token,
            consumer,
            f64::from(CLAIM_SECONDS),
        )
        .fetch_all(&mut self.0)
        .await?;
        rows.sort_unstable_by_key(|row| row.id);
        let claimed = rows.into_iter().map(|row| Claimed {
            claim: Claim { id: row.id, token },
            payload: row.payload,
            traceparent: row.traceparent,
            published_at: row.published_at,
            attempts: row.attempts,
            death: match (row.origin, row.reason, row.died_at) {
                (Some(origin), Some(reason), Some(at)) => Some(Death { origin, reason, at }),
                _ => None,
            },
        });
        Ok(claimed.collect())
    }

    /// Keeps jobs in hand, under this consumer's number; says which of them are still ours.
    pub async fn keep(&mut self, consumer: i32, claims: &[Claim]) -> Result<Vec<i64>, StoreError> {
        let (ids, tokens) = columns(claims);
        let kept = sqlx::query_scalar!(
            "update jobs set claimed_by = $3, claimed_until = now() + make_interval(secs => $4)
             from unnest($1::bigint[], $2::uuid[]) as held (id, token)
             where jobs.id = held.id and jobs.claim = held.token
             returning jobs.id",
            &ids,
            &tokens,
            consumer,
            f64::from(CLAIM_SECONDS),
        )
        .fetch_all(&mut self.0)
        .await?;
        Ok(kept)
    }

    /// Done: the jobs are gone. Returns how many were still ours.
    ///
    /// The commit is not waited for: an acknowledgement that a crash of the database undoes is a repeat, which every
    /// consumer has to tolerate; and any commit that is waited for, such as that of the next work, brings it to the disk.
    pub async fn acknowledge(&mut self, claims: &[Claim]) -> Result<u64, StoreError> {
        let (ids, tokens) = columns(claims);
        let done = sqlx::query!(
            "with quickly as materialized (select set_config('synchronous_commit', 'off', true))
             delete from jobs using unnest($1::bigint[], $2::uuid[]) as done (id, token), quickly
             where jobs.id = done.id and jobs.claim = done.token",
            &ids,
            &tokens,
        )
        .execute(&mut self.0)
        .await?;
        Ok(done.rows_affected())
    }

    /// Not done: the jobs take their old place in the queue. `touched` says whether the attempt counts.
    pub async fn give_back(&mut self, claims: &[Claim], touched: bool) -> Result<u64, StoreError> {
        let (ids, tokens) = columns(claims);
        let freed = sqlx::query!(
            "update jobs set claim = null, claimed_by = null, claimed_until = null,
                 attempts = attempts - case when $3 then 0 else 1 end
             from unnest($1::bigint[], $2::uuid[]) as back (id, token)
             where jobs.id = back.id and jobs.claim = back.token",
            &ids,
            &tokens,
            touched,
        )
        .execute(&mut self.0)
        .await?;
        Ok(freed.rows_affected())
    }

    /// Moves a job to the dead letters, with the reason. False if it was not ours any more.
    pub async fn bury(&mut self, claim: Claim, dead_queue: &str, reason: &str) -> Result<bool, StoreError> {
        let buried = sqlx::query!(
            "update jobs set
                 queue = $3, origin = queue, reason = $4, died_at = now(),
                 attempts = 0, claim = null, claimed_by = null, claimed_until = null
             where id = $1 and claim = $2",
            claim.id,
            claim.token,
            dead_queue,
            reason,
        )
        .execute(&mut self.0)
        .await?;
        Ok(buried.rows_affected() == 1)
    }

    /// Frees the jobs of consumers whose session is gone.
    pub async fn free_orphans(&mut self, queue: &str) -> Result<u64, StoreError> {
        let freed = sqlx::query!(
            "with living as materialized (
                 select objid::bigint as number from pg_locks
                 where locktype = 'advisory' and granted and objsubid = 2 and classid::bigint = $2
                     and database = (select oid from pg_database where datname = current_database())
             ),
             front as materialized (
                 select id, claim, claimed_by from jobs where queue = $1 order by id limit $3
             ),
             orphans as (
                 select jobs.id from jobs join front on front.id = jobs.id and front.claim = jobs.claim
                 where front.claimed_by::bigint not in (select number from living)
                 for update of jobs skip locked
             )
             update jobs set claim = null, claimed_by = null, claimed_until = null
             from orphans
             where jobs.id = orphans.id",
            queue,
            i64::from(CONSUMERS),
            FRONT,
        )
        .execute(&mut self.0)
        .await?;
        Ok(freed.rows_affected())
    }
}

/// What a statement counts as that was given up because it took too long.
pub fn overdue() -> StoreError {
    StoreError::Unavailable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
}

fn columns(claims: &[Claim]) -> (Vec<i64>, Vec<Uuid>) {
    claims.iter().map(|claim| (claim.id, claim.token)).unzip()
}

/// How many jobs wait in the queue, those in hand not counted.
pub async fn depth(db: &Db, queue: &str) -> Result<u64, StoreError> {
    let waiting = sqlx::query_scalar!(
        r#"select count(*) as "waiting!" from jobs where queue = $1 and (claim is null or claimed_until < now())"#,
        queue,
    )
    .fetch_one(db.system_pool())
    .await?;
    Ok(waiting.unsigned_abs())
}

/// How long ago the first job of the queue was published, whether it is in hand or not.
pub async fn oldest(db: &Db, queue: &str) -> Result<Option<Duration>, StoreError> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from now() - published_at)::float8 as "seconds!" from jobs
           where queue = $1 order by id limit 1"#,
        queue,
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(seconds.map(|seconds| Duration::from_secs_f64(seconds.max(0.0))))
}

/// Removes every job of a queue.
pub async fn purge(db: &Db, queue: &str) -> Result<u64, StoreError> {
    Ok(sqlx::query!("delete from jobs where queue = $1", queue)
        .execute(db.system_pool())
        .await?
        .rows_affected())
}

/// Tells every [`Bells`] of the database. Nothing is kept: who does not listen now will never know. A text may have
/// 7,999 bytes; two equal ones in one call are heard once.
pub async fn ring(db: &Db, texts: &[String]) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_notify($1, text) from unnest($2::text[]) with ordinality as bell (text, position) order by position",
        CHANNEL,
        texts,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(())
}

/// Hears what [`ring`] tells, from the moment it is opened until its connection is lost.
pub struct Bells(PgListener);

impl Bells {
    /// Connects and listens.
    pub async fn open(db: &Db) -> Result<Self, StoreError> {
        // A pool of its own, for one connection: a listener holds its connection for ever, and must neither take one
        // from those who work nor wait for one.
        let options = db.system_pool().connect_options();
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(5))
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options.as_ref().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // Who has missed something must know: a lost connection is the end of these bells.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// The next one; `None` when the connection is lost. Safe to cancel.
    pub async fn next(&mut self) -> Option<String> {
        match self.0.try_recv().await {
            Ok(Some(bell)) => Some(bell.payload().to_owned()),
            Ok(None) | Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    const QUEUE: &str = "chat.inbound";

    async fn publish(session: &mut Session, texts: &[&str]) {
        let jobs: Vec<_> = texts
            .iter()
            .map(|text| NewJob {
                queue: QUEUE,
                payload: text.as_bytes(),
                traceparent: None,
            })
            .collect();
        session.publish(&jobs).await.unwrap();
    }

    async fn consumer(db: &Db) -> (Session, i32) {
        let mut session = Session::open(db).await.unwrap();
        let number = session.take_number().await.unwrap();
        (session, number)
    }

    fn texts(jobs: &[Claimed]) -> Vec<&str> {
        jobs.iter()
            .map(|job| std::str::from_utf8(&job.payload).unwrap())
            .collect()
    }

    fn claims(jobs: &[Claimed]) -> Vec<Claim> {
        jobs.iter().map(|job| job.claim).collect()
    }

    #[sqlx::test]
    async fn jobs_are_taken_in_the_order_of_their_publication_and_by_one_consumer(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let ((mut one, first), (mut other, second)) = (consumer(&db).await, consumer(&db).await);
        publish(&mut one, &["a", "b", "c", "d"]).await;

        let of_one = one.claim(QUEUE, first, 2).await.unwrap();
        let of_other = other.claim(QUEUE, second, 10).await.unwrap();

        assert_eq!(
            (texts(&of_one), texts(&of_other)),
            (vec!["a", "b"], vec!["c", "d"])
        );
        assert_eq!(depth(&db, QUEUE).await.unwrap(), 0);
        assert_eq!(one.acknowledge(&claims(&of_one)).await.unwrap(), 2);
        assert_eq!(other.give_back(&claims(&of_other), true).await.unwrap(), 2);
        assert_eq!(depth(&db, QUEUE).await.unwrap(), 2);
        assert!(oldest(&db, QUEUE).await.unwrap().is_some());
    }

    #[sqlx::test]
    async fn who_has_lost_a_job_cannot_settle_it(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let ((mut slow, first), (mut quick, second)) = (consumer(&db).await, consumer(&db).await);
        publish(&mut slow, &["a"]).await;
        let lost = slow.claim(QUEUE, first, 1).await.unwrap()[0].claim;
        sqlx::query!("update jobs set claimed_until = now() - interval '1 s'")
            .execute(&pool)
            .await
            .unwrap();

        let taken = quick.claim(QUEUE, second, 1).await.unwrap();

        assert_eq!((texts(&taken), taken[0].attempts), (vec!["a"], 2));
        assert_eq!(slow.keep(first, &[lost]).await.unwrap(), Vec::<i64>::new());
        assert_eq!(slow.acknowledge(&[lost]).await.unwrap(), 0);
        assert_eq!(slow.give_back(&[lost], true).await.unwrap(), 0);
        assert!(!slow.bury(lost, "chat.inbound.dead", "late").await.unwrap());
        assert_eq!(quick.acknowledge(&claims(&taken)).await.unwrap(), 1);
    }

    #[sqlx::test]
    async fn what_a_dead_consumer_had_in_hand_is_free_and_what_a_living_one_has_is_not(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let ((mut dying, first), (mut living, second)) = (consumer(&db).await, consumer(&db).await);
        publish(&mut dying, &["a", "b", "c"]).await;
        dying.claim(QUEUE, first, 2).await.unwrap();
        living.claim(QUEUE, second, 1).await.unwrap();
        assert_eq!(living.free_orphans(QUEUE).await.unwrap(), 0);

        drop(dying);
        let mut freed = 0;
        while freed == 0 {
            freed = living.free_orphans(QUEUE).await.unwrap();
        }

        assert_eq!(freed, 2);
        assert_eq!(texts(&living.claim(QUEUE, second, 10).await.unwrap()), ["a", "b"]);
    }

    #[sqlx::test]
    async fn a_queue_has_one_owner_at_a_time(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (mut owner, mut standby) = (
            Session::open(&db).await.unwrap(),
            Session::open(&db).await.unwrap(),
        );

        assert!(owner.try_lock_queue(QUEUE).await.unwrap());
        assert!(!standby.try_lock_queue(QUEUE).await.unwrap());
        assert!(standby.try_lock_queue("chat.status").await.unwrap());
        drop(owner);

        while !standby.try_lock_queue(QUEUE).await.unwrap() {}
    }

    #[sqlx::test]
    async fn a_job_given_back_untouched_has_lost_no_attempt_and_a_dead_one_keeps_its_story(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (mut session, number) = consumer(&db).await;
        publish(&mut session, &["a"]).await;

        let untouched = session.claim(QUEUE, number, 1).await.unwrap();
        session.give_back(&claims(&untouched), false).await.unwrap();
        let again = session.claim(QUEUE, number, 1).await.unwrap();
        assert_eq!(again[0].attempts, 1);
        assert!(
            session
                .bury(again[0].claim, "chat.inbound.dead", "poison")
                .await
                .unwrap()
        );

        let letter = session
            .claim("chat.inbound.dead", number, 1)
            .await
            .unwrap()
            .remove(0);
        let death = letter.death.unwrap();
        assert_eq!(
            (death.origin.as_str(), death.reason.as_str(), letter.attempts),
            (QUEUE, "poison", 1)
        );
        assert_eq!(purge(&db, "chat.inbound.dead").await.unwrap(), 1);
    }

    #[sqlx::test]
    async fn bells_are_heard_in_order_and_tenants_have_no_part_in_the_queue(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let mut bells = Bells::open(&db).await.unwrap();

        ring(&db, &["one".to_owned(), "two".to_owned()]).await.unwrap();

        assert_eq!(bells.next().await.as_deref(), Some("one"));
        assert_eq!(bells.next().await.as_deref(), Some("two"));
        let mut tenant = db.tenant(domain::WorkspaceId::new()).await.unwrap();
        let read = sqlx::query!("select id from jobs")
            .fetch_all(tenant.connection())
            .await;
        assert!(read.is_err(), "a tenant may read other tenants' messages");
    }
}
