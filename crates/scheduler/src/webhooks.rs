//! Sends events to where workspaces want them, as Standard Webhooks has it
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! It is the scheduler's work because it is none of a message's: a receiver that is slow or away must take nothing from
//! those who answer people. Unlike the rest of the scheduler it needs no single hand: a delivery is claimed, so every
//! scheduler sends, standbys too, and what one that died had in hand is another's as soon as its lease runs out.
//!
//! Invariant: a delivery is settled only after its answer is known. A repeat carries the same `webhook-id`.

mod pace;
mod post;
mod signature;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use egress::{Guard, Timeouts};
use post::Post;
use process::clock::Clock;
use std::time::Duration;
use store::{
    Db,
    webhooks::{self, Claimed, Ended},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vault::Keyring;

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_millis(500);
/// How long a receiver may take.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(15),
};
/// Longer than any try takes.
const LEASE: TimeDelta = TimeDelta::seconds(40);
/// Deliveries in hand at once.
const MOST: usize = 64;
/// How long those may take to end once we are to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Sends events.
#[derive(Clone)]
pub(crate) struct Deliverer {
    db: Db,
    keyring: Keyring,
    clock: Clock,
    post: Post,
}

impl Deliverer {
    pub(crate) fn new(db: Db, keyring: Keyring, clock: Clock, guard: &Guard) -> anyhow::Result<Self> {
        Ok(Self {
            db,
            keyring,
            clock,
            post: Post::new(guard, TIMEOUTS)?,
        })
    }

    /// Sends what is due until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut in_hand = JoinSet::new();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = looks.tick() => {}
                // Who has sent one takes the next at once.
                Some(ended) = in_hand.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "sending an event ended badly");
                },
            }
            for claimed in self.due(MOST.saturating_sub(in_hand.len())).await {
                let deliverer = self.clone();
                in_hand.spawn(async move { deliverer.deliver(&claimed).await });
            }
        }
        let ended = async { while in_hand.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::info!("events that were being sent will be sent again when their leases run out");
        }
    }

    async fn due(&self, most: usize) -> Vec<Claimed> {
        let Ok(most @ 1..) = i64::try_from(most) else {
            return Vec::new();
        };
        match webhooks::claim(&self.db, self.clock.now(), LEASE, most).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "events cannot be sent now"
                );
                Vec::new()
            }
        }
    }

    /// One try, and what comes of it.
    #[tracing::instrument(skip_all, fields(delivery.id = %claimed.id, endpoint.id = %claimed.endpoint))]
    async fn deliver(&self, claimed: &Claimed) {
        let secrets = match self.secrets(claimed).await {
            Ok(secrets) => secrets,
            Err(error) => {
                // Without its key nothing can be signed: it is not the receiver's fault, and costs no try.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an endpoint's secret does not open"
                );
                return;
            }
        };
        let now = self.clock.now();
        let (tried, answer) = self.post.send(claimed, &secrets, now).await;
        let after = pace::after(&answer, claimed.attempts, now);
        match webhooks::settle(&self.db, claimed, &tried, after, self.clock.now()).await {
            Ok(Ended::SwitchedOff) => {
                tracing::warn!("an endpoint was switched off: it takes nothing any more")
            }
            Ok(Ended::Settled | Ended::Lost) => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "how an event was taken could not be written down; it will be sent again"
            ),
        }
    }

    /// The secrets that sign, the newest first.
    async fn secrets(&self, claimed: &Claimed) -> Result<Vec<secrecy::SecretString>, vault::VaultError> {
        let place = vault::Place {
            row: claimed.endpoint.as_uuid(),
            column: webhooks::SECRET_COLUMN,
        };
        let mut secrets = Vec::new();
        for sealed in [Some(&claimed.secret), claimed.previous_secret.as_ref()]
            .into_iter()
            .flatten()
        {
            secrets.push(self.keyring.open_text(claimed.workspace, place, sealed).await?);
        }
        Ok(secrets)
    }
}
