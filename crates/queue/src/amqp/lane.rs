//! Confirmed publishing: a channel for each queue, many confirms in flight on each.
//!
//! Invariant: a message counts as published only when the broker has acknowledged it *and* it was not returned. A message
//! that cannot be routed is returned and then acknowledged, so the acknowledgement alone says nothing.
//!
//! The client hands a returned message to whichever confirm is resolved next on the channel, which may be another's when
//! one acknowledgement covers several. So every message has a number, and [`Lane::settle`] decides only when it has seen
//! every confirm that was resolved up to the one it decides.

use super::{AmqpChannel, headers, link::Up, topology::Topology};
use crate::{Message, QueueName};
use futures_util::{FutureExt, future::BoxFuture};
use lapin::{
    Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, MissedTickBehavior, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

/// Messages that wait for their confirm, at most. More are refused: they would only wait longer than their time limit.
const MOST_IN_FLIGHT: usize = 4_096;

/// Messages that wait to be sent, at most.
const MOST_WAITING: usize = 1_024;

/// A connection on which a confirm is overdue by this much is dead, though nobody has noticed yet.
const OVERDUE: Duration = Duration::from_secs(10);

/// How long the broker may take to open a channel, or to declare a queue again.
const SETUP: Duration = Duration::from_secs(5);

/// A queue that is gone is declared again only after its consumers had the time to hear of it. RabbitMQ 3.10 attaches
/// those who have not heard to the new queue, and then delivers nothing to them.
const MOURNING: Duration = Duration::from_millis(300);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is kept.
    Confirmed,
    /// Its queue was not there, and was declared again.
    Returned,
    /// The broker did not take it.
    Refused,
    /// Too many wait already.
    Full,
    /// It may have arrived or not.
    Lost,
    /// Likewise, and there is no time to find out.
    TooLate,
}

/// The lanes of the current connection.
pub(super) struct Lanes {
    open: Mutex<HashMap<QueueName, (u64, mpsc::Sender<Order>)>>,
    topology: Topology,
    tasks: TaskTracker,
}

struct Order {
    message: Message,
    extra: headers::Extra,
    reply: oneshot::Sender<Outcome>,
}

impl Lanes {
    pub(super) fn new(topology: Topology, tasks: TaskTracker) -> Self {
        Self {
            open: Mutex::default(),
            topology,
            tasks,
        }
    }

    /// Sends the message once, and waits until `deadline` for what becomes of it.
    pub(super) async fn publish(
        &self,
        up: &Arc<Up>,
        queue: &QueueName,
        message: &Message,
        extra: &headers::Extra,
        deadline: Instant,
    ) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let order = Order {
            message: message.clone(),
            extra: extra.clone(),
            reply,
        };
        match self.lane(up, queue).try_send(order) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Outcome::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => return Outcome::Lost,
        }
        match timeout_at(deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Lost,
            Err(_) => Outcome::TooLate,
        }
    }

    fn lane(&self, up: &Arc<Up>, queue: &QueueName) -> mpsc::Sender<Order> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((generation, lane)) = open.get(queue)
            && *generation == up.generation
            && !lane.is_closed()
        {
            return lane.clone();
        }
        let (sender, orders) = mpsc::channel(MOST_WAITING);
        self.tasks
            .spawn(run(up.clone(), self.topology.clone(), queue.clone(), orders));
        open.insert(queue.clone(), (up.generation, sender.clone()));
        sender
    }
}

/// Runs one lane until its connection or channel is lost. Whoever waits for an outcome then finds out by the dropped
/// reply.
async fn run(up: Arc<Up>, topology: Topology, queue: QueueName, mut orders: mpsc::Receiver<Order>) {
    let channel = tokio::select! {
        biased;
        () = up.lost.cancelled() => return,
        opened = timeout(SETUP, open(&up)) => match opened {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn Error, "no channel for publishing");
                return;
            }
            // A blocked connection carries nothing at all.
            Err(_) => return,
        },
    };
    let mut lane = Lane {
        key: topology.name(&queue).into(),
        channel,
        in_flight: BTreeMap::new(),
        next_number: 0,
        returned: HashSet::new(),
        resolved: Arc::default(),
    };
    let mut look = tokio::time::interval(Duration::from_secs(1));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        let resolved = lane.resolved.clone();
        let room = MOST_IN_FLIGHT.saturating_sub(lane.in_flight.len());
        tokio::select! {
            biased;
            () = up.lost.cancelled() => return,
            () = resolved.some.notified() => {}
            taken = orders.recv_many(&mut batch, room.min(256)), if room > 0 => {
                if taken == 0 && lane.in_flight.is_empty() {
                    return;
                }
            }
            _ = look.tick() => {
                if !lane.channel.status().connected() {
                    return;
                }
                if lane.is_overdue() && !up.is_blocked() {
                    tracing::warn!("the broker has not confirmed for long: connecting anew");
                    up.lost.cancel();
                    return;
                }
            }
        }
        for order in batch.drain(..) {
            lane.send(order);
        }
        let mut returned = lane.settle();
        if !returned.is_empty() {
            tokio::select! {
                () = up.lost.cancelled() => return,
                () = tokio::time::sleep(MOURNING) => {}
            }
            let declared = tokio::select! {
                () = up.lost.cancelled() => return,
                declared = timeout(SETUP, topology.declare(&up, &queue)) => declared,
            };
            match declared {
                Ok(Ok(())) => {
                    tracing::warn!(queue = %queue, "the queue was gone and has been declared again")
                }
                Ok(Err(error)) => {
                    tracing::error!(queue = %queue, error = &error as &dyn Error, "the queue is gone, and cannot be declared");
                }
                Err(_) => {
                    tracing::error!(queue = %queue, "the queue is gone, and the broker does not declare it")
                }
            }
            // Those that were returned meanwhile were so for the same reason.
            returned.extend(lane.settle());
            for reply in returned {
                let _ = reply.send(Outcome::Returned);
            }
        }
    }
}

