//! The sessions of a listener's shards, and what is remembered of them.
//!
//! Invariant: what is remembered of one shard is never older than what was remembered of it before.

use channel::{Inlet, InletError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// A session that can be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    /// Everything up to here is queued.
    pub(super) seq: u64,
    /// Where it is gone on with.
    pub(super) url: String,
    /// The bot's own id.
    pub(super) bot: String,
    /// The content of messages comes with them.
    pub(super) content: bool,
}

/// What is remembered: a session a shard, where there is one.
#[derive(Serialize, Deserialize)]
struct Remembered {
    sessions: Vec<Option<Session>>,
}

pub(super) struct Sessions<'a> {
    inlet: &'a dyn Inlet,
    all: Mutex<Remembered>,
}

impl<'a> Sessions<'a> {
    /// Those that were remembered, if they are of as many shards.
    pub(super) fn new(inlet: &'a dyn Inlet, resume: Option<Value>, shards: u32) -> Self {
        let remembered = resume
            .and_then(|resume| serde_json::from_value(resume).ok())
            .filter(|remembered: &Remembered| remembered.sessions.len() == shards as usize)
            .unwrap_or_else(|| Remembered {
                sessions: vec![None; shards as usize],
            });
        Self {
            inlet,
            all: Mutex::new(remembered),
        }
    }

    /// Whether the content of messages came, as far as is known.
    pub(super) fn had_content(&mut self) -> bool {
        let sessions = self.all.get_mut().sessions.iter();
        sessions.flatten().all(|session| session.content)
    }

    pub(super) async fn of(&self, shard: u32) -> Option<Session> {
        self.all
            .lock()
            .await
            .sessions
            .get(shard as usize)
            .cloned()
            .flatten()
    }

    /// Remembers where a shard's session is. One after another, so that none is written over by an older one.
    pub(super) async fn remember(&self, shard: u32, session: &Session) -> Result<(), InletError> {
        let mut all = self.all.lock().await;
        if let Some(known) = all.sessions.get_mut(shard as usize) {
            *known = Some(session.clone());
        }
        self.inlet.remember(json!(*all)).await
    }
}
