//! How the server is set up: small, quiet, and reachable by nobody but us.
//!
//! Written anew before each start, so that a new version of BotSmith brings its own; what an operator adds to
//! `postgresql.conf` after our include wins.

use crate::{PostgresError, account::Account, socket};
use std::{
    fs::{OpenOptions, Permissions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// The file in the cluster's directory.
const FILE: &str = "botsmith.conf";

/// The line that makes PostgreSQL read it.
pub(crate) const INCLUDE: &str = "include_if_exists = 'botsmith.conf'\n";

fn contents(socket_directory: &Path) -> String {
    let port = socket::PORT;
    let directory = quoted(&socket_directory.display().to_string());
    // A socket's directory is a list, in which a comma separates and a double quote keeps together.
    format!(
        "# Written by BotSmith before each start. Put settings of your own into postgresql.conf, below the include.\n\
         listen_addresses = ''\n\
         unix_socket_directories = {directory}\n\
         unix_socket_permissions = 0700\n\
         port = {port}\n\
         max_connections = 100\n\
         shared_buffers = 64MB\n\
         max_wal_size = 512MB\n\
         # Tables of work in hand are full of what is done: looked at often, they stay small.\n\
         autovacuum_naptime = 10s\n\
         # Answers are short queries: compiling them costs more than it saves, and workers need shared memory that\n\
         # containers are short of.\n\
         jit = off\n\
         max_parallel_workers_per_gather = 0\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         logging_collector = on\n\
         log_directory = 'log'\n\
         log_filename = 'postgresql-%a.log'\n\
         log_truncate_on_rotation = on\n\
         log_rotation_age = 1d\n\
         log_rotation_size = 0\n\
         # Values of rows, which may be what people wrote, stay out of the log.\n\
         log_error_verbosity = terse\n\
         log_min_error_statement = panic\n"
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Replaces the file in one step, and whatever somebody may have put in its place.
pub(crate) fn write(data: &Path, socket_directory: &Path, account: &Account) -> Result<(), PostgresError> {
    let path = data.join(FILE);
    let new = data.join(format!("{FILE}.new"));
    let attempt = || {
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(contents(socket_directory).as_bytes())?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        account.give(&new)?;
        std::fs::rename(&new, &path)
    };
    attempt().map_err(|error| PostgresError::io("write", &path, error))
}
