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

    /// The next message, as soon as there is one, and with it those that are here already: `max` in all at most. None only
    /// after everything was told to stop. Safe to cancel.
    pub async fn next_batch(&mut self, max: usize) -> Vec<Delivery> {
        let Some(first) = self.next().await else {
            return Vec::new();
        };
        let mut batch = vec![first];
        while batch.len() < max
            && let Some(delivery) = self.try_next()
        {
            batch.push(delivery);
        }
        batch
    }

    /// The next message if it is here already.
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
    state: Mutex<State>,
    arrived: Notify,
    /// The last one was taken: there is room for a whole batch.
    pub(crate) emptied: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Delivery>,
    /// How often everything was let go of.
    clearings: u64,
    /// Nobody will take anything any more.
    closed: bool,
}

impl Buffer {
    /// Takes the delivery, unless the buffer is closed.
    pub(crate) fn push(&self, delivery: Delivery) {
        self.insert(delivery, |waiting, delivery| waiting.push_back(delivery));
    }

    /// Takes the deliveries unless the buffer was cleared since `clearings` was asked for, or is closed. For what was
    /// taken from an ordered queue while something before it went back there.
    pub(crate) fn push_unless_cleared(&self, deliveries: Vec<Delivery>, clearings: u64) {
        let mut state = self.state();
        if state.closed || state.clearings != clearings {
            drop(state);
            drop(deliveries);
            return;
        }
        state.waiting.extend(deliveries);
        drop(state);
        self.arrived.notify_one();
    }

    pub(crate) fn clearings(&self) -> u64 {
        self.state().clearings
    }

    /// Puts one back before those that have to wait for it.
    pub(crate) fn put_back(&self, delivery: Delivery, comes_before: impl Fn(&Delivery) -> bool) {
        self.insert(delivery, |waiting, delivery| {
            let place = waiting.iter().position(comes_before).unwrap_or(waiting.len());
            waiting.insert(place, delivery);
        });
    }

    /// Wake-ups only: one more than that changes nothing.
    pub(crate) fn push_unless_full(&self, delivery: Delivery, capacity: usize) {
        self.insert(delivery, |waiting, delivery| {
            if waiting.len() < capacity {
                waiting.push_back(delivery);
            } else {
                metrics::dropped("wake");
            }
        });
    }

    fn insert(&self, delivery: Delivery, insert: impl FnOnce(&mut VecDeque<Delivery>, Delivery)) {
        let mut state = self.state();
        if state.closed {
            // Dropped after the lock is: a delivery that is dropped may come back here.
            drop(state);
            drop(delivery);
            return;
        }
        insert(&mut state.waiting, delivery);
        drop(state);
        self.arrived.notify_one();
    }

    fn pop(&self) -> Option<Delivery> {
        let mut state = self.state();
        let delivery = state.waiting.pop_front()?;
        if state.waiting.is_empty() {
            self.emptied.notify_one();
        }
        Some(delivery)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Lets go of everything that was not handed over.
    pub(crate) fn clear(&self) {
        let mut state = self.state();
        state.clearings += 1;
        let dropped = std::mem::take(&mut state.waiting);
        drop(state);
        drop(dropped);
    }

    /// Lets go of everything, now and in future.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.clear();
    }

    /// Lets go of what is not ours any more.
    pub(crate) fn retain(&self, mut keep: impl FnMut(&Delivery) -> bool) {
        let mut state = self.state();
        let (kept, dropped) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|delivery| keep(delivery));
        state.waiting = kept;
        drop(state);
        drop::<VecDeque<Delivery>>(dropped);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
