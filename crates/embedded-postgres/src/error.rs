//! What can keep a private PostgreSQL from running, with what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The private PostgreSQL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server programs were found.
    #[error(
        "PostgreSQL {oldest} or newer is not installed: install it (Debian, Ubuntu: `apt-get install postgresql`; Fedora: \
         `dnf install postgresql-server`), or set DATABASE_URL to a server of yours"
    )]
    NotInstalled {
        /// The oldest release that serves.
        oldest: u32,
    },
    /// The cluster was made by a release that is not installed any more.
    #[error(
        "{data} was made by PostgreSQL {made_by}, and only {found} is installed: install PostgreSQL {made_by} as well \
         (Debian, Ubuntu: `apt-get install postgresql-{made_by}`), or move the data over with pg_upgrade"
    )]
    OtherRelease {
        /// The cluster.
        data: PathBuf,
        /// The release that made it.
        made_by: u32,
        /// The releases that are installed.
        found: String,
    },
    /// Another BotSmith uses the directory.
    #[error("another BotSmith{by} uses {}: stop it first, or give this one a directory of its own with --data-dir", data_dir.display())]
    InUse {
        /// The directory.
        data_dir: PathBuf,
        /// " (process 123)", if it is known.
        by: String,
    },
    /// PostgreSQL refuses to run as root, and there is nobody to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as"
    )]
    NoUnprivilegedUser,
    /// The user that PostgreSQL runs as cannot get to its directory.
    #[error("the user {user}, as whom PostgreSQL runs, may not enter {}: `chmod o+x {}`, or choose another --data-dir", directory.display(), directory.display())]
    NotReachable {
        /// The directory that is in the way.
        directory: PathBuf,
        /// The user.
        user: String,
    },
    /// Somebody else has made the directory in which the socket should be.
    #[error("{} is not a private directory of the user {user}: remove it", directory.display())]
    ForeignSocketDirectory {
        /// The directory.
        directory: PathBuf,
        /// Whose it should be.
        user: String,
    },
    /// One of PostgreSQL's own programs failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its name.
        program: String,
        /// What it said last.
        output: String,
    },
    /// A file or directory could not be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl PostgresError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
