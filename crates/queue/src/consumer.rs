//! The receiving end, the same for every transport: a task of the transport fills a buffer, the consumer empties it.

use crate::{Delivery, metrics};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Receives a queue's messages, across any number of reconnects.
pub struct Consumer {
    queue: String,
    buffer: Arc<Buffer>,
    stopping: CancellationToken,
    /// Ends the task that fills the buffer when the consumer is dropped.
    _gone: DropGuard,
}

impl Consumer {
    /// The consumer, what fills it, and what tells that it wants no more: it is dropped, or everything stops.
    pub(crate) fn new(queue: String, stopping: &CancellationToken) -> (Self, Arc<Buffer>, CancellationToken) {
        let buffer = Arc::new(Buffer::default());
        let unwanted = stopping.child_token();
        let consumer = Self {
            queue,
            buffer: buffer.clone(),
            stopping: stopping.clone(),
            _gone: unwanted.clone().drop_guard(),
        };
        (consumer, buffer, unwanted)
    }

    /// The next message, as soon as there is one. `None` only after everything was told to stop; what is in hand may
    /// still be acknowledged then. Safe to cancel.
    pub async fn next(&mut self) -> Option<Delivery> {
        let stopping = self.stopping.clone();
        loop {
            if let Some(delivery) = self.try_next() {
                return Some(delivery);
            }
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = self.buffer.arrived.notified() => {}
            }
        }
    }

    /// The next message if it is here already: for taking a batch after [`next`](Self::next).
    pub fn try_next(&mut self) -> Option<Delivery> {
        if self.stopping.is_cancelled() {
            return None;
        }
        let delivery = self.buffer.pop()?;
        metrics::consumed(&self.queue, delivery.redelivered);
        Some(delivery.hand_over())
    }
}

/// Messages that have come and were not asked for yet. As many as the transport's prefetch at most.
#[derive(Default)]
pub(crate) struct Buffer {
    waiting: Mutex<VecDeque<Delivery>>,
    arrived: Notify,
    /// The last one was taken: there is room for a whole batch.
    pub(crate) emptied: Notify,
}

impl Buffer {
    pub(crate) fn push(&self, delivery: Delivery) {
        self.waiting().push_back(delivery);
        self.arrived.notify_one();
    }

    /// Wake-ups only: one more than that changes nothing.
    pub(crate) fn push_unless_full(&self, delivery: Delivery, capacity: usize) {
        let mut waiting = self.waiting();
        if waiting.len() < capacity {
            waiting.push_back(delivery);
            drop(waiting);
            self.arrived.notify_one();
        } else {
            metrics::dropped("wake");
        }
    }

    fn pop(&self) -> Option<Delivery> {
        let mut waiting = self.waiting();
        let delivery = waiting.pop_front()?;
        if waiting.is_empty() {
            self.emptied.notify_one();
        }
        Some(delivery)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Lets go of everything that was not handed over.
    pub(crate) fn clear(&self) {
        // Dropped after the lock is.
        let _dropped = std::mem::take(&mut *self.waiting());
    }

    /// Lets go of what is not ours any more.
    pub(crate) fn retain(&self, keep: impl FnMut(&Delivery) -> bool) {
        self.waiting().retain(keep);
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
