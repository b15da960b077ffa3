//! As whom the server runs: as ourselves, or, since PostgreSQL refuses to run as root, as an unprivileged user.

use crate::PostgresError;
use std::{
    fs::{DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

/// In this order.
const UNPRIVILEGED: &[&str] = &["postgres", "nobody"];

/// A user of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether commands have to change to this user first.
    change: bool,
}

impl Account {
    /// Ourselves, or an unprivileged user if we are root.
    pub(crate) fn choose() -> Result<Self, PostgresError> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if !uid.is_root() {
            let name = format!("with the id {}", uid.as_raw());
            return Ok(Self {
                name,
                uid: uid.as_raw(),
                gid: gid.as_raw(),
                change: false,
            });
        }
        UNPRIVILEGED
            .iter()
            .find_map(|name| {
                Some(Self {
                    name: (*name).to_owned(),
                    uid: id("-u", name)?,
                    gid: id("-g", name)?,
                    change: true,
                })
            })
            .ok_or(PostgresError::NoUnprivilegedUser)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs as this user, with nothing of our environment (which may hold secrets) but the path.
    pub(crate) fn command(&self, program: &Path, directory: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command
            .current_dir(directory)
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(std::process::Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if self.change {
            // Setting the user also drops root's supplementary groups.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes a directory that only this user can use. One that is there already must be of that kind.
    pub(crate) fn make_private_directory(&self, directory: &Path) -> Result<(), PostgresError> {
        match DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => self
                .give(directory)
                .map_err(|error| PostgresError::io("give away", directory, error)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if self.has_private_directory(directory) {
                    Ok(())
                } else {
                    self.take_over(directory)
                }
            }
            Err(error) => Err(PostgresError::io("create", directory, error)),
        }
    }

    /// Hands over a file or directory of ours; a symbolic link itself, not where it leads.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        if self.change {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
        } else {
            Ok(())
        }
    }

    fn has_private_directory(&self, directory: &Path) -> bool {
        directory
            .symlink_metadata()
            .is_ok_and(|found| found.is_dir() && found.uid() == self.uid && found.mode() & 0o077 == 0)
    }

    /// A directory of our own (made by root before it was given away, or with wider permissions) is put right; a stranger's
    /// is not touched.
    fn take_over(&self, directory: &Path) -> Result<(), PostgresError> {
        let foreign = || PostgresError::ForeignSocketDirectory {
            directory: directory.to_owned(),
            user: self.name.clone(),
        };
        let found = directory
            .symlink_metadata()
            .map_err(|error| PostgresError::io("look at", directory, error))?;
        let ours = found.is_dir() && [self.uid, rustix::process::geteuid().as_raw()].contains(&found.uid());
        if !ours {
            return Err(foreign());
        }
        std::fs::set_permissions(directory, Permissions::from_mode(0o700))
            .and_then(|()| self.give(directory))
            .map_err(|error| PostgresError::io("give away", directory, error))
    }

    /// Whether this user can get to the directory, and if not, what is in the way.
    pub(crate) async fn reach(&self, directory: &Path) -> Result<(), PostgresError> {
        let attempt = self.command(Path::new("true"), directory).status().await;
        match attempt {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(PostgresError::NotReachable {
                    directory: self
                        .first_closed(directory)
                        .unwrap_or_else(|| directory.to_owned()),
                    user: self.name.clone(),
                })
            }
            // That the program `true` is missing is no reason to refuse.
            _ => Ok(()),
        }
    }

    fn first_closed(&self, directory: &Path) -> Option<PathBuf> {
        let mut above: Vec<&Path> = directory.ancestors().collect();
        above.reverse();
        let closed = |path: &&Path| {
            path.metadata().is_ok_and(|found| {
                let bit = if found.uid() == self.uid {
                    0o100
                } else if found.gid() == self.gid {
                    0o010
                } else {
                    0o001
                };
                found.mode() & bit == 0
            })
        };
        above.into_iter().find(closed).map(Path::to_owned)
    }
}

/// Asked of the system's own program, which knows every source of users that the machine has.
fn id(which: &str, user: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().parse().ok())
        .flatten()
}
