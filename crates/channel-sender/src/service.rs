//! One platform's sender as a service.

use crate::{Settings, deliver::Delivery, withdraw};
use accounts::Accounts;
use chrono::TimeDelta;
use domain::Platform;
use process::clock::Clock;
use queue::{
    Queue, QueueName,
    news::{self, News},
    workspace_news::{self, WorkspaceNews},
};
use std::{sync::Arc, time::Duration};
use store::{Db, parts};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Longer than any call may take, so that a part in hand is never claimed by another sender.
const LEASE: TimeDelta = TimeDelta::seconds(30);
const PREFETCH: u16 = 16;
const MOST_AT_ONCE: usize = 32;
/// Claims are no closer together than this: under load each takes more, and the database answers fewer.
const BETWEEN_CLAIMS: Duration = Duration::from_millis(5);
/// What pace held back is looked at again after this.
const PACE: Duration = Duration::from_millis(100);

/// One platform's sender.
pub struct Service {
    settings: Settings,
    queue: Queue,
    delivery: Arc<Delivery>,
}

impl Service {
    /// Puts everything together. Nothing is claimed before [`Service::run`].
    pub fn start(
        settings: Settings,
        platform: Platform,
        db: Db,
        queue: Queue,
        accounts: Accounts,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(
            accounts.channels().get(&platform).is_some(),
            "there is no platform {platform} in this installation; it has {}",
            accounts
                .channels()
                .iter()
                .map(|channel| channel.platform().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        );
        let delivery = Arc::new(Delivery {
            db,
            accounts,
            clock,
            platform,
            public_url: settings.public_url.clone(),
            give_up: CancellationToken::new(),
        });
        Ok(Self {
            settings,
            queue,
            delivery,
        })
    }

    /// Sends until `stop`, then lets calls under way end.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let following = tokio::spawn(
            self.delivery
                .accounts
                .clone()
                .follow(self.queue.clone(), stop.clone()),
        );
        let withdrawing = tokio::spawn(withdraw::run(self.delivery.clone(), stop.clone()));
        let mut running = JoinSet::new();
        self.claim_and_send(&mut running, &stop).await;
        let patience = Duration::from_secs(self.settings.stop_seconds);
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!(
                "calls were still under way when the time to stop was up; their outcome will be asked for"
            );
            self.delivery.give_up.cancel();
        }
        following.await?;
        withdrawing.await?;
        Ok(())
    }

    async fn claim_and_send(&self, running: &mut JoinSet<()>, stop: &CancellationToken) {
        let delivery = &self.delivery;
        let mut consumer = self
            .queue
            .consume(&QueueName::Outbound(delivery.platform.clone()), PREFETCH)
            .await;
        let free = Arc::new(Semaphore::new(self.settings.concurrent_sends.max(1)));
        let look_again = Arc::new(Notify::new());
        let mut claimed_at = Instant::now();
        loop {
            while running.try_join_next().is_some() {}
            let permit = tokio::select! {
                () = stop.cancelled() => return,
                permit = free.clone().acquire_owned() => permit,
            };
            let Ok(permit) = permit else { return };
            let token = tokio::select! {
                () = stop.cancelled() => return,
                () = look_again.notified() => None,
                token = consumer.next() => match token {
                    None => return,
                    token => token,
                },
            };
            tokio::time::sleep_until(claimed_at + BETWEEN_CLAIMS).await;
            claimed_at = Instant::now();
            let mut tokens: Vec<_> = token.into_iter().collect();
            while tokens.len() < MOST_AT_ONCE
                && let Some(token) = consumer.try_next()
            {
                tokens.push(token);
            }
            let limit = (free.available_permits() + 1).min(MOST_AT_ONCE);
            let now = delivery.clock.now();
            let per_integration = self.settings.sends_per_integration;
            match parts::claim(
                &delivery.db,
                &delivery.platform,
                now,
                LEASE,
                limit as i64,
                per_integration,
            )
            .await
            {
                Ok(claims) => {
                    if claims.len() == limit {
                        look_again.notify_one();
                    } else if claims.len() < tokens.len() {
                        look_again_soon(&look_again);
                    }
                    let mut permit = Some(permit);
                    for claim in claims {
                        let hand = permit.take().or_else(|| free.clone().try_acquire_owned().ok());
                        let (delivery, look_again) = (delivery.clone(), look_again.clone());
                        let queue = self.queue.clone();
                        running.spawn(async move {
                            let settled = delivery.deliver(&claim).await;
                            drop(hand);
                            if settled.applied {
                                tell(&queue, &delivery.platform, &claim);
                            }
                            if settled.successor_waits {
                                look_again.notify_one();
                            }
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no part could be claimed"
                    );
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    look_again.notify_one();
                }
            }
            queue::Delivery::ack_all(tokens).await;
        }
    }
}

/// Tells the members who follow the workspace, and whoever follows the conversation over the chat API.
fn tell(queue: &Queue, platform: &Platform, claim: &parts::Claim) {
    let conversations = vec![claim.conversation];
    workspace_news::tell(queue, claim.workspace, &WorkspaceNews::Messages { conversations });
    if platform.is_own() {
        let topic = news::topic(claim.integration, &claim.conversation_key);
        news::tell(queue, &topic, &News::Changed);
    }
}

fn look_again_soon(look_again: &Arc<Notify>) {
    let look_again = look_again.clone();
    tokio::spawn(async move {
        tokio::time::sleep(PACE).await;
        look_again.notify_one();
    });
}
