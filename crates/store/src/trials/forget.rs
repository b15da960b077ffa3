//! What of a run may be forgotten.

use crate::{Db, StoreError};
use chrono::{DateTime, Utc};

/// Forgets how the answers of runs that ended before came to be, and the runs that answered one message again; what a
/// version's run found stays.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<(), StoreError> {
    let mut tx = db.system().await?;
    sqlx::query!(
        "delete from trial_runs where kind = 'again' and finished_at < $1",
        before
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update trial_results set record = null
         where record is not null and run_id in (select id from trial_runs where finished_at < $1)",
        before
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, noon};
    use chrono::TimeDelta;
    use sqlx::PgPool;

    async fn run(pool: &PgPool, bot: fixtures::Bot, kind: &str, finished_at: Option<DateTime<Utc>>) {
        sqlx::query(
            "with run as (
                 insert into trial_runs
                     (id, workspace_id, chatbot_id, kind, settings, questions_hash, created_at, finished_at)
                 values (gen_random_uuid(), $1, $2, $3, '{}', '', now(), $4)
                 returning id, workspace_id)
             insert into trial_results (run_id, position, workspace_id, question, expected, answer, record)
             select id, 1, workspace_id, 'When?', '{}', 'At nine.', '{}' from run",
        )
        .bind(bot.workspace.as_uuid())
        .bind(bot.chatbot.as_uuid())
        .bind(kind)
        .bind(finished_at)
        .execute(pool)
        .await
        .unwrap();
    }

    #[sqlx::test]
    async fn of_old_runs_the_answers_stay_and_how_they_came_to_be_is_forgotten(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
        let (old, new) = (noon() - TimeDelta::days(100), noon() - TimeDelta::days(1));
        for (kind, finished_at) in [
            ("publish", Some(old)),
            ("again", Some(old)),
            ("publish", Some(new)),
            ("again", Some(new)),
            ("demand", None),
        ] {
            run(&pool, bot, kind, finished_at).await;
        }

        forget(&db, noon() - TimeDelta::days(90)).await.unwrap();

        let left: Vec<(String, bool, Option<String>)> = sqlx::query_as(
            "select kind, record is not null, answer from trial_runs join trial_results on run_id = id
             order by finished_at, kind desc",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let answer = Some("At nine.".to_owned());
        let expected = [
            ("publish", false),
            ("publish", true),
            ("again", true),
            ("demand", true),
        ]
        .map(|(kind, has_record)| (kind.to_owned(), has_record, answer.clone()));
        assert_eq!(left, expected);
    }
}
