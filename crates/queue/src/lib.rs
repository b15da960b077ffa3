//! Durable queues and live events, over RabbitMQ or in the database itself.
//!
//! Invariants: [`Queue::publish`] returns only after the message was confirmed to be kept; a message is acknowledged only
//! after its work is done. At least once, so every consumer must tolerate a repeat. Both transports make the same
//! promises, held by the same tests (`tests/contract.rs`).
//!
//! Messages whose rows are in the database already are not sent again: their queues carry tokens, which wake whoever may
//! do the work. A lost token costs time, never a message.

mod amqp;
mod backoff;
mod consumer;
mod delivery;
mod error;
pub mod live;
mod metrics;
mod name;
pub mod news;
mod postgres;
mod presence;
mod settings;
pub mod workspace_news;

pub use consumer::Consumer;
pub use delivery::{Death, Delivery};
pub use error::{LiveError, PublishError, QueueError};
pub use live::{Live, LiveEvent, LiveEvents};
pub use name::{Nature, QueueName};
pub use settings::Settings;

use bytes::Bytes;
use name::Namespace;
use secrecy::ExposeSecret;
use std::{fmt, sync::Arc, time::Duration};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// The largest message that is taken.
pub const MAX_BYTES: usize = 1024 * 1024;

/// How often a message may come back before it is put among the dead, whatever the reason: only a net, attempts are
/// counted by those who work.
const MOST_DELIVERIES: u32 = 20;

/// How long [`Queue::close`] waits for what is in hand.
const LAST_SETTLING: Duration = Duration::from_secs(10);

/// What is to be published.
pub struct Outgoing {
    /// The message.
    pub payload: Vec<u8>,
    /// The trace it belongs to: `process::trace::current_traceparent()`.
    pub traceparent: Option<String>,
}

/// Without the message: it is somebody's words.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("bytes", &self.payload.len())
            .field("traceparent", &self.traceparent)
            .finish()
    }
}

/// The queue. Cheap to clone; when the last clone is dropped its connections are closed, politely only by
/// [`close`](Self::close).
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    transport: Transport,
    live: Live,
    context: Context,
    /// Ends every task when nobody has the queue any more.
    _closed: DropGuard,
}

enum Transport {
    Amqp(amqp::Amqp),
    Postgres(Box<postgres::Postgres>),
}

/// What every task of a transport knows.
#[derive(Clone)]
pub(crate) struct Context {
    namespace: Namespace,
    publish_timeout: Duration,
    /// Consumers take no more.
    stopping: CancellationToken,
    /// Everything ends.
    closed: CancellationToken,
    /// Consumers' tasks, waited for by `close`.
    consumers: TaskTracker,
    /// The other tasks.
    tasks: TaskTracker,
}

/// A message on its way out.
#[derive(Clone)]
pub(crate) struct Message {
    payload: Bytes,
    traceparent: Option<String>,
}

impl Queue {
    /// Opens the queue the settings name. Returns at once even if the broker is away: connections are made, and made
    /// again, in the background. When `stop` is cancelled consumers end; publishing works until [`close`](Self::close).
    pub async fn open(
        settings: &Settings,
        db: &store::Db,
        stop: CancellationToken,
    ) -> Result<Self, QueueError> {
        let namespace = Namespace::new(&settings.namespace)
            .ok_or_else(|| QueueError::Namespace(settings.namespace.clone()))?;
        let context = Context {
            namespace,
            publish_timeout: settings.publish_timeout(),
            stopping: stop.child_token(),
            closed: CancellationToken::new(),
            consumers: TaskTracker::new(),
            tasks: TaskTracker::new(),
        };
        let (outgoing, to_send) = tokio::sync::mpsc::channel(8_192);
        let (live, incoming) = Live::new(context.stopping.clone(), outgoing);
        let url = settings.url.expose_secret();
        let transport = if url.is_empty() {
            Transport::Postgres(Box::new(postgres::Postgres::open(
                db,
                context.clone(),
                incoming,
                to_send,
            )))
        } else {
            Transport::Amqp(amqp::Amqp::open(url, context.clone(), incoming, to_send)?)
        };
        let _closed = context.closed.clone().drop_guard();
        Ok(Self(Arc::new(Inner {
            transport,
            live,
            context,
            _closed,
        })))
    }

