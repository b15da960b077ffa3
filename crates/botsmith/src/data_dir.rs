//! What `botsmith all` keeps on the disk, and what the operator's commands find there.

use crate::settings::Settings;
use anyhow::Context;
use embedded_postgres::Postgres;
use secrecy::ExposeSecret;
use std::path::Path;

/// The master key of an installation that was not given one.
const MASTER_KEY: &str = "master.key";

/// Uses the master key in the data directory unless the settings name one; makes it the first time.
pub fn settle_master_key(settings: &mut Settings, data_dir: &Path) -> anyhow::Result<()> {
    if !settings.vault.master_key.expose_secret().is_empty() || settings.vault.master_key_file.is_some() {
        return Ok(());
    }
    let file = data_dir.join(MASTER_KEY);
    if vault::create_master_key_file(&file).context("making a master key")? {
        tracing::info!(
            "made a master key in {}: keep a copy of it, without it no backup is of use",
            file.display()
        );
    }
    settings.vault.master_key_file = Some(file);
    Ok(())
}

/// For commands that need no other key than the one that is there.
pub fn find_master_key(settings: &mut Settings, data_dir: &Path) {
    let file = data_dir.join(MASTER_KEY);
    let none =
        settings.vault.master_key.expose_secret().is_empty() && settings.vault.master_key_file.is_none();
    if none && file.exists() {
        settings.vault.master_key_file = Some(file);
    }
}

/// Starts the private PostgreSQL unless the settings name a server.
pub async fn settle_database(settings: &mut Settings, data_dir: &Path) -> anyhow::Result<Option<Postgres>> {
    if !settings.store.url.expose_secret().is_empty() {
        return Ok(None);
    }
    let postgres = Postgres::start(data_dir)
        .await
        .context("starting the private PostgreSQL")?;
    tracing::info!("the private PostgreSQL listens on {}", postgres.address());
    settings.store.url = postgres.url();
    Ok(Some(postgres))
}

/// For a command beside a running installation, or without one: the private PostgreSQL that runs is used, or one is
/// started for as long as the command takes.
pub async fn borrow_database(settings: &mut Settings, data_dir: &Path) -> anyhow::Result<Option<Postgres>> {
    if settings.store.url.expose_secret().is_empty()
        && let Some(url) = Postgres::url_if_running(data_dir)
    {
        settings.store.url = url;
        return Ok(None);
    }
    settle_database(settings, data_dir).await
}

/// The data directory if it has to be named, because it is not the usual one.
pub fn unusual(data_dir: &Path) -> Option<&Path> {
    (data_dir != process::data_dir::default_path()).then_some(data_dir)
}
