//! Gives passages their vectors, beside everything else.
//!
//! Invariant: a passage is found by its words as soon as it is there; its vector comes later and holds up nothing. The work
//! is done portion by portion, each committed before the next, by threads that leave the processor to whoever is waited for.

use crate::{Indexer, work};
use embedder::{EmbedError, Embedder, Embedders};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::{
    StoreError, installation,
    meanings::{self, Claim},
};
use tokio_util::sync::CancellationToken;

/// Under this name it is noted which model makes vectors, or why none does.
pub const STATE: &str = "embeddings";

/// Passages that are read, embedded and committed together: as many as take about this long, so that who is killed over
/// and over gets on all the same.
const PORTION_TAKES: Duration = Duration::from_secs(1);
/// The first portion, and the least.
const FEWEST: i64 = 8;
/// The most.
const MOST: i64 = 256;
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Makes the vectors that are missing until `stop`.
pub(crate) async fn run(indexer: &Indexer, poll: Duration, stop: &CancellationToken) {
    let mut noted = None;
    let mut size = FEWEST;
    let mut away = false;
    while !stop.is_cancelled() {
        match next(indexer, &mut noted, &mut size, stop).await {
            Ok(true) => {
                away = false;
                continue;
            }
            Ok(false) => away = false,
            Err(error) if !away => {
                away = true;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "making vectors waits for the database");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = indexer.fresh.notified() => {}
            () = tokio::time::sleep(poll) => {}
        }
    }
}

/// One portion. `false`: there was nothing to do, or nothing to do it with.
async fn next(
    indexer: &Indexer,
    noted: &mut Option<Value>,
    size: &mut i64,
    stop: &CancellationToken,
) -> Result<bool, StoreError> {
    let model = indexer.embedders.wanted().await;
    let state = match &model {
        Ok(model) => json!({ "model": model.identity(), "problem": null }),
        Err(absent) => json!({ "model": null, "problem": absent.0 }),
    };
    if noted.as_ref() != Some(&state) {
        match &model {
            Ok(model) => tracing::info!(
                model = model.identity(),
                "passages are found by words and by meaning"
            ),
            Err(absent) => tracing::warn!("{absent}"),
        }
        installation::put(&indexer.db, STATE, &state).await?;
        *noted = Some(state);
    }
    let Ok(model) = model else {
        return Ok(false);
    };
    let lease = indexer.limits.lease;
    let Some(claim) = meanings::claim(&indexer.db, &model.identity(), lease).await? else {
        return Ok(false);
    };
    process::crash_point!("meaning.after_claim");
    let extend = || meanings::extend(&indexer.db, &claim, lease);
    let portion = work::held(lease, extend, portion(indexer, &model, &claim, *size));
    let began = Instant::now();
    match stop.run_until_cancelled(portion).await {
        Some(done) => {
            done?;
            *size = next_size(*size, began.elapsed());
        }
        None => meanings::release(&indexer.db, &claim).await?,
    }
    Ok(true)
}

#[tracing::instrument(skip_all, fields(chatbot.id = %claim.chatbot))]
async fn portion(indexer: &Indexer, model: &Embedder, claim: &Claim, size: i64) -> Result<(), StoreError> {
    let chunks = meanings::missing(&indexer.db, claim, size).await?;
    let texts: Vec<String> = chunks
        .iter()
        .map(|chunk| {
            knowledge::to_embed(
                &chunk.title,
                &chunk.heading,
                chunk.question.as_deref(),
                &chunk.text,
            )
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = match model.embed_patiently(&texts).await {
        Ok(vectors) => vectors,
        Err(error) => {
            let pause = pause_after(&error, claim.failures);
            let reason = error.to_string();
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "passages got no vectors"
            );
            return meanings::fail(&indexer.db, claim, &reason, pause).await;
        }
    };
    let made: Vec<_> = chunks
        .iter()
        .zip(vectors)
        .map(|(chunk, vector)| (chunk.id, chunk.since_version, vector))
        .collect();
    let old_serves = serves(&indexer.embedders, claim).await;
    process::crash_point!("meaning.before_commit");
    let committed = meanings::commit(&indexer.db, claim, &made, old_serves).await?;
    process::crash_point!("meaning.after_commit");
    if committed.changed {
        work::tell(&indexer.queue, claim.workspace, claim.chatbot);
    }
    if committed.done {
        tracing::info!(model = claim.wanted, "every passage has its vector");
    }
    Ok(())
}

/// The size of the next portion after one of `size` that took so long: never more than twice as large, for a short last
/// portion says little.
fn next_size(size: i64, took: Duration) -> i64 {
    if took * 2 <= PORTION_TAKES {
        (size * 2).min(MOST)
    } else if took >= PORTION_TAKES * 2 {
        (size / 2).max(FEWEST)
    } else {
        size
    }
}

/// Whether the model whose vectors serve can still be asked.
async fn serves(embedders: &Embedders, claim: &Claim) -> bool {
    match &claim.serving {
        Some(serving) => embedders.of(serving).await.is_some(),
        None => false,
    }
}

/// An endpoint that says how long is taken at its word; one that needs its owner is asked seldom.
fn pause_after(error: &EmbedError, failures: i32) -> Duration {
    match error {
        EmbedError::RateLimited { after: Some(after) } => *after,
        error if error.is_transient() => {
            let doublings = u32::try_from(failures.clamp(0, 10)).unwrap_or(0);
            Duration::from_secs(2).saturating_mul(1 << doublings)
        }
        _ => LONGEST_PAUSE,
    }
    .min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_grow_and_shrink_until_one_takes_about_a_second() {
        assert_eq!(next_size(8, Duration::from_millis(100)), 16);
        assert_eq!(next_size(200, Duration::from_millis(100)), MOST);
        assert_eq!(next_size(64, Duration::from_millis(900)), 64);
        assert_eq!(next_size(64, Duration::from_secs(5)), 32);
        assert_eq!(next_size(FEWEST, Duration::from_secs(60)), FEWEST);
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_soon_and_what_does_not_seldom() {
        let after = |seconds| Some(Duration::from_secs(seconds));

        assert_eq!(pause_after(&EmbedError::Unavailable, 0), Duration::from_secs(2));
        assert_eq!(pause_after(&EmbedError::Unavailable, 3), Duration::from_secs(16));
        assert_eq!(pause_after(&EmbedError::Unavailable, 50), LONGEST_PAUSE);
        assert_eq!(
            pause_after(&EmbedError::RateLimited { after: after(7) }, 9),
            Duration::from_secs(7)
        );
        assert_eq!(pause_after(&EmbedError::Unauthorized, 0), LONGEST_PAUSE);
    }
}
