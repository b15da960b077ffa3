//! The indexer as a service.

use crate::{Indexer, fetch::Fetcher, meaning, pace::Pace, page, work, work::Limits};
use anyhow::Context;
use egress::Guard;
use embedder::Embedders;
use extract::Extractor;
use ipnet::IpNet;
use queue::{Queue, QueueName};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use store::{Db, pages, sources};
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
    /// Between two requests to one site that does not say itself how patient it wants us, in milliseconds.
    pub page_pause_milliseconds: u64,
    /// How many pages of one site are in hand at a time.
    pub pages_at_once: u16,
    /// Private networks that web pages may be read from.
    #[serde(default)]
    pub allowed_private_cidrs: Vec<IpNet>,
    /// How much a file may take to be read.
    #[serde(default)]
    pub reading: extract::Limits,
}

/// How long a robots.txt is good for.
const ROBOTS_KEPT: Duration = Duration::from_secs(3_600);
/// Of how many sites.
const MOST_ROBOTS: u64 = 1_000;

/// The indexer.
pub struct Service {
    settings: Settings,
    indexer: Indexer,
}

impl Service {
    /// Puts everything together. `program` with `arguments` has to read files ([`extract::serve`]).
    pub fn start(
        settings: Settings,
        db: Db,
        queue: Queue,
        program: std::path::PathBuf,
        arguments: &[&str],
        embedders: Embedders,
    ) -> anyhow::Result<Self> {
        let fetcher =
            Fetcher::new(Guard::new(&settings.allowed_private_cidrs)).context("preparing to read pages")?;
        let limits = Limits {
            lease: Duration::from_secs(settings.lease_seconds.max(1)),
            attempts: settings.attempts.max(1),
            retry: Duration::from_secs(settings.retry_seconds),
        };
        let indexer = Indexer {
            db,
            queue,
            limits,
            extractor: Extractor::new(program, arguments, settings.reading),
            fetcher,
            robots: moka::future::Cache::builder()
                .max_capacity(MOST_ROBOTS)
                .time_to_live(ROBOTS_KEPT)
                .build(),
            pace: Pace::default(),
            page_pause: Duration::from_millis(settings.page_pause_milliseconds),
            news: Notify::new(),
            embedders,
            fresh: Notify::new(),
        };
        Ok(Self { settings, indexer })
    }

    /// Indexes what is due until `stop`; what is in hand is finished first.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        let this = Arc::new(self);
        running.spawn(listen(Arc::clone(&this), stop.clone()));
        running.spawn({
            let (this, stop) = (Arc::clone(&this), stop.clone());
            async move { meaning::run(&this.indexer, this.poll(), &stop).await }
        });
        running.spawn(renew(Arc::clone(&this), stop.clone()));
        for _ in 0..this.settings.parallel.max(1) {
            running.spawn(Arc::clone(&this).work(stop.clone()));
        }
        while let Some(ended) = running.join_next().await {
            stop.cancel(); // one down means all down: the supervisor starts us whole
            ended?;
        }
        Ok(())
    }

    fn poll(&self) -> Duration {
        Duration::from_secs(self.settings.poll_seconds.max(1))
    }

    async fn work(self: Arc<Self>, stop: CancellationToken) {
        let poll = self.poll();
        let mut away = false;
        while !stop.is_cancelled() {
            match self.next().await {
                Ok(true) => {
                    away = false;
                    self.indexer.fresh.notify_one();
                    continue;
                }
                Ok(false) => away = false,
                // Said once, not at every poll.
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the indexer waits for the database"
                    );
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.indexer.news.notified() => {}
                () = tokio::time::sleep(poll) => {}
            }
        }
    }

    /// Does what has been due longest: sources before pages, for a site's thousands of pages hold up nobody's text.
    /// `false`: there was nothing.
    async fn next(&self) -> Result<bool, store::StoreError> {
        let Indexer { db, limits, news, .. } = &self.indexer;
        if let Some(claimed) = sources::claim(db, limits.lease).await? {
            process::crash_point!("indexer.after_claim");
            // There may be more for the others to do.
            news.notify_one();
            if work::index(&self.indexer, claimed).await == work::Outcome::Begun {
                news.notify_one();
            }
            return Ok(true);
        }
        let at_once = i64::from(self.settings.pages_at_once.max(1));
        let Some(claim) = pages::claim(db, limits.lease, at_once).await? else {
            return Ok(false);
        };
        process::crash_point!("site.after_page_claim");
        news.notify_one();
        page::index(&self.indexer, claim).await;
        Ok(true)
    }
}

/// Makes due what is to be read again by now. A database that is away is said by those who work.
async fn renew(service: Arc<Service>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if matches!(sources::renew(&service.indexer.db).await, Ok(1..)) {
            service.indexer.news.notify_one();
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(service.poll()) => {}
        }
    }
}

/// Takes messages off the queue. What they are about is a row already, so nothing is lost when one is acknowledged and
/// we die at once.
async fn listen(service: Arc<Service>, stop: CancellationToken) {
    let mut messages = service.indexer.queue.consume(&QueueName::Index, 16).await;
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => break,
            message = messages.next() => message,
        };
        let Some(message) = message else { break };
        match wire::read::<wire::IndexSource>(&message.payload) {
            Ok(_) => {
                service.indexer.news.notify_one();
                message.ack().await;
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a message of the queue cannot be read"
                );
                message.dead(&error.to_string()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
