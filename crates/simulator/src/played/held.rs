//! Connections that the product opens to read what people write: what the platforms that have them share.
//!
//! Invariant: a message is told only over a connection that was proven as the platform wants it, and what became of it is
//! decided by the platform's own rules of acknowledgement.

use super::{Person, Play, Played, discord, find, slack, telegram};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// A platform that is read over connections.
pub trait Held: Sync {
    /// Tells the product what a person wrote or pressed, over its connection or as the platform does where there is none.
    /// An error where the platform could not have such a person or message.
    fn tell(&self, played: &Played, person: &Person) -> anyhow::Result<()>;
    /// Ends the connections that are open.
    fn end(&self, played: &Played, ending: Ending);
}

/// How connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The network fails.
    Cut,
    /// The platform asks for another connection: Slack's `refresh_requested`, Discord's RECONNECT. Telegram says that it
    /// is being restarted.
    Asked,
    /// Discord has forgotten the session. Nothing else has sessions, and does as with [`Ending::Asked`].
    Forgotten,
}

/// How a platform's connections have fared. Telegram's are its `getUpdates`, each from the question to its answer;
/// Discord's count once they have a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Open now.
    pub open: usize,
    /// The most that were open at once.
    pub most: usize,
    /// Opened since the start.
    pub opened: u64,
    /// Sessions gone on with: Discord's RESUME.
    pub resumed: u64,
    /// Ended because another was opened, where the platform allows one only.
    pub displaced: u64,
}

/// What the platforms remember of their connections.
#[derive(Default)]
pub(crate) struct Lines {
    pub telegram: telegram::Updates,
    pub slack: slack::Sockets,
    pub discord: discord::Sessions,
    tallies: Mutex<BTreeMap<&'static str, Connections>>,
    news: watch::Sender<u64>,
}

impl Lines {
    fn tallies(&self) -> MutexGuard<'_, BTreeMap<&'static str, Connections>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self, play: &dyn Play, change: impl FnOnce(&mut Connections)) {
        change(self.tallies().entry(play.name()).or_default());
        self.announce();
    }

    /// Something has changed for whoever waits.
    pub fn announce(&self) {
        self.news.send_modify(|position| *position += 1);
    }

    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

/// A connection is open for as long as this is there.
pub(crate) struct Open {
    played: Played,
    play: &'static dyn Play,
}

impl Open {
    pub fn new(played: &Played, play: &'static dyn Play) -> Self {
        played.lines().count(play, |all| {
            all.opened += 1;
            all.open += 1;
            all.most = all.most.max(all.open);
        });
        Self {
            played: played.clone(),
            play,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.played.lines().count(self.play, |all| all.open -= 1);
    }
}

fn held(platform: &str) -> anyhow::Result<(&'static dyn Play, &'static dyn Held)> {
    let play = find(platform).with_context(|| format!("{platform:?} is not played here"))?;
    match play.held() {
        Some(held) => Ok((play, held)),
        None => bail!("{platform} sends messages to a webhook only"),
    }
}

fn told(play: &dyn Play, person: &Person) -> String {
    format!("told {} {}", play.conversation(person), play.message_id(person))
}

impl Played {
    /// A person writes on a platform that is read over a connection. It is told as soon as one is there, where the
    /// platform waits for that.
    pub fn write(&self, platform: &str, person: &Person) -> anyhow::Result<()> {
        let (play, held) = held(platform)?;
        self.know(play, person, None);
        held.tell(self, person)
    }

    /// Whether a person's message was told over a connection, waiting for it.
    pub async fn is_told(&self, platform: &str, person: &Person, patience: Duration) -> bool {
        let Ok((play, _)) = held(platform) else {
            return false;
        };
        let name = told(play, person);
        self.until(patience, || self.note(play, &name)).await.is_some()
    }

    pub(crate) fn set_told(&self, play: &dyn Play, person: &Person) {
        self.set_note(play, told(play, person), true.into());
        self.lines().announce();
    }

    /// How a platform's connections have fared.
    pub fn connections(&self, platform: &str) -> Connections {
        let tallies = self.lines().tallies();
        tallies.get(platform).copied().unwrap_or_default()
    }

    /// The same once it fits; `None` if it does not in time.
    pub async fn connections_when(
        &self,
        platform: &str,
        patience: Duration,
        fits: impl Fn(&Connections) -> bool,
    ) -> Option<Connections> {
        self.until(patience, || Some(self.connections(platform)).filter(&fits))
            .await
    }

    /// Ends a platform's connections.
    pub fn end_connections(&self, platform: &str, ending: Ending) -> anyhow::Result<()> {
        let (_, held) = held(platform)?;
        held.end(self, ending);
        Ok(())
    }

    async fn until<T>(&self, patience: Duration, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut news = self.lines().news();
        let found = async {
            loop {
                news.borrow_and_update();
                if let Some(found) = look() {
                    return Some(found);
                }
                news.changed().await.ok()?;
            }
        };
        timeout(patience, found).await.ok().flatten()
    }
}
