//! Claiming turns: as many as there are free hands, fairly between workspaces.

use crate::turn::{Turn, Worker};
use process::clock::Clock;
use queue::{Delivery, QueueName};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::turns::{Caps, claim};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Wake-ups held while all hands are busy: few, so that an idle worker gets the others.
const PREFETCH: u16 = 16;
/// The most that one claim takes: others are waiting for their claim.
const MOST_AT_ONCE: usize = 32;
/// Claims are no closer together than this: under load each takes more, and the database answers fewer.
const BETWEEN_CLAIMS: Duration = Duration::from_millis(5);

/// Claims and runs turns until `stop`, then lets those under way end.
pub async fn run(worker: Arc<Worker>, caps: Caps, hands: usize, stop: CancellationToken) {
    let mut consumer = worker.queue.consume(&QueueName::Turns, PREFETCH).await;
    let free = Arc::new(Semaphore::new(hands));
    // Somebody has reason to look again without a wake-up: a settle time has passed, or a cap has room.
    let look_again = Arc::new(Notify::new());
    let held_back = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    let mut claimed_at = Instant::now();
    loop {
        while running.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = free.clone().acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let token = tokio::select! {
            () = stop.cancelled() => break,
            () = look_again.notified() => None,
            token = consumer.next() => match token {
                None => break,
                token => token,
            },
        };
        tokio::time::sleep_until(claimed_at + BETWEEN_CLAIMS).await;
        let mut tokens: Vec<Delivery> = token.into_iter().collect();
        while tokens.len() < MOST_AT_ONCE
            && let Some(token) = consumer.try_next()
        {
            tokens.push(token);
        }
        let asked = tokens.len();
        let mut due_now = tokens.is_empty();
        for token in &tokens {
            due_now |= !wait_until_due(token, &worker.clock, &look_again);
        }
        if due_now {
            claimed_at = Instant::now();
            let limit = (free.available_permits() + 1).min(MOST_AT_ONCE);
            match claim(
                &worker.db,
                worker.clock.now(),
                crate::turn::lease(),
                limit as i64,
                caps,
            )
            .await
            {
                Ok(claims) => {
                    if claims.len() == limit {
                        look_again.notify_one();
                    }
                    held_back.store(claims.len() < asked, Ordering::Relaxed);
                    start(
                        &worker,
                        claims,
                        permit,
                        &free,
                        &mut running,
                        &look_again,
                        &held_back,
                    );
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no turn could be claimed"
                    );
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    look_again.notify_one();
                }
            }
        }
        Delivery::ack_all(tokens).await;
    }
    finish(&worker, running).await;
}

/// Whether the token speaks of a later time, at which somebody will look again.
fn wait_until_due(token: &Delivery, clock: &Clock, look_again: &Arc<Notify>) -> bool {
    let due_at = wire::read::<wire::Wake>(&token.payload)
        .ok()
        .and_then(|wake| wire::time(wake.due_at, "due_at").ok());
    let Some(due_at) = due_at.filter(|due_at| *due_at > clock.now()) else {
        return false;
    };
    let (clock, look_again) = (clock.clone(), look_again.clone());
    tokio::spawn(async move {
        clock.sleep_until(due_at).await;
        look_again.notify_one();
    });
    true
}

fn start(
    worker: &Arc<Worker>,
    claims: Vec<store::turns::Claim>,
    permit: OwnedSemaphorePermit,
    free: &Arc<Semaphore>,
    running: &mut JoinSet<()>,
    look_again: &Arc<Notify>,
    held_back: &Arc<AtomicBool>,
) {
    let mut permit = Some(permit);
    for claim in claims {
        // Claimed no more than were free; only this loop takes them.
        let hand = permit.take().or_else(|| free.clone().try_acquire_owned().ok());
        let turn = Turn {
            worker: worker.clone(),
            claim,
        };
        let (look_again, held_back) = (look_again.clone(), held_back.clone());
        running.spawn(async move {
            turn.run().await;
            drop(hand);
            if held_back.load(Ordering::Relaxed) {
                look_again.notify_one();
            }
        });
    }
}

async fn finish(worker: &Worker, mut running: JoinSet<()>) {
    let patience = Duration::from_secs(worker.settings.stop_seconds);
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, all).await.is_err() {
        tracing::warn!(
            "turns were still under way when the time to stop was up; another worker takes them over"
        );
        worker.give_up.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(3), async {
            while running.join_next().await.is_some() {}
        })
        .await;
    }
}
