//! Every queue and exchange there is at the broker, each option with its reason. Declared at every connect, and again
//! when a queue turns out to be gone, so that one deleted by hand comes back while we run.

use super::{AmqpChannel, link::Up};
use crate::{MOST_DELIVERIES, Nature, QueueError, QueueName, name::Namespace};
use lapin::{
    ErrorKind, ExchangeKind,
    options::{
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The fan-out of live events.
const LIVE: &str = "botsmith.live";

/// As many wake-ups as any number of workers could want. More are dropped: the work is in the database, and whoever is
/// awake goes on until nothing is due.
const MOST_WAKES: i32 = 10_000;

/// A wake-up that nobody took is worth nothing after a minute: the scheduler has swept sixty times since.
const WAKE_LIVES_MS: i32 = 60_000;

/// What one process may be behind with live events.
const MOST_LIVE: i32 = 20_000;

/// What an installation has at the broker.
#[derive(Clone)]
pub(super) struct Topology {
    namespace: Namespace,
    /// Every queue this process has declared.
    declared: Arc<Mutex<HashSet<String>>>,
}

impl Topology {
    pub(super) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            declared: Arc::default(),
        }
    }

    /// The full name of a queue.
    pub(super) fn name(&self, queue: &QueueName) -> String {
        self.namespace.of(queue)
    }

    /// Declares every queue whose messages count, so that publishing finds them there.
    pub(super) async fn declare_durable(&self, up: &Up) -> lapin::Result<()> {
        for queue in QueueName::DURABLE {
            self.declare(up, &queue).await?;
        }
        Ok(())
    }

    /// Declares one queue with what belongs to it.
    pub(super) async fn declare(&self, up: &Up, queue: &QueueName) -> lapin::Result<()> {
        if queue.nature() != Nature::Tokens && !matches!(queue, QueueName::Dead(_)) {
            self.declare_one(up, &queue.dead()).await?;
        }
        self.declare_one(up, queue).await
    }

    async fn declare_one(&self, up: &Up, queue: &QueueName) -> lapin::Result<()> {
        let name = self.name(queue);
        declare(up, &name, arguments(&self.namespace, queue)).await?;
        self.declared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name);
        Ok(())
    }

    /// Declares the fan-out of live events.
    pub(super) async fn declare_live(&self, channel: &AmqpChannel) -> lapin::Result<ShortString> {
        let name: ShortString = self.namespace.of(&LIVE).into();
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(name.clone(), ExchangeKind::Fanout, options, FieldTable::default())
            .await?;
        Ok(name)
    }

    /// Gives this connection a queue of its own on the fan-out, which goes with the connection.
    pub(super) async fn listen(&self, channel: &AmqpChannel) -> lapin::Result<ShortString> {
        let exchange = self.declare_live(channel).await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("classic"));
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(MOST_LIVE));
        let queue = channel
            .queue_declare(ShortString::default(), options, arguments)
            .await?
            .name()
            .clone();
        let (key, options) = (ShortString::default(), QueueBindOptions::default());
        channel
            .queue_bind(queue.clone(), exchange, key, options, FieldTable::default())
            .await?;
        Ok(queue)
    }

    /// Deletes everything that this process has declared.
    pub(super) async fn delete(&self, up: &Up) -> lapin::Result<()> {
        let declared = std::mem::take(&mut *self.declared.lock().unwrap_or_else(PoisonError::into_inner));
        let channel = up.channel().await?;
        for queue in declared {
            channel
                .queue_delete(queue.into(), QueueDeleteOptions::default())
                .await?;
        }
        channel
            .exchange_delete(self.namespace.of(&LIVE).into(), ExchangeDeleteOptions::default())
            .await?;
        close(&channel).await
    }
}

async fn declare(up: &Up, name: &str, arguments: FieldTable) -> lapin::Result<()> {
    // A refusal closes the channel, so each declaration has its own.
    let channel = up.channel().await?;
    match channel
        .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)
        .await
    {
        Ok(_) => close(&channel).await,
        Err(error) if is_mismatch(&error) => {
            tracing::warn!(
                queue = name,
                "the queue was declared with other options, which it keeps: delete it when it is empty, and it will be \
                 declared as it should be"
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn is_mismatch(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error)
        if matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)))
}

fn arguments(namespace: &Namespace, queue: &QueueName) -> FieldTable {
    let mut arguments = FieldTable::default();
    let mut set = |key: &str, value: AMQPValue| {
        arguments.insert(key.into(), value);
    };
    match queue {
        // Rows are the truth: a wake-up needs neither replicas nor the disk, and a full queue of them should forget the
        // oldest, not refuse the newest.
        QueueName::Turns | QueueName::Outbound(_) => {
            set("x-queue-type", text("classic"));
            set("x-max-length", AMQPValue::LongInt(MOST_WAKES));
            set("x-overflow", text("drop-head"));
            set("x-message-ttl", AMQPValue::LongInt(WAKE_LIVES_MS));
        }
        QueueName::Dead(_) => {
            set("x-queue-type", text("quorum"));
            // Since 4.0 the default is 20, and what goes over it without a dead-letter exchange is dropped. There is
            // nowhere further to go, and "none" cannot be said on 3.10.
            set("x-delivery-limit", AMQPValue::LongInt(i32::MAX));
        }
        QueueName::Inbound | QueueName::Status | QueueName::Index => {
            // Survives a crash of the broker with everything confirmed, and one of the nodes of a cluster.
            set("x-queue-type", text("quorum"));
            // Before 4.0 the default is no limit: a message that kills its consumer would do so for ever.
            set(
                "x-delivery-limit",
                AMQPValue::LongInt(MOST_DELIVERIES.cast_signed()),
            );
            // Through the default exchange, by the queue's name.
            set("x-dead-letter-exchange", text(""));
            set("x-dead-letter-routing-key", text(&namespace.of(&queue.dead())));
            // The default loses the message if the dead queue does not take it. At-least-once needs reject-publish.
            set("x-dead-letter-strategy", text("at-least-once"));
            set("x-overflow", text("reject-publish"));
            if queue.nature() == Nature::Ordered {
                // Two consumers would store one conversation's messages in either order. A standby takes over at once
                // when the active one goes, beginning with what that had not acknowledged.
                set("x-single-active-consumer", AMQPValue::Boolean(true));
            }
        }
    }
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// How many messages wait in the queue; none in one that does not exist yet.
pub(super) async fn depth(up: &Up, name: &str) -> Result<u64, QueueError> {
    let channel = up.channel().await?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    match channel
        .queue_declare(name.into(), passive, FieldTable::default())
        .await
    {
        Ok(queue) => {
            let waiting = u64::from(queue.message_count());
            close(&channel).await?;
            Ok(waiting)
        }
        Err(error) if is_missing(&error) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error)
        if matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)))
}

async fn close(channel: &AmqpChannel) -> lapin::Result<()> {
    channel.close(200, "done".into()).await
}
