//! The roles as processes of their own.
//!
//! Those with HTTP of their own answer it from the first moment, with 503 where they cannot work yet; the others answer
//! `/healthz`, `/readyz` and `/metrics` on a small server. All of them wait for a database that is away or has no schema.

use crate::{
    cli::{self, Which},
    heartbeat, parts,
    running::Running,
    settings::Settings,
    shared::Shared,
};
use anyhow::Context;
use domain::Platform;
use process::health;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long connections may take to close.
const CLOSING: Duration = Duration::from_secs(4);

/// `botsmith gateway`
pub async fn gateway(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    tell_of_missing_database(&shared);
    let Shared {
        db,
        queue,
        accounts,
        readiness,
        ..
    } = shared.clone();
    let service = gateway::Service::start(settings.gateway, db, queue, accounts, readiness).await?;
    let mut running = Running::new(stop.clone());
    running.add("the heartbeat", heart_of(&shared, "gateway", &stop));
    running.add("the gateway", service.run(stop));
    finish(running, shared).await
}

/// These answer HTTP without a database, if only with 503: the log says meanwhile what they wait for.
fn tell_of_missing_database(shared: &Shared) {
    let shared = shared.clone();
    tokio::spawn(async move {
        if let Err(error) = shared.schema().await {
            tracing::error!("{error:#}");
        }
    });
}

/// `botsmith admin-api`
pub async fn admin_api(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    tell_of_missing_database(&shared);
    let api = parts::admin_api(&settings, &shared)?;
    let service = admin_api::Service::start(api, shared.readiness.clone()).await?;
    tracing::info!(address = %service.address(), "the API listens");
    let mut running = Running::new(stop.clone());
    running.add("the heartbeat", heart_of(&shared, "admin-api", &stop));
    running.add("the API", service.run(stop));
    finish(running, shared).await
}

/// Says that a process of this role is there. Its disk is that of the place where it would keep data.
fn heart_of(
    shared: &Shared,
    role: &'static str,
    stop: &CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let data_dir = process::data_dir::default_path();
    heartbeat::beat(shared.db.clone(), role, data_dir, stop.clone())
}

/// `botsmith chat-worker`
pub async fn chat_worker(
    settings: Settings,
    health: cli::Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    let service = parts::chat_worker(&settings, &shared)?;
    quiet(
        "the chat-worker",
        &settings,
        health,
        shared,
        stop.clone(),
        service.run(stop),
    )
    .await
}

/// `botsmith sender`
pub async fn sender(settings: Settings, which: Which, stop: CancellationToken) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    let platforms = named(which.platform.as_deref())?.unwrap_or_else(|| parts::platforms(&shared));
    let senders: Vec<_> = platforms
        .into_iter()
        .map(|platform| parts::sender(&settings, &shared, platform))
        .collect::<anyhow::Result<_>>()?;
    let until = stop.clone();
    let part = async move {
        let mut running = Running::new(until.clone());
        for sender in senders {
            running.add("a sender", sender.run(until.clone()));
        }
        running.finish().await
    };
    quiet("the sender", &settings, which.health, shared, stop, part).await
}

/// `botsmith listener`
pub async fn listener(settings: Settings, which: Which, stop: CancellationToken) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    let can = parts::listening_platforms(&shared);
    let platforms = named(which.platform.as_deref())?.unwrap_or_else(|| can.clone());
    if let Some(cannot) = platforms.iter().find(|platform| !can.contains(platform)) {
        anyhow::bail!(
            "{cannot} is not read over a connection; {} are",
            can.iter().map(Platform::as_str).collect::<Vec<_>>().join(", ")
        );
    }
    let listeners: Vec<_> = platforms
        .into_iter()
        .map(|platform| parts::listener(&settings, &shared, platform))
        .collect();
    let until = stop.clone();
    let part = async move {
        let mut running = Running::new(until.clone());
        for listener in listeners {
            running.add("a listener", listener.run(until.clone()));
        }
        running.finish().await
    };
    quiet("the listener", &settings, which.health, shared, stop, part).await
}

/// The platform that was named, if one was.
fn named(platform: Option<&str>) -> anyhow::Result<Option<Vec<Platform>>> {
    platform
        .map(|name| {
            Platform::try_from(name)
                .map(|platform| vec![platform])
                .with_context(|| format!("{name:?} is no platform"))
        })
        .transpose()
}

/// `botsmith indexer`
pub async fn indexer(settings: Settings, health: cli::Health, stop: CancellationToken) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    let service = parts::indexer(&settings, &shared)?;
    quiet(
        "the indexer",
        &settings,
        health,
        shared,
        stop.clone(),
        service.run(stop),
    )
    .await
}

/// `botsmith scheduler`
pub async fn scheduler(
    settings: Settings,
    health: cli::Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    let service = parts::scheduler(&settings, &shared)?;
    quiet(
        "the scheduler",
        &settings,
        health,
        shared,
        stop.clone(),
        service.run(stop),
    )
    .await
}

/// Runs a part that has no HTTP of its own: its health from the first moment, the part when the schema is there.
async fn quiet(
    name: &'static str,
    settings: &Settings,
    health: cli::Health,
    shared: Shared,
    stop: CancellationToken,
    part: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> anyhow::Result<()> {
    let schema = shared
        .readiness
        .flag("schema", "waiting for the database and its schema");
    let listen = health.health_listen.unwrap_or(settings.health.listen);
    let server = health::Server::start(listen, shared.readiness.clone())
        .with_context(|| format!("cannot listen on {listen} for /healthz, /readyz and /metrics"))?;
    tracing::info!(address = %server.address(), "health is told");
    let mut running = Running::new(stop.clone());
    // "the sender" is the role `sender`.
    let role = name.trim_start_matches("the ");
    running.add("the heartbeat", heart_of(&shared, role, &stop));
    running.add("health", async move {
        server.run(stop).await.context("the health server has ended")
    });
    let waiting = shared.clone();
    running.add(name, async move {
        if !waiting.schema().await? {
            return Ok(());
        }
        schema.set_ready();
        tracing::info!("{name} works");
        part.await
    });
    finish(running, shared).await
}

/// Runs the parts to their end, then closes what they shared.
pub async fn finish(running: Running, shared: Shared) -> anyhow::Result<()> {
    let outcome = running.finish().await;
    if tokio::time::timeout(CLOSING, shared.close()).await.is_err() {
        tracing::warn!("connections were not closed in order within {CLOSING:?}");
    }
    outcome
}
