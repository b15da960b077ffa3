//! `botsmith all`: every role in one process, for who has one machine and no wish for more.
//!
//! HTTP answers from the first moment, with 503 until the database has its schema.

use crate::{
    banner::Banner,
    cli, data_dir,
    demo::{self, Stage},
    heartbeat, http, parts, role,
    running::Running,
    settings::Settings,
    shared::Shared,
};
use admin_api::setup;
use anyhow::Context;
use gateway::Gateway;
use secrecy::ExposeSecret;
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};
use store::Db;
use tokio_util::sync::CancellationToken;

/// How long the person who started it waits to hear that all is well, before hearing that it is not.
const FIRST_READY: Duration = Duration::from_secs(15);

/// How long the start waits for a database before it goes on without.
const FIRST_ATTEMPT: Duration = Duration::from_secs(5);

/// Runs until told to stop.
pub async fn run(
    mut settings: Settings,
    options: &cli::All,
    data_dir: &Path,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listen = settings.gateway.listen;
    let listener = TcpListener::bind(listen).with_context(|| {
        format!("cannot listen on {listen}: choose another address with the setting gateway.listen")
    })?;
    settings.listens_on(listener.local_addr()?);
    let postgres = data_dir::settle_database(&mut settings, data_dir).await?;
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let keep = CancellationToken::new();
    let keeper = postgres.map(|postgres| tokio::spawn(postgres.run(keep.clone())));

    let outcome = with_database(settings, options, data_dir, listener, stop).await;

    keep.cancel();
    if let Some(keeper) = keeper {
        keeper
            .await
            .context("keeping the private PostgreSQL")?
            .context("stopping the private PostgreSQL")?;
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
    // Whoever says where Twilio is played plays it, and makes the demo with `botsmith demo`.
    let no_stage = options.no_demo || settings.platforms.twilio_simulator_url.is_some();
    let stage = if no_stage {
        None
    } else {
        Some(Stage::start(&mut settings, data_dir).await?)
    };
    stop.run_until_cancelled(migrate_now(&settings))
        .await
        .unwrap_or(Ok(()))?;
    let shared = Shared::open(&settings, &stop).await?;
    let schema = shared
        .readiness
        .flag("schema", "the database's schema is being brought up to date");
    let Shared {
        db, queue, accounts, ..
    } = shared.clone();
    let gateway = Gateway::new(settings.gateway.clone(), db, queue, accounts, &stop);
    let api = parts::admin_api(&settings, &shared)?;

    let mut running = Running::new(stop.clone());
    let threads = settings.gateway.threads;
    running.add(
        "HTTP",
        http::serve(
            listener,
            threads,
            gateway,
            api,
            shared.readiness.clone(),
            stop.clone(),
        ),
    );
    let work = Work {
        settings,
        stage,
        shared: shared.clone(),
        data_dir: data_dir.to_owned(),
    };
    running.add("the work behind HTTP", async move {
        if !work.shared.migrate().await? {
            return Ok(());
        }
        schema.set_ready();
        work.run(stop).await
    });
    role::finish(running, shared).await
}

/// A database that answers gets its schema before anything asks for it; one that is away gets it later.
async fn migrate_now(settings: &Settings) -> anyhow::Result<()> {
    let db = Db::open(&settings.store).context("reading the setting store.url")?;
    let known = tokio::time::timeout(FIRST_ATTEMPT, db.is_migrated()).await;
    match known {
        Ok(Ok(false)) => db
            .migrate()
            .await
            .or_else(|error| if error.is_transient() { Ok(()) } else { Err(error) }),
        Ok(Err(error)) if !error.is_transient() => Err(error),
        _ => Ok(()),
    }
    .with_context(|| {
        format!(
            "bringing the schema of the database at {} up to date",
            db.address()
        )
    })
}

/// Everything but HTTP.
struct Work {
    settings: Settings,
    stage: Option<Stage>,
    shared: Shared,
    data_dir: PathBuf,
}

impl Work {
    async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            settings,
            stage,
            shared,
            data_dir,
        } = self;
        let mut running = Running::new(stop.clone());
        let mut demo = None;
        if let Some(stage) = stage {
            // A demo that cannot be made is no reason to keep a working installation down.
            demo = stage.settle(&settings, &shared).await.unwrap_or_else(|error| {
                tracing::error!("there is no demo: {error:#}");
                None
            });
            running.add("the simulator", stage.run(stop.clone()));
        }
        running.add(
            "the heartbeat",
            heartbeat::beat(shared.db.clone(), "all", data_dir.clone(), stop.clone()),
        );
        running.add(
            "the chat-worker",
            parts::chat_worker(&settings, &shared)?.run(stop.clone()),
        );
        running.add(
            "the indexer",
            parts::indexer(&settings, &shared)?.run(stop.clone()),
        );
        running.add(
            "the scheduler",
            parts::scheduler(&settings, &shared)?.run(stop.clone()),
        );
        for platform in parts::listening_platforms(&shared) {
            running.add(
                "a listener",
                parts::listener(&settings, &shared, platform).run(stop.clone()),
            );
        }
        for platform in parts::platforms(&shared) {
            running.add(
                "a sender",
                parts::sender(&settings, &shared, platform)?.run(stop.clone()),
            );
        }
        if let Some(demo) = &demo {
            demo::known(&shared, demo, &stop).await;
        }
        let link = setup::setup_link(&shared.db, &settings.admin_api.public_url, shared.clock.now()).await;
        let link = link.unwrap_or_else(|error| {
            tracing::error!(
                "there is no set-up link (`botsmith setup-link` makes one): {:#}",
                anyhow::Error::from(error)
            );
            None
        });
        Banner {
            address: Some(&settings.gateway.public_url),
            ready: shared.is_ready_within(FIRST_READY).await,
            set_up: link.as_ref().map(|link| link.url.expose_secret()),
            demo: demo.as_ref(),
            data_dir: data_dir::unusual(&data_dir),
        }
        .print();
        running.finish().await
    }
}
