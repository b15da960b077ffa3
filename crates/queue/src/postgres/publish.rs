//! Publishing by group commit: what many callers publish at the same time is one statement and one commit.
//!
//! Invariant: a caller is told that its message is published only after the commit.

use super::bells::Bells;
use crate::{
    Context, Message, Refusal,
    backoff::Backoff,
    metrics,
    presence::{Presence, Watch},
};
use std::{collections::HashSet, error::Error, sync::Arc, time::Duration};
use store::{
    Db, StoreError,
    jobs::{NewJob, Session},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Committed together, at most.
const MOST_MESSAGES: usize = 500;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Messages that wait to be taken, at most.
const MOST_WAITING: usize = 4_096;

/// How long a commit may take before the connection is given up.
const OVERDUE: Duration = Duration::from_secs(5);

/// How often a connection on which nothing happens is tried, so that readiness is the truth.
const LOOK: Duration = Duration::from_secs(1);

/// Hands messages to the task that commits.
pub(super) struct Publisher {
    orders: mpsc::Sender<Order>,
    session: Watch<()>,
    patience: Duration,
}

struct Order {
    queue: String,
    message: Message,
    reply: oneshot::Sender<Committed>,
}

/// What became of a message that did not simply vanish with its connection.
enum Committed {
    Yes,
    Refused,
}

impl Publisher {
    pub(super) fn open(db: Db, context: &Context, bells: Arc<Bells>) -> Self {
        let (presence, session) = Presence::new();
        let (orders, waiting) = mpsc::channel(MOST_WAITING);
        let task = Task {
            db,
            bells,
            presence,
            waiting,
            closed: context.closed.clone(),
        };
        context.tasks.spawn(task.run());
        Self {
            orders,
            session,
            patience: context.publish_timeout,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.session.now().is_some()
    }

    /// Publishes until it is committed, or time is up. What was lost with a connection is sent again as long as there is
    /// time: a repeat is allowed, a loss is not.
    pub(super) async fn publish(&self, queue: &str, message: Message) -> Result<(), Refusal> {
        const SHORTLY: Duration = Duration::from_secs(1);
        const LATER: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + self.patience;
        loop {
            if self.session.soon(self.patience, deadline).await.is_none() {
                return Err(Refusal::new("away", LATER));
            }
            let (reply, outcome) = oneshot::channel();
            let order = Order {
                queue: queue.to_owned(),
                message: message.clone(),
                reply,
            };
            match self.orders.try_send(order) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => return Err(Refusal::new("full", SHORTLY)),
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(Refusal::new("closed", LATER)),
            }
            match timeout_at(deadline, outcome).await {
                Ok(Ok(Committed::Yes)) => return Ok(()),
                Ok(Ok(Committed::Refused)) => return Err(Refusal::new("refused", SHORTLY)),
                Ok(Err(_)) if Instant::now() >= deadline => return Err(Refusal::new("lost", SHORTLY)),
                Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(_) => return Err(Refusal::new("timeout", SHORTLY)),
            }
        }
    }
}

struct Task {
    db: Db,
    bells: Arc<Bells>,
    presence: Presence<()>,
    waiting: mpsc::Receiver<Order>,
    closed: CancellationToken,
}

impl Task {
    async fn run(mut self) {
        let closed = self.closed.clone();
        let mut backoff = Backoff::new();
        let mut told = false;
        loop {
            let opened = tokio::select! {
                biased;
                () = closed.cancelled() => return,
                opened = timeout(OVERDUE, Session::open(&self.db)) => opened,
            };
            match opened {
                Ok(Ok(session)) => {
                    backoff.reset();
                    told = false;
                    metrics::connected("publish");
                    self.presence.come(());
                    let ended = self.commit_with(session).await;
                    self.presence.go();
                    match ended {
                        Ok(()) => return,
                        Err(Lost::Session(error)) => {
                            tracing::warn!(error = &error as &dyn Error, "publishing is interrupted");
                        }
                        Err(Lost::Overdue) => {
                            tracing::warn!("the database does not answer: publishing is interrupted")
                        }
                    }
                }
                Ok(Err(error)) if !told => {
                    told = true;
                    tracing::warn!(
                        error = &error as &dyn Error,
                        "the queue's database cannot be reached"
                    );
                }
                Err(_) if !told => {
                    told = true;
                    tracing::warn!("the queue's database does not answer");
                }
                Ok(Err(_)) | Err(_) => {}
            }
            tokio::select! {
                () = closed.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Commits until the session is lost. What was not committed is dropped, which tells those who wait.
    async fn commit_with(&mut self, mut session: Session) -> Result<(), Lost> {
        let mut taken: Vec<Order> = Vec::new();
        let mut batch: Vec<Order> = Vec::new();
        loop {
            if taken.is_empty() {
                tokio::select! {
                    biased;
                    () = self.closed.cancelled() => return Ok(()),
                    count = self.waiting.recv_many(&mut taken, MOST_MESSAGES) => if count == 0 { return Ok(()) },
                    () = tokio::time::sleep(LOOK) => {
                        timeout(OVERDUE, session.ping()).await??;
                        continue;
                    }
                }
            }
            let mut bytes = 0;
            let fitting = taken
                .iter()
                .take_while(|order| {
                    bytes += order.message.payload.len();
                    bytes <= MOST_BYTES
                })
                .count();
            // Whoever has lost patience meanwhile has been told that nothing was published.
            batch.extend(
                taken
                    .drain(..fitting.max(1))
                    .filter(|order| !order.reply.is_closed()),
            );
            if batch.is_empty() {
                continue;
            }
            let jobs: Vec<NewJob<'_>> = batch
                .iter()
                .map(|order| NewJob {
                    queue: &order.queue,
                    payload: &order.message.payload,
                    traceparent: order.message.traceparent.as_deref(),
                })
                .collect();
            match timeout(OVERDUE, session.publish(&jobs)).await? {
                Ok(()) => {
                    let queues: HashSet<&str> = batch.iter().map(|order| order.queue.as_str()).collect();
                    for queue in queues {
                        self.bells.published(queue);
                    }
                    for order in batch.drain(..) {
                        let _ = order.reply.send(Committed::Yes);
                    }
                }
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(error = &error as &dyn Error, "messages cannot be published");
                    for order in batch.drain(..) {
                        let _ = order.reply.send(Committed::Refused);
                    }
                }
            }
        }
    }
}

enum Lost {
    Session(StoreError),
    Overdue,
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        Self::Session(error)
    }
}

impl From<tokio::time::error::Elapsed> for Lost {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Overdue
    }
}
