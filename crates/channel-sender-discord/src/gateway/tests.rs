//! A Gateway that says what a test tells it to, and an inlet that says what it heard.

mod ending;
mod going_on;
mod queueing;

use super::*;
use crate::fake::{self, APPLICATION, BOT, FakeDiscord, PERSON, TOKEN_OF_INTERACTION};
use async_trait::async_trait;
use channel::{InletError, Received};
use channel_testkit::refuse_connections;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::sync::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message as Frame,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: u64 = 3_600_000;

fn quick() -> Times {
    Times {
        between_starts: Duration::from_millis(20),
        after_invalid: 1..=2,
        ..TIMES
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Connected(String),
    Accepted(Vec<String>),
    Malformed(String),
    /// The numbers that the shards' sessions are at.
    Remembered(Vec<Option<u64>>),
}

#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Heard>>,
    resume: Mutex<Option<Value>>,
    news: Notify,
    /// The queue takes nothing.
    deaf: bool,
}

impl Ear {
    fn hear(&self, heard: Heard) {
        self.heard.lock().unwrap().push(heard);
        self.news.notify_one();
    }

    fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until this was heard.
    async fn until(&self, wanted: Heard) {
        let heard = async {
            while !self.all().contains(&wanted) {
                self.news.notified().await;
            }
        };
        if timeout(PATIENCE, heard).await.is_err() {
            panic!("{wanted:?} was not heard, but {:?}", self.all());
        }
    }
}

#[async_trait]
impl Inlet for Ear {
    async fn connected(&self, words: &str) {
        self.hear(Heard::Connected(words.to_owned()));
    }

    async fn accept(&self, received: Received) -> Result<(), InletError> {
        if self.deaf {
            return Err(InletError("the queue is away".to_owned()));
        }
        for part in received.malformed {
            self.hear(Heard::Malformed(part.position));
        }
        let texts: Vec<String> = received
            .messages
            .into_iter()
            .map(|message| message.text)
            .collect();
        if !texts.is_empty() {
            self.hear(Heard::Accepted(texts));
        }
        Ok(())
    }

    async fn remember(&self, resume: Value) -> Result<(), InletError> {
        let sessions = resume["sessions"].as_array().unwrap();
        let at = sessions.iter().map(|session| session["seq"].as_u64()).collect();
        *self.resume.lock().unwrap() = Some(resume);
        self.hear(Heard::Remembered(at));
        Ok(())
    }
}

/// A Gateway that says what a test tells it to.
struct Gateway {
    listener: TcpListener,
    rest: FakeDiscord,
}

impl Gateway {
    async fn start(shards: u32, remaining: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rest = FakeDiscord::start().await;
        let body = json!({
            "url": format!("ws://{}", listener.local_addr().unwrap()), "shards": shards,
            "session_start_limit": {"total": 1000, "remaining": remaining, "reset_after": 14_400_000, "max_concurrency": 1},
        });
        rest.answers("GET", "gateway/bot", body).await;
        Self { listener, rest }
    }

    fn url(&self) -> String {
        format!("ws://{}", self.listener.local_addr().unwrap())
    }

    /// The next connection.
    async fn peer(&self, heartbeat: u64) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.listener.accept())
            .await
            .expect("nobody connects")
            .unwrap();
        let mut peer = Peer(accept_async(stream).await.unwrap());
        peer.say(json!({"op": 10, "d": {"heartbeat_interval": heartbeat}, "s": null, "t": null}))
            .await;
        peer
    }

    /// A connection on which a session is begun.
    async fn begun(&self, heartbeat: u64) -> (Peer, Value) {
        let mut peer = self.peer(heartbeat).await;
        let identify = peer.hear(2).await;
        self.ready(&mut peer).await;
        (peer, identify)
    }

    async fn ready(&self, peer: &mut Peer) {
        let ready = json!({"v": 10, "user": {"id": BOT}, "session_id": "s1", "resume_gateway_url": self.url(), "guilds": []});
        peer.event("READY", 1, ready).await;
    }

    async fn listen(&self, resume: Option<Value>, ear: &Ear) -> ListenError {
        listen_with(quick(), &self.rest.discord(), &fake::credentials(), resume, ear)
            .await
            .unwrap_err()
    }
}

struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn say(&mut self, payload: Value) {
        self.0.send(Frame::text(payload.to_string())).await.unwrap();
    }

    async fn event(&mut self, name: &str, number: u64, d: Value) {
        self.say(json!({"op": 0, "s": number, "t": name, "d": d})).await;
    }

    async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.0.next())
            .await
            .expect("nothing is said")?
            .ok()
    }

    /// What is said next, which has this kind.
    async fn hear(&mut self, op: u8) -> Value {
        match self.frame().await {
            Some(Frame::Text(text)) => {
                let payload: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(payload["op"], op, "{payload}");
                payload["d"].clone()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The code that the connection is closed with.
    async fn closed(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Some(Frame::Close(Some(frame))) => return frame.code.into(),
                Some(Frame::Text(_)) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: "because".into(),
        };
        self.0.send(Frame::Close(Some(frame))).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// A direct message.
fn direct(id: u64, text: &str) -> Value {
    json!({"id": id.to_string(), "channel_id": "7", "type": 0, "content": text, "channel_type": 1,
           "author": {"id": PERSON, "username": "ann"}, "mentions": [], "attachments": []})
}

fn words() -> Heard {
    Heard::Connected("Discord's Gateway sends messages".to_owned())
}

fn accepted(text: &str) -> Heard {
    Heard::Accepted(vec![text.to_owned()])
}

/// Plays a script against a listener, which must still be listening when the script ends.
async fn while_listening<T>(
    gateway: &Gateway,
    resume: Option<Value>,
    ear: &Ear,
    script: impl Future<Output = T>,
) -> T {
    tokio::select! {
        ended = gateway.listen(resume, ear) => panic!("it ended: {ended:?}"),
        done = script => done,
    }
}

/// Plays a script against a listener until that ends.
async fn until_it_ends(
    gateway: &Gateway,
    resume: Option<Value>,
    ear: &Ear,
    script: impl Future<Output = ()>,
) -> ListenError {
    let (ended, ()) = timeout(PATIENCE, async {
        tokio::join!(gateway.listen(resume, ear), script)
    })
    .await
    .expect("it does not end");
    ended
}
