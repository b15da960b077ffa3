//! Live events of conversations, handed to whoever follows them here.

use queue::{
    LiveEvent, Queue,
    news::{self, News},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// How far a follower may be behind before it has to read the database.
const BEHIND: usize = 64;
/// How many may follow one conversation in this process: tabs of a browser, and what forgot to hang up.
const MOST_FOLLOWERS: usize = 20;

/// Everything that is followed in this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<Topics>>);

#[derive(Default)]
struct Topics {
    followed: HashMap<String, broadcast::Sender<News>>,
    /// Nothing comes any more: the process is told to stop.
    closed: bool,
}

impl Hub {
    /// Listens until `stop`.
    pub fn start(queue: &Queue, stop: CancellationToken) -> Self {
        let hub = Self::default();
        let mut events = queue.live().subscribe();
        let hears = hub.clone();
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    () = stop.cancelled() => None,
                    event = events.next() => event,
                };
                let Some(event) = event else {
                    let mut topics = hears.topics();
                    topics.closed = true;
                    topics.followed.clear();
                    return;
                };
                hears.hand_on(&event);
            }
        });
        hub
    }

    fn hand_on(&self, event: &LiveEvent) {
        if *event == LiveEvent::Resync {
            for followers in self.topics().followed.values() {
                let _ = followers.send(News::Changed);
            }
        } else if let Some((topic, news)) = news::read(event)
            && let Some(followers) = self.topics().followed.get(topic)
        {
            let _ = followers.send(news);
        }
    }

    /// Everything that is told of a topic from now on. `None`: as many follow it as may.
    pub fn follow(&self, topic: String) -> Option<Follower> {
        let mut topics = self.topics();
        let events = if topics.closed {
            broadcast::Sender::new(1).subscribe()
        } else {
            let followers = topics
                .followed
                .entry(topic.clone())
                .or_insert_with(|| broadcast::Sender::new(BEHIND));
            if followers.receiver_count() >= MOST_FOLLOWERS {
                return None;
            }
            followers.subscribe()
        };
        Some(Follower {
            hub: self.clone(),
            topic,
            events,
        })
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one conversation.
pub struct Follower {
    hub: Hub,
    topic: String,
    events: broadcast::Receiver<News>,
}

impl Follower {
    /// What is told next. `None`: nothing more will be. Safe to cancel.
    pub async fn next(&mut self) -> Option<News> {
        match self.events.recv().await {
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Changed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut topics = self.hub.topics();
        let alone = topics
            .followed
            .get(&self.topic)
            .is_some_and(|followers| followers.receiver_count() <= 1);
        if alone {
            topics.followed.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::IntegrationId;

    fn changed(topic: &str) -> LiveEvent {
        LiveEvent::Event {
            topic: topic.to_owned(),
            payload: serde_json::to_vec(&News::Changed).unwrap().into(),
        }
    }

    #[tokio::test]
    async fn a_follower_hears_of_its_conversation_only_and_is_forgotten_when_it_leaves() {
        let hub = Hub::default();
        let integration = IntegrationId::new();
        let (mine, other) = (news::topic(integration, "a"), news::topic(integration, "b"));
        let mut follower = hub.follow(mine.clone()).unwrap();

        hub.hand_on(&changed(&other));
        hub.hand_on(&changed(&mine));

        assert_eq!(follower.next().await, Some(News::Changed));
        assert!(follower.events.is_empty());
        drop(follower);
        assert!(hub.topics().followed.is_empty());
    }

    #[tokio::test]
    async fn what_may_have_been_lost_is_looked_for_by_all() {
        let hub = Hub::default();
        let mut follower = hub.follow("conversation.x".to_owned()).unwrap();

        hub.hand_on(&LiveEvent::Resync);

        assert_eq!(follower.next().await, Some(News::Changed));
    }

    #[test]
    fn a_conversation_has_only_so_many_followers() {
        let hub = Hub::default();
        let followers: Vec<_> = (0..=MOST_FOLLOWERS)
            .map(|_| hub.follow("conversation.x".to_owned()))
            .collect();

        assert_eq!(followers.iter().flatten().count(), MOST_FOLLOWERS);
    }
}