async fn open(up: &Up) -> lapin::Result<AmqpChannel> {
    let channel = up.channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

struct Lane {
    key: ShortString,
    channel: AmqpChannel,
    in_flight: BTreeMap<u64, InFlight>,
    next_number: u64,
    /// Numbers of returned messages whose own confirm has not been seen.
    returned: HashSet<u64>,
    resolved: Arc<Resolved>,
}

struct InFlight {
    confirm: BoxFuture<'static, lapin::Result<Confirmation>>,
    /// It was there at the first look.
    early: Option<lapin::Result<Confirmation>>,
    waker: Waker,
    reply: oneshot::Sender<Outcome>,
    since: Instant,
}

/// What was woken, in the order in which the client resolved it.
#[derive(Default)]
struct Resolved {
    numbers: Mutex<Vec<u64>>,
    some: Notify,
}

impl Resolved {
    fn push(&self, number: u64) {
        self.numbers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(number);
        self.some.notify_one();
    }

    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.numbers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct NumberWaker {
    number: u64,
    resolved: Arc<Resolved>,
}

impl Wake for NumberWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.resolved.push(self.number);
    }
}

impl Lane {
    /// Hands the message to the client. The first poll does it, so that the order of sending is the order of the
    /// broker's numbers: two tasks publishing on one channel would get each other's confirms.
    fn send(&mut self, order: Order) {
        if order.reply.is_closed() {
            // It came too late while it waited to be sent.
            return;
        }
        let number = self.next_number;
        self.next_number += 1;
        let Order {
            message,
            extra,
            reply,
        } = order;
        let properties = headers::durable(number, message.traceparent.as_deref(), &extra);
        let (channel, key) = (self.channel.clone(), self.key.clone());
        let confirm = async move {
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            channel
                .basic_publish(ShortString::default(), key, options, &message.payload, properties)
                .await?
                .await
        };
        let waker = Waker::from(Arc::new(NumberWaker {
            number,
            resolved: self.resolved.clone(),
        }));
        let mut in_flight = InFlight {
            confirm: confirm.boxed(),
            early: None,
            waker,
            reply,
            since: Instant::now(),
        };
        if let Poll::Ready(confirmation) = in_flight.poll() {
            // The channel is closed, or the broker is faster than we are. It takes its place in the order, for whatever
            // was resolved before it is woken already.
            in_flight.early = Some(confirmation);
            self.resolved.push(number);
        }
        self.in_flight.insert(number, in_flight);
    }

    /// Decides what has been decided, and gives back who has to be told that their message was returned.
    fn settle(&mut self) -> Vec<oneshot::Sender<Outcome>> {
        let mut returned = Vec::new();
        let mut undecided: Vec<(u64, InFlight)> = Vec::new();
        loop {
            let woken = self.resolved.take();
            if woken.is_empty() && undecided.is_empty() {
                break;
            }
            let mut acknowledged = Vec::new();
            for number in woken {
                let Some(in_flight) = self.in_flight.get_mut(&number) else {
                    continue;
                };
                let Poll::Ready(confirmation) = in_flight.poll() else {
                    continue;
                };
                let Some(in_flight) = self.in_flight.remove(&number) else {
                    continue;
                };
                match confirmation {
                    Ok(Confirmation::Ack(None)) => acknowledged.push((number, in_flight)),
                    Ok(Confirmation::Nack(None)) => reply_with(in_flight, Outcome::Refused),
                    Ok(Confirmation::Ack(Some(message)) | Confirmation::Nack(Some(message))) => {
                        match headers::number(&message.properties) {
                            Some(own) if own == number => returned.push(in_flight.reply),
                            other => {
                                self.returned.extend(other);
                                // Its own may have gone to yet another one.
                                reply_with(in_flight, Outcome::Lost);
                            }
                        }
                    }
                    Ok(Confirmation::NotRequested) | Err(_) => reply_with(in_flight, Outcome::Lost),
                }
            }
            // Whatever carried these messages back was resolved before they were, so it has been seen by now.
            for (number, in_flight) in undecided.drain(..) {
                if self.returned.remove(&number) {
                    returned.push(in_flight.reply);
                } else {
                    reply_with(in_flight, Outcome::Confirmed);
                }
            }
            undecided = acknowledged;
        }
        if self.in_flight.is_empty() {
            self.returned.clear();
        }
        returned
    }

    fn is_overdue(&self) -> bool {
        self.in_flight
            .first_key_value()
            .is_some_and(|(_, oldest)| oldest.since.elapsed() > OVERDUE)
    }
}

impl InFlight {
    fn poll(&mut self) -> Poll<lapin::Result<Confirmation>> {
        if let Some(early) = self.early.take() {
            return Poll::Ready(early);
        }
        self.confirm.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

fn reply_with(in_flight: InFlight, outcome: Outcome) {
    // Who asked may have lost patience.
    let _ = in_flight.reply.send(outcome);
}
