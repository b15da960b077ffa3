//! The parts of one process, run together.
//!
//! Invariants: one part down means all down, so that whoever supervises us starts us whole; and a process that was asked
//! to stop is gone within [`GRACE`], for orchestrators kill what is not.

use anyhow::{Context, bail};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long the parts may take to finish what they hold. What follows (closing connections, stopping a private
/// PostgreSQL) has to fit below 25 s as well.
const GRACE: Duration = Duration::from_secs(15);

/// The very end, whatever still hangs.
const END: Duration = Duration::from_millis(24_500);

/// Ends the process if it has not ended by itself long after it was asked to. Nothing accepted is lost by that.
pub fn end_in_time(stop: CancellationToken) {
    tokio::spawn(async move {
        stop.cancelled().await;
        tokio::time::sleep(END).await;
        tracing::error!("still not stopped after {END:?}: leaving as it is");
        std::process::exit(1);
    });
}

/// What runs.
pub struct Running {
    parts: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: CancellationToken,
    grace: Duration,
}

impl Running {
    /// Nothing yet. All of it ends with `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            parts: JoinSet::new(),
            stop,
            grace: GRACE,
        }
    }

    /// Adds a part that runs until `stop`.
    pub fn add(
        &mut self,
        name: &'static str,
        part: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.parts.spawn(async move { (name, part.await) });
    }

    /// Runs until asked to stop and all parts have ended, or until one of them fails.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        let first = self.first_end().await;
        self.stop.cancel();
        let rest = tokio::time::timeout(self.grace, async {
            let mut outcome = Ok(());
            while let Some(ended) = self.parts.join_next().await {
                let ended = flatten(ended);
                if let Err(error) = &ended {
                    tracing::error!("{error:#}");
                }
                outcome = outcome.and(ended);
            }
            outcome
        })
        .await;
        first?;
        rest.with_context(|| {
            format!(
                "not everything had ended {} s after the stop",
                self.grace.as_secs()
            )
        })?
    }

    /// Returns when asked to stop, or with an error when a part has ended by itself.
    async fn first_end(&mut self) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                ended = self.parts.join_next() => match ended {
                    None => return Ok(()),
                    Some(ended) => {
                        let name = ended.as_ref().map_or("a part", |(name, _)| *name);
                        flatten(ended)?;
                        if !self.stop.is_cancelled() {
                            bail!("{name} has ended although nobody asked it to");
                        }
                    }
                }
            }
        }
    }
}

fn flatten(ended: Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>) -> anyhow::Result<()> {
    let (name, outcome) = ended.context("a part of the process has panicked")?;
    outcome.with_context(|| format!("{name} has failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_parts_end_in_peace_when_asked_to() {
        let stop = CancellationToken::new();
        let mut running = Running::new(stop.clone());
        for name in ["one", "two"] {
            let stop = stop.clone();
            running.add(name, async move {
                stop.cancelled().await;
                Ok(())
            });
        }

        stop.cancel();

        running.finish().await.unwrap();
    }

    #[tokio::test]
    async fn one_part_down_means_all_down_and_its_reason_is_kept() {
        let stop = CancellationToken::new();
        let mut running = Running::new(stop.clone());
        let steady = stop.clone();
        running.add("steady", async move {
            steady.cancelled().await;
            Ok(())
        });
        running.add("broken", async { bail!("out of luck") });

        let error = running.finish().await.unwrap_err();

        assert_eq!(format!("{error:#}"), "broken has failed: out of luck");
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_part_that_leaves_without_being_asked_is_a_failure() {
        let mut running = Running::new(CancellationToken::new());
        running.add("early", async { Ok(()) });

        let error = running.finish().await.unwrap_err();

        assert_eq!(error.to_string(), "early has ended although nobody asked it to");
    }

    #[tokio::test]
    async fn a_panic_brings_the_process_down() {
        let mut running = Running::new(CancellationToken::new());
        running.add("shaky", async { panic!("at the disco") });

        assert!(
            running
                .finish()
                .await
                .unwrap_err()
                .to_string()
                .contains("panicked")
        );
    }

    #[tokio::test]
    async fn a_part_that_does_not_stop_is_left_behind() {
        let stop = CancellationToken::new();
        let mut running = Running::new(stop.clone());
        running.grace = Duration::from_millis(20);
        running.add("deaf", std::future::pending());
        stop.cancel();

        let error = running.finish().await.unwrap_err();

        assert!(error.to_string().contains("not everything had ended"), "{error}");
    }
}
