//! One source, from its claim to its passages.

use crate::{Indexer, cut, file, site};
use domain::{ChatbotId, WorkspaceId};
use queue::{
    Queue,
    workspace_news::{self, WorkspaceNews},
};
use std::time::Duration;
use store::{
    Db, StoreError,
    sources::{self, Claimed, Committed, Content, NewDocument},
};

/// How long a claim holds without being renewed, and how often one source is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub lease: Duration,
    pub attempts: u32,
    pub retry: Duration,
}

impl Limits {
    /// How long after a failed attempt there is another.
    pub(crate) fn pause_after(&self, attempts: i32) -> Duration {
        let doublings = u32::try_from(attempts.clamp(1, 8)).unwrap_or(1) - 1;
        self.retry.saturating_mul(1 << doublings)
    }
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It can be found.
    Ready,
    /// Its pages are to be read now.
    Begun,
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
            Self::Begun => "begun",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Later => "later",
        }
    }
}

/// Why a source has no documents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Its owner has to do something.
    #[error("{0}")]
    Owner(String),
    /// It may go well another time.
    #[error("{0}")]
    Later(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Indexes a claimed source.
#[tracing::instrument(skip_all, fields(source.id = %claimed.id, chatbot.id = %claimed.chatbot, attempt = claimed.attempts))]
pub(crate) async fn index(indexer: &Indexer, claimed: Claimed) -> Outcome {
    let started = tokio::time::Instant::now();
    let (db, limits) = (&indexer.db, indexer.limits);
    let extend = || sources::extend(db, &claimed, limits.lease);
    let outcome = match held(limits.lease, extend, attempt(indexer, &claimed)).await {
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

/// Renews a claim while the work goes on. A claim that is lost shows when the work is committed, and not before.
pub(crate) async fn held<T, E>(lease: Duration, extend: impl Fn() -> E, work: impl Future<Output = T>) -> T
where
    E: Future<Output = Result<bool, StoreError>>,
{
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(lease / 3) => {
                if let Err(error) = extend().await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the claim was not renewed");
                }
            }
        }
    }
}

async fn attempt(indexer: &Indexer, claimed: &Claimed) -> Result<Outcome, Unread> {
    let (db, queue, limits) = (&indexer.db, &indexer.queue, indexer.limits);
    if u32::try_from(claimed.attempts).unwrap_or(0) > limits.attempts {
        let reason = format!(
            "indexing was tried {} times and never came to an end; try it again, or make it smaller",
            limits.attempts
        );
        return Ok(fail(db, queue, claimed, &reason).await?);
    }
    let documents = match &claimed.content {
        Content::Site(site) => {
            return Ok(match site::begin(indexer, claimed, site).await {
                Ok(true) => Outcome::Begun,
                Ok(false) => Outcome::Superseded,
                Err(Unread::Owner(reason)) => fail(db, queue, claimed, &reason).await?,
                Err(other) => return Err(other),
            });
        }
        Content::File(file) => file::documents(indexer, claimed, file).await,
        Content::Text(_) | Content::Qa(_) => cut_here(claimed).await,
    };
    let documents = match documents {
        Ok(documents) => documents,
        Err(Unread::Owner(reason)) => return Ok(fail(db, queue, claimed, &reason).await?),
        Err(other) => return Err(other),
    };
    process::crash_point!("indexer.before_commit");
    let committed = sources::commit(db, claimed, &documents).await?;
    process::crash_point!("indexer.after_commit");
    Ok(match committed {
        Committed::Ready { knowledge_version } => {
            let passages: usize = documents.iter().map(|document| document.chunks.len()).sum();
            tracing::info!(knowledge_version, passages, "the source is indexed");
            tell(queue, claimed.workspace, claimed.chatbot);
            Outcome::Ready
        }
        Committed::Superseded => Outcome::Superseded,
    })
}

/// What the owner wrote needs no reading, only cutting.
async fn cut_here(claimed: &Claimed) -> Result<Vec<NewDocument>, Unread> {
    let (title, content) = (claimed.title.clone(), claimed.content.clone());
    let cut = tokio::task::spawn_blocking(move || match &content {
        Content::Text(text) => cut::text(&title, text),
        Content::Qa(pairs) => cut::pairs(
            &title,
            pairs.iter().map(|p| (p.question.as_str(), p.answer.as_str())),
        ),
        Content::File(_) | Content::Site(_) => None,
    })
    .await
    // A panic in our own code: the attempts are counted, so it does not go on for ever.
    .map_err(|error| Unread::Later(format!("cutting the source ended badly: {error}")))?;
    cut.map(|document| vec![document])
        .ok_or_else(|| Unread::Owner(cut::NO_TEXT.to_owned()))
}

async fn fail(db: &Db, queue: &Queue, claimed: &Claimed, reason: &str) -> Result<Outcome, StoreError> {
    if !sources::fail(db, claimed, reason).await? {
        return Ok(Outcome::Superseded);
    }
    tracing::info!(reason, "the source cannot be indexed");
    tell(queue, claimed.workspace, claimed.chatbot);
    Ok(Outcome::Failed)
}

/// Whoever shows or keeps something of this chatbot looks again.
pub(crate) fn tell(queue: &Queue, workspace: WorkspaceId, chatbot: ChatbotId) {
    workspace_news::tell(queue, workspace, &WorkspaceNews::Sources { chatbot });
    if let Err(error) = queue
        .live()
        .publish(&format!("chatbot.{chatbot}"), b"knowledge".to_vec())
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "nobody was told");
    }
}

/// Frees the claim for a later attempt. If that fails too, the claim runs out by itself.
async fn give_back(db: &Db, limits: Limits, claimed: &Claimed) {
    let delay = limits.pause_after(claimed.attempts);
    if let Err(error) = sources::release(db, claimed, delay).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the claim was not given back"
        );
    }
}
