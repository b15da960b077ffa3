//! A small mail server for tests: it speaks as much of SMTP (RFC 5321, RFC 4954) as a client needs that sends one mail a
//! connection, in clear, and keeps what it was given.
#![allow(clippy::unwrap_used, reason = "for tests only")]

use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Received {
    /// Who it was said to be from.
    pub from: String,
    /// Whom it was for.
    pub to: Vec<String>,
    /// All of it, header and body, as it came.
    pub raw: String,
}

impl Received {
    /// Its text, with quoted-printable and base64 undone.
    pub fn text(&self) -> String {
        let (header, body) = self.raw.split_once("\r\n\r\n").unwrap();
        let header = header.to_lowercase();
        if header.contains("content-transfer-encoding: base64") {
            let packed: String = body.split_whitespace().collect();
            return String::from_utf8(BASE64_STANDARD.decode(packed).unwrap()).unwrap();
        }
        if header.contains("content-transfer-encoding: quoted-printable") {
            return unquoted(body);
        }
        body.to_owned()
    }
}

fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let pair = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[derive(Default)]
struct State {
    received: Mutex<Vec<Received>>,
    /// What it says to the next recipients instead of taking them.
    refusals: Mutex<Vec<String>>,
    /// user and password that it wants, if it wants any.
    login: Mutex<Option<(String, String)>>,
    connections: AtomicUsize,
    came: Notify,
}

/// The server. It ends with the runtime that it was started in.
#[derive(Clone)]
pub struct MailServer {
    state: Arc<State>,
    address: SocketAddr,
}

impl MailServer {
    /// Listens on a free port of this machine.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        tokio::spawn({
            let state = state.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    state.connections.fetch_add(1, Ordering::SeqCst);
                    let state = state.clone();
                    // A client that hangs up is nothing to a server.
                    tokio::spawn(async move { talk(stream, &state).await.unwrap_or_default() });
                }
            }
        });
        Self { state, address }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it takes mails only of who signs in like this.
    pub fn wants(&self, user: &str, password: &str) {
        *self.state.login.lock().unwrap() = Some((user.to_owned(), password.to_owned()));
    }

    /// The next recipient hears this, e.g. `550 no such person`.
    pub fn refuse_once(&self, said: &str) {
        self.state.refusals.lock().unwrap().push(said.to_owned());
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// All mails so far.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// Waits until there are as many mails.
    pub async fn wait_for(&self, mails: usize) -> Vec<Received> {
        loop {
            let came = self.state.came.notified();
            let received = self.received();
            if received.len() >= mails {
                return received;
            }
            came.await;
        }
    }
}

async fn talk(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading);
    let (mut from, mut to) = (String::new(), Vec::new());
    let mut known = state.login.lock().unwrap().is_none();
    writing.write_all(b"220 test ESMTP\r\n").await?;
    loop {
        let Some(line) = read(&mut lines).await? else {
            return Ok(());
        };
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match verb.as_str() {
            "EHLO" if known => "250 test".to_owned(),
            "EHLO" => "250-test\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                let said = line.split(' ').nth(2).unwrap_or_default();
                let said =
                    String::from_utf8(BASE64_STANDARD.decode(said).unwrap_or_default()).unwrap_or_default();
                let wanted = state.login.lock().unwrap().clone();
                known = wanted.is_some_and(|(user, password)| said == format!("\0{user}\0{password}"));
                if known {
                    "235 welcome"
                } else {
                    "535 5.7.8 wrong user or password"
                }
                .to_owned()
            }
            "MAIL" if !known => "530 5.7.0 sign in first".to_owned(),
            "MAIL" => {
                from = address(&line);
                "250 ok".to_owned()
            }
            "RCPT" => {
                let refusal = state.refusals.lock().unwrap().pop();
                refusal.unwrap_or_else(|| {
                    to.push(address(&line));
                    "250 ok".to_owned()
                })
            }
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let mut raw = String::new();
                while let Some(line) = read(&mut lines).await?.filter(|line| line != ".") {
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push_str("\r\n");
                }
                let (from, to) = (std::mem::take(&mut from), std::mem::take(&mut to));
                state.received.lock().unwrap().push(Received { from, to, raw });
                state.came.notify_waiters();
                "250 taken".to_owned()
            }
            "QUIT" => {
                writing.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            "RSET" | "NOOP" => "250 ok".to_owned(),
            _ => "502 not known here".to_owned(),
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

async fn read(lines: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let length = lines.read_line(&mut line).await?;
    Ok((length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn address(line: &str) -> String {
    let from = line.find('<').map_or(0, |at| at + 1);
    let until = line.find('>').unwrap_or(line.len());
    line[from..until].to_owned()
}
