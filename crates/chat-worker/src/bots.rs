//! Bots, kept for a while.

use domain::ChatbotId;
use moka::future::Cache;
use queue::{LiveEvent, Queue};
use std::{sync::Arc, time::Duration};
use store::{
    Db, StoreError,
    chatbots::{self, Chatbot},
};
use tokio_util::sync::CancellationToken;

/// How long a change may go unnoticed when its live event was lost.
const FRESH: Duration = Duration::from_secs(30);

/// Reads bots. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    db: Db,
    kept: Cache<ChatbotId, Arc<Chatbot>>,
}

impl Bots {
    /// None kept yet.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            kept: Cache::builder().max_capacity(10_000).time_to_live(FRESH).build(),
        }
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
                Some(LiveEvent::Resync) => self.kept.invalidate_all(),
                Some(LiveEvent::Event { topic, .. }) => {
                    if let Some(Ok(chatbot)) = topic.strip_prefix("chatbot.").map(str::parse::<ChatbotId>) {
                        self.kept.invalidate(&chatbot).await;
                    }
                }
            }
        }
    }
}
