//! The database, held in two roles.
//!
//! Invariant: no query of a service runs as the login role. [`Db::tenant`] opens a transaction in which row-level
//! security shows one workspace's rows and no others, whatever the query says; [`Db::system`] is for what works across
//! workspaces: intake, turns, sending, sign-in, housekeeping.

use crate::StoreError;
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::{
    ConnectOptions, Executor, PgConnection, PgPool, Postgres, Transaction,
    migrate::{Migrate, MigrateError},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{ops::DerefMut, str::FromStr, time::Duration};

/// How to reach the database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `postgres://user:password@host:port/database`. Empty: the private PostgreSQL of `botsmith all`.
    #[serde(default)]
    pub url: SecretString,
    /// Connections that this process may open for its system work; a quarter as many more for tenants' requests.
    pub max_connections: u32,
    /// How long a request waits for a free connection, in seconds.
    pub acquire_timeout_seconds: u64,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    options: PgConnectOptions,
    system: PgPool,
    tenant: PgPool,
}

/// A transaction that sees one workspace's rows and no others.
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    workspace: WorkspaceId,
}

/// A change of the schema.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// What it is called; `None`: a newer version of this program made it.
    pub description: Option<String>,
    /// Whether it was made.
    pub is_applied: bool,
}

/// A transaction across workspaces.
pub type SystemTx = Transaction<'static, Postgres>;

impl Db {
    /// Reads the settings; connects when first used, so that a database that is away at start is no reason to die.
    pub fn open(settings: &Settings) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(settings.url.expose_secret())?
            .application_name("botsmith")
            .disable_statement_logging();
        let acquire = Duration::from_secs(settings.acquire_timeout_seconds);
        Ok(Self::with_options(options, settings.max_connections, acquire))
    }

    /// For tests that are given a pool: the same database, in its roles.
    pub fn of_pool(pool: &PgPool) -> Self {
        Self::with_options(
            pool.connect_options().as_ref().clone(),
            8,
            Duration::from_secs(10),
        )
    }

    fn with_options(options: PgConnectOptions, max_connections: u32, acquire: Duration) -> Self {
        let pool = |role: &'static str, connections: u32| {
            PgPoolOptions::new()
                .max_connections(connections.max(2))
                .acquire_timeout(acquire)
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        connection.execute(role).await?;
                        Ok(())
                    })
                })
                .connect_lazy_with(options.clone())
        };
        let system = pool("set role botsmith_system", max_connections);
        let tenant = pool("set role botsmith_tenant", max_connections / 4);
        Self {
            options,
            system,
            tenant,
        }
    }

    /// Where the database is, without user and password, for messages.
    pub fn address(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// Brings the schema up to date. Safe to run from several processes at once. What a newer version has added stays:
    /// every migration is safe under the version before it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.options.connect().await?;
        let mut migrations = sqlx::migrate!();
        migrations.set_ignore_missing(true);
        migrations
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|error| match error {
                MigrateError::Execute(error) => error.into(),
                error => StoreError::Migrate(error),
            })
    }

    /// Whether the schema has everything that this version needs.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        let migrations = self.migrations().await?;
        Ok(migrations.iter().all(|migration| migration.is_applied))
    }

    /// The changes of the schema that this version needs, and those that newer ones have made, by their numbers.
    pub async fn migrations(&self) -> Result<Vec<Migration>, StoreError> {
        let mut connection = self.options.connect().await?;
        let needed = sqlx::migrate!();
        let applied = match connection.list_applied_migrations(&needed.table_name).await {
            Ok(applied) => applied,
            Err(MigrateError::Execute(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some("42P01") =>
            {
                Vec::new()
            }
            Err(MigrateError::Execute(error)) => return Err(error.into()),
            Err(error) => return Err(error.into()),
        };
        let mut migrations: Vec<Migration> = needed
            .iter()
            .map(|needed| Migration {
                version: needed.version,
                description: Some(needed.description.to_string()),
                is_applied: applied.iter().any(|applied| applied.version == needed.version),
            })
            .collect();
        let newer = applied
            .iter()
            .filter(|applied| !needed.iter().any(|needed| needed.version == applied.version));
        migrations.extend(newer.map(|newer| Migration {
            version: newer.version,
            description: None,
            is_applied: true,
        }));
        migrations.sort_by_key(|migration| migration.version);
        Ok(migrations)
    }

    /// What time it is for the database, for comparing clocks.
    pub async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "time!""#)
            .fetch_one(&self.system)
            .await?)
    }

    /// Whether the database answers, and its schema is there.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query!("select 1 as one from installation limit 1")
            .fetch_optional(&self.system)
            .await?;
        Ok(())
    }

    /// Single statements across workspaces.
    pub(crate) const fn system_pool(&self) -> &PgPool {
        &self.system
    }

    /// A transaction across workspaces.
    pub async fn system(&self) -> Result<SystemTx, StoreError> {
        Ok(self.system.begin().await?)
    }

    /// A transaction in which only this workspace exists.
    pub async fn tenant(&self, workspace: WorkspaceId) -> Result<TenantTx, StoreError> {
        let mut tx = self.tenant.begin().await?;
        sqlx::query_scalar!(
            "select set_config('botsmith.workspace', $1, true)",
            workspace.as_uuid().to_string()
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok(TenantTx { tx, workspace })
    }

    /// How to connect for what needs a connection of its own: listening for notifications, holding session locks.
    /// In the system role.
    pub(crate) async fn system_connection(&self) -> Result<PgConnection, StoreError> {
        let mut connection = self.options.connect().await?;
        connection.execute("set role botsmith_system").await?;
        Ok(connection)
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.system.close().await;
        self.tenant.close().await;
    }
}

impl TenantTx {
    /// The only workspace that exists here.
    pub const fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Makes it so.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.tx.deref_mut()
    }
}
