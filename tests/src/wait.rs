//! Waiting for something that no event announces, because it happens in another process.

use anyhow::bail;
use std::time::{Duration, Instant};

/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(50);

/// Asks until the answer is something; fails after `patience`, saying what was waited for.
pub async fn until<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    let mut last_error = None;
    while began.elapsed() < patience {
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => last_error = None,
            Err(error) => last_error = Some(error),
        }
        tokio::time::sleep(LOOK).await;
    }
    match last_error {
        Some(error) => Err(error.context(format!("waited {patience:?} for {what}"))),
        None => bail!("waited {patience:?} for {what}"),
    }
}
