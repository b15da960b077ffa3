//! A private PostgreSQL for who has none: a real server, started as a child inside the data directory.
//!
//! ```text
//! <data-dir>/lock            held as long as a BotSmith uses the directory
//! <data-dir>/postgres/data   the cluster
//! <data-dir>/postgres/socket where it listens; nowhere else
//! ```
//!
//! Invariants: it opens no port; its socket and files belong to one unprivileged user and nobody else can reach them; only
//! one BotSmith at a time uses a data directory; a server that is still running after BotSmith was killed is adopted, one
//! that was killed is started again; and no file of its own is ever removed to make it start: PostgreSQL knows better than
//! we do whether a lock is stale. Writes are flushed to the disk (`fsync` stays on).

mod account;
mod configuration;
mod error;
mod installation;
mod lock;
mod server;
mod socket;

pub use error::PostgresError;

use lock::Lock;
use secrecy::SecretString;
use server::Server;
use std::{path::Path, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often the server is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The shortest and the longest pause between attempts to start a server that will not start.
const SHORTEST_PAUSE: Duration = Duration::from_millis(150);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often the first start is tried: processes of a server that was killed need a moment to notice, and until then a new
/// one refuses to start.
const ATTEMPTS: u32 = 5;

/// A running private PostgreSQL. It is stopped by [`stop`](Self::stop) or at the end of [`run`](Self::run); when merely
/// dropped it stays up, and is adopted by the next start.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    _lock: Lock,
}

impl Postgres {
    /// Takes the data directory and makes a server run there: creating the directory and the cluster the first time,
    /// adopting one that still runs.
    pub async fn start(data_dir: &Path) -> Result<Self, PostgresError> {
        let data_dir =
            std::path::absolute(data_dir).map_err(|error| PostgresError::io("find", data_dir, error))?;
        lock::make_data_dir(&data_dir)?;
        let lock = Lock::take(&data_dir)?;
        let server = Server::prepare(&data_dir).await?;
        let mut attempts = ATTEMPTS;
        while let Err(error) = server.start().await {
            attempts -= 1;
            if attempts == 0 {
                return Err(error);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { server, _lock: lock })
    }

    /// How to connect to the server in this data directory if one runs there, started by whichever BotSmith.
    pub fn url_if_running(data_dir: &Path) -> Option<SecretString> {
        server::url_if_running(&std::path::absolute(data_dir).ok()?)
    }

    /// How to connect, as the owner of everything in it.
    pub fn url(&self) -> SecretString {
        self.server.url()
    }

    /// Where it listens, for messages.
    pub fn address(&self) -> String {
        self.server.socket().display().to_string()
    }

    /// Keeps it running until told to stop, then stops it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), PostgresError> {
        let mut pause = LOOK;
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            if self.server.is_running() {
                pause = LOOK;
                continue;
            }
            tracing::error!("the private PostgreSQL has gone away: starting it again");
            match self.server.start().await {
                Ok(()) => {
                    tracing::info!("the private PostgreSQL is back");
                    pause = LOOK;
                }
                Err(error) => {
                    // Processes of the one that was killed need a moment to notice; what lasts longer is another matter.
                    pause = if pause == LOOK {
                        SHORTEST_PAUSE
                    } else {
                        (pause * 2).min(LONGEST_PAUSE)
                    };
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the private PostgreSQL does not start; trying again in {pause:?}"
                    );
                }
            }
        }
        self.stop().await
    }

    /// Stops it: connections that are still open are ended, what was committed is kept.
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.server.stop().await
    }
}

#[cfg(test)]
mod tests;
