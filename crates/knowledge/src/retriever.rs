//! Keeps snapshots of the chatbots that are asked something, and searches them.
//!
//! Invariants: a search never sees another chatbot's passages, for it searches one chatbot's snapshot only, and that is
//! read from the database by workspace and chatbot. At most one task at a time reads a chatbot's knowledge anew; who asks
//! meanwhile gets the old snapshot after a moment, unless that has been out of date for too long. What the snapshots take
//! together stays near the budget, those used longest ago go first. A search whose meaning cannot be known now is one by
//! words, and says so.

use crate::{
    confidence::{Confidence, DEFAULT_THRESHOLD, confidence},
    error::KnowledgeError,
    found::{Dropped, Found},
    meaning::{Asker, Meaning, Reranked, Unasked},
    snapshot::{Embeddings, Snapshot, Wanted},
};
use domain::{ChatbotId, Passage, WorkspaceId};
use embedder::{Embedder, Embedders, Languages};
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
use store::{Db, chunks, retrieval::Retrieval};
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
    /// How long a question waits for its meaning before it is answered by its words alone.
    #[serde(default = "usual_meaning_wait")]
    pub meaning_wait_milliseconds: u64,
}

const fn usual_meaning_wait() -> u64 {
    2_000
}

/// What a search found, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    /// The best first, no two of them alike.
    pub passages: Vec<Passage>,
    /// Those that were left out because a better one says the same.
    pub dropped: Vec<Dropped>,
    /// Whether meanings were compared.
    pub meaning: Meaning,
    /// Whether what was found was ordered anew.
    pub reranked: Reranked,
    /// How sure one may be that these passages answer the question.
    pub confidence: Confidence,
    /// Below this the chatbot rather says that it does not know.
    pub threshold: f32,
    /// How much meaning counted against words, from 0 to 1.
    pub dense_weight: f32,
    /// How many passages the chatbot has.
    pub among: usize,
}

impl Searched {
    /// Whether the passages may be answered from.
    pub fn suffices(&self) -> bool {
        self.confidence.value >= self.threshold
    }
}

impl Default for Searched {
    fn default() -> Self {
        Self {
            passages: Vec::new(),
            dropped: Vec::new(),
            meaning: Meaning::None,
            reranked: Reranked::No,
            confidence: confidence(&[]),
            threshold: DEFAULT_THRESHOLD,
            dense_weight: 0.0,
            among: 0,
        }
    }
}

/// Finds passages. Cheap to clone.
#[derive(Clone)]
pub struct Retriever(Arc<Inner>);

struct Inner {
    db: Db,
    settings: Settings,
    asker: Asker,
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
    /// The model of its vectors.
    model: Option<Arc<str>>,
    /// What the owner set.
    retrieval: Retrieval,
    /// When it was known to be up to date.
    checked: Instant,
}

/// More passages than this are searched on a thread that may be kept busy.
const LARGE: usize = 2_000;
/// Snapshots that nobody asks go after this time, whatever the budget.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How many passages a reranker chooses from.
const RERANKED: usize = 20;
/// How many sentences are looked at closely.
const SENTENCES: usize = 12;
/// How many passages are read from the database at once.
const BATCH: usize = 2_000;

impl Retriever {
    /// Searches by words alone. Reads nothing yet.
    pub fn new(db: Db, settings: Settings) -> Self {
        Self::with_embedders(db, settings, Embedders::none())
    }

