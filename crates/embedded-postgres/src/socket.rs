//! Where the server listens: a directory that only its user can enter.

use crate::{PostgresError, account::Account};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The number in the socket's name. Nothing listens on the port of that number.
pub(crate) const PORT: u16 = 5432;

/// The kernel's limit for a socket's path, without the final zero.
const LONGEST_PATH: usize = 107;

/// Makes the directory: inside the server's own, or, if that path is too long for a socket, a short one named after it.
pub(crate) fn directory(home: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let directory = place_of(home);
    account.make_private_directory(&directory)?;
    Ok(directory)
}

/// Where it is, whether or not it has been made.
pub(crate) fn place_of(home: &Path) -> PathBuf {
    place(home, Path::new("/run"), rustix::process::geteuid().is_root())
}

fn place(home: &Path, run: &Path, root: bool) -> PathBuf {
    let inside = home.join("socket");
    if inside.join(name()).as_os_str().len() <= LONGEST_PATH {
        return inside;
    }
    let digest = Sha256::digest(home.as_os_str().as_bytes());
    let short = digest
        .iter()
        .take(8)
        .fold(String::from("botsmith-"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    if root && run.is_dir() {
        run.join(short)
    } else {
        Path::new("/tmp").join(short)
    }
}

/// The socket's file in its directory.
pub(crate) fn name() -> String {
    format!(".s.PGSQL.{PORT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_with_a_very_long_name_gets_a_short_socket_of_its_own() {
        let long = PathBuf::from(format!("/var/lib/{}/postgres", "x".repeat(90)));
        let longer = PathBuf::from(format!("/var/lib/{}/postgres", "x".repeat(91)));

        let near = place(Path::new("/var/lib/botsmith/postgres"), Path::new("/run"), true);
        let far = place(&long, Path::new("/run"), true);
        let far_too = place(&longer, Path::new("/run"), true);

        assert_eq!(near, Path::new("/var/lib/botsmith/postgres/socket"));
        assert!(
            far.starts_with("/run") && far.join(name()).as_os_str().len() <= LONGEST_PATH,
            "{far:?}"
        );
        assert_ne!(far, far_too);
        assert!(place(&long, Path::new("/run"), false).starts_with("/tmp"));
    }
}
