//! Holding on to work while the database is away.

use crate::StoreError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Runs `work` until it succeeds or fails for good. While the database is away it waits, longer each time, and never
/// gives the work back: a message handed back and forth would be counted as poison. `None`: told to stop meanwhile.
pub async fn until_done<T>(
    stop: &CancellationToken,
    what: &'static str,
    work: impl AsyncFn() -> Result<T, StoreError>,
) -> Option<Result<T, StoreError>> {
    let mut pause = FIRST;
    loop {
        match work().await {
            Err(StoreError::Conflict(_)) => {}
            Err(error @ StoreError::Unavailable(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "{what} waits for the database");
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST);
            }
            other => return Some(other),
        }
    }
}
