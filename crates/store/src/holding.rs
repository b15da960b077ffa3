//! Holding on to work while the database is away.

use crate::StoreError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Waits between attempts, longer each time.
pub struct Patience<'a> {
    stop: &'a CancellationToken,
    what: &'static str,
    pause: Duration,
}

impl<'a> Patience<'a> {
    /// Ends with `stop`. `what` waits, as the log says.
    pub const fn new(stop: &'a CancellationToken, what: &'static str) -> Self {
        Self {
            stop,
            what,
            pause: FIRST,
        }
    }

    /// Returns when it is time for another attempt; `false`: told to stop meanwhile.
    pub async fn wait(&mut self, error: &StoreError) -> bool {
        if matches!(error, StoreError::Conflict(_)) {
            return true;
        }
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "{} waits for the database",
            self.what
        );
        tokio::select! {
            () = self.stop.cancelled() => return false,
            () = tokio::time::sleep(self.pause) => {}
        }
        self.pause = (self.pause * 2).min(LONGEST);
        true
    }
}

/// Runs a query until it succeeds or fails for good. While the database is away it waits and never gives the work back:
/// a message handed back and forth would be counted as poison. `None`: told to stop meanwhile.
///
/// A macro, because the query borrows anew at each attempt and has to stay `Send`.
#[macro_export]
macro_rules! until_done {
    ($stop:expr, $what:literal, $query:expr) => {{
        let mut patience = $crate::holding::Patience::new($stop, $what);
        loop {
            match $query.await {
                Err(error) if $crate::StoreError::is_transient(&error) => {
                    if !patience.wait(&error).await {
                        break None;
                    }
                }
                outcome => break Some(outcome),
            }
        }
    }};
}
