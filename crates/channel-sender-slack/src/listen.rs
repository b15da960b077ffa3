//! Socket Mode: events over a WebSocket that we open with the app-level token.
//!
//! Invariant: an envelope is acknowledged only after everything in it is safely queued; Slack sends again what was not.
//! Of an app that is installed in several workspaces, an envelope of another one is not acknowledged either: it may be
//! for the connection of that workspace's integration.
//! <https://docs.slack.dev/apis/events-api/using-socket-mode>

use crate::{
    Slack, api,
    credentials::Credentials,
    errors,
    inbound::{Body, read_body},
};
use channel::{Inlet, ListenError, MalformedPart, ReceiveError, Received, WebhookResponse};
use chrono::Utc;
use futures_util::{SinkExt, StreamExt};
use platform_api::tidy;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};
use url::Url;

/// How long opening a connection may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Slack pings more often. After this long a silence we do, and after another the connection is lost.
const SILENCE: Duration = Duration::from_secs(30);
/// The most that one envelope may have, in bytes.
const MAX_ENVELOPE: usize = 4 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What Slack sends: `hello`, `disconnect`, or an envelope of one of our kinds of body.
#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    r#type: String,
    envelope_id: Option<String>,
    #[serde(default)]
    payload: Value,
    reason: Option<String>,
}

/// What became of a frame.
enum Step {
    /// Nothing more.
    Read,
    /// An envelope was taken.
    Taken,
    /// Slack is about to close this connection, and wants us to open another.
    Leave,
}

pub(crate) async fn listen(
    slack: &Slack,
    credentials: &Credentials,
    inlet: &dyn Inlet,
) -> Result<Infallible, ListenError> {
    loop {
        let mut socket = open(slack, credentials).await?;
        // Slack closes a connection every few hours, and says so: the next is opened at once. One that carried nothing
        // is left to the caller, who waits before opening another.
        if !read(&mut socket, credentials, inlet).await? {
            return Err(lost("Slack closed the connection before it carried anything"));
        }
    }
}

fn lost(reason: impl Into<String>) -> ListenError {
    ListenError::Lost {
        after: None,
        reason: reason.into(),
    }
}

/// Without the address, which carries a ticket.
fn broken(error: &tungstenite::Error) -> ListenError {
    lost(format!("the connection to Slack: {}", tidy(&error.to_string())))
}

#[derive(Deserialize)]
struct Opening {
    url: Url,
}

async fn open(slack: &Slack, credentials: &Credentials) -> Result<Socket, ListenError> {
    let misconfigured = |reason: String| ListenError::Misconfigured { reason };
    credentials
        .validate()
        .map_err(|error| misconfigured(error.to_string()))?;
    let token = credentials.app_token.as_ref().ok_or_else(|| {
        misconfigured(
            "Socket Mode needs an app-level token (xapp-…): make one with the scope connections:write under Basic \
             Information, App-Level Tokens, and enter it"
                .to_owned(),
        )
    })?;
    let opening = api::call_as::<Opening>(slack, credentials, token, "apps.connections.open", &[])
        .await
        .map_err(errors::listening)?;
    let url = opening.result.url;
    let base = slack
        .addresses
        .base(credentials)
        .map_err(|error| misconfigured(error.to_string()))?;
    // An API without encryption is a test's or a simulator's.
    let encrypted = url.scheme() == "wss" || (url.scheme() == "ws" && base.scheme() == "http");
    if !encrypted {
        return Err(lost(
            "Slack names an address for the connection that is not encrypted",
        ));
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_ENVELOPE))
        .max_frame_size(Some(MAX_ENVELOPE));
    let connecting = connect_async_with_config(url.as_str(), Some(config), true);
    match timeout(PATIENCE, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(broken(&error)),
        Err(_) => Err(lost("Slack did not open the connection in time")),
    }
}

/// Reads until Slack asks to leave; whether anything was carried.
async fn read(
    socket: &mut Socket,
    credentials: &Credentials,
    inlet: &dyn Inlet,
) -> Result<bool, ListenError> {
    let mut carried = false;
    loop {
        match next(socket).await? {
            Message::Text(text) => match take(text.as_str(), socket, credentials, inlet).await? {
                Step::Read => (),
                Step::Taken => carried = true,
                Step::Leave => return Ok(carried),
            },
            Message::Close(_) => return Err(lost("Slack closed the connection")),
            // Pings are answered by the library.
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => (),
        }
    }
}

async fn next(socket: &mut Socket) -> Result<Message, ListenError> {
    for is_last in [false, true] {
        match timeout(SILENCE, socket.next()).await {
            Ok(Some(Ok(message))) => return Ok(message),
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(None) => return Err(lost("the connection to Slack ended")),
            Err(_) if is_last => break,
            Err(_) => socket
                .send(Message::Ping(Vec::new().into()))
                .await
                .map_err(|error| broken(&error))?,
        }
    }
    Err(lost("the connection to Slack fell silent"))
}

async fn take(
    text: &str,
    socket: &mut Socket,
    credentials: &Credentials,
    inlet: &dyn Inlet,
) -> Result<Step, ListenError> {
    let frame: Frame = match serde_json::from_str(text) {
        Ok(frame) => frame,
        Err(error) => {
            // Without an envelope's id there is nothing to acknowledge.
            inlet.accept(unreadable("frame", error.to_string())).await?;
            return Ok(Step::Read);
        }
    };
    match (frame.r#type.as_str(), frame.envelope_id) {
        ("hello", _) => {
            inlet
                .connected("Slack answers, and messages are read from it over Socket Mode")
                .await;
            Ok(Step::Read)
        }
        ("disconnect", _) if frame.reason.as_deref() == Some("link_disabled") => {
            Err(ListenError::Misconfigured {
                reason: "Socket Mode was turned off for the app: turn it on under Socket Mode, or take the app-level token out \
                         here and use the webhook"
                    .to_owned(),
            })
        }
        ("disconnect", _) => Ok(Step::Leave),
        (kind, Some(envelope)) => {
            let body = match kind {
                "events_api" => Body::Event(frame.payload),
                "interactive" => Body::Interaction(frame.payload),
                "slash_commands" => Body::Command(frame.payload),
                _ => Body::Other,
            };
            let received = match read_body(body, Utc::now(), credentials) {
                Ok(received) => received,
                Err(ReceiveError::ForeignAccount { .. }) => return Ok(Step::Read),
                Err(error) => unreadable("payload", error.to_string()),
            };
            inlet.accept(received).await?;
            let ack = json!({ "envelope_id": envelope }).to_string();
            socket
                .send(Message::text(ack))
                .await
                .map_err(|error| broken(&error))?;
            Ok(Step::Taken)
        }
        (_, None) => Ok(Step::Read),
    }
}

fn unreadable(position: &str, problem: String) -> Received {
    let mut received = Received::nothing(WebhookResponse::empty());
    received.malformed.push(MalformedPart {
        position: position.to_owned(),
        problem,
    });
    received
}

#[cfg(test)]
mod tests;
