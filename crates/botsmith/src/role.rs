//! The roles as processes of their own.
//!
//! Those with HTTP of their own answer it from the first moment, with 503 where they cannot work yet; the others answer
//! `/healthz`, `/readyz` and `/metrics` on a small server. All of them wait for a database that is away or has no schema.

use crate::{
    cli::{Health, Sender},
    running::Running,
    settings::Settings,
    shared::Shared,
};
use anyhow::Context;
use domain::Platform;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long connections may take to close.
const CLOSING: Duration = Duration::from_secs(4);

/// `botsmith gateway`
pub async fn gateway(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let shared = Shared::open(&settings, &stop).await?;
    let Shared { db, queue, accounts, readiness, .. } = shared.clone();
    let service = gateway::Service::start(settings.gateway, db, queue, accounts, readiness).await?;
    let mut running = Running::new(stop.clone());
    running.add("the gateway", service.run(stop));
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
