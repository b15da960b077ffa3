//! The PostgreSQL transport: the table `jobs`, for installations without a broker.
//!
//! Publishing is one task that commits what many callers want at once ([`publish`]); each consumer is a task with a
//! session of its own ([`consume`]); wake-ups and live events are notifications, without a row ([`bells`]).

mod bells;
mod consume;
mod publish;

pub(crate) use consume::Hold;

use crate::{
    Consumer, Context, Message, Nature, QueueError, QueueName, Refusal,
    live::{Incoming, Outgoing},
};
use bells::Bells;
use publish::Publisher;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::Db;
use tokio::sync::mpsc;

/// The transport.
pub(crate) struct Postgres {
    db: Db,
    context: Context,
    publisher: Publisher,
    bells: Arc<Bells>,
    /// Every queue this process has used, for [`delete_queues`](Self::delete_queues).
    used: Mutex<HashSet<String>>,
}

impl Postgres {
    pub(crate) fn open(
        db: &Db,
        context: Context,
        incoming: Incoming,
        to_send: mpsc::Receiver<Outgoing>,
    ) -> Self {
        let bells = Arc::new(Bells::new(context.namespace.clone(), incoming));
        context
            .tasks
            .spawn(bells::hear(db.clone(), bells.clone(), context.closed.clone()));
        let ringer = bells::ring(db.clone(), bells.clone(), context.closed.clone(), to_send);
        context.tasks.spawn(ringer);
        let publisher = Publisher::open(db.clone(), &context, bells.clone());
        Self {
            db: db.clone(),
            context,
            publisher,
            bells,
            used: Mutex::default(),
        }
    }

    pub(crate) async fn publish(&self, name: &str, message: Message) -> Result<(), Refusal> {
        self.use_queue(name);
        self.publisher.publish(name, message).await
    }

    pub(crate) fn consume(&self, queue: &QueueName, prefetch: u16) -> Consumer {
        let name = self.context.namespace.of(queue);
        self.use_queue(&name);
        let (consumer, buffer, unwanted) = Consumer::new(name.clone(), &self.context.stopping);
        if queue.nature() == Nature::Tokens {
            self.bells.deliver_tokens(name, &buffer, prefetch);
        } else {
            let task = consume::Task::new(
                self.db.clone(),
                queue,
                self.context.namespace.clone(),
                prefetch,
                buffer,
                self.bells.clone(),
                self.context.closed.clone(),
            );
            self.context.consumers.spawn(task.run(unwanted));
        }
        consumer
    }

    /// Those who listen in this process need no notification.
    pub(crate) fn wake_here(&self, queue: &QueueName, payload: &[u8]) {
        self.bells.token(&self.context.namespace.of(queue), payload);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.publisher.is_ready()
    }

    pub(crate) async fn depth(&self, queue: &QueueName) -> Result<u64, QueueError> {
        Ok(store::jobs::depth(&self.db, &self.context.namespace.of(queue)).await?)
    }

    pub(crate) async fn oldest(&self, queue: &QueueName) -> Result<Option<Duration>, QueueError> {
        Ok(store::jobs::oldest(&self.db, &self.context.namespace.of(queue)).await?)
    }

    pub(crate) async fn delete_queues(&self) -> Result<(), QueueError> {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        for queue in used {
            store::jobs::purge(&self.db, &queue).await?;
            store::jobs::purge(&self.db, &format!("{queue}.dead")).await?;
        }
        Ok(())
    }

    fn use_queue(&self, name: &str) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains(name) {
            used.insert(name.to_owned());
        }
    }
}
