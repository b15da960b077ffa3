//! Where the `botsmith` under test is.

use anyhow::{Context, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

/// The binary: `BOTSMITH_BIN`, or the one built beside this test, built anew when a source is younger than it.
pub fn botsmith() -> anyhow::Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(|| find().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
        .to_owned()
}

fn find() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("BOTSMITH_BIN") {
        let path = PathBuf::from(path);
        anyhow::ensure!(
            path.is_file(),
            "BOTSMITH_BIN is {}, and no file is there",
            path.display()
        );
        return Ok(path);
    }
    let this = std::env::current_exe()?;
    let folder = this.ancestors().find(|folder| folder.join("deps").is_dir());
    let folder = folder.context("this test does not run from a target folder; set BOTSMITH_BIN")?;
    let binary = folder.join("botsmith");
    let built = binary.metadata().and_then(|found| found.modified()).ok();
    let crates = workspace().join("crates");
    if built.is_none_or(|built| has_younger_source(&crates, built)) {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--package", "botsmith"])
            .current_dir(workspace());
        match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") => {}
            Some(profile) => drop(cargo.args(["--profile", profile])),
            None => bail!("{} is no target folder", folder.display()),
        }
        let status = cargo.status().context("cargo does not run; set BOTSMITH_BIN")?;
        anyhow::ensure!(status.success(), "botsmith cannot be built");
    }
    Ok(binary)
}

fn has_younger_source(folder: &Path, than: SystemTime) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return !path.ends_with("tests") && has_younger_source(&path, than);
        }
        let counts = path
            .extension()
            .is_some_and(|end| end == "rs" || end == "toml" || end == "sql");
        counts
            && entry
                .metadata()
                .and_then(|found| found.modified())
                .is_ok_and(|changed| changed > than)
    })
}
