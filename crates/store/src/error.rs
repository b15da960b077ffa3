//! What can go wrong with the database, named by what the caller does next.

/// A query failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is starting or shutting down, or lost the connection: try again later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Two transactions stood in each other's way: run this one again at once.
    #[error("the transaction has to be run again")]
    Conflict(#[source] sqlx::Error),
    /// A unique key is taken already. Carries the constraint's name.
    #[error("a row with this {0} exists already")]
    Taken(String),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A value in the database is not what this program can read.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
    /// The query itself is wrong: a defect of ours.
    #[error("the query failed")]
    Query(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::Unavailable(error)
            }
            E::Database(database) => match database.code().as_deref() {
                // Serialisation failure, deadlock.
                Some("40001" | "40P01") => Self::Conflict(error),
                Some("23505") => Self::Taken(database.constraint().unwrap_or_default().to_owned()),
                // Connection exceptions, shutting down, starting up, too many connections, disk full.
                Some(code) if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
                    Self::Unavailable(error)
                }
                _ => Self::Query(error),
            },
            _ => Self::Query(error),
        }
    }
}

impl StoreError {
    /// Whether the same call may succeed later without anything being changed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_))
    }
}

impl From<domain::UnknownState> for StoreError {
    fn from(error: domain::UnknownState) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<domain::RoleError> for StoreError {
    fn from(error: domain::RoleError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<domain::PlatformError> for StoreError {
    fn from(error: domain::PlatformError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
