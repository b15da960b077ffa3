//! Reads messages over the Gateway: a WebSocket for each shard that Discord recommends.
//!
//! Invariants: a session's position is remembered only once everything up to it is safely queued, so what was not is told
//! again after a resume; never more sessions are begun than Discord allows, because beyond that it takes the token away;
//! the token is told to Discord's hosts only.
//!
//! Sources: <https://docs.discord.com/developers/events/gateway>,
//! <https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway>

mod close;
mod connection;
mod dispatch;
mod line;
mod reader;
mod sessions;
mod starts;

#[cfg(test)]
mod tests;

use crate::{
    Discord, account,
    api::{App, is_at},
    credentials::Credentials,
};
use channel::{Inlet, ListenError};
use futures_util::future::try_join_all;
use line::End;
use serde::Deserialize;
use serde_json::Value;
use sessions::Sessions;
use starts::{StartLimit, Starts};
use std::{
    convert::Infallible,
    ops::RangeInclusive,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use url::Url;

/// Connections in a row that came to nothing, before whoever holds us has to try again.
const MAX_FAILURES: u32 = 3;

/// How long to wait for what.
#[derive(Debug, Clone)]
struct Times {
    /// For a connection to be made, and for Discord's first words on it.
    patience: Duration,
    /// Between two sessions begun.
    between_starts: Duration,
    /// Before a new session in place of one that Discord does not know any more, in milliseconds.
    after_invalid: RangeInclusive<u64>,
    /// A connection that ends sooner came to nothing.
    worthwhile: Duration,
}

/// Discord's own.
const TIMES: Times = Times {
    patience: Duration::from_secs(20),
    between_starts: Duration::from_secs(5),
    after_invalid: 1_000..=5_000,
    worthwhile: Duration::from_secs(5),
};

/// What Discord recommends.
#[derive(Deserialize)]
struct Recommended {
    url: String,
    shards: u32,
    session_start_limit: StartLimit,
}

/// What all shards of a listener share.
struct Listener<'a> {
    app: App<'a>,
    inlet: &'a dyn Inlet,
    gateway: Url,
    shards: u32,
    starts: Starts,
    sessions: Sessions<'a>,
    /// The content of messages is asked for. Discord refuses that to a bot whose owner has not turned it on.
    wants_content: AtomicBool,
    /// Shards that are connected for the first time.
    connected: AtomicU32,
    times: Times,
}

pub(crate) async fn listen(
    discord: &Discord,
    credentials: &Credentials,
    resume: Option<Value>,
    inlet: &dyn Inlet,
) -> Result<Infallible, ListenError> {
    listen_with(TIMES, discord, credentials, resume, inlet).await
}

async fn listen_with(
    times: Times,
    discord: &Discord,
    credentials: &Credentials,
    resume: Option<Value>,
    inlet: &dyn Inlet,
) -> Result<Infallible, ListenError> {
    let app = App::new(discord, credentials);
    let recommended: Recommended = app.get("gateway/bot").await?;
    let shards = recommended.shards.max(1);
    let mut sessions = Sessions::new(inlet, resume, shards);
    let mut wants_content = sessions.had_content();
    // A session goes on without what was not asked for at its beginning.
    if !wants_content && account::gives_content(&app).await.unwrap_or(false) {
        sessions = Sessions::new(inlet, None, shards);
        wants_content = true;
    }
    let listener = Listener {
        app,
        inlet,
        gateway: Url::parse(&recommended.url).map_err(|_| lost("the Gateway's address is not one"))?,
        shards,
        starts: Starts::new(recommended.session_start_limit, times.between_starts),
        wants_content: AtomicBool::new(wants_content),
        sessions,
        connected: AtomicU32::new(0),
        times,
    };
    match try_join_all((0..shards).map(|shard| listener.run(shard))).await {
        Err(error) => Err(error),
        Ok(mut never) => match never.pop() {
            Some(never) => match never {},
            None => Err(lost("there are no shards")),
        },
    }
}

fn lost(reason: impl Into<String>) -> ListenError {
    ListenError::Lost {
        after: None,
        reason: reason.into(),
    }
}

impl Listener<'_> {
    /// Reads one shard, connecting again as Discord asks, until it comes to nothing.
    async fn run(&self, shard: u32) -> Result<Infallible, ListenError> {
        let mut session = self.sessions.of(shard).await;
        let (mut failures, mut was_connected) = (0, false);
        loop {
            let begun = Instant::now();
            // The address of a session that does not answer may be the fault.
            let address = session
                .as_ref()
                .filter(|_| failures + 1 < MAX_FAILURES)
                .and_then(|session| Url::parse(&session.url).ok())
                .unwrap_or_else(|| self.gateway.clone());
            let End {
                reason,
                is_session_over,
                pause,
            } = connection::run(self, shard, &address, &mut session, &mut was_connected).await?;
            if is_session_over {
                session = None;
            }
            failures = if begun.elapsed() < self.times.worthwhile {
                failures + 1
            } else {
                0
            };
            if failures >= MAX_FAILURES {
                return Err(ListenError::Lost {
                    after: session.is_none().then_some(self.times.between_starts),
                    reason,
                });
            }
            sleep(pause).await;
        }
    }

    fn wants_content(&self) -> bool {
        self.wants_content.load(Ordering::Relaxed)
    }

    fn is_discords(&self, address: &Url) -> Result<(), ListenError> {
        let addresses = &self.app.discord.addresses;
        let base = addresses
            .base(self.app.credentials)
            .map_err(|error| ListenError::Misconfigured {
                reason: error.to_string(),
            })?;
        if matches!(address.scheme(), "wss" | "ws") && is_at(address, &addresses.gateway_hosts, base) {
            return Ok(());
        }
        Err(ListenError::Misconfigured {
            reason: format!(
                "the Gateway's host {} is none of Discord's (`platforms.discord_gateway_hosts`)",
                address.host_str().unwrap_or_default()
            ),
        })
    }

    /// A shard is connected for the first time. Once all are, it is told.
    async fn is_connected(&self) {
        if self.connected.fetch_add(1, Ordering::Relaxed) + 1 < self.shards {
            return;
        }
        let shards = match self.shards {
            1 => String::new(),
            shards => format!(" over {shards} connections"),
        };
        let content = if self.wants_content() {
            ""
        } else {
            ", but in servers only those that mention the bot have their text: turn Message Content Intent on under Bot in the \
             Developer Portal, then save the integration again"
        };
        self.inlet
            .connected(&format!("Discord's Gateway sends messages{shards}{content}"))
            .await;
    }
}
