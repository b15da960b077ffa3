//! The statements that take the database's time, as its extension pg_stat_statements counts them.
//!
//! The extension is the operator's to install, so its view is not part of the schema: what is asked of it is checked when
//! it is asked.

use crate::{Db, StoreError};
use sqlx::Row;

/// Whether the database counts its statements.
#[derive(Debug, Clone, PartialEq)]
pub enum Counted {
    /// The extension is not installed in this database.
    NotInstalled,
    /// It is installed, and the server does not run with it or lets us not read it.
    NotReadable,
    /// These take the most time, the first the most.
    Statements(Vec<Statement>),
}

/// A statement, with its values left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its text, without values.
    pub text: String,
    /// How often it was run.
    pub calls: i64,
    /// How long it took on average, in milliseconds.
    pub mean_milliseconds: f64,
    /// How long all runs took together, in milliseconds.
    pub total_milliseconds: f64,
    /// Rows that it gave or touched, all runs together.
    pub rows: i64,
}

/// Statements that are listed.
const MOST: i64 = 15;

/// What takes the database's time.
pub async fn counted(db: &Db) -> Result<Counted, StoreError> {
    let installed = sqlx::query_scalar!(
        r#"select exists (select from pg_extension where extname = 'pg_stat_statements') as "installed!""#
    )
    .fetch_one(db.system_pool())
    .await?;
    if !installed {
        return Ok(Counted::NotInstalled);
    }
    let rows = sqlx::query(
        "select left(s.query, 400) as text, s.calls, s.mean_exec_time, s.total_exec_time, s.rows
         from pg_stat_statements s
         where s.dbid = (select oid from pg_database where datname = current_database())
         order by s.total_exec_time desc limit $1",
    )
    .bind(MOST)
    .fetch_all(db.system_pool())
    .await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(sqlx::Error::Database(error)) => {
            tracing::debug!(%error, "pg_stat_statements cannot be read");
            return Ok(Counted::NotReadable);
        }
        Err(error) => return Err(error.into()),
    };
    let statements = rows.iter().map(|row| {
        Ok(Statement {
            text: row.try_get("text")?,
            calls: row.try_get("calls")?,
            mean_milliseconds: row.try_get("mean_exec_time")?,
            total_milliseconds: row.try_get("total_exec_time")?,
            rows: row.try_get("rows")?,
        })
    });
    let statements: Result<Vec<Statement>, sqlx::Error> = statements.collect();
    Ok(Counted::Statements(statements?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    #[sqlx::test]
    async fn a_database_that_does_not_count_says_so(pool: PgPool) {
        let db = Db::of_pool(&pool);
        assert_eq!(counted(&db).await.unwrap(), Counted::NotInstalled);

        // Installed in a server that may not run with it: either way there is an answer.
        if sqlx::query("create extension pg_stat_statements")
            .execute(&pool)
            .await
            .is_ok()
        {
            assert_ne!(counted(&db).await.unwrap(), Counted::NotInstalled);
        }
    }
}
