//! `botsmith all`: every role in one process, for who has one machine and no wish for more.
//!
//! HTTP answers from the first moment, with 503 until the database has its schema.

use crate::{
    banner::Banner,
    cli, data_dir,
    demo::{self, Place},
    http, operator, role,
    running::Running,
    settings::Settings,
    shared::Shared,
};
use admin_api::AdminApi;
use anyhow::Context;
use gateway::Gateway;
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};
use tokio_util::sync::CancellationToken;

/// Runs until told to stop.
pub async fn run(
    mut settings: Settings,
    options: &cli::All,
    data_dir: &Path,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listen = settings.gateway.listen;
    let listener = TcpListener::bind(listen)
        .with_context(|| format!("cannot listen on {listen}: choose another address with the setting gateway.listen"))?;
    settings.listens_on(listener.local_addr()?);
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let postgres = data_dir::settle_database(&mut settings, data_dir).await?;
    let keep = CancellationToken::new();
    let keeper = postgres.map(|postgres| tokio::spawn(postgres.run(keep.clone())));

    let outcome = with_database(settings, options, data_dir, listener, stop).await;

    keep.cancel();
    if let Some(keeper) = keeper {
        keeper.await.context("keeping the private PostgreSQL")?.context("stopping the private PostgreSQL")?;
    }
    outcome
}

async fn with_database(
    mut settings: Settings,
    options: &cli::All,
    data_dir: &Path,
    listener: TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    data_dir::settle_master_key(&mut settings, data_dir)?;
    let place = if options.no_demo { None } else { Some(Place::start(&mut settings, data_dir).await?) };
    let shared = Shared::open(&settings, &stop).await?;
    let schema = shared.readiness.flag("schema", "the database's schema is being brought up to date");
    let Shared { db, queue, accounts, .. } = shared.clone();
    let gateway = Gateway::new(settings.gateway.clone(), db, queue, accounts, &stop);
    let api = role::new_admin_api(&settings, &shared)?;

    let mut running = Running::new(stop.clone());
    let threads = settings.gateway.threads;
    running.add("HTTP", http::serve(listener, threads, gateway, api.clone(), shared.readiness.clone(), stop.clone()));
    let work = Work { settings, place, shared: shared.clone(), data_dir: data_dir.to_owned(), api };
    running.add("the work behind HTTP", async move {
        match work.shared.migrate().await {
            None => Ok(()),
            Some(migrated) => {
                migrated?;
                schema.set_ready();
                work.run(stop).await
            }
        }
    });
    role::finish(running, shared).await
}
