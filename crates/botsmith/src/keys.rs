//! `botsmith keys …`: the key under which every workspace's data key is wrapped.

use crate::{cli::Keys, data_dir, settings::Settings};
use anyhow::{Context, bail};
use std::path::Path;
use store::Db;
use vault::{MasterKeys, MasterStatus};

/// Makes a new master key where there is none.
pub fn generate(file: &Path) -> anyhow::Result<()> {
    if !vault::create_master_key_file(file)? {
        bail!(
            "{} is there already, and a key that is lost takes everything sealed with it",
            file.display()
        );
    }
    println!("Made a new master key in {}.", file.display());
    println!("Keep a copy of it apart from the backups of the database: they are of use only together.");
    Ok(())
}

/// Shows, or rotates.
pub async fn run(mut settings: Settings, keys: Keys, data_dir: &Path) -> anyhow::Result<()> {
    data_dir::find_master_key(&mut settings, data_dir);
    let masters = MasterKeys::load(&settings.vault)?;
    let postgres = data_dir::borrow_database(&mut settings, data_dir).await?;
    let db = Db::open(&settings.store)?;
    let outcome = match keys {
        Keys::Generate { file } => generate(&file),
        Keys::Status => vault::master_status(&db, &masters)
            .await
            .map(|status| show(&status))
            .map_err(Into::into),
        Keys::Rotate => rotate(&db, &masters).await,
    };
    db.close().await;
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    outcome
}

async fn rotate(db: &Db, masters: &MasterKeys) -> anyhow::Result<()> {
    let rotation = vault::rotate_master(db, masters)
        .await
        .context("rotating the master key")?;
    println!("Wrapped {} data keys anew.", rotation.rewrapped);
    show(&rotation.status);
    for (workspace, error) in &rotation.refused {
        eprintln!("workspace {workspace}: {error}");
    }
    if !rotation.refused.is_empty() {
        bail!(
            "{} data keys could not be unwrapped and stay as they are",
            rotation.refused.len()
        );
    }
    Ok(())
}

fn show(status: &MasterStatus) {
    println!("The current master key is {}.", status.current);
    for wrapped in &status.wrapped_by {
        let known = if wrapped.configured {
            ""
        } else {
            "  (NOT CONFIGURED: what it wraps cannot be opened)"
        };
        println!(
            "  {:>8} data keys under {}{known}",
            wrapped.data_keys, wrapped.master_key_id
        );
    }
    if status.remaining() > 0 {
        println!(
            "{} are under another key: run `botsmith keys rotate`.",
            status.remaining()
        );
    }
}
