//! What every role needs, opened once.

use crate::settings::Settings;
use accounts::Accounts;
use anyhow::Context;
use embedder::Embedders;
use knowledge::Retriever;
use process::{clock::Clock, health::Readiness};
use queue::Queue;
use std::time::Duration;
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use vault::{Keyring, MasterKeys};

/// The first pause between attempts to reach a database that is away, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// How long a queue may take to be there before something is said.
const SOON: Duration = Duration::from_secs(2);

/// How long a database may take to answer that it is there.
const PING: Duration = Duration::from_millis(1_500);

/// What every role needs. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    /// The database.
    pub db: Db,
    /// The queue.
    pub queue: Queue,
    /// Seals and opens credentials.
    pub keyring: Keyring,
    /// Integrations, opened.
    pub accounts: Accounts,
    /// Which model says what texts mean.
    pub embedders: Embedders,
    /// Finds passages.
    pub retriever: Retriever,
    /// The time.
    pub clock: Clock,
    /// Whether this process can do its work.
    pub readiness: Readiness,
    stop: CancellationToken,
}

impl Shared {
    /// Opens everything. A database or broker that is away is no reason to fail: readiness says so, and everything that
    /// needs them tries again.
    pub async fn open(settings: &Settings, stop: &CancellationToken) -> anyhow::Result<Self> {
        let masters = MasterKeys::load(&settings.vault).context("reading the master key")?;
        let client = platforms::client().context("preparing calls to platforms")?;
        let channels = platforms::registry(&settings.platforms, client).context("preparing the platforms")?;
        let db = Db::open(&settings.store).context("reading the setting store.url")?;
        let queue = Queue::open(&settings.queue, &db, stop.child_token())
            .await
            .context("opening the queue")?;
        let keyring = Keyring::new(db.clone(), masters);
        let accounts = Accounts::new(db.clone(), keyring.clone(), channels);
        let embedders =
            Embedders::open(&settings.embeddings).context("reading the settings of embeddings")?;
        let retriever = Retriever::with_embedders(db.clone(), settings.knowledge.clone(), embedders.clone());
        let readiness = Readiness::new();
        let address = settings.queue_address();
        watch(&readiness, &db, &queue, address.clone());
        tokio::spawn(tell_of_missing_queue(queue.clone(), address, stop.clone()));
        Ok(Self {
            db,
            queue,
            keyring,
            accounts,
            embedders,
            retriever,
            clock: Clock::system(),
            readiness,
            stop: stop.clone(),
        })
    }

    /// Returns when the database answers and has the schema that this version needs; `false` if we are to stop first. A
    /// database that is away is waited for; one that refuses us is an error.
    pub async fn schema(&self) -> anyhow::Result<bool> {
        let unless = "its schema is not up to date: `botsmith migrate` (or `botsmith all`) brings it there";
        self.until(unless, |db| async move { db.is_migrated().await })
            .await
    }

    /// Brings the schema up to date, waiting for a database that is away; `false` if we are to stop first.
    pub async fn migrate(&self) -> anyhow::Result<bool> {
        self.until("", |db| async move { db.migrate().await.map(|()| true) })
            .await
            .context("bringing the schema up to date")
    }

    /// Says once, and again when it changes, what is waited for.
    async fn until<Attempt>(&self, unless: &str, attempt: impl Fn(Db) -> Attempt) -> anyhow::Result<bool>
    where
        Attempt: Future<Output = Result<bool, StoreError>>,
    {
        let address = self.db.address();
        let mut pause = PAUSES.0;
        let mut said = None;
        loop {
            let problem = match attempt(self.db.clone()).await {
                Ok(true) => break,
                Ok(false) => unless.to_owned(),
                Err(error) if error.is_transient() => format!("{:#}", anyhow::Error::from(error)),
                Err(error) => {
                    return Err(anyhow::Error::from(error).context(format!("the database at {address}")));
                }
            };
            if said.as_ref() != Some(&problem) {
                tracing::warn!("waiting for the database at {address}: {problem}");
                said = Some(problem);
            }
            if self
                .stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return Ok(false);
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        if said.is_some() {
            tracing::info!("the database at {address} is there");
        }
        Ok(true)
    }

    /// Whether all checks hold before the time is up or we are to stop.
    pub async fn is_ready_within(&self, patience: Duration) -> bool {
        let ready = async {
            while !self.readiness.report().await.ready {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        matches!(
            tokio::time::timeout(patience, self.stop.run_until_cancelled(ready)).await,
            Ok(Some(()))
        )
    }

    /// Ends connections in order: what is on its way to the queue is confirmed first.
    pub async fn close(self) {
        self.queue.close().await;
        self.db.close().await;
    }
}

fn watch(readiness: &Readiness, db: &Db, queue: &Queue, queue_address: String) {
    let db = db.clone();
    readiness.check("database", move || {
        let db = db.clone();
        async move {
            match tokio::time::timeout(PING, db.ping()).await {
                Ok(Ok(())) => Ok(()),
                Err(_) => Err(format!("{} cannot be reached", db.address())),
                Ok(Err(error)) if error.is_transient() => Err(format!("{} cannot be reached", db.address())),
                Ok(Err(_)) => Err(format!(
                    "{} has no schema yet: run `botsmith migrate`",
                    db.address()
                )),
            }
        }
    });
    let queue = queue.clone();
    readiness.check("queue", move || {
        let ready = queue.is_ready();
        let address = queue_address.clone();
        async move {
            if ready {
                Ok(())
            } else {
                Err(format!("{address} takes no messages now"))
            }
        }
    });
}

/// Says where a queue was looked for that is not there soon after the start; it is looked for until it is.
async fn tell_of_missing_queue(queue: Queue, address: String, stop: CancellationToken) {
    let look_again = async |pause| {
        stop.run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
    };
    if !look_again(SOON).await || queue.is_ready() {
        return;
    }
    tracing::warn!("waiting for the queue at {address}");
    while look_again(PAUSES.0).await {
        if queue.is_ready() {
            tracing::info!("the queue at {address} is there");
            return;
        }
    }
}
