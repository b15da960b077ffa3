//! Bots, kept for a while.

use crate::actions::Kit;
use domain::ChatbotId;
use moka::future::Cache;
use queue::{LiveEvent, Queue};
use std::{sync::Arc, time::Duration};
use store::{
    Db, StoreError,
    chatbots::{self, Chatbot},
    conduct::{self, Conduct},
};
use tokio_util::sync::CancellationToken;

/// How long a change may go unnoticed when its live event was lost.
const FRESH: Duration = Duration::from_secs(30);

/// Reads bots. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    db: Db,
    kept: Cache<ChatbotId, Arc<Chatbot>>,
    conduct: Cache<ChatbotId, Arc<Conduct>>,
    kits: Cache<ChatbotId, Arc<Kit>>,
}

impl Bots {
    /// None kept yet.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            kept: Cache::builder().max_capacity(10_000).time_to_live(FRESH).build(),
            conduct: Cache::builder().max_capacity(10_000).time_to_live(FRESH).build(),
            kits: Cache::builder().max_capacity(10_000).time_to_live(FRESH).build(),
        }
    }

    /// How the bot conducts itself.
    pub async fn conduct(&self, chatbot: ChatbotId) -> Result<Arc<Conduct>, StoreError> {
        if let Some(conduct) = self.conduct.get(&chatbot).await {
            return Ok(conduct);
        }
        let conduct = Arc::new(conduct::load(&self.db, chatbot).await?);
        self.conduct.insert(chatbot, conduct.clone()).await;
        Ok(conduct)
    }

    /// The bot. `None`: it has been deleted.
    pub async fn find(&self, chatbot: ChatbotId) -> Result<Option<Arc<Chatbot>>, StoreError> {
        if let Some(bot) = self.kept.get(&chatbot).await {
            return Ok(Some(bot));
        }
        let Some(bot) = chatbots::load(&self.db, chatbot).await? else {
            return Ok(None);
        };
        let bot = Arc::new(bot);
        self.kept.insert(chatbot, bot.clone()).await;
        Ok(Some(bot))
    }

    /// The bot is not as it was kept.
    pub async fn forget(&self, chatbot: ChatbotId) {
        self.kept.invalidate(&chatbot).await;
    }

    /// What the bot may call.
    pub async fn kit(&self, chatbot: ChatbotId) -> Result<Arc<Kit>, StoreError> {
        if let Some(kit) = self.kits.get(&chatbot).await {
            return Ok(kit);
        }
        let kit = Arc::new(Kit::load(&self.db, chatbot).await?);
        self.kits.insert(chatbot, kit.clone()).await;
        Ok(kit)
    }

    /// Drops what has changed, as live events tell, until `stop`.
    pub async fn follow(self, queue: Queue, stop: CancellationToken) {
        let mut events = queue.live().subscribe();
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                None => return,
                Some(LiveEvent::Resync) => {
                    self.kept.invalidate_all();
                    self.conduct.invalidate_all();
                    self.kits.invalidate_all();
                }
                Some(LiveEvent::Event { topic, .. }) if topic == "installation" => self.kits.invalidate_all(),
                Some(LiveEvent::Event { topic, .. }) => {
                    if let Some(Ok(chatbot)) = topic.strip_prefix("chatbot.").map(str::parse::<ChatbotId>) {
                        self.kept.invalidate(&chatbot).await;
                        self.conduct.invalidate(&chatbot).await;
                        self.kits.invalidate(&chatbot).await;
                    }
                }
            }
        }
    }
}
