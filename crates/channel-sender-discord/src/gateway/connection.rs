//! One connection of one shard, from its first words to its last.

use super::{
    Listener,
    line::{self, End, Line, Stop, Stream, op},
    reader::Reader,
    sessions::Session,
};
use channel::ListenError;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// <https://docs.discord.com/developers/events/gateway#gateway-intents>
const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;
const MESSAGE_CONTENT: u64 = 1 << 15;

/// Begins a session or goes on with one, and reads until the connection ends.
pub(super) async fn run(
    listener: &Listener<'_>,
    shard: u32,
    address: &Url,
    session: &mut Option<Session>,
    was_connected: &mut bool,
) -> Result<End, ListenError> {
    listener.is_discords(address)?;
    let turn = match session {
        Some(_) => None,
        None => Some(listener.starts.turn(shard).await?),
    };
    let patience = listener.times.patience;
    let Ok(connected) = timeout(patience, line::connect(address)).await else {
        return Ok(End::go_on("Discord's Gateway took too long to answer"));
    };
    let socket = match connected {
        Ok(socket) => socket,
        Err(reason) => {
            return Ok(End::go_on(format!(
                "no connection to Discord's Gateway: {reason}"
            )));
        }
    };
    let (sink, mut stream) = socket.split();
    let line = Line::new(sink, session.as_ref().map(|session| session.seq));
    let greeting = timeout(patience, greeting(listener, &mut stream)).await;
    let interval = match greeting {
        Ok(Ok(interval)) => interval,
        Ok(Err(stop)) => return end(&line, stop).await,
        Err(_) => return end(&line, Stop::Ended(End::go_on("Discord's Gateway does not greet"))).await,
    };
    let introduced = match session {
        Some(session) => line.say(op::RESUME, resume(listener, session)?).await,
        None => line.say(op::IDENTIFY, identify(listener, shard)?).await,
    };
    if let Some(turn) = turn {
        turn.used();
    }
    if let Err(stop) = introduced {
        return end(&line, stop).await;
    }
    let mut reader = Reader {
        listener,
        shard,
        line: &line,
        session,
        was_connected,
        is_remembered: true,
    };
    let stop = tokio::select! {
        stop = line.keep_beating(interval) => stop,
        stop = reader.read(&mut stream) => stop,
    };
    end(&line, stop).await
}

async fn end(line: &Line, stop: Stop) -> Result<End, ListenError> {
    line.close().await;
    match stop {
        Stop::Ended(end) => Ok(end),
        Stop::Failed(error) => Err(error),
    }
}

/// How often Discord wants to hear a heartbeat.
async fn greeting(listener: &Listener<'_>, stream: &mut Stream) -> Result<Duration, Stop> {
    let hello = line::next(listener, stream).await?;
    match hello.d["heartbeat_interval"].as_u64() {
        Some(milliseconds) if hello.op == op::HELLO && milliseconds > 0 => {
            Ok(Duration::from_millis(milliseconds))
        }
        _ => Err(Stop::Ended(End::go_on("Discord's Gateway does not greet"))),
    }
}

fn token(listener: &Listener<'_>) -> Result<String, ListenError> {
    let token = listener.app.credentials.token();
    token
        .map(str::to_owned)
        .map_err(|error| ListenError::Misconfigured {
            reason: error.to_string(),
        })
}

fn identify(listener: &Listener<'_>, shard: u32) -> Result<Value, ListenError> {
    let content = if listener.wants_content() {
        MESSAGE_CONTENT
    } else {
        0
    };
    Ok(json!({
        "token": token(listener)?,
        "intents": GUILD_MESSAGES | DIRECT_MESSAGES | content,
        "properties": {"os": std::env::consts::OS, "browser": "botsmith", "device": "botsmith"},
        "shard": [shard, listener.shards],
    }))
}

fn resume(listener: &Listener<'_>, session: &Session) -> Result<Value, ListenError> {
    Ok(json!({"token": token(listener)?, "session_id": session.id, "seq": session.seq}))
}