    /// Searches by words and, where knowledge has vectors of one of these models, by meaning. Reads nothing yet.
    pub fn with_embedders(db: Db, settings: Settings, embedders: Embedders) -> Self {
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
            asker: Asker::new(
                embedders,
                Duration::from_millis(settings.meaning_wait_milliseconds),
            ),
            settings,
            kept,
            reading: Mutex::default(),
        }))
    }

    /// The `k` passages of a chatbot that fit the question best, or as many as its owner wants. `knowledge_version`: the
    /// chatbot's, as the caller read it; knowledge that is older is read anew first.
    pub async fn search(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
        question: &str,
        k: usize,
    ) -> Result<Searched, KnowledgeError> {
        let as_set = Retrieval::default();
        self.search_as(workspace, chatbot, knowledge_version, question, k, as_set)
            .await
    }

    /// The same, with what is given in `tried` in the place of what the owner set.
    pub async fn search_as(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
        question: &str,
        k: usize,
        tried: Retrieval,
    ) -> Result<Searched, KnowledgeError> {
        let mut kept = self.kept_of(workspace, chatbot, knowledge_version).await?;
        let set = &mut kept.retrieval;
        set.top_k = tried.top_k.or(set.top_k);
        set.threshold = tried.threshold.or(set.threshold);
        set.dense_weight = tried.dense_weight.or(set.dense_weight);
        self.search_kept(&kept, question, k).await
    }

    /// The same, as if the owner had set this: what it leaves open is as usual, whatever is set.
    pub async fn search_set(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
        question: &str,
        k: usize,
        set: Retrieval,
    ) -> Result<Searched, KnowledgeError> {
        let mut kept = self.kept_of(workspace, chatbot, knowledge_version).await?;
        kept.retrieval = set;
        self.search_kept(&kept, question, k).await
    }

    async fn search_kept(&self, kept: &Kept, question: &str, k: usize) -> Result<Searched, KnowledgeError> {
        let started = Instant::now();
        let wanted = Wanted {
            k: kept
                .retrieval
                .top_k
                .and_then(|k| usize::try_from(k).ok())
                .unwrap_or(k),
            dense_weight: kept.retrieval.dense_weight,
        };
        let searched = self.search_in(kept, question, wanted).await?;
        metrics::histogram!("botsmith_knowledge_search_seconds").record(started.elapsed().as_secs_f64());
        Ok(searched)
    }

    async fn search_in(
        &self,
        kept: &Kept,
        question: &str,
        wanted: Wanted,
    ) -> Result<Searched, KnowledgeError> {
        let snapshot = &kept.snapshot;
        let model = kept
            .model
            .as_ref()
            .filter(|_| snapshot.compares_meanings(wanted.dense_weight));
        let asked = match model {
            None => None,
            Some(identity) => Some(self.meaning_of(identity, question).await),
        };
        let (vector, mut meaning) = match asked {
            None => (None, Meaning::None),
            Some(Ok((model, vector))) => (Some((model, vector)), Meaning::None),
            Some(Err(why)) => (None, failed(&why)),
        };
        let candidates = Wanted {
            k: if self.0.asker.ranks() {
                wanted.k.max(RERANKED)
            } else {
                wanted.k
            },
            ..wanted
        };
        let by_meaning = vector.as_ref().map(|(_, vector)| vector.clone());
        let mut found = find(snapshot, question, by_meaning, candidates).await?;
        let reranked = self.rerank(question, &mut found, wanted.k).await;
        if let Some((model, vector)) = vector {
            meaning = match self.look_closer(&model, &vector, &mut found).await {
                Ok(()) => Meaning::Compared(model.identity()),
                Err(why) => {
                    // The passages stay as they are: which sentence to quote is then up to its words.
                    failed(&why)
                }
            };
        }
        let threshold = kept.retrieval.threshold.unwrap_or(DEFAULT_THRESHOLD);
        Ok(Searched {
            confidence: confidence(&found.passages),
            dense_weight: snapshot.dense_weight(wanted.dense_weight),
            among: snapshot.len(),
            passages: found.passages,
            dropped: found.dropped,
            meaning,
            reranked,
            threshold,
        })
    }

    async fn rerank(&self, question: &str, found: &mut Found, k: usize) -> Reranked {
        let texts: Vec<String> = found
            .passages
            .iter()
            .map(|p| crate::to_embed(&p.title, &p.heading, p.question.as_deref(), &p.text))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let ranked = if texts.is_empty() {
            None
        } else {
            self.0.asker.rank(question, &texts).await
        };
        match ranked {
            None => Reranked::No,
            Some(Ok(scores)) => {
                found.reorder(&scores, k);
                Reranked::Yes
            }
            Some(Err(why)) => {
                found.keep(k);
                Reranked::Failed(why.to_string())
            }
        }
    }

    async fn meaning_of(&self, identity: &str, question: &str) -> Result<(Embedder, Arc<[f32]>), Unasked> {
        let asker = &self.0.asker;
        let unknown = || Unasked::Unknown(identity.to_owned());
        let model = asker.model(identity).await.ok_or_else(unknown)?;
        let vector = asker.ask(&model, &[question]).await?.into_iter().next();
        Ok((model, vector.ok_or_else(unknown)?))
    }

    async fn look_closer(
        &self,
        model: &Embedder,
        question: &[f32],
        found: &mut Found,
    ) -> Result<(), Unasked> {
        let sentences = found.to_look_at(SENTENCES);
        let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
        let vectors = self.0.asker.ask(model, &texts).await?;
        found.look_closer(question, &vectors);
        Ok(())
    }

    /// A chatbot's snapshot, of this version at least where that can be had in time.
    pub async fn snapshot(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
    ) -> Result<Arc<Snapshot>, KnowledgeError> {
        Ok(self
            .kept_of(workspace, chatbot, knowledge_version)
            .await?
            .snapshot)
    }

    async fn kept_of(
        &self,
        workspace: WorkspaceId,
        chatbot: ChatbotId,
        knowledge_version: i64,
    ) -> Result<Kept, KnowledgeError> {
        let key = (workspace, chatbot);
        let old = self.0.kept.get(&key).await;
        if let Some(kept) = &old
            && kept.snapshot.version() >= knowledge_version
        {
            return Ok(kept.clone());
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
                Ok(old)
            }
            Err(_) => Ok(old),
        }
    }

    /// Reads until the version is there. A reading that was under way may have begun before it was written: then once more.
    async fn read_up_to(&self, key: Key, knowledge_version: i64) -> Result<Kept, KnowledgeError> {
        let first = self.read(key).await?;
        if first.snapshot.version() >= knowledge_version {
            return Ok(first);
        }
        self.read(key).await
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
        let now = chunks::revisions(&self.db, workspace, chatbot)
            .await?
            .ok_or(KnowledgeError::NoChatbot)?;
        // Vectors of another model cannot be compared with those that are kept.
        let old = self.kept.get(&key).await;
        let old = old.filter(|old| old.model.as_deref() == now.serving.as_deref());
        let old = old.map(|kept| kept.snapshot);
        let difference = match &old {
            Some(old) => old.difference(&now),
            None => crate::snapshot::Difference {
                gone: Vec::new(),
                missing: now.chunks.iter().map(|chunk| chunk.id).collect(),
            },
        };
        let mut added = Vec::with_capacity(difference.missing.len());
        let mut embeddings = Embeddings {
            english_only: self.is_english_only(now.serving.as_deref()).await,
            ..Embeddings::default()
        };
        for ids in difference.missing.chunks(BATCH) {
            let read = chunks::by_ids(&self.db, workspace, chatbot, ids, now.serving.as_deref()).await?;
            for with in read {
                if let Some(vector) = with.vector {
                    embeddings.vectors.insert(with.chunk.id, vector);
                }
                added.push(with.chunk);
            }
        }
        let (changed, kind) = (
            added.len() + difference.gone.len(),
            if old.is_some() { "changed" } else { "read" },
        );
        let version = now.knowledge_version;
        let snapshot = tokio::task::spawn_blocking(move || match old {
            Some(old) => old.changed(version, &difference.gone, added, &embeddings),
            None => Snapshot::with_embeddings(version, added, &embeddings),
        })
        .await
        .map_err(|_| KnowledgeError::Interrupted)??;
        metrics::histogram!("botsmith_knowledge_snapshot_seconds", "kind" => kind)
            .record(started.elapsed().as_secs_f64());
        tracing::debug!(chatbot.id = %chatbot, version, passages = snapshot.len(), changed, bytes = snapshot.bytes(),
            "knowledge {kind}");
        Ok(Kept {
            snapshot: Arc::new(snapshot),
            model: now.serving.map(Into::into),
            retrieval: now.retrieval,
            checked: started,
        })
    }

    /// A model that cannot be asked compares nothing anyway.
    async fn is_english_only(&self, serving: Option<&str>) -> bool {
        let Some(identity) = serving else {
            return false;
        };
        let model = self.asker.model(identity).await;
        model.is_some_and(|model| model.languages() == Languages::English)
    }
}

/// A large knowledge is searched on a thread that may be kept busy.
async fn find(
    snapshot: &Arc<Snapshot>,
    question: &str,
    vector: Option<Arc<[f32]>>,
    wanted: Wanted,
) -> Result<Found, KnowledgeError> {
    if snapshot.len() <= LARGE {
        return snapshot.find_as(question, vector.as_deref(), wanted);
    }
    let (snapshot, question) = (snapshot.clone(), question.to_owned());
    tokio::task::spawn_blocking(move || snapshot.find_as(&question, vector.as_deref(), wanted))
        .await
        .map_err(|_| KnowledgeError::Interrupted)?
}

fn failed(why: &Unasked) -> Meaning {
    metrics::counter!("botsmith_meaning_failures_total").increment(1);
    Meaning::Failed(why.to_string())
}

fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