    /// Publishes a message that must not be lost. `Ok` only after it was confirmed to be kept by the queue it was meant
    /// for. An error may come although the message has arrived: publish it again when in doubt.
    pub async fn publish(&self, queue: &QueueName, message: Outgoing) -> Result<(), PublishError> {
        let name = self.0.context.namespace.of(queue);
        if queue.nature() == Nature::Tokens {
            return Err(PublishError::TokensOnly { queue: name });
        }
        if message.payload.len() > MAX_BYTES {
            metrics::not_published(&name, "too_large");
            return Err(PublishError::TooLarge {
                bytes: message.payload.len(),
            });
        }
        let message = Message {
            payload: message.payload.into(),
            traceparent: delivery::acceptable_traceparent(message.traceparent),
        };
        process::crash_point!("queue.before_publish");
        let started = tokio::time::Instant::now();
        let published = match &self.0.transport {
            Transport::Amqp(amqp) => amqp.publish(queue, &message).await,
            Transport::Postgres(postgres) => postgres.publish(&name, message).await,
        };
        match published {
            Ok(()) => {
                process::crash_point!("queue.after_publish");
                metrics::published(&name, started.elapsed());
                Ok(())
            }
            Err(Refusal { reason, retry_after }) => {
                metrics::not_published(&name, reason);
                Err(PublishError::Unavailable { retry_after })
            }
        }
    }

    /// Wakes whoever consumes the queue. Never waits, and may be lost; equal wake-ups within a few milliseconds are one.
    /// Over AMQP one consumer gets the token, in the database every process that consumes the queue.
    pub fn wake(&self, queue: &QueueName, payload: Vec<u8>) {
        if queue.nature() != Nature::Tokens {
            tracing::error!(queue = %queue, "the queue carries messages, not wake-ups: nothing was sent");
            return;
        }
        if let Transport::Postgres(postgres) = &self.0.transport {
            postgres.wake_here(queue, &payload);
        }
        self.0.live.wake(queue.clone(), payload);
    }

    /// Receives a queue's messages, at most `prefetch` at a time, until `stop`.
    pub async fn consume(&self, queue: &QueueName, prefetch: u16) -> Consumer {
        let prefetch = prefetch.max(1);
        match &self.0.transport {
            Transport::Amqp(amqp) => amqp.consume(queue, prefetch),
            Transport::Postgres(postgres) => postgres.consume(queue, prefetch),
        }
    }

    /// Events for every process that listens now.
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// Whether publishing is possible now, as far as is known without trying.
    pub fn is_ready(&self) -> bool {
        let ready = match &self.0.transport {
            Transport::Amqp(amqp) => amqp.is_ready(),
            Transport::Postgres(postgres) => postgres.is_ready(),
        };
        metrics::ready(ready);
        ready
    }

    /// How many messages wait in the queue, those in hand not counted.
    pub async fn depth(&self, queue: &QueueName) -> Result<u64, QueueError> {
        match &self.0.transport {
            Transport::Amqp(amqp) => amqp.depth(queue).await,
            Transport::Postgres(postgres) => postgres.depth(queue).await,
        }
    }

    /// How long the oldest message has been in the queue, where that is known without taking it: in the database.
    pub async fn oldest(&self, queue: &QueueName) -> Result<Option<Duration>, QueueError> {
        match &self.0.transport {
            Transport::Amqp(_) => Ok(None),
            Transport::Postgres(postgres) => postgres.oldest(queue).await,
        }
    }

    /// Stops consuming, waits (10 s at most) until what is in hand is settled, sends what waits to be sent and closes the
    /// connections.
    pub async fn close(&self) {
        let context = &self.0.context;
        context.stopping.cancel();
        context.consumers.close();
        if tokio::time::timeout(LAST_SETTLING, context.consumers.wait())
            .await
            .is_err()
        {
            tracing::warn!("closing although messages are still in hand: they will come again");
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), self.0.live.flush()).await;
        context.closed.cancel();
        context.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), context.tasks.wait()).await;
    }

    /// Deletes every queue of the namespace with what is in it. Only with a namespace: for tests, and for leaving a
    /// shared broker.
    pub async fn delete_namespace(&self) -> Result<(), QueueError> {
        if self.0.context.namespace.is_empty() {
            return Err(QueueError::NoNamespace);
        }
        match &self.0.transport {
            Transport::Amqp(amqp) => amqp.delete_queues().await,
            Transport::Postgres(postgres) => postgres.delete_queues().await,
        }
    }
}

/// Why a message was not published, in a word for the metrics.
pub(crate) struct Refusal {
    reason: &'static str,
    retry_after: Duration,
}

impl Refusal {
    pub(crate) const fn new(reason: &'static str, retry_after: Duration) -> Self {
        Self { reason, retry_after }
    }
}
