//! What is said on a connection and heard from it, frame by frame.

use super::{Listener, close};
use crate::api::AGENT;
use channel::{InletError, ListenError};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use http::header::{HeaderValue, USER_AGENT};
use platform_api::tidy;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::Mutex,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message as Frame,
        client::IntoClientRequest,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use url::Url;

/// What is said on the connection.
pub(super) mod op {
    pub(in crate::gateway) const DISPATCH: u8 = 0;
    pub(in crate::gateway) const HEARTBEAT: u8 = 1;
    pub(in crate::gateway) const IDENTIFY: u8 = 2;
    pub(in crate::gateway) const RESUME: u8 = 6;
    pub(in crate::gateway) const RECONNECT: u8 = 7;
    pub(in crate::gateway) const INVALID_SESSION: u8 = 9;
    pub(in crate::gateway) const HELLO: u8 = 10;
    pub(in crate::gateway) const HEARTBEAT_ACK: u8 = 11;
}

/// We close with this: with 1000 or 1001 Discord would end the session too.
const OURS: u16 = 4000;
/// For a connection to take what is said on it: one that is dead may take nothing, and not say so.
const SHORTLY: Duration = Duration::from_secs(5);
/// No sequence number was heard yet.
const NONE: u64 = u64::MAX;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
/// The receiving side.
pub(super) type Stream = SplitStream<Socket>;

/// A connection came to its end, and another may be made.
pub(super) struct End {
    pub(super) reason: String,
    /// The session cannot be gone on with.
    pub(super) is_session_over: bool,
    /// How long to wait before.
    pub(super) pause: Duration,
}

impl End {
    pub(super) fn go_on(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_session_over: false,
            pause: Duration::ZERO,
        }
    }
}

/// Why reading ended.
pub(super) enum Stop {
    /// A connection was lost, or is to be made anew.
    Ended(End),
    /// All of the listener ends.
    Failed(ListenError),
}

impl From<ListenError> for Stop {
    fn from(error: ListenError) -> Self {
        Self::Failed(error)
    }
}

impl From<InletError> for Stop {
    fn from(error: InletError) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(Deserialize)]
pub(super) struct Payload {
    pub(super) op: u8,
    #[serde(default)]
    pub(super) d: Value,
    pub(super) s: Option<u64>,
    pub(super) t: Option<String>,
}

/// The sending side, and what the heart has to know.
pub(super) struct Line {
    sink: Mutex<SplitSink<Socket, Frame>>,
    /// The last sequence number that was heard.
    pub(super) heard: AtomicU64,
    /// Discord has answered the last heartbeat.
    pub(super) is_answered: AtomicBool,
}

impl Line {
    /// `from`: the sequence number at which a session goes on.
    pub(super) fn new(sink: SplitSink<Socket, Frame>, from: Option<u64>) -> Self {
        Self {
            sink: Mutex::new(sink),
            heard: AtomicU64::new(from.unwrap_or(NONE)),
            is_answered: AtomicBool::new(true),
        }
    }

    pub(super) async fn say(&self, op: u8, d: Value) -> Result<(), Stop> {
        let text = json!({"op": op, "d": d}).to_string();
        let said = timeout(SHORTLY, async {
            self.sink.lock().await.send(Frame::text(text)).await
        })
        .await;
        let problem = match said {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => tidy(&error.to_string()),
            Err(_) => "it takes nothing any more".to_owned(),
        };
        Err(Stop::Ended(End::go_on(format!(
            "the connection was lost: {problem}"
        ))))
    }

    pub(super) async fn beat(&self) -> Result<(), Stop> {
        let heard = Some(self.heard.load(Ordering::Relaxed)).filter(|&seq| seq != NONE);
        self.say(op::HEARTBEAT, json!(heard)).await
    }

    /// Beats for as long as Discord answers.
    pub(super) async fn keep_beating(&self, interval: Duration) -> Stop {
        sleep(interval.mul_f64(rand::random())).await;
        loop {
            if !self.is_answered.swap(false, Ordering::Relaxed) {
                return Stop::Ended(End::go_on("Discord did not answer a heartbeat"));
            }
            if let Err(stop) = self.beat().await {
                return stop;
            }
            sleep(interval).await;
        }
    }

    pub(super) async fn close(&self) {
        let frame = CloseFrame {
            code: CloseCode::Library(OURS),
            reason: "going on in another connection".into(),
        };
        // It may be lost already.
        let _ = timeout(SHORTLY, async {
            self.sink.lock().await.send(Frame::Close(Some(frame))).await
        })
        .await;
    }
}

pub(super) async fn connect(address: &Url) -> Result<Socket, String> {
    let mut address = address.clone();
    address.set_query(Some("v=10&encoding=json"));
    let words = |error: Error| tidy(&error.to_string());
    let mut request = address.as_str().into_client_request().map_err(words)?;
    request
        .headers_mut()
        .insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let (socket, _) = connect_async(request).await.map_err(words)?;
    Ok(socket)
}

/// What Discord says next.
pub(super) async fn next(listener: &Listener<'_>, stream: &mut Stream) -> Result<Payload, Stop> {
    loop {
        let closed = |code, words: &str| match close::meaning(listener, code, words) {
            Ok(end) => Stop::Ended(end),
            Err(error) => Stop::Failed(error),
        };
        match stream.next().await {
            Some(Ok(Frame::Text(text))) => {
                return serde_json::from_str(&text).map_err(|error| {
                    Stop::Ended(End::go_on(format!(
                        "what Discord's Gateway says cannot be read: {error}"
                    )))
                });
            }
            Some(Ok(Frame::Close(frame))) => {
                return Err(match frame {
                    Some(frame) => closed(Some(frame.code.into()), &frame.reason),
                    None => closed(None, ""),
                });
            }
            Some(Ok(_)) => (),
            Some(Err(error)) => {
                return Err(Stop::Ended(End::go_on(format!(
                    "the connection was lost: {}",
                    tidy(&error.to_string())
                ))));
            }
            None => return Err(closed(None, "")),
        }
    }
}
