//! Consuming over AMQP.
//!
//! Invariant: a consumer that stops closes its channel only when everything it handed over is settled. What it had not
//! handed over goes back with the channel, in one step and in its old place, before another consumer becomes the active
//! one; cancelling first would let that one begin with later messages.
//!
//! A message of an ordered queue that is requeued does not go back to the broker, which would put it behind what we have
//! taken already: it goes back to its place in the buffer. Were it returned together with those, they would be counted as
//! failed too.

use super::{
    AmqpChannel, Publisher,
    headers::{self, Extra},
    link::{Link, Up},
    topology::Topology,
};
use crate::{
    Death, Delivery, MOST_DELIVERIES, Message, Nature, QueueName, backoff::Backoff, consumer::Buffer,
    delivery, metrics,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, StreamExt};
use lapin::{
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use std::{
    collections::{BTreeSet, HashMap},
    error::Error,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long the broker may take to make us a consumer, or to close a channel.
const SETUP: Duration = Duration::from_secs(10);

/// A consumer that gets nothing for this long and has nothing in hand becomes one anew. RabbitMQ 3.10 forgets one whose
/// queue is deleted and declared again at once, and says nothing: it would wait for ever.
const SILENCE: Duration = Duration::from_secs(15);

/// Fills one consumer's buffer.
pub(super) struct Task {
    pub(super) link: Link,
    pub(super) topology: Topology,
    pub(super) publisher: Arc<Publisher>,
    pub(super) queue: QueueName,
    pub(super) prefetch: u16,
    pub(super) buffer: Arc<Buffer>,
    pub(super) closed: CancellationToken,
}

/// What the task shares with every delivery in hand.
struct Shared {
    publisher: Arc<Publisher>,
    queue: QueueName,
    /// The queue's full name.
    name: String,
    in_hand: InHand,
    /// Where messages of an ordered queue go back to.
    buffer: Arc<Buffer>,
    /// Those that have come back too often.
    hopeless: mpsc::UnboundedSender<Delivery>,
}

impl Task {
    pub(super) async fn run(self, unwanted: CancellationToken) {
        let mut backoff = Backoff::new();
        let (hopeless, mut given_up) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            publisher: self.publisher.clone(),
            queue: self.queue.clone(),
            name: self.topology.name(&self.queue),
            in_hand: InHand::default(),
            buffer: self.buffer.clone(),
            hopeless,
        });
        while let Some(up) = self.link.sometime(&unwanted).await {
            let attached = tokio::select! {
                biased;
                () = unwanted.cancelled() => break,
                () = up.lost.cancelled() => None,
                attached = timeout(SETUP, self.attach(&up)) => match attached {
                    Ok(Ok(attached)) => Some(attached),
                    Ok(Err(error)) => {
                        tracing::warn!(queue = %self.queue, error = &error as &dyn Error, "the queue cannot be consumed");
                        None
                    }
                    Err(_) => None,
                },
            };
            if let Some((channel, mut messages)) = attached {
                backoff.reset();
                let channel = Arc::new(Channel {
                    channel,
                    outstanding: Mutex::default(),
                });
                let ended = tokio::select! {
                    biased;
                    () = unwanted.cancelled() => Ended::Unwanted,
                    () = up.lost.cancelled() => Ended::Lost,
                    ended = pump(&channel, &mut messages, &shared, &mut given_up) => ended,
                };
                match ended {
                    // What is buffered of a deleted queue exists nowhere else: it is still handed over. Of a lost
                    // connection it will come again.
                    Ended::Lost => self.buffer.retain(|delivery| delivery.hold.is_current()),
                    Ended::Silent => {
                        let _ = timeout(SETUP, channel.channel.close(200, "consuming anew".into())).await;
                    }
                    Ended::Unwanted => self.finish(&up, &channel, &shared.in_hand).await,
                }
            }
            tokio::select! {
                biased;
                () = unwanted.cancelled() => break,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
        self.buffer.close();
    }

    async fn attach(&self, up: &Up) -> lapin::Result<(AmqpChannel, lapin::Consumer)> {
        self.topology.declare(up, &self.queue).await?;
        let channel = up.channel().await?;
        channel
            .basic_qos(self.prefetch, BasicQosOptions::default())
            .await?;
        let (name, options) = (self.topology.name(&self.queue), BasicConsumeOptions::default());
        let messages = channel
            .basic_consume(
                name.into(),
                ShortString::default(),
                options,
                FieldTable::default(),
            )
            .await?;
        Ok((channel, messages))
    }

    /// Lets what is in hand be settled, and gives back the rest.
    async fn finish(&self, up: &Up, channel: &Channel, in_hand: &InHand) {
        self.buffer.close();
        tokio::select! {
            () = self.closed.cancelled() => {}
            () = up.lost.cancelled() => {}
            () = in_hand.none() => {}
        }
        let _ = timeout(SETUP, channel.channel.close(200, "stopping".into())).await;
    }
}

/// Why consuming on one channel has ended.
enum Ended {
    /// The queue, the channel or the connection is gone.
    Lost,
    /// Nothing has come for long.
    Silent,
    /// The consumer wants no more.
    Unwanted,
}

/// Fills the buffer until there is nothing more to come.
async fn pump(
    channel: &Arc<Channel>,
    messages: &mut lapin::Consumer,
    shared: &Arc<Shared>,
    given_up: &mut mpsc::UnboundedReceiver<Delivery>,
) -> Ended {
    let mut silent_at = Instant::now() + SILENCE;
    loop {
        tokio::select! {
            biased;
            Some(delivery) = given_up.recv() => {
                let reason = format!("it came back {MOST_DELIVERIES} times without being acknowledged");
                delivery.hand_over().dead(&reason).await;
            }
            message = messages.next() => match message {
                Some(Ok(message)) => {
                    silent_at = Instant::now() + SILENCE;
                    shared.buffer.push(delivery_of(message, channel, shared));
                }
                // The queue was deleted, or its leader is gone, or the channel is.
                Some(Err(_)) | None => return Ended::Lost,
            },
            () = tokio::time::sleep_until(silent_at) => {
                if channel.outstanding().is_empty() {
                    return Ended::Silent;
                }
                silent_at = Instant::now() + SILENCE;
            }
        }
    }
}

fn delivery_of(message: lapin::message::Delivery, channel: &Arc<Channel>, shared: &Arc<Shared>) -> Delivery {
    let headers::Beside {
        traceparent,
        deliveries_before,
        published_at,
        death,
    } = headers::read(&message.properties);
    channel.outstanding().insert(message.delivery_tag);
    let payload = Bytes::from(message.data);
    let attempts = deliveries_before
        .unwrap_or(u32::from(message.redelivered))
        .saturating_add(1);
    let again = (shared.queue.nature() == Nature::Ordered).then(|| {
        Box::new(Again {
            payload: payload.clone(),
            traceparent: traceparent.clone(),
            published_at,
            attempts,
        })
    });
    let hold = Hold {
        tag: message.delivery_tag,
        channel: channel.clone(),
        state: State::Buffered,
        again,
        shared: shared.clone(),
    };
    Delivery {
        payload,
        traceparent,
        redelivered: message.redelivered,
        attempts,
        published_at,
        // A message that died, was replayed and came back has the marks of its death still.
        death: death.filter(|_| matches!(shared.queue, QueueName::Dead(_))),
        hold: delivery::Hold::Amqp(hold),
    }
}

/// A channel that is kept open by what is in hand of it, with the tags that are not settled.
struct Channel {
    channel: AmqpChannel,
    outstanding: Mutex<BTreeSet<u64>>,
}

impl Channel {
    fn outstanding(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many deliveries of one consumer are in somebody's hands.
struct InHand(watch::Sender<usize>);

impl Default for InHand {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InHand {
    fn more(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    fn less(&self) {
        self.0.send_modify(|count| *count -= 1);
    }

    async fn none(&self) {
        // Cannot fail: the sender is ours.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// What holds a message for us.
pub(crate) struct Hold {
    tag: u64,
    channel: Arc<Channel>,
    state: State,
    /// The message itself, for one that goes back to its place in the buffer.
    again: Option<Box<Again>>,
    shared: Arc<Shared>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Buffered,
    Handed,
    Settled,
}

struct Again {
    payload: Bytes,
    traceparent: Option<String>,
    published_at: Option<DateTime<Utc>>,
    attempts: u32,
}

/// What the broker is being told. It was written down to be sent when this was made; waiting only tells when it was sent.
type Sending = Pin<Box<dyn Future<Output = lapin::Result<()>> + Send>>;

impl Hold {
    pub(crate) fn hand_over(&mut self) {
        self.state = State::Handed;
        self.shared.in_hand.more();
    }

    /// Whether settling it can still reach the broker.
    pub(crate) fn is_current(&self) -> bool {
        self.channel.channel.status().connected()
    }

    pub(crate) async fn ack(mut self) {
        let sending = {
            let channel = self.channel.clone();
            let mut outstanding = channel.outstanding();
            self.tell_ack(&mut outstanding, false)
        };
        log_lost(sending.await);
    }

    pub(crate) async fn requeue(mut self) {
        if let Some(sending) = self.let_go() {
            log_lost(sending.await);
        }
    }

    /// Confirmed among the dead before it is acknowledged; comes again if it cannot be put there.
    pub(crate) async fn dead(
        self,
        payload: &Bytes,
        traceparent: Option<&str>,
        published_at: Option<DateTime<Utc>>,
        reason: &str,
    ) {
        if matches!(self.shared.queue, QueueName::Dead(_)) {
            tracing::error!(
                queue = self.shared.name,
                "a dead letter cannot die again: it stays where it is"
            );
            return self.requeue().await;
        }
        let message = Message {
            payload: payload.clone(),
            traceparent: traceparent.map(str::to_owned),
        };
        let death = Death {
            queue: self.shared.name.clone(),
            reason: delivery::shortened(reason),
            at: Some(Utc::now()),
        };
        let extra = Extra {
            death: Some(death),
            published_at,
        };
        match self
            .shared
            .publisher
            .publish(&self.shared.queue.dead(), &message, &extra)
            .await
        {
            Ok(()) => {
                metrics::died(&self.shared.name);
                self.ack().await;
            }
            Err(refusal) => {
                tracing::warn!(
                    queue = self.shared.name,
                    reason = refusal.reason,
                    "a message could not be put among the dead: it comes again"
                );
                self.requeue().await;
            }
        }
    }

    /// One acknowledgement for all that have nothing else before them on their channel; one each for the others.
    pub(crate) async fn ack_all(mut batch: Vec<Self>) {
        // By address, for a pointer would tie this future to its thread.
        let mut by_channel: HashMap<usize, Vec<&mut Self>> = HashMap::new();
        for hold in &mut batch {
            by_channel
                .entry(Arc::as_ptr(&hold.channel).addr())
                .or_default()
                .push(hold);
        }
        let mut sending: Vec<Sending> = Vec::new();
        for holds in by_channel.into_values() {
            let ours: BTreeSet<u64> = holds.iter().map(|hold| hold.tag).collect();
            let Some(channel) = holds.first().map(|hold| hold.channel.clone()) else {
                continue;
            };
            let mut outstanding = channel.outstanding();
            let all_before = outstanding
                .iter()
                .copied()
                .take_while(|tag| ours.contains(tag))
                .last();
            for hold in holds {
                if all_before.is_none_or(|last| hold.tag > last) {
                    sending.push(hold.tell_ack(&mut outstanding, false));
                } else if all_before == Some(hold.tag) {
                    sending.push(hold.tell_ack(&mut outstanding, true));
                } else {
                    outstanding.remove(&hold.tag);
                    hold.settled();
                }
            }
        }
        for told in sending {
            log_lost(told.await);
        }
    }

    /// Writes an acknowledgement down to be sent. Under the lock of what is outstanding: one that covers several and one
    /// of its own for a message among them must not cross, or the broker closes the channel. From here on it is settled,
    /// whether or not somebody waits until it is sent.
    fn tell_ack(&mut self, outstanding: &mut BTreeSet<u64>, multiple: bool) -> Sending {
        outstanding.remove(&self.tag);
        let (channel, tag) = (self.channel.channel.clone(), self.tag);
        let sending = begun(async move { channel.basic_ack(tag, BasicAckOptions { multiple }).await });
        self.settled();
        sending
    }

    /// Gives the message back: to its place in the buffer, or to the broker.
    fn let_go(&mut self) -> Option<Sending> {
        let Some(again) = self.again.take() else {
            return Some(self.tell_requeue());
        };
        self.settled();
        if !self.is_current() {
            return None;
        }
        let attempts = again.attempts.saturating_add(1);
        let delivery = Delivery {
            payload: again.payload.clone(),
            traceparent: again.traceparent.clone(),
            redelivered: true,
            attempts,
            published_at: again.published_at,
            death: None,
            hold: delivery::Hold::Amqp(Self {
                tag: self.tag,
                channel: self.channel.clone(),
                state: State::Buffered,
                again: Some(Box::new(Again { attempts, ..*again })),
                shared: self.shared.clone(),
            }),
        };
        if attempts > MOST_DELIVERIES {
            // Fails when the consumer has ended: the message goes back with the channel.
            let _ = self.shared.hopeless.send(delivery);
        } else {
            self.shared.buffer.put_back(delivery, |other| match &other.hold {
                delivery::Hold::Amqp(other) => {
                    !Arc::ptr_eq(&other.channel, &self.channel) || other.tag > self.tag
                }
                delivery::Hold::Postgres(_) | delivery::Hold::Nothing => true,
            });
        }
        None
    }

    fn tell_requeue(&mut self) -> Sending {
        self.channel.outstanding().remove(&self.tag);
        let (channel, tag) = (self.channel.channel.clone(), self.tag);
        let sending = begun(async move {
            channel
                .basic_nack(
                    tag,
                    BasicNackOptions {
                        requeue: true,
                        multiple: false,
                    },
                )
                .await
        });
        self.settled();
        sending
    }

    fn settled(&mut self) {
        if self.state == State::Handed {
            self.shared.in_hand.less();
        }
        self.state = State::Settled;
    }
}

/// Polled once, which writes the frame down.
fn begun(sending: impl Future<Output = lapin::Result<()>> + Send + 'static) -> Sending {
    let mut sending: Sending = Box::pin(sending);
    match (&mut sending).now_or_never() {
        Some(result) => Box::pin(std::future::ready(result)),
        None => sending,
    }
}

fn log_lost(told: lapin::Result<()>) {
    if let Err(error) = told {
        tracing::debug!(
            error = &error as &dyn Error,
            "not acknowledged: the message will come again"
        );
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        match self.state {
            State::Settled => {}
            // It goes back when the channel is closed, which follows at once. Until then it counts as outstanding, so
            // that no acknowledgement of several covers it.
            State::Buffered => {}
            State::Handed => drop(self.let_go()),
        }
    }
}
