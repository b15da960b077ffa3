//! The indexer as a service.

use crate::work::{self, Limits};
use queue::{Queue, QueueName};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use store::{Db, sources};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Settings of the indexer, section `[indexer]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many sources are indexed at a time.
    pub parallel: u16,
    /// How often it looks for sources that are due, for want of a message, in seconds.
    pub poll_seconds: u64,
    /// After how long the source of a dead indexer is taken by another, in seconds.
    pub lease_seconds: u64,
    /// How often a source is tried before it is given up.
    pub attempts: u32,
    /// How long after a failure it is first tried again, in seconds; then twice as long each time.
    pub retry_seconds: u64,
}

/// The indexer.
pub struct Service {
    settings: Settings,
    db: Db,
    queue: Queue,
}

impl Service {
    /// Puts everything together.
    pub const fn start(settings: Settings, db: Db, queue: Queue) -> Self {
        Self { settings, db, queue }
    }

    /// Indexes what is due until `stop`; what is in hand is finished first.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let news = Arc::new(Notify::new());
        let mut running = JoinSet::new();
        running.spawn(listen(self.queue.clone(), news.clone(), stop.clone()));
        let this = Arc::new(self);
        for _ in 0..this.settings.parallel.max(1) {
            running.spawn(Arc::clone(&this).work(news.clone(), stop.clone()));
        }
        while let Some(ended) = running.join_next().await {
            stop.cancel(); // one down means all down: the supervisor starts us whole
            ended?;
        }
        Ok(())
    }

    async fn work(self: Arc<Self>, news: Arc<Notify>, stop: CancellationToken) {
        let limits = Limits {
            lease: Duration::from_secs(self.settings.lease_seconds.max(1)),
            attempts: self.settings.attempts.max(1),
            retry: Duration::from_secs(self.settings.retry_seconds),
        };
        let poll = Duration::from_secs(self.settings.poll_seconds.max(1));
        let mut away = false;
        while !stop.is_cancelled() {
            let claimed = sources::claim(&self.db, limits.lease).await;
            match claimed {
                Ok(Some(claimed)) => {
                    away = false;
                    process::crash_point!("indexer.after_claim");
                    // There may be more for the others to do.
                    news.notify_one();
                    work::index(&self.db, &self.queue, limits, claimed).await;
                    continue;
                }
                Ok(None) => away = false,
                // Said once, not at every poll.
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "the indexer waits for the database");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = news.notified() => {}
                () = tokio::time::sleep(poll) => {}
            }
        }
    }
}

/// Takes messages off the queue. What they are about is a row already, so nothing is lost when one is acknowledged and
/// we die at once.
async fn listen(queue: Queue, news: Arc<Notify>, stop: CancellationToken) {
    let mut messages = queue.consume(&QueueName::Index, 16).await;
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => break,
            message = messages.next() => message,
        };
        let Some(message) = message else { break };
        match wire::read::<wire::IndexSource>(&message.payload) {
            Ok(_) => {
                news.notify_one();
                message.ack().await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a message of the queue cannot be read");
                message.dead(&error.to_string()).await;
            }
        }
    }
}
