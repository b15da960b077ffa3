//! The indexer as a service.

use crate::work::{self, Limits};
use queue::{Queue, QueueName};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use store::{Db, sources};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Settings of the indexer, section `[indexer]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many sources are indexed at a time.
    pub parallel: u16,
    /// How often it looks for sources that are due, for want of a message, in seconds.
    pub poll_seconds: u64,
    /// After how long the source of a dead indexer is taken by another, in seconds.
    pub lease_seconds: u64,
    /// How often a source is tried before it is given up.
    pub attempts: u32,
    /// How long after a failure it is first tried again, in seconds; then twice as long each time.
    pub retry_seconds: u64,
}

/// The indexer.
pub struct Service {
    settings: Settings,
    db: Db,
    queue: Queue,
}

impl Service {
    /// Puts everything together.
    pub const fn start(settings: Settings, db: Db, queue: Queue) -> Self {
        Self { settings, db, queue }
    }

    /// Indexes what is due until `stop`; what is in hand is finished first.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let news = Arc::new(Notify::new());
        let mut running = JoinSet::new();
        running.spawn(listen(self.queue.clone(), news.clone(), stop.clone()));
        let this = Arc::new(self);
        for _ in 0..this.settings.parallel.max(1) {
            running.spawn(Arc::clone(&this).work(news.clone(), stop.clone()));
        }
        while let Some(ended) = running.join_next().await {
            stop.cancel(); // one down means all down: the supervisor starts us whole
            ended?;
        }
        Ok(())
    }

    async fn work(self: Arc<Self>, news: Arc<Notify>, stop: CancellationToken) {
        let limits = Limits {
            lease: Duration::from_secs(self.settings.lease_seconds.max(1)),
            attempts: self.settings.attempts.max(1),
            retry: Duration::from_secs(self.settings.retry_seconds),
        };
        let poll = Duration::from_secs(self.settings.poll_seconds.max(1));
        let mut away = false;
        while !stop.is_cancelled() {
            let claimed = sources::claim(&self.db, limits.lease).await;
            match claimed {
                Ok(Some(claimed)) => {
                    away = false;
                    process::crash_point!("indexer.after_claim");
                    // There may be more for the others to do.
                    news.notify_one();
                    work::index(&self.db, &self.queue, limits, claimed).await;
                    continue;
                }
                Ok(None) => away = false,
                // Said once, not at every poll.
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the indexer waits for the database"
                    );
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = news.notified() => {}
                () = tokio::time::sleep(poll) => {}
            }
        }
    }
}

/// Takes messages off the queue. What they are about is a row already, so nothing is lost when one is acknowledged and
/// we die at once.
async fn listen(queue: Queue, news: Arc<Notify>, stop: CancellationToken) {
    let mut messages = queue.consume(&QueueName::Index, 16).await;
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => break,
            message = messages.next() => message,
        };
        let Some(message) = message else { break };
        match wire::read::<wire::IndexSource>(&message.payload) {
            Ok(_) => {
                news.notify_one();
                message.ack().await;
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a message of the queue cannot be read"
                );
                message.dead(&error.to_string()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ChatbotId, SourceId, SourceState, WorkspaceId};
    use queue::{LiveEvent, LiveEvents, Outgoing};
    use sqlx::{ConnectOptions, PgPool};
    use std::process::Command;
    use store::{
        chunks,
        sources::{Change, Content, NewSource, Source},
    };
    use tokio::{task::JoinHandle, time::timeout};

    const LONG: Duration = Duration::from_secs(20);

    fn settings() -> Settings {
        // Polling is so rare here that only messages can explain quick work.
        Settings {
            parallel: 2,
            poll_seconds: 3600,
            lease_seconds: 60,
            attempts: 3,
            retry_seconds: 0,
        }
    }

    struct World {
        db: Db,
        queue: Queue,
        events: LiveEvents,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        stop: CancellationToken,
    }

    impl World {
        async fn new(pool: &PgPool) -> Self {
            let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
            sqlx::query("insert into workspaces (id, name) values ($1, 'Acme')")
                .bind(workspace.as_uuid())
                .execute(pool)
                .await
                .unwrap();
            sqlx::query(
                "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'Helper', '?')",
            )
            .bind(chatbot.as_uuid())
            .bind(workspace.as_uuid())
            .execute(pool)
            .await
            .unwrap();
            let db = Db::of_pool(pool);
            let stop = CancellationToken::new();
            let queue = Queue::open(&queue::Settings::default(), &db, stop.clone())
                .await
                .unwrap();
            let events = queue.live().subscribe();
            Self {
                db,
                queue,
                events,
                workspace,
                chatbot,
                stop,
            }
        }

        fn run(&self, settings: Settings) -> JoinHandle<anyhow::Result<()>> {
            tokio::spawn(Service::start(settings, self.db.clone(), self.queue.clone()).run(self.stop.clone()))
        }

        async fn add(&self, text: &str) -> SourceId {
            let mut tx = self.db.tenant(self.workspace).await.unwrap();
            let new = NewSource {
                id: SourceId::new(),
                chatbot: self.chatbot,
                title: "Terms".to_owned(),
                content: Content::Text(text.to_owned()),
            };
            sources::insert(&mut tx, &new).await.unwrap().unwrap();
            tx.commit().await.unwrap();
            new.id
        }

        async fn publish(&self, payload: Vec<u8>) {
            let publish = || {
                self.queue.publish(
                    &QueueName::Index,
                    Outgoing {
                        payload: payload.clone(),
                        traceparent: None,
                    },
                )
            };
            // The queue opens in the background.
            timeout(LONG, async { while publish().await.is_err() {} })
                .await
                .unwrap();
        }

        async fn tell(&self, source: SourceId) {
            self.publish(wire::write(&wire::IndexSource {
                schema: wire::SCHEMA,
                workspace_id: wire::id_bytes(self.workspace.as_uuid()),
                source_id: wire::id_bytes(source.as_uuid()),
            }))
            .await;
        }

        /// Waits until something about the chatbot was told.
        async fn news(&mut self) {
            let topic = format!("chatbot.{}", self.chatbot);
            timeout(LONG, async {
                loop {
                    match self.events.next().await {
                        Some(LiveEvent::Event { topic: about, .. }) if about == topic => break,
                        Some(_) => {}
                        None => panic!("the queue was closed"),
                    }
                }
            })
            .await
            .expect("nothing was told");
        }

        async fn source(&self, id: SourceId) -> Source {
            let mut tx = self.db.tenant(self.workspace).await.unwrap();
            sources::get(&mut tx, self.chatbot, id).await.unwrap().unwrap()
        }

        async fn texts(&self) -> Vec<String> {
            let all = chunks::revisions(&self.db, self.workspace, self.chatbot)
                .await
                .unwrap()
                .unwrap();
            let ids: Vec<_> = all.chunks.iter().map(|(id, _)| *id).collect();
            let found = chunks::by_ids(&self.db, self.workspace, self.chatbot, &ids)
                .await
                .unwrap();
            let mut texts: Vec<_> = found.into_iter().map(|chunk| chunk.text).collect();
            texts.sort();
            texts
        }
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_message_has_a_source_indexed_at_once(pool: PgPool) {
        let mut world = World::new(&pool).await;
        let running = world.run(settings());
        let id = world.add("# Shipping\nTwo days.").await;
        world.tell(id).await;

        world.news().await;

        assert_eq!(world.texts().await, ["Two days."]);
        assert_eq!(world.source(id).await.state, SourceState::Ready);
        world.stop.cancel();
        timeout(LONG, running).await.unwrap().unwrap().unwrap();
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn without_any_message_a_source_is_found_by_looking(pool: PgPool) {
        let mut world = World::new(&pool).await;
        world.add("Two days.").await;

        let _running = world.run(settings());
        world.news().await;

        assert_eq!(world.texts().await, ["Two days."]);
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_source_that_cannot_be_indexed_says_why_and_holds_up_no_other(pool: PgPool) {
        let mut world = World::new(&pool).await;
        let empty = world.add("<!-- nothing -->").await;
        let good = world.add("Two days.").await;

        let _running = world.run(Settings {
            parallel: 1,
            ..settings()
        });
        world.news().await;
        world.news().await;

        let failed = world.source(empty).await;
        assert_eq!(
            (failed.state, failed.error.as_deref()),
            (SourceState::Failed, Some("there is no text in it"))
        );
        assert_eq!(world.source(good).await.state, SourceState::Ready);
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_source_that_never_comes_to_an_end_is_given_up(pool: PgPool) {
        let mut world = World::new(&pool).await;
        let id = world.add("Two days.").await;
        for _ in 0..3 {
            sources::claim(&world.db, Duration::ZERO)
                .await
                .unwrap()
                .expect("its indexer died");
        }

        let _running = world.run(settings());
        world.news().await;

        let given_up = world.source(id).await;
        assert_eq!(given_up.state, SourceState::Failed);
        assert!(given_up.error.unwrap().contains("3 times"));
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_changed_source_replaces_what_it_said(pool: PgPool) {
        let mut world = World::new(&pool).await;
        let id = world.add("# A\nStays.\n# B\nGoes.").await;
        let _running = world.run(settings());
        world.news().await;

        let mut tx = world.db.tenant(world.workspace).await.unwrap();
        let change = Change {
            title: None,
            content: Some(Content::Text("# A\nStays.\n# B\nComes.".to_owned())),
        };
        sources::update(&mut tx, world.chatbot, id, &change)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        world.tell(id).await;
        world.news().await;

        assert_eq!(world.texts().await, ["Comes.", "Stays."]);
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn s26_a_message_that_cannot_be_read_is_kept_among_the_dead(pool: PgPool) {
        let world = World::new(&pool).await;
        let _running = world.run(settings());

        world.publish(vec![0xFF; 7]).await;

        let mut dead = world.queue.consume(&QueueName::Index.dead(), 1).await;
        let found = timeout(LONG, dead.next()).await.unwrap().unwrap();
        assert_eq!(found.payload.as_ref(), [0xFF; 7]);
    }

    const DIES_IN: &str = "BOTSMITH_TEST_INDEXER_DIES_IN";

    /// Indexes in a process of its own, which dies where it is told to.
    fn die_at(crash_point: &str, database: &str) {
        use std::os::unix::process::ExitStatusExt;
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--ignored",
                "--nocapture",
                "service::tests::an_indexer_of_its_own",
            ])
            .env(DIES_IN, database)
            .env("BOTSMITH_CRASH_AT", crash_point)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.signal(), Some(6), "{crash_point}: {said}");
    }

    #[tokio::test]
    #[ignore = "run by the next test, in a process of its own"]
    async fn an_indexer_of_its_own() {
        let url = std::env::var(DIES_IN).unwrap().into();
        let db = Db::open(&store::Settings {
            url,
            max_connections: 4,
            acquire_timeout_seconds: 10,
        })
        .unwrap();
        let stop = CancellationToken::new();
        let queue = Queue::open(&queue::Settings::default(), &db, stop.clone())
            .await
            .unwrap();
        let short = Settings {
            lease_seconds: 1,
            attempts: 10,
            ..settings()
        };
        timeout(LONG, Service::start(short, db, queue).run(stop))
            .await
            .unwrap()
            .unwrap();
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn killed_at_any_point_every_passage_is_there_exactly_once(pool: PgPool) {
        let mut world = World::new(&pool).await;
        let database = pool.connect_options().to_url_lossy().to_string();
        let text = "# A\nOne.\n# B\nTwo.\n# C\nThree.";
        for crash_point in [
            "indexer.after_claim",
            "indexer.before_commit",
            "indexer.after_commit",
        ] {
            world.add(&text.replace('.', &format!(" {crash_point}."))).await;
            let database = database.clone();
            tokio::task::spawn_blocking(move || die_at(crash_point, &database))
                .await
                .unwrap();
        }

        let _running = world.run(Settings {
            poll_seconds: 1,
            attempts: 10,
            ..settings()
        });
        let mut expected: Vec<String> = Vec::new();
        for crash_point in [
            "indexer.after_claim",
            "indexer.before_commit",
            "indexer.after_commit",
        ] {
            expected.extend(["One", "Two", "Three"].map(|word| format!("{word} {crash_point}.")));
        }
        expected.sort();
        // The last source was committed before the process died, and nobody was told.
        while world.texts().await.len() < expected.len() {
            world.news().await;
        }

        assert_eq!(world.texts().await, expected);
    }
}
