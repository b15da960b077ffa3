//! Consuming from the table `jobs`: one task and one database session for each consumer.
//!
//! Invariants: the session holds the lock of its number, so that what it has in hand is free as soon as it is gone; for an
//! ordered queue it also holds the queue's lock, so that there is one consumer at a time. Who has lost a job cannot settle
//! it any more, and need not know.

use super::bells::Bells;
use crate::{
    Death, Delivery, MOST_DELIVERIES, Nature, QueueName, backoff::Backoff, consumer::Buffer, delivery,
    metrics, name::Namespace,
};
use std::{
    collections::{BTreeMap, HashSet},
    error::Error,
    future::Future,
    sync::Arc,
    time::Duration,
};
use store::{
    Db, StoreError,
    jobs::{CLAIM_SECONDS, Claim, Claimed, Session},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, timeout},
};
use tokio_util::sync::CancellationToken;

/// How often to look without being told: for what a lost notification did not say, and for what dead consumers left.
const LOOK: Duration = Duration::from_secs(1);

/// How often what is in hand is kept.
const KEEP: Duration = Duration::from_secs(CLAIM_SECONDS as u64 / 3);

/// How long a statement may take before the session is given up.
const OVERDUE: Duration = Duration::from_secs(10);

/// What becomes of jobs in hand.
enum Settle {
    Acknowledge(Vec<Claim>),
    /// Whether anybody had it in hands: then the attempt counts.
    GiveBack(Claim, bool),
    Bury(Claim, String),
}

/// A settlement, and who waits for it.
struct Order {
    settle: Settle,
    done: Option<oneshot::Sender<()>>,
}

/// Fills one consumer's buffer, and settles what it has in hand.
pub(super) struct Task {
    db: Db,
    name: String,
    dead: Option<String>,
    ordered: bool,
    prefetch: usize,
    buffer: Arc<Buffer>,
    bell: Arc<Notify>,
    bells: Arc<Bells>,
    closed: CancellationToken,
    orders: mpsc::UnboundedReceiver<Order>,
    order: mpsc::UnboundedSender<Order>,
    /// Taken from `orders`, and not settled yet.
    unsettled: Vec<Order>,
    /// What is in the buffer or in somebody's hands.
    held: BTreeMap<i64, Claim>,
}

