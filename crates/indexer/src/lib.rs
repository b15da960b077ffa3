//! Turns what owners add into passages that can be found.
//!
//! Invariants: a source's row says whether it is due; a message on the queue only saves waiting, and may be lost, doubled
//! or late. The passages of a source change in one transaction, by whoever holds its lease and for the version that was
//! read: killed at any point, the work is done again and every passage is there exactly once. A source that cannot be
//! indexed says why and holds up no other.

mod cut;
mod fetch;
mod file;
mod meaning;
mod pace;
mod page;
mod robots;
mod scope;
mod service;
mod site;
mod work;

pub use meaning::STATE as EMBEDDINGS_STATE;
pub use service::{Service, Settings};

use std::{sync::Arc, time::Duration};

/// What all workers of a process share.
struct Indexer {
    db: store::Db,
    queue: queue::Queue,
    limits: work::Limits,
    extractor: extract::Extractor,
    fetcher: fetch::Fetcher,
    /// By origin.
    robots: moka::future::Cache<String, Arc<robots::Robots>>,
    pace: pace::Pace,
    page_pause: Duration,
    /// There may be something to do.
    news: tokio::sync::Notify,
    embedders: embedder::Embedders,
    /// There may be passages without a vector.
    fresh: tokio::sync::Notify,
}
