//! Live events from other processes.

use super::{
    link::{Link, Up},
    topology::Topology,
};
use crate::{backoff::Backoff, live::Incoming};
use futures_util::StreamExt;
use lapin::{
    options::BasicConsumeOptions,
    types::{FieldTable, ShortString},
};
use std::error::Error;
use tokio_util::sync::CancellationToken;

pub(super) async fn run(link: Link, topology: Topology, closed: CancellationToken, incoming: Incoming) {
    let mut backoff = Backoff::new();
    while let Some(up) = link.sometime(&closed).await {
        let listening = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            () = up.lost.cancelled() => Ok(()),
            listening = listen(&up, &topology, &incoming, &mut backoff) => listening,
        };
        if let Err(error) = listening {
            tracing::debug!(error = &error as &dyn Error, "live events are interrupted");
        }
        tokio::select! {
            () = closed.cancelled() => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

/// Listens until it is over.
async fn listen(
    up: &Up,
    topology: &Topology,
    incoming: &Incoming,
    backoff: &mut Backoff,
) -> lapin::Result<()> {
    let channel = up.channel().await?;
    let queue = topology.listen(&channel).await?;
    // Losing one is allowed, so nothing is acknowledged.
    let options = BasicConsumeOptions {
        no_ack: true,
        exclusive: true,
        ..BasicConsumeOptions::default()
    };
    let mut events = channel
        .basic_consume(queue, ShortString::default(), options, FieldTable::default())
        .await?;
    backoff.reset();
    // Only now nothing is missed any more.
    incoming.resync();
    while let Some(event) = events.next().await {
        match std::str::from_utf8(&event?.data) {
            Ok(line) => incoming.receive(line),
            Err(_) => tracing::warn!("a live event is not text: is another version running?"),
        }
    }
    Ok(())
}
