//! Commands for the operator at the machine: the schema, and getting in.

use crate::{
    audit,
    cli::{Admin, Audit},
    data_dir,
    settings::Settings,
};
use admin_api::setup::{self, OneTimeLink};
use anyhow::{Context, bail};
use chrono::Utc;
use secrecy::ExposeSecret;
use std::path::Path;
use store::Db;

/// `botsmith openapi`
pub fn openapi() -> anyhow::Result<()> {
    println!(
        "{}",
        admin_api::AdminApi::described().context("describing the API")?
    );
    Ok(())
}

/// `botsmith migrate`
pub async fn migrate(settings: Settings, data_dir: &Path) -> anyhow::Result<()> {
    with_database(settings, data_dir, async |_, db| {
        let address = db.address();
        db.migrate()
            .await
            .with_context(|| format!("bringing the schema of the database at {address} up to date"))?;
        println!("The schema of the database at {address} is up to date.");
        Ok(())
    })
    .await
}

/// `botsmith admin …`
pub async fn admin(settings: Settings, admin: Admin, data_dir: &Path) -> anyhow::Result<()> {
    with_database(settings, data_dir, async |settings, db| {
        migrated(db).await?;
        match admin {
            Admin::ResetPassword { email } => {
                let url = &settings.admin_api.public_url;
                let link = setup::reset_link(db, url, email.as_deref(), Utc::now()).await?;
                println!("{}", link.url.expose_secret());
                println!(
                    "\nWith this link {} chooses a new password. {}",
                    link.email.as_deref().unwrap_or("they"),
                    ends(&link)
                );
            }
            Admin::ResetSecondFactor { email } => {
                match setup::reset_second_factor(db, email.as_deref(), Utc::now()).await? {
                    (email, true) => {
                        println!("{email} signs in with the password alone; all their sessions ended.")
                    }
                    (email, false) => println!("{email} has no second factor."),
                }
            }
        }
        Ok(())
    })
    .await
}

/// `botsmith audit …`
pub async fn audit(settings: Settings, audit: Audit, data_dir: &Path) -> anyhow::Result<()> {
    let Audit::Verify = audit;
    with_database(settings, data_dir, async |_, db| {
        migrated(db).await?;
        audit::verify(db).await
    })
    .await
}

/// `botsmith setup-link`
pub async fn setup_link(settings: Settings, data_dir: &Path) -> anyhow::Result<()> {
    with_database(settings, data_dir, async |settings, db| {
        migrated(db).await?;
        let link = setup::setup_link(db, &settings.admin_api.public_url, Utc::now()).await?;
        let Some(link) = link else {
            bail!("there is an administrator already; one who is locked out needs `botsmith admin reset-password`");
        };
        println!("{}", link.url.expose_secret());
        println!("\nWhoever opens this link becomes the administrator. {}", ends(&link));
        Ok(())
    })
    .await
}

fn ends(link: &OneTimeLink) -> String {
    format!(
        "It works once, until {}.",
        link.expires_at.format("%Y-%m-%d %H:%M UTC")
    )
}

async fn migrated(db: &Db) -> anyhow::Result<()> {
    if !db
        .is_migrated()
        .await
        .with_context(|| format!("asking the database at {}", db.address()))?
    {
        bail!(
            "the database at {} has no up-to-date schema: run `botsmith migrate` first",
            db.address()
        );
    }
    Ok(())
}

async fn with_database(
    mut settings: Settings,
    data_dir: &Path,
    work: impl AsyncFnOnce(&Settings, &Db) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let postgres = data_dir::borrow_database(&mut settings, data_dir).await?;
    let db = Db::open(&settings.store).context("reading the setting store.url")?;
    let outcome = work(&settings, &db).await;
    db.close().await;
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    outcome
}
