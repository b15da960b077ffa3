//! One connection that is made again whenever it is lost.

use super::{AmqpChannel, topology::Topology};
use crate::{
    Context,
    backoff::Backoff,
    metrics,
    presence::{Presence, Watch},
};
use futures_util::StreamExt;
use lapin::{Connection, ConnectionProperties, Event, uri::AMQPUri};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

/// How long a broker may take to let us in, and to declare what we need.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often the connection's state is looked at besides being told of it.
const LOOK: Duration = Duration::from_millis(250);

/// A connection, whenever there is one.
#[derive(Clone)]
pub(super) struct Link(Watch<Arc<Up>>);

/// A connection while it lasts.
pub(super) struct Up {
    pub(super) connection: Connection,
    /// Unlike every other connection of this process.
    pub(super) generation: u64,
    /// It is over.
    pub(super) lost: CancellationToken,
}

impl Up {
    /// A channel of one's own.
    pub(super) async fn channel(&self) -> lapin::Result<AmqpChannel> {
        self.connection.create_channel().await
    }

    /// The broker takes nothing from us now.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    pub(super) fn is_usable(&self) -> bool {
        self.connection.status().connected() && !self.is_blocked()
    }
}

impl Link {
    /// Connects in the background, for ever. One with a topology is up only when every durable queue is there.
    pub(super) fn open(
        name: &'static str,
        uri: AMQPUri,
        topology: Option<Topology>,
        context: Context,
    ) -> Self {
        let (presence, watch) = Presence::new();
        context
            .tasks
            .clone()
            .spawn(run(name, uri, topology, context, presence));
        Self(watch)
    }

    pub(super) fn now(&self) -> Option<Arc<Up>> {
        self.0.now()
    }

    /// See [`Watch::soon`].
    pub(super) async fn soon(&self, patience: Duration, deadline: Instant) -> Option<Arc<Up>> {
        self.0.soon(patience, deadline).await
    }

    /// See [`Watch::sometime`].
    pub(super) async fn sometime(&self, unwanted: &CancellationToken) -> Option<Arc<Up>> {
        self.0.sometime(unwanted).await
    }
}

async fn run(
    name: &'static str,
    uri: AMQPUri,
    topology: Option<Topology>,
    context: Context,
    presence: Presence<Arc<Up>>,
) {
    let mut backoff = Backoff::new();
    let mut told = false;
    loop {
        let connected = tokio::select! {
            biased;
            () = context.closed.cancelled() => return,
            connected = timeout(HANDSHAKE, connect(name, &uri, topology.as_ref())) => connected,
        };
        match connected {
            Ok(Ok(up)) => {
                backoff.reset();
                told = false;
                metrics::connected(name);
                tracing::info!(connection = name, "connected to the broker");
                presence.come(up.clone());
                until_lost(&up, name, &context).await;
                presence.go();
                up.lost.cancel();
                if context.closed.is_cancelled() {
                    let _ = timeout(Duration::from_secs(2), up.connection.close(200, "closing".into())).await;
                    return;
                }
                tracing::warn!(connection = name, "the connection to the broker is lost");
            }
            // Once, not at every attempt: a broker may be away for hours.
            Ok(Err(error)) if !told => {
                told = true;
                tracing::warn!(
                    connection = name,
                    error = &error as &dyn Error,
                    "the broker cannot be reached"
                );
            }
            Err(_) if !told => {
                told = true;
                tracing::warn!(connection = name, "the broker does not answer");
            }
            Ok(Err(_)) | Err(_) => {}
        }
        tokio::select! {
            () = context.closed.cancelled() => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

async fn connect(name: &'static str, uri: &AMQPUri, topology: Option<&Topology>) -> lapin::Result<Arc<Up>> {
    static GENERATION: AtomicU64 = AtomicU64::new(0);
    let properties = ConnectionProperties::default()
        .with_connection_name(format!("botsmith {name} {}", std::process::id()).into());
    let up = Up {
        connection: Connection::connect_uri(uri.clone(), properties).await?,
        generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        lost: CancellationToken::new(),
    };
    if let Some(topology) = topology {
        topology.declare_durable(&up).await?;
    }
    Ok(Arc::new(up))
}

async fn until_lost(up: &Up, name: &'static str, context: &Context) {
    let mut events = std::pin::pin!(up.connection.events_listener());
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while up.connection.status().connected() {
        tokio::select! {
            biased;
            () = context.closed.cancelled() => return,
            () = up.lost.cancelled() => return,
            event = events.next() => match event {
                Some(Event::ConnectionBlocked(reason)) => {
                    tracing::warn!(connection = name, reason, "the broker takes no messages");
                }
                Some(Event::ConnectionUnblocked) => {
                    tracing::info!(connection = name, "the broker takes messages again");
                }
                Some(_) => {}
                None => return,
            },
            _ = look.tick() => {}
        }
    }
}
