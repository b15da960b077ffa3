//! When the process is asked to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a process killed by a second signal leaves as its exit code.
const EXIT_AT_ONCE: i32 = 130;

/// Cancelled by the first SIGTERM or SIGINT, so that services finish what they hold. A second signal ends the process at
/// once. Has to be called inside a tokio runtime.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        next_of(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping: finishing what is in hand (once more to stop at once)");
        asked.cancel();
        next_of(&mut terminate, &mut interrupt).await;
        tracing::warn!("stopped at once: what was in hand is taken up at the next start");
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(stop)
}

async fn next_of(terminate: &mut tokio::signal::unix::Signal, interrupt: &mut tokio::signal::unix::Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
