//! One source, from its claim to its passages.

use crate::cut;
use queue::Queue;
use std::time::Duration;
use store::{
    Db, StoreError,
    sources::{self, Claimed, Committed},
};

/// How long a claim holds without being renewed, and how often one source is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub lease: Duration,
    pub attempts: u32,
    pub retry: Duration,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It can be found.
    Ready,
    /// It changed meanwhile: whoever claims it next does it again.
    Superseded,
    /// Its owner has to do something.
    Failed,
    /// It will be tried again.
    Later,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Later => "later",
        }
    }
}

/// Indexes a claimed source.
#[tracing::instrument(skip_all, fields(source.id = %claimed.id, chatbot.id = %claimed.chatbot, attempt = claimed.attempts))]
pub(crate) async fn index(db: &Db, queue: &Queue, limits: Limits, claimed: Claimed) -> Outcome {
    let started = tokio::time::Instant::now();
    let outcome = match held(db, limits.lease, &claimed, attempt(db, queue, limits, &claimed)).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the source was not indexed, it will be tried again"
            );
            give_back(db, limits, &claimed).await;
            Outcome::Later
        }
    };
    metrics::histogram!("botsmith_index_seconds", "outcome" => outcome.name())
        .record(started.elapsed().as_secs_f64());
    outcome
}

/// Renews the claim while the work goes on. A claim that is lost shows when the work is committed, and not before.
async fn held<T>(db: &Db, lease: Duration, claimed: &Claimed, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(lease / 3) => {
                if let Err(error) = sources::extend(db, claimed, lease).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the claim was not renewed");
                }
            }
        }
    }
}

async fn attempt(db: &Db, queue: &Queue, limits: Limits, claimed: &Claimed) -> Result<Outcome, StoreError> {
    if u32::try_from(claimed.attempts).unwrap_or(0) > limits.attempts {
        let reason = format!(
            "indexing was tried {} times and never came to an end; try it again, or make it smaller",
            limits.attempts
        );
        return fail(db, queue, claimed, &reason).await;
    }
    let (title, content) = (claimed.title.clone(), claimed.content.clone());
    let documents = match tokio::task::spawn_blocking(move || cut::documents(&title, &content)).await {
        Ok(Some(documents)) => documents,
        Ok(None) => return fail(db, queue, claimed, cut::NO_TEXT).await,
        Err(error) => {
            // A panic in our own code: the attempts are counted, so it does not go on for ever.
            tracing::error!(%error, "cutting the source ended badly");
            give_back(db, limits, claimed).await;
            return Ok(Outcome::Later);
        }
    };
    process::crash_point!("indexer.before_commit");
    let committed = sources::commit(db, claimed, &documents).await?;
    process::crash_point!("indexer.after_commit");
    Ok(match committed {
        Committed::Ready { knowledge_version } => {
            let passages: usize = documents.iter().map(|document| document.chunks.len()).sum();
            tracing::info!(knowledge_version, passages, "the source is indexed");
            tell(queue, claimed);
            Outcome::Ready
        }
        Committed::Superseded => Outcome::Superseded,
    })
}

async fn fail(db: &Db, queue: &Queue, claimed: &Claimed, reason: &str) -> Result<Outcome, StoreError> {
    if !sources::fail(db, claimed, reason).await? {
        return Ok(Outcome::Superseded);
    }
    tracing::info!(reason, "the source cannot be indexed");
    tell(queue, claimed);
    Ok(Outcome::Failed)
}

/// Whoever shows or keeps something of this chatbot looks again.
fn tell(queue: &Queue, claimed: &Claimed) {
    if let Err(error) = queue
        .live()
        .publish(&format!("chatbot.{}", claimed.chatbot), b"knowledge".to_vec())
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "nobody was told");
    }
}

/// Frees the claim for a later attempt. If that fails too, the claim runs out by itself.
async fn give_back(db: &Db, limits: Limits, claimed: &Claimed) {
    let doublings = u32::try_from(claimed.attempts.clamp(1, 8)).unwrap_or(1) - 1;
    let delay = limits.retry.saturating_mul(1 << doublings);
    if let Err(error) = sources::release(db, claimed, delay).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the claim was not given back"
        );
    }
}
