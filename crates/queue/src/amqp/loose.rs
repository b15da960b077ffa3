//! Wake-ups and live events on their way out: transient, unconfirmed, dropped while the broker is away.

use super::{
    AmqpChannel,
    link::{Link, Up},
    topology::Topology,
};
use crate::{QueueName, live::Outgoing, metrics};
use lapin::{BasicProperties, options::BasicPublishOptions, types::ShortString};
use std::{collections::HashSet, error::Error, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// Taken together; equal wake-ups among them are one.
const BATCH: usize = 256;

/// How long the broker may take to take a batch.
const PATIENCE: Duration = Duration::from_secs(5);

struct Open {
    up: Arc<Up>,
    channel: AmqpChannel,
    live: ShortString,
    declared: HashSet<QueueName>,
}

pub(super) async fn run(
    link: Link,
    topology: Topology,
    closed: CancellationToken,
    mut to_send: mpsc::Receiver<Outgoing>,
) {
    let mut open: Option<Open> = None;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled() => return,
            taken = to_send.recv_many(&mut batch, BATCH) => if taken == 0 { return },
        }
        let sending = std::mem::take(&mut batch);
        let Some(up) = link.now().filter(|up| up.is_usable()) else {
            // Nobody is there to hear it, and it is worth nothing later.
            drop_all(sending);
            open = None;
            continue;
        };
        let sent = timeout(PATIENCE, send(&mut open, up, &topology, sending)).await;
        if !matches!(sent, Ok(Ok(()))) {
            if let Ok(Err(error)) = sent {
                tracing::debug!(
                    error = &error as &dyn Error,
                    "wake-ups or live events were not sent"
                );
            }
            open = None;
        }
    }
}

async fn send(
    open: &mut Option<Open>,
    up: Arc<Up>,
    topology: &Topology,
    batch: Vec<Outgoing>,
) -> lapin::Result<()> {
    let still_open = open
        .take()
        .filter(|open| open.up.generation == up.generation && open.channel.status().connected());
    let open = open.insert(match still_open {
        Some(open) => open,
        None => {
            let channel = up.channel().await?;
            let live = topology.declare_live(&channel).await?;
            Open {
                up,
                channel,
                live,
                declared: HashSet::new(),
            }
        }
    });
    let mut woken = HashSet::new();
    for outgoing in batch {
        match outgoing {
            Outgoing::Event { topic, line } => {
                publish(&open.channel, open.live.clone(), topic.into(), line.as_bytes()).await?;
            }
            Outgoing::Wake { queue, payload } => {
                if !open.declared.contains(&queue) {
                    topology.declare(&open.up, &queue).await?;
                    open.declared.insert(queue.clone());
                }
                let key = topology.name(&queue);
                if woken.insert((key.clone(), payload.clone())) {
                    publish(&open.channel, ShortString::default(), key.into(), &payload).await?;
                }
            }
            Outgoing::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
    Ok(())
}

async fn publish(
    channel: &AmqpChannel,
    exchange: ShortString,
    key: ShortString,
    body: &[u8],
) -> lapin::Result<()> {
    channel
        .basic_publish(
            exchange,
            key,
            BasicPublishOptions::default(),
            body,
            BasicProperties::default(),
        )
        .await?;
    Ok(())
}

fn drop_all(batch: Vec<Outgoing>) {
    for outgoing in batch {
        match outgoing {
            Outgoing::Event { .. } => metrics::dropped("live"),
            Outgoing::Wake { .. } => metrics::dropped("wake"),
            Outgoing::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}
