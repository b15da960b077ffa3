//! One BotSmith per data directory.

use crate::PostgresError;
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Held as long as the value lives; the kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "holding the file is holding the lock")] File);

impl Lock {
    pub(crate) fn take(data_dir: &Path) -> Result<Self, PostgresError> {
        let path = data_dir.join("lock");
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = open.map_err(|error| PostgresError::io("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let by = if holder.is_empty() {
                    String::new()
                } else {
                    format!(" (process {holder})")
                };
                return Err(PostgresError::InUse {
                    data_dir: data_dir.to_owned(),
                    by,
                });
            }
            Err(TryLockError::Error(error)) => return Err(PostgresError::io("lock", &path, error)),
        }
        // Only for the message of whoever comes second.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(file))
    }
}

/// Others may pass through to what is theirs (the server's user to its own directory), and may not look around.
pub(crate) fn make_data_dir(data_dir: &Path) -> Result<(), PostgresError> {
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    if let Some(above) = data_dir.parent() {
        std::fs::create_dir_all(above).map_err(|error| PostgresError::io("create", above, error))?;
    }
    match DirBuilder::new().mode(mode).create(data_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(PostgresError::io("create", data_dir, error))
        }
        _ => Ok(()),
    }
}
