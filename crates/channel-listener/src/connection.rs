//! One connection, from its claim to its end.

use crate::inlet::ToQueue;
use accounts::Accounts;
use channel::ListenError;
use chrono::TimeDelta;
use process::clock::Clock;
use queue::Queue;
use std::time::Duration;
use store::{
    Db,
    care::{self, Listening},
    integration_logs::Level,
};
use tokio_util::sync::CancellationToken;

/// How long a claim holds without being renewed.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(30);
const RENEW: Duration = Duration::from_secs(8);
/// Attempts at a handover: a connection to the database may have ended with the part of this process that opened it.
const HANDOVERS: usize = 3;
/// After a connection was lost.
const SOON: TimeDelta = TimeDelta::seconds(2);
/// After something that only its owner can mend: their change makes it due at once.
const LATER: TimeDelta = TimeDelta::minutes(10);

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) db: Db,
    pub(crate) queue: Queue,
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
}

/// Why a connection ended, and when it may be opened again.
struct End {
    pause: TimeDelta,
    /// What its owner should hear.
    news: Option<(Level, &'static str, String)>,
    /// The integration does not work until they change something.
    broken: bool,
}

impl Holder {
    /// Reads one connection until it ends, its lease is lost or `stop`.
    #[tracing::instrument(name = "listen", skip_all, fields(integration.id = %held.integration))]
    pub(crate) async fn hold(self, held: Listening, stop: CancellationToken) {
        let pause = self.read(&held, &stop).await;
        let due_at = self.clock.now() + pause;
        for _ in 0..HANDOVERS {
            match care::stop_listening(&self.db, &held, due_at).await {
                Ok(()) => return,
                // Its lease runs out.
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the connection was not handed over"
                ),
            }
        }
    }

    async fn read(&self, held: &Listening, stop: &CancellationToken) -> TimeDelta {
        let account = match self.accounts.of_integration(held.integration, held.version).await {
            Ok(Some(account)) => account,
            Ok(None) => return LATER,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the integration cannot be opened"
                );
                return if error.is_transient() { SOON } else { LATER };
            }
        };
        let inlet = ToQueue {
            db: self.db.clone(),
            queue: self.queue.clone(),
            accounts: self.accounts.clone(),
            account: account.clone(),
            held: held.clone(),
        };
        let reading = account
            .channel
            .listen(&account.credentials, held.resume.clone(), &inlet);
        let ended = tokio::select! {
            () = stop.cancelled() => return TimeDelta::zero(),
            () = self.lose_lease(held) => return TimeDelta::zero(),
            ended = reading => ended,
        };
        let end = match ended {
            None => End {
                pause: LATER,
                news: Some((
                    Level::Error,
                    "listener.impossible",
                    "this platform is not read over a connection".to_owned(),
                )),
                broken: true,
            },
            Some(Ok(never)) => match never {},
            Some(Err(error)) => end(error),
        };
        if let Some((level, event, message)) = &end.news {
            inlet.log(*level, event, message).await;
            if end.broken
                && let Err(error) = care::is_broken(&self.db, held.integration, held.version, message).await
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "that the integration is broken was not written down"
                );
            }
        }
        end.pause
    }

    /// Keeps the lease; returns when the connection is to be closed.
    async fn lose_lease(&self, held: &Listening) {
        loop {
            tokio::time::sleep(RENEW).await;
            match care::keep_listening(&self.db, held, self.clock.now() + LEASE).await {
                Ok(true) => {}
                Ok(false) => return,
                // The database is away: what is read cannot be taken from us before the lease has run out, and is
                // recognised as a repeat if it was.
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the connection's lease was not renewed"
                ),
            }
        }
    }
}

fn end(error: ListenError) -> End {
    match error {
        ListenError::Lost { after, reason } => End {
            pause: after
                .and_then(|after| TimeDelta::from_std(after).ok())
                .unwrap_or(SOON)
                .max(SOON),
            news: Some((Level::Warning, "listener.lost", reason)),
            broken: false,
        },
        ListenError::Unauthorized { reason } => End {
            pause: LATER,
            news: Some((Level::Error, "listener.unauthorized", reason)),
            broken: true,
        },
        ListenError::Misconfigured { reason } => End {
            pause: LATER,
            news: Some((Level::Error, "listener.misconfigured", reason)),
            broken: true,
        },
        ListenError::Inlet(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what was read is not queued"
            );
            End {
                pause: SOON,
                news: None,
                broken: false,
            }
        }
    }
}
