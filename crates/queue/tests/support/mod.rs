//! A queue of its own for each test, over either transport.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

pub mod proxy;

use queue::{Consumer, Delivery, Outgoing, PublishError, Queue, QueueName, Settings};
use secrecy::SecretString;
use sqlx::{ConnectOptions, PgPool};
use std::{
    sync::{Mutex, Once},
    time::Duration,
};
use store::Db;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(20);

/// How long nothing has to come before we believe that nothing comes.
pub const QUIET: Duration = Duration::from_millis(400);

/// One installation: every queue opened here sees the same messages.
pub struct World {
    pub settings: Settings,
    /// Where the database is.
    pub database: String,
    opened: Mutex<Vec<(Queue, Db, CancellationToken)>>,
}

/// One process, as far as the queue is concerned.
pub struct Process {
    pub queue: Queue,
    pub stop: CancellationToken,
}

impl World {
    pub fn amqp() -> Self {
        let url =
            std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672".to_owned());
        // Never connected to.
        Self::new(url, "postgres://nobody@127.0.0.1:1/nothing".to_owned())
    }

    pub fn postgres(pool: &PgPool) -> Self {
        Self::new(String::new(), pool.connect_options().to_url_lossy().to_string())
    }

    pub fn new(url: String, database: String) -> Self {
        static LOGS: Once = Once::new();
        LOGS.call_once(|| {
            let filter =
                tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_test_writer()
                .init();
        });
        let namespace = format!("test-{}", uuid::Uuid::new_v4().simple());
        let settings = Settings {
            url: url.into(),
            namespace,
            ..Settings::default()
        };
        Self {
            settings,
            database,
            opened: Mutex::default(),
        }
    }

    /// The same installation by other addresses.
    pub fn through(&self, url: String, database: String) -> Self {
        let settings = Settings {
            url: url.into(),
            ..self.settings.clone()
        };
        Self {
            settings,
            database,
            opened: Mutex::default(),
        }
    }

    pub fn is_amqp(&self) -> bool {
        use secrecy::ExposeSecret;
        !self.settings.url.expose_secret().is_empty()
    }

    pub async fn process(&self) -> Process {
        let db = open_db(&self.database);
        let stop = CancellationToken::new();
        let queue = Queue::open(&self.settings, &db, stop.clone()).await.unwrap();
        self.opened
            .lock()
            .unwrap()
            .push((queue.clone(), db, stop.clone()));
        Process { queue, stop }
    }

    /// Leaves nothing behind.
    pub async fn end(self) {
        let opened = self.opened.into_inner().unwrap();
        for (queue, _, _) in &opened {
            timeout(LONG, queue.close())
                .await
                .expect("the queue should close");
        }
        for (_, db, _) in opened {
            db.close().await;
        }
        if !self.settings.namespace.is_empty() {
            let db = open_db(&self.database);
            let queue = Queue::open(&self.settings, &db, CancellationToken::new())
                .await
                .unwrap();
            // Declares every durable queue, so that it knows them.
            for name in [QueueName::Inbound, QueueName::Status, QueueName::Index] {
                queue.publish(&name, message("last")).await.unwrap();
            }
            queue.wake(&QueueName::Turns, Vec::new());
            queue.wake(&outbound(), Vec::new());
            queue.close_after_flush().await;
            db.close().await;
        }
    }
}

trait CloseAfterFlush {
    async fn close_after_flush(&self);
}

impl CloseAfterFlush for Queue {
    async fn close_after_flush(&self) {
        // Wake-ups declare their queues when they are sent.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.delete_namespace().await.unwrap();
        self.close().await;
    }
}

pub fn open_db(url: &str) -> Db {
    Db::open(&store::Settings {
        url: SecretString::from(url.to_owned()),
        max_connections: 3,
        acquire_timeout_seconds: 5,
    })
    .unwrap()
}

pub fn outbound() -> QueueName {
    QueueName::Outbound(domain::Platform::try_from("telegram").unwrap())
}

pub fn message(text: &str) -> Outgoing {
    Outgoing {
        payload: text.as_bytes().to_vec(),
        traceparent: None,
    }
}

pub fn text(delivery: &Delivery) -> String {
    String::from_utf8(delivery.payload.to_vec()).unwrap()
}

impl Process {
    pub async fn publish(&self, queue: &QueueName, text: &str) {
        self.queue
            .publish(queue, message(text))
            .await
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    /// Publishes as a careful caller does: again, until it is accepted.
    pub async fn publish_at_last(&self, queue: &QueueName, text: &str) {
        loop {
            match self.queue.publish(queue, message(text)).await {
                Ok(()) => return,
                Err(PublishError::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub async fn next(consumer: &mut Consumer) -> Delivery {
    timeout(LONG, consumer.next())
        .await
        .expect("a message should come")
        .expect("the consumer should go on")
}

pub async fn nothing(consumer: &mut Consumer) {
    if let Ok(Some(delivery)) = timeout(QUIET, consumer.next()).await {
        panic!("{} should not have come", text(&delivery));
    }
}
