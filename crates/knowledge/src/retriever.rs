//! Keeps snapshots of the chatbots that are asked something, and searches them.
//!
//! Invariants: a search never sees another chatbot's passages, for it searches one chatbot's snapshot only, and that is
//! read from the database by workspace and chatbot. At most one task at a time reads a chatbot's knowledge anew; who asks
//! meanwhile gets the old snapshot after a moment, unless that has been out of date for too long. What the snapshots take
//! together stays near the budget, those used longest ago go first.

use crate::{
    error::KnowledgeError,
    snapshot::{Embeddings, Snapshot},
};
use domain::{ChatbotId, Passage, WorkspaceId};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use moka::{future::Cache, policy::EvictionPolicy};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::{Db, chunks};
use tokio::time::Instant;

/// How snapshots are kept, section `[knowledge]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How much memory all snapshots of this process may take together.
    pub snapshot_bytes: u64,
    /// How long a search waits for knowledge that has just changed, before it is content with what was known before.
    pub refresh_wait_milliseconds: u64,
    /// For how long what was known before is good enough.
    pub stale_seconds: u64,
}

/// Finds passages. Cheap to clone.
#[derive(Clone)]
pub struct Retriever(Arc<Inner>);

struct Inner {
    db: Db,
    settings: Settings,
    kept: Cache<Key, Kept>,
    /// Who is reading which chatbot's knowledge.
    reading: Mutex<HashMap<Key, Reading>>,
}

/// Both, so that a chatbot's id alone opens nothing.
type Key = (WorkspaceId, ChatbotId);
type Reading = Shared<BoxFuture<'static, Result<Kept, KnowledgeError>>>;

#[derive(Clone)]
struct Kept {
    snapshot: Arc<Snapshot>,
    /// When it was known to be up to date.
    checked: Instant,
}

/// More passages than this are searched on a thread that may be kept busy.
const LARGE: usize = 2_000;
/// Snapshots that nobody asks go after this time, whatever the budget.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How many passages are read from the database at once.
const BATCH: usize = 2_000;

impl Retriever {
    /// Reads nothing yet.
    pub fn new(db: Db, settings: Settings) -> Self {
        let budget = kibibytes(settings.snapshot_bytes).max(1);
        let kept = Cache::builder()
            .max_capacity(u64::from(budget))
            // One that is larger than everything else together is kept alone rather than read anew for every question.
            .weigher(move |_: &Key, kept: &Kept| kibibytes(kept.snapshot.bytes() as u64).clamp(1, budget))
            // A chatbot that was never asked before is as welcome as the others: no admission by frequency.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE)
            .build();
        Self(Arc::new(Inner {
            db,
            settings,
            kept,
            reading: Mutex::default(),
        }))
    }

    /// The `k` passages of a chatbot that fit the question best. `knowledge_version`: the chatbot's, as the caller read
    /// it; knowledge that is older is read anew first.
    pub async fn search(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
        question: &str,
        k: usize,
    ) -> Result<Vec<Passage>, KnowledgeError> {
        let snapshot = self.snapshot(workspace, chatbot, knowledge_version).await?;
        let started = Instant::now();
        let found = if snapshot.len() > LARGE {
            let question = question.to_owned();
            tokio::task::spawn_blocking(move || snapshot.search(&question, k))
                .await
                .map_err(|_| KnowledgeError::Interrupted)?
        } else {
            snapshot.search(question, k)
        };
        metrics::histogram!("botsmith_knowledge_search_seconds").record(started.elapsed().as_secs_f64());
        found
    }

