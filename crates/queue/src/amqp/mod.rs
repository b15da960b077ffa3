//! The AMQP transport: RabbitMQ 3.10 and later.
//!
//! Two connections, because a broker in need blocks those who publish: consuming has to go on. What is lost with a
//! connection is made again by our own loop ([`link`]), because the client's own recovery is known to fail.

mod consume;
mod headers;
mod lane;
mod link;
mod live;
mod loose;
mod topology;

pub(crate) use consume::Hold;

use crate::{
    Consumer, Context, Message, QueueError, QueueName, Refusal,
    live::{Incoming, Outgoing},
};
use lane::{Lanes, Outcome};
use lapin::uri::AMQPUri;
use link::{Link, Up};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use topology::Topology;

/// lapin's `Channel`, by a name that is not taken.
type AmqpChannel = lapin::Channel;

/// Both sides notice within 20 s that the other is gone without a word.
const HEARTBEAT_SECONDS: u16 = 10;

/// The transport.
pub(crate) struct Amqp {
    context: Context,
    topology: Topology,
    publisher: Arc<Publisher>,
    consuming: Link,
}

/// The publishing half. Consumers need it too, to put messages among the dead.
pub(crate) struct Publisher {
    patience: Duration,
    link: Link,
    lanes: Lanes,
}

impl Amqp {
    pub(crate) fn open(
        url: &str,
        context: Context,
        incoming: Incoming,
        to_send: mpsc::Receiver<Outgoing>,
    ) -> Result<Self, QueueError> {
        let mut uri: AMQPUri = url.parse().map_err(|_| QueueError::Url)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let topology = Topology::new(context.namespace.clone());
        let link = Link::open("publish", uri.clone(), Some(topology.clone()), context.clone());
        let consuming = Link::open("consume", uri, None, context.clone());
        context.tasks.spawn(loose::run(
            link.clone(),
            topology.clone(),
            context.closed.clone(),
            to_send,
        ));
        context.tasks.spawn(live::run(
            consuming.clone(),
            topology.clone(),
            context.closed.clone(),
            incoming,
        ));
        let lanes = Lanes::new(topology.clone(), context.tasks.clone());
        let publisher = Arc::new(Publisher {
            patience: context.publish_timeout,
            link,
            lanes,
        });
        Ok(Self {
            context,
            topology,
            publisher,
            consuming,
        })
    }

    pub(crate) async fn publish(&self, queue: &QueueName, message: &Message) -> Result<(), Refusal> {
        self.publisher
            .publish(queue, message, &headers::Extra::default())
            .await
    }

    pub(crate) fn consume(&self, queue: &QueueName, prefetch: u16) -> Consumer {
        let (consumer, buffer, unwanted) = Consumer::new(self.topology.name(queue), &self.context.stopping);
        let task = consume::Task {
            link: self.consuming.clone(),
            topology: self.topology.clone(),
            publisher: self.publisher.clone(),
            queue: queue.clone(),
            prefetch,
            buffer,
            closed: self.context.closed.clone(),
        };
        self.context.consumers.spawn(task.run(unwanted));
        consumer
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.publisher.link.now().is_some_and(|up| up.is_usable())
    }

    pub(crate) async fn depth(&self, queue: &QueueName) -> Result<u64, QueueError> {
        let up = self.consuming_now().await?;
        topology::depth(&up, &self.topology.name(queue)).await
    }

    pub(crate) async fn delete_queues(&self) -> Result<(), QueueError> {
        let up = self.consuming_now().await?;
        Ok(self.topology.delete(&up).await?)
    }

    async fn consuming_now(&self) -> Result<Arc<Up>, QueueError> {
        let patience = self.context.publish_timeout;
        self.consuming
            .soon(patience, Instant::now() + patience)
            .await
            .ok_or(QueueError::Away)
    }
}

impl Publisher {
    /// Publishes until it is confirmed, or time is up. What was returned because its queue is gone, or was on its way when
    /// the connection was lost, is sent again as long as there is time: a repeat is allowed, a loss is not.
    async fn publish(
        &self,
        queue: &QueueName,
        message: &Message,
        extra: &headers::Extra,
    ) -> Result<(), Refusal> {
        const SHORTLY: Duration = Duration::from_secs(1);
        const LATER: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + self.patience;
        loop {
            let Some(up) = self.link.soon(self.patience, deadline).await else {
                return Err(Refusal::new("away", LATER));
            };
            if up.is_blocked() {
                return Err(Refusal::new("blocked", LATER));
            }
            match self.lanes.publish(&up, queue, message, extra, deadline).await {
                Outcome::Confirmed => return Ok(()),
                Outcome::TooLate => return Err(Refusal::new("timeout", SHORTLY)),
                Outcome::Refused => return Err(Refusal::new("refused", SHORTLY)),
                Outcome::Full => return Err(Refusal::new("full", SHORTLY)),
                Outcome::Returned | Outcome::Lost if Instant::now() >= deadline => {
                    return Err(Refusal::new("lost", SHORTLY));
                }
                // The queue was declared again, or the link needs a moment to notice that it is down.
                Outcome::Returned | Outcome::Lost => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}
