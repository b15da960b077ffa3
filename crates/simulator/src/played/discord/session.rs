//! Sessions of the Gateway: what was told in each, so that it can be told again after a RESUME.
//! <https://docs.discord.com/developers/events/gateway#resuming>

use super::{APPLICATION, BOT_USER, Discord, TOKEN};
use crate::played::{Order, Orders, Played};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// Events that a session can be told again.
const REMEMBERED: usize = 10_000;
/// How long a session without a connection can be gone on with: some minutes, Discord does not say how many.
const RESUMABLE: Duration = Duration::from_secs(180);
/// The least time between two sessions begun.
const BETWEEN: Duration = Duration::from_secs(5);
/// Sessions that may be begun in a day.
pub(super) const STARTS: u32 = 1_000;
/// <https://docs.discord.com/developers/events/gateway#gateway-intents>
const KNOWN_INTENTS: u64 = ((1 << 17) - 1) | (0b11 << 20) | (0b11 << 24);

/// The sessions of the application.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    all: Vec<Session>,
    begun: u32,
    last: Option<Instant>,
}

struct Session {
    id: String,
    intents: u64,
    seq: u64,
    /// By number, ready to be said.
    told: VecDeque<(u64, String)>,
    line: Option<(u64, Orders)>,
    /// When it is forgotten, while nothing is connected.
    until: Option<Instant>,
}

/// Something that happened, for sessions that asked for its kind.
pub(super) struct Happening {
    pub name: &'static str,
    pub body: Value,
    /// Told where one of these was asked for; 0: everywhere.
    pub intents: u64,
}

/// Why a session is not begun or gone on with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// INVALID_SESSION.
    Invalid,
    /// The connection is closed.
    Close(u16, &'static str),
}

impl Session {
    fn dispatch(&mut self, name: &str, body: Value) {
        self.seq += 1;
        let text = json!({"op": 0, "s": self.seq, "t": name, "d": body}).to_string();
        self.say(&text);
        self.told.push_back((self.seq, text));
        if self.told.len() > REMEMBERED {
            self.told.pop_front();
        }
    }

    fn say(&self, text: &str) {
        if let Some((_, orders)) = &self.line {
            // A connection that has just ended takes nothing, and the session can be gone on with.
            drop(orders.send(Order::Say(text.to_owned())));
        }
    }
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state
            .all
            .retain(|session| session.until.is_none_or(|until| until > now));
        state
    }

    /// Sessions that may still be begun.
    pub(super) fn left(&self) -> u32 {
        STARTS.saturating_sub(self.state().begun)
    }

    /// IDENTIFY.
    pub(super) fn begin(
        &self,
        played: &Played,
        d: &Value,
        line: u64,
        orders: &Orders,
    ) -> Result<String, Refusal> {
        let close = |code, words| Err(Refusal::Close(code, words));
        let properties = ["os", "browser", "device"];
        if !properties.iter().all(|name| d["properties"][name].is_string()) {
            return close(4002, "Error while decoding payload.");
        }
        let mut state = self.state();
        state.begun += 1;
        if d["token"] != TOKEN || state.begun > STARTS {
            return close(4004, "Authentication failed.");
        }
        if !(d["shard"].is_null() || d["shard"] == json!([0, 1])) {
            return close(4010, "Invalid shard.");
        }
        let Some(intents) = d["intents"]
            .as_u64()
            .filter(|intents| intents & !KNOWN_INTENTS == 0)
        else {
            return close(4013, "Invalid intent(s).");
        };
        if state
            .last
            .replace(Instant::now())
            .is_some_and(|last| last.elapsed() < BETWEEN)
        {
            return Err(Refusal::Invalid);
        }
        let mut session = Session {
            id: Uuid::new_v4().simple().to_string(),
            intents,
            seq: 0,
            told: VecDeque::new(),
            line: Some((line, orders.clone())),
            until: None,
        };
        let base = played.base(&Discord).replacen("http", "ws", 1);
        session.dispatch(
            "READY",
            json!({
                "v": 10, "user": {"id": BOT_USER, "username": "simulated", "bot": true, "discriminator": "0"},
                "guilds": [], "session_id": session.id, "resume_gateway_url": format!("{base}/gateway/"),
                "shard": [0, 1], "application": {"id": APPLICATION, "flags": 1 << 19},
            }),
        );
        let id = session.id.clone();
        state.all.push(session);
        Ok(id)
    }

    /// RESUME: what was missed is told again.
    pub(super) fn resume(&self, d: &Value, line: u64, orders: &Orders) -> Result<String, Refusal> {
        if d["token"] != TOKEN {
            return Err(Refusal::Close(4004, "Authentication failed."));
        }
        let mut state = self.state();
        let session = state.all.iter_mut().find(|session| d["session_id"] == session.id);
        let session = session.ok_or(Refusal::Invalid)?;
        let seq = d["seq"].as_u64().filter(|seq| *seq <= session.seq);
        let seq = seq.ok_or(Refusal::Close(4007, "Invalid seq."))?;
        if let Some((_, before)) = session.line.replace((line, orders.clone())) {
            drop(before.send(Order::Cut));
        }
        session.until = None;
        let missed = session.told.iter().filter(|(number, _)| *number > seq);
        let missed: Vec<String> = missed.map(|(_, text)| text.clone()).collect();
        missed.iter().for_each(|text| session.say(text));
        session.dispatch("RESUMED", json!({}));
        Ok(session.id.clone())
    }

    /// Whether a session can be gone on with.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.state().all.iter().any(|session| session.id == id)
    }

    /// A session's connection has ended. With 1000 or 1001 its owner ends the session too.
    pub(super) fn leave(&self, id: &str, line: u64, code: Option<u16>) {
        let mut state = self.state();
        if matches!(code, Some(1000 | 1001)) {
            state.all.retain(|session| session.id != id);
        }
        let session = state.all.iter_mut().find(|session| session.id == id);
        if let Some(session) = session.filter(|session| matches!(session.line, Some((of, _)) if of == line)) {
            session.line = None;
            session.until = Some(Instant::now() + RESUMABLE);
        }
    }

    /// Tells every session that asked for its kind, for now or for its RESUME. Whether one was told now.
    pub(super) fn tell(&self, happening: &Happening) -> bool {
        let mut told = false;
        for session in &mut self.state().all {
            if happening.intents != 0 && session.intents & happening.intents == 0 {
                continue;
            }
            session.dispatch(happening.name, happening.body.clone());
            told |= session.line.is_some();
        }
        told
    }

    /// The connections that are open; their sessions are forgotten if that is wanted.
    pub(super) fn lines(&self, forget: bool) -> Vec<Orders> {
        let mut state = self.state();
        let lines = state.all.iter().filter_map(|session| session.line.clone());
        let lines = lines.map(|(_, orders)| orders).collect();
        if forget {
            state.all.clear();
        }
        lines
    }
}
