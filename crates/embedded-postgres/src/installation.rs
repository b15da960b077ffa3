//! Finds PostgreSQL's server programs.

use crate::PostgresError;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest release that serves.
const OLDEST: u32 = 14;

/// What we call.
const PROGRAMS: &[&str] = &["postgres", "initdb", "pg_ctl"];

/// One installed release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    programs: PathBuf,
}

impl Installation {
    /// The newest, or for a cluster that exists the one that made it.
    pub(crate) fn find(data: &Path) -> Result<Self, PostgresError> {
        Self::choose(installed(), data)
    }

    fn choose(mut found: BTreeMap<u32, PathBuf>, data: &Path) -> Result<Self, PostgresError> {
        let made_by = std::fs::read_to_string(data.join("PG_VERSION"))
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let programs = match made_by {
            Some(made_by) => match found.remove(&made_by) {
                Some(programs) => Some(programs),
                None if found.is_empty() => None,
                None => {
                    let releases: Vec<String> = found.keys().map(u32::to_string).collect();
                    return Err(PostgresError::OtherRelease {
                        data: data.to_owned(),
                        made_by,
                        found: releases.join(", "),
                    });
                }
            },
            None => found.pop_last().map(|(_, programs)| programs),
        };
        programs
            .map(|programs| Self { programs })
            .ok_or(PostgresError::NotInstalled { oldest: OLDEST })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// By release; of one that is installed twice the first found, the path's before the distributions'.
fn installed() -> BTreeMap<u32, PathBuf> {
    let mut found = BTreeMap::new();
    for directory in places() {
        if PROGRAMS.iter().all(|program| directory.join(program).is_file())
            && let Some(release) = release(&directory)
            && release >= OLDEST
        {
            found.entry(release).or_insert(directory);
        }
    }
    found
}

/// The path, then where Debian, Fedora's and PostgreSQL's own packages, Alpine and Homebrew put them.
fn places() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|place| place.is_absolute())
        .collect();
    for (above, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
    ] {
        let entries = std::fs::read_dir(above).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        places.extend(named.map(|entry| entry.path().join(below)));
    }
    places
}

/// `postgres (PostgreSQL) 15.20 (Debian …)` is release 15.
fn release(programs: &Path) -> Option<u32> {
    let output = Command::new(programs.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    parse_release(&String::from_utf8_lossy(&output.stdout))
}

fn parse_release(text: &str) -> Option<u32> {
    let number = text.split_once("(PostgreSQL)")?.1.trim_start();
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> BTreeMap<u32, PathBuf> {
        BTreeMap::from([(15, PathBuf::from("/fifteen")), (17, PathBuf::from("/seventeen"))])
    }

    #[test]
    fn a_release_is_read_whatever_the_packager_adds() {
        assert_eq!(
            parse_release("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_release("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_release("postgres: command not found"), None);
    }

    #[test]
    fn a_new_cluster_is_made_by_the_newest_release_and_an_old_one_kept_by_its_own() {
        let data = tempfile::tempdir().unwrap();

        let newest = Installation::choose(two(), data.path()).unwrap();
        std::fs::write(data.path().join("PG_VERSION"), "15\n").unwrap();
        let own = Installation::choose(two(), data.path()).unwrap();

        assert_eq!(newest.program("postgres"), Path::new("/seventeen/postgres"));
        assert_eq!(own.program("postgres"), Path::new("/fifteen/postgres"));
    }

    #[test]
    fn what_has_to_be_installed_is_named() {
        let data = tempfile::tempdir().unwrap();

        let nothing = Installation::choose(BTreeMap::new(), data.path())
            .unwrap_err()
            .to_string();
        std::fs::write(data.path().join("PG_VERSION"), "16\n").unwrap();
        let another = Installation::choose(two(), data.path()).unwrap_err().to_string();

        assert!(nothing.contains("apt-get install postgresql"), "{nothing}");
        assert!(
            another.contains("apt-get install postgresql-16") && another.contains("15, 17"),
            "{another}"
        );
    }
}
