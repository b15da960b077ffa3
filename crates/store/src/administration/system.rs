//! The database that everything is in.

use crate::{Db, StoreError};

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its version.
    pub version: String,
    /// How large it is, in bytes.
    pub bytes: i64,
    /// Connections to it, ours and others'.
    pub connections: i64,
    /// How many it takes.
    pub most_connections: i64,
    /// Transactions that have been open for longer than five seconds.
    pub long_transactions: i64,
    /// Its largest tables.
    pub tables: Vec<Table>,
}

/// A table, with its indices.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// How large it is, in bytes.
    pub bytes: i64,
    /// Rows, as the database last estimated them.
    pub rows: i64,
}

/// Tables that are named.
const TABLES: i64 = 10;

/// The database as it is now.
pub async fn database(db: &Db) -> Result<Database, StoreError> {
    let row = sqlx::query!(
        r#"select current_setting('server_version') as "version!",
                  pg_database_size(current_database()) as "bytes!",
                  (select count(*) from pg_stat_activity where datname = current_database()) as "connections!",
                  current_setting('max_connections')::bigint as "most_connections!",
                  (select count(*) from pg_stat_activity
                   where datname = current_database() and xact_start < now() - interval '5 seconds'
                     and backend_type = 'client backend') as "long_transactions!""#
    )
    .fetch_one(db.system_pool())
    .await?;
    let tables = sqlx::query!(
        r#"select c.relname as "name!", pg_total_relation_size(c.oid) as "bytes!",
                  greatest(c.reltuples, 0)::bigint as "rows!"
           from pg_class c
           where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
           order by 2 desc, 1 limit $1"#,
        TABLES,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(Database {
        version: row.version,
        bytes: row.bytes,
        connections: row.connections,
        most_connections: row.most_connections,
        long_transactions: row.long_transactions,
        tables: tables
            .into_iter()
            .map(|table| Table {
                name: table.name,
                bytes: table.bytes,
                rows: table.rows,
            })
            .collect(),
    })
}