impl Task {
    pub(super) fn new(
        db: Db,
        queue: &QueueName,
        namespace: Namespace,
        prefetch: u16,
        buffer: Arc<Buffer>,
        bells: Arc<Bells>,
        closed: CancellationToken,
    ) -> Self {
        let name = namespace.of(queue);
        let dead = (!matches!(queue, QueueName::Dead(_))).then(|| namespace.of(&queue.dead()));
        let (order, orders) = mpsc::unbounded_channel();
        Self {
            bell: bells.for_jobs(&name),
            db,
            name,
            dead,
            ordered: queue.nature() == Nature::Ordered,
            prefetch: prefetch.into(),
            buffer,
            bells,
            closed,
            orders,
            order,
            unsettled: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    pub(super) async fn run(mut self, unwanted: CancellationToken) {
        let closed = self.closed.clone();
        let mut backoff = Backoff::new();
        let mut told = false;
        loop {
            let consumed = tokio::select! {
                biased;
                () = closed.cancelled() => return,
                consumed = self.consume(&unwanted, &mut backoff, &mut told) => consumed,
            };
            match consumed {
                Ok(()) => return,
                Err(error) if !told => {
                    told = true;
                    tracing::warn!(
                        queue = self.name,
                        error = &error as &dyn Error,
                        "consuming is interrupted"
                    );
                }
                Err(_) => {}
            }
            if unwanted.is_cancelled() {
                self.buffer.close();
            }
            tokio::select! {
                biased;
                () = closed.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Consumes until the consumer is unwanted and everything is settled, or the session is lost.
    async fn consume(
        &mut self,
        unwanted: &CancellationToken,
        backoff: &mut Backoff,
        told: &mut bool,
    ) -> Result<(), StoreError> {
        let mut session = soon(Session::open(&self.db)).await?;
        let number = soon(session.take_number()).await?;
        // What the last session had in hand and nobody took meanwhile is still ours.
        self.keep(&mut session, number).await?;
        backoff.reset();
        *told = false;
        let mut active = false;
        let mut more = true;
        let mut look = every(LOOK);
        let mut keep = every(KEEP);
        loop {
            while let Ok(order) = self.orders.try_recv() {
                self.unsettled.push(order);
            }
            self.settle(&mut session).await?;
            if unwanted.is_cancelled() {
                self.buffer.close();
                if self.held.is_empty() {
                    return Ok(());
                }
            } else if active && more && self.has_room() {
                more = self.claim(&mut session, number).await?;
                continue;
            }
            let wanted = !unwanted.is_cancelled();
            tokio::select! {
                biased;
                () = unwanted.cancelled(), if wanted => {}
                order = self.orders.recv() => self.unsettled.extend(order),
                () = self.bell.notified(), if wanted => more = true,
                () = self.buffer.emptied.notified(), if wanted => {}
                _ = keep.tick() => self.keep(&mut session, number).await?,
                _ = look.tick(), if wanted => {
                    active = active || !self.ordered || soon(session.try_lock_queue(&self.name)).await?;
                    if active {
                        // Before the first claim of an ordered queue: what the one before left comes first.
                        soon(session.free_orphans(&self.name)).await?;
                        more = true;
                    }
                }
            }
        }
    }

    /// A whole batch at a time, unless somebody may be waiting for the very next one.
    fn has_room(&self) -> bool {
        let room = self.prefetch.saturating_sub(self.held.len());
        room > 0 && (room >= self.prefetch / 2 || self.buffer.is_empty())
    }

    /// Takes the next jobs; says whether there may be more.
    async fn claim(&mut self, session: &mut Session, number: i32) -> Result<bool, StoreError> {
        let room = self.prefetch.saturating_sub(self.held.len());
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let clearings = self.buffer.clearings();
        let claimed = soon(session.claim(&self.name, number, limit)).await?;
        let all = claimed.len() == room;
        let mut deliveries = Vec::with_capacity(claimed.len());
        for job in claimed {
            self.held.insert(job.claim.id, job.claim);
            let attempts = job.attempts.unsigned_abs();
            match &self.dead {
                Some(_) if attempts > MOST_DELIVERIES => {
                    let reason = format!("it came back {MOST_DELIVERIES} times without being acknowledged");
                    self.unsettled.push(Order {
                        settle: Settle::Bury(job.claim, reason),
                        done: None,
                    });
                }
                _ => deliveries.push(self.delivery(job)),
            }
        }
        self.buffer.push_unless_cleared(deliveries, clearings);
        self.settle(session).await?;
        Ok(all)
    }

    fn delivery(&self, job: Claimed) -> Delivery {
        let hold = Hold {
            claim: Some(job.claim),
            handed: false,
            order: self.order.clone(),
            buffer: self.ordered.then(|| self.buffer.clone()),
        };
        let attempts = job.attempts.unsigned_abs();
        Delivery {
            payload: job.payload.into(),
            traceparent: job.traceparent,
            redelivered: attempts > 1,
            attempts,
            published_at: Some(job.published_at),
            death: job.death.map(|death| Death {
                queue: death.origin,
                reason: death.reason,
                at: Some(death.at),
            }),
            hold: delivery::Hold::Postgres(hold),
        }
    }

    /// Settles what was asked for, a statement for each kind. What could not be settled stays to be settled by the next
    /// session.
    async fn settle(&mut self, session: &mut Session) -> Result<(), StoreError> {
        let mut done: Vec<Claim> = Vec::new();
        let mut back: [Vec<Claim>; 2] = Default::default();
        for order in &self.unsettled {
            match &order.settle {
                Settle::Acknowledge(claims) => done.extend(claims),
                Settle::GiveBack(claim, touched) => back[usize::from(*touched)].push(*claim),
                Settle::Bury(..) => {}
            }
        }
        if !done.is_empty() {
            soon(session.acknowledge(&done)).await?;
        }
        for (touched, claims) in [false, true].into_iter().zip(&back) {
            if !claims.is_empty() {
                soon(session.give_back(claims, touched)).await?;
                self.bells.published(&self.name);
            }
        }
        for order in &self.unsettled {
            let Settle::Bury(claim, reason) = &order.settle else {
                continue;
            };
            match &self.dead {
                Some(dead) => {
                    if soon(session.bury(*claim, dead, reason)).await? {
                        metrics::died(&self.name);
                        self.bells.published(dead);
                    }
                }
                None => {
                    tracing::error!(
                        queue = self.name,
                        "a dead letter cannot die again: it stays where it is"
                    );
                    soon(session.give_back(&[*claim], true)).await?;
                }
            }
        }
        for order in self.unsettled.drain(..) {
            match &order.settle {
                Settle::Acknowledge(claims) => {
                    for claim in claims {
                        forget(&mut self.held, claim);
                    }
                }
                Settle::GiveBack(claim, _) | Settle::Bury(claim, _) => forget(&mut self.held, claim),
            }
            if let Some(waiting) = order.done {
                let _ = waiting.send(());
            }
        }
        Ok(())
    }

    /// Keeps what is in hand, and forgets what somebody else has by now.
    async fn keep(&mut self, session: &mut Session, number: i32) -> Result<(), StoreError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let claims: Vec<Claim> = self.held.values().copied().collect();
        let kept: HashSet<i64> = soon(session.keep(number, &claims)).await?.into_iter().collect();
        if kept.len() < claims.len() {
            self.held.retain(|id, _| kept.contains(id));
            let held = &self.held;
            self.buffer.retain(|delivery| match &delivery.hold {
                delivery::Hold::Postgres(hold) => {
                    hold.claim.is_none_or(|claim| held.get(&claim.id) == Some(&claim))
                }
                delivery::Hold::Amqp(_) | delivery::Hold::Nothing => true,
            });
        }
        Ok(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // What waits in it holds on to it.
        self.buffer.close();
    }
}

/// Unless the same job was claimed anew meanwhile.
fn forget(held: &mut BTreeMap<i64, Claim>, claim: &Claim) {
    if held.get(&claim.id) == Some(claim) {
        held.remove(&claim.id);
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(Instant::now(), period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// A database that does not answer is as good as none.
async fn soon<T>(statement: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match timeout(OVERDUE, statement).await {
        Ok(result) => result,
        Err(_) => Err(store::jobs::overdue()),
    }
}

/// What holds a job for us.
pub(crate) struct Hold {
    /// `None` when it is settled.
    claim: Option<Claim>,
    handed: bool,
    order: mpsc::UnboundedSender<Order>,
    /// Of an ordered queue: what was taken after it goes back with it.
    buffer: Option<Arc<Buffer>>,
}

impl Hold {
    pub(crate) const fn hand_over(&mut self) {
        self.handed = true;
    }

    pub(crate) async fn ack(mut self) {
        if let Some(claim) = self.claim.take() {
            self.settle(Settle::Acknowledge(vec![claim])).await;
        }
    }

    pub(crate) async fn requeue(mut self) {
        if let Some(claim) = self.claim.take() {
            self.let_go_of_later_ones();
            self.settle(Settle::GiveBack(claim, true)).await;
        }
    }

    /// What comes after it and was not handed over has to come after it again.
    fn let_go_of_later_ones(&self) {
        if let Some(buffer) = &self.buffer {
            buffer.clear();
        }
    }

    pub(crate) async fn dead(mut self, reason: &str) {
        if let Some(claim) = self.claim.take() {
            self.settle(Settle::Bury(claim, delivery::shortened(reason)))
                .await;
        }
    }

    /// One statement for all of one consumer.
    pub(crate) async fn ack_all(batch: Vec<Self>) {
        let mut consumers: Vec<(mpsc::UnboundedSender<Order>, Vec<Claim>)> = Vec::new();
        for mut hold in batch {
            let Some(claim) = hold.claim.take() else { continue };
            match consumers
                .iter_mut()
                .find(|(order, _)| order.same_channel(&hold.order))
            {
                Some((_, claims)) => claims.push(claim),
                None => consumers.push((hold.order.clone(), vec![claim])),
            }
        }
        let waiting: Vec<_> = consumers
            .into_iter()
            .map(|(order, claims)| send(&order, Settle::Acknowledge(claims)))
            .collect();
        for settled in waiting {
            let _ = settled.await;
        }
    }

    async fn settle(&self, settle: Settle) {
        // Fails when the consumer has ended: the job has been freed with its session, and comes again.
        let _ = send(&self.order, settle).await;
    }
}

fn send(order: &mpsc::UnboundedSender<Order>, settle: Settle) -> oneshot::Receiver<()> {
    let (done, settled) = oneshot::channel();
    let _ = order.send(Order {
        settle,
        done: Some(done),
    });
    settled
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            if self.handed {
                self.let_go_of_later_ones();
            }
            let _ = self.order.send(Order {
                settle: Settle::GiveBack(claim, self.handed),
                done: None,
            });
        }
    }
}