    /// A chatbot's snapshot, of this version at least where that can be had in time.
    pub async fn snapshot(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
    ) -> Result<Arc<Snapshot>, KnowledgeError> {
        let key = (workspace, chatbot);
        let old = self.0.kept.get(&key).await;
        if let Some(kept) = &old
            && kept.snapshot.version() >= knowledge_version
        {
            return Ok(kept.snapshot.clone());
        }
        let Some(old) = old else {
            return self.read_up_to(key, knowledge_version).await;
        };
        let patience = Duration::from_millis(self.0.settings.refresh_wait_milliseconds);
        let good_enough = Duration::from_secs(self.0.settings.stale_seconds);
        let reading = self.read_up_to(key, knowledge_version);
        if old.checked.elapsed() > good_enough {
            return reading.await;
        }
        match tokio::time::timeout(patience, reading).await {
            Ok(Ok(new)) => Ok(new),
            Ok(Err(KnowledgeError::NoChatbot)) => Err(KnowledgeError::NoChatbot),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, chatbot.id = %chatbot,
                    "answering from older knowledge");
                Ok(old.snapshot)
            }
            Err(_) => Ok(old.snapshot),
        }
    }

    /// Reads until the version is there. A reading that was under way may have begun before it was written: then once more.
    async fn read_up_to(&self, key: Key, knowledge_version: i64) -> Result<Arc<Snapshot>, KnowledgeError> {
        let first = self.read(key).await?;
        if first.snapshot.version() >= knowledge_version {
            return Ok(first.snapshot);
        }
        Ok(self.read(key).await?.snapshot)
    }

    /// Reads a chatbot's knowledge anew, or waits for who is reading it. Goes on when the caller is gone.
    async fn read(&self, key: Key) -> Result<Kept, KnowledgeError> {
        let reading = {
            let mut all = self.0.reading();
            match all.get(&key) {
                Some(reading) => reading.clone(),
                None => {
                    let inner = self.0.clone();
                    let task = tokio::spawn(async move {
                        let outcome = inner.read(key).await;
                        if let Ok(kept) = &outcome {
                            inner.kept.insert(key, kept.clone()).await;
                        }
                        inner.reading().remove(&key);
                        outcome
                    });
                    let inner = self.0.clone();
                    let reading = async move {
                        task.await.unwrap_or_else(|_| {
                            // It panicked, and did not take its name off the list.
                            inner.reading().remove(&key);
                            Err(KnowledgeError::Interrupted)
                        })
                    };
                    let reading = reading.boxed().shared();
                    all.insert(key, reading.clone());
                    reading
                }
            }
        };
        reading.await
    }

    /// How many snapshots there are, and about how many bytes they take.
    pub async fn kept(&self) -> (u64, u64) {
        self.0.kept.run_pending_tasks().await;
        (self.0.kept.entry_count(), self.0.kept.weighted_size() * 1024)
    }
}

impl Inner {
    fn reading(&self) -> MutexGuard<'_, HashMap<Key, Reading>> {
        // Nothing is left half done under this lock.
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, key: Key) -> Result<Kept, KnowledgeError> {
        let (workspace, chatbot) = key;
        let started = Instant::now();
        let old = self.kept.get(&key).await.map(|kept| kept.snapshot);
        let now = chunks::revisions(&self.db, workspace, chatbot)
            .await?
            .ok_or(KnowledgeError::NoChatbot)?;
        let difference = match &old {
            Some(old) => old.difference(&now),
            None => crate::snapshot::Difference {
                gone: Vec::new(),
                missing: now.chunks.iter().map(|(id, _)| *id).collect(),
            },
        };
        let mut added = Vec::with_capacity(difference.missing.len());
        for ids in difference.missing.chunks(BATCH) {
            added.extend(chunks::by_ids(&self.db, workspace, chatbot, ids).await?);
        }
        let (changed, kind) = (
            added.len() + difference.gone.len(),
            if old.is_some() { "changed" } else { "read" },
        );
        let version = now.knowledge_version;
        let snapshot = tokio::task::spawn_blocking(move || match old {
            Some(old) => old.changed(version, &difference.gone, added, &Embeddings::default()),
            None => Snapshot::build(version, added),
        })
        .await
        .map_err(|_| KnowledgeError::Interrupted)??;
        metrics::histogram!("botsmith_knowledge_snapshot_seconds", "kind" => kind)
            .record(started.elapsed().as_secs_f64());
        tracing::debug!(chatbot.id = %chatbot, version, passages = snapshot.len(), changed, bytes = snapshot.bytes(),
            "knowledge {kind}");
        Ok(Kept {
            snapshot: Arc::new(snapshot),
            checked: started,
        })
    }
}

fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split;
    use domain::SourceId;
    use sqlx::PgPool;
    use store::{
        TenantTx,
        chunks::NewChunk,
        sources::{self, Change, Content, NewDocument, NewSource},
    };

    fn settings() -> Settings {
        Settings {
            snapshot_bytes: 100_000_000,
            refresh_wait_milliseconds: 5_000,
            stale_seconds: 10,
        }
    }

    async fn chatbot(pool: &PgPool) -> (Db, WorkspaceId, ChatbotId) {
        let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
        sqlx::query("insert into workspaces (id, name) values ($1, 'Acme')")
            .bind(workspace.as_uuid())
            .execute(pool)
            .await
            .unwrap();
        sqlx::query("insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'Helper', 'No idea.')")
            .bind(chatbot.as_uuid())
            .bind(workspace.as_uuid())
            .execute(pool)
            .await
            .unwrap();
        (Db::of_pool(pool), workspace, chatbot)
    }

    async fn tenant(db: &Db, workspace: WorkspaceId) -> TenantTx {
        db.tenant(workspace).await.unwrap()
    }

    async fn index(db: &Db) -> i64 {
        let claimed = sources::claim(db, Duration::from_secs(60))
            .await
            .unwrap()
            .expect("a source is due");
        let Content::Text(text) = &claimed.content else {
            panic!("not a text")
        };
        let pieces = split::text(text);
        let document = NewDocument {
            title: claimed.title.clone(),
            url: None,
            characters: 0,
            error: None,
            unreadable_pages: 0,
            content_hash: split::content_hash(&pieces),
            chunks: pieces
                .into_iter()
                .map(|p| NewChunk {
                    heading: p.heading,
                    question: p.question,
                    text: p.text,
                })
                .collect(),
        };
        match sources::commit(db, &claimed, &[document]).await.unwrap() {
            sources::Committed::Ready { knowledge_version } => knowledge_version,
            sources::Committed::Superseded => panic!("superseded"),
        }
    }

    async fn add(db: &Db, workspace: WorkspaceId, chatbot: ChatbotId, text: &str) -> (SourceId, i64) {
        let mut tx = tenant(db, workspace).await;
        let new = NewSource {
            id: SourceId::new(),
            chatbot,
            title: "Terms".to_owned(),
            content: Content::Text(text.to_owned()),
            refresh_hours: None,
        };
        let source = sources::insert(&mut tx, &new).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        (source.id, index(db).await)
    }

    fn texts(passages: &[Passage]) -> Vec<&str> {
        passages.iter().map(|passage| passage.text.as_str()).collect()
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn what_was_added_changed_or_deleted_is_found_so_at_once(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let retriever = Retriever::new(db.clone(), settings());
        let find = |version, question| retriever.search(workspace, bot, version, question, 5);

        assert!(find(0, "shipping").await.unwrap().is_empty());

        let (id, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
        assert_eq!(
            texts(&find(version, "How long is shipping?").await.unwrap()),
            ["Shipping takes two days."]
        );

        let mut tx = tenant(&db, workspace).await;
        let content = Some(Content::Text("Shipping takes four days.".to_owned()));
        sources::update(
            &mut tx,
            bot,
            id,
            &Change {
                content,
                ..Change::default()
            },
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let version = index(&db).await;
        assert_eq!(
            texts(&find(version, "How long is shipping?").await.unwrap()),
            ["Shipping takes four days."]
        );

        let mut tx = tenant(&db, workspace).await;
        let version = sources::delete(&mut tx, bot, id).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        assert!(find(version, "How long is shipping?").await.unwrap().is_empty());
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn another_tenant_finds_nothing_by_knowing_the_chatbots_id(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let (_, other, _) = chatbot(&pool).await;
        let (_, version) = add(&db, workspace, bot, "The secret recipe is plain water.").await;
        let retriever = Retriever::new(db, settings());
        assert_eq!(
            retriever
                .search(workspace, bot, version, "secret recipe", 5)
                .await
                .unwrap()
                .len(),
            1
        );

        let found = retriever.search(other, bot, version, "secret recipe", 5).await;

        assert!(matches!(found, Err(KnowledgeError::NoChatbot)));
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_hundred_questions_at_once_read_the_knowledge_once(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let (_, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
        let retriever = Retriever::new(db, settings());

        let all = (0..100).map(|_| retriever.snapshot(workspace, bot, version));
        let snapshots = futures_util::future::join_all(all).await;

        let first = snapshots[0].as_ref().unwrap();
        assert!(
            snapshots
                .iter()
                .all(|snapshot| Arc::ptr_eq(snapshot.as_ref().unwrap(), first))
        );
        assert!(retriever.0.reading().is_empty());
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn with_the_database_away_what_was_known_answers_for_a_while(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let (_, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
        let patient = Retriever::new(db.clone(), settings());
        let strict = Retriever::new(
            db.clone(),
            Settings {
                stale_seconds: 0,
                ..settings()
            },
        );
        for retriever in [&patient, &strict] {
            retriever
                .search(workspace, bot, version, "shipping", 5)
                .await
                .unwrap();
        }

        db.close().await;

        assert_eq!(
            patient
                .search(workspace, bot, version + 1, "shipping", 5)
                .await
                .unwrap()
                .len(),
            1
        );
        assert!(
            strict
                .search(workspace, bot, version + 1, "shipping", 5)
                .await
                .is_err()
        );
        assert_eq!(
            strict
                .search(workspace, bot, version, "shipping", 5)
                .await
                .unwrap()
                .len(),
            1,
            "it is up to date"
        );
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn snapshots_keep_to_their_budget_and_the_largest_is_still_kept(pool: PgPool) {
        let (db, workspace, first) = chatbot(&pool).await;
        let (_, version) = add(&db, workspace, first, "Shipping takes two days.").await;
        let retriever = Retriever::new(db.clone(), settings());
        let snapshot = retriever.snapshot(workspace, first, version).await.unwrap();
        let one = snapshot.bytes() as u64;
        assert!(one < 64 * 1024, "a chatbot with one passage takes {one} bytes");

        let small = Retriever::new(
            db.clone(),
            Settings {
                snapshot_bytes: one * 5 / 2,
                ..settings()
            },
        );
        for _ in 0..4 {
            let (_, workspace, bot) = chatbot(&pool).await;
            let (_, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
            small.snapshot(workspace, bot, version).await.unwrap();
        }
        let tiny = Retriever::new(
            db,
            Settings {
                snapshot_bytes: 1024,
                ..settings()
            },
        );
        tiny.snapshot(workspace, first, version).await.unwrap();

        assert_eq!(small.kept().await.0, 2);
        assert_eq!(
            tiny.kept().await.0,
            1,
            "one that is larger than the budget is read for every question"
        );
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_large_knowledge_is_changed_in_place_and_equals_one_read_anew(pool: PgPool) {
        let (db, workspace, bot) = chatbot(&pool).await;
        let article = |word: &str| {
            (0..60)
                .map(|i| format!("# Part {i}\nThe {word} number {i} is kept in drawer {}.\n", i * 7))
                .collect::<String>()
        };
        let mut last = (SourceId::new(), 0);
        for word in ["hammer", "saw", "drill", "wrench", "chisel"] {
            last = add(&db, workspace, bot, &article(word)).await;
        }
        let retriever = Retriever::new(db.clone(), settings());
        let before = retriever.snapshot(workspace, bot, last.1).await.unwrap();

        let mut tx = tenant(&db, workspace).await;
        let changed = article("chisel").replace("The chisel number 7 is", "The gouge number 7 is");
        sources::update(
            &mut tx,
            bot,
            last.0,
            &Change {
                content: Some(Content::Text(changed)),
                title: None,
                refresh_hours: None,
            },
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let version = index(&db).await;
        let after = retriever.snapshot(workspace, bot, version).await.unwrap();
        let anew = Retriever::new(db, settings())
            .snapshot(workspace, bot, version)
            .await
            .unwrap();

        let find = |snapshot: &Snapshot, question: &str| {
            snapshot
                .search(question, 3)
                .unwrap()
                .into_iter()
                .map(|p| p.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            find(&after, "Where is the gouge?"),
            ["The gouge number 7 is kept in drawer 49."]
        );
        assert!(
            !find(&after, "chisel number 7")
                .contains(&"The chisel number 7 is kept in drawer 49.".to_owned())
        );
        assert!(
            find(&before, "Where is the gouge?").is_empty(),
            "the old snapshot changed"
        );
        assert_eq!((after.len(), after.version()), (anew.len(), anew.version()));
        assert_eq!(find(&after, "saw number 30")[0], find(&anew, "saw number 30")[0]);
    }
}
