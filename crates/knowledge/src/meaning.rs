//! Vectors of questions and of the sentences that may answer them, while somebody waits.
//!
//! Invariants: nobody waits longer than the time that was set, and not at all for an endpoint that has just failed: search
//! then goes by words. No more is computed at once than the machine has processors for. A text that was seen lately is not
//! computed again.

use embedder::{EmbedError, Embedder, Embedders};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

/// Numbers that are kept, of vectors of texts seen lately: about 40 MB.
const KEPT_NUMBERS: u64 = 10_000_000;
/// For so long nobody asks an endpoint that has failed.
const REST: Duration = Duration::from_secs(10);

/// What meaning had to do with a search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Meaning {
    /// The knowledge has no vectors, or the model does not know its language.
    #[default]
    None,
    /// Meanings were compared, by the vectors of this model.
    Compared(String),
    /// They could not be compared now, and words alone decided: why.
    Failed(String),
}

/// Whether what was found was ordered anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reranked {
    /// There is no model for it, or nothing to order.
    #[default]
    No,
    /// It was.
    Yes,
    /// It could not be now, and stays as it was found: why.
    Failed(String),
}

/// Makes vectors while somebody waits.
pub(crate) struct Asker {
    embedders: Embedders,
    patience: Duration,
    hands: Semaphore,
    kept: Cache<[u8; 32], Arc<[f32]>>,
    /// Models that have failed, and since when.
    failed: Mutex<HashMap<String, Instant>>,
}

/// Why there is no vector now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unasked {
    #[error("the model {0} that made the vectors cannot be asked here")]
    Unknown(String),
    #[error("the model has just failed and is left alone for a moment")]
    Resting,
    #[error("the model did not answer within {0:?}")]
    Late(Duration),
    #[error(transparent)]
    Failed(#[from] EmbedError),
}

impl Asker {
    pub(crate) fn new(embedders: Embedders, patience: Duration) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            embedders,
            patience,
            hands: Semaphore::new(processors),
            kept: Cache::builder()
                .max_capacity(KEPT_NUMBERS)
                .weigher(|_, vector: &Arc<[f32]>| u32::try_from(vector.len()).unwrap_or(u32::MAX))
                .build(),
            failed: Mutex::default(),
        }
    }

    /// The model of this identity.
    pub(crate) async fn model(&self, identity: &str) -> Option<Embedder> {
        self.embedders.of(identity).await
    }

    /// A vector for each text, in time.
    pub(crate) async fn ask(&self, model: &Embedder, texts: &[&str]) -> Result<Vec<Arc<[f32]>>, Unasked> {
        let identity = model.identity();
        let keys: Vec<[u8; 32]> = texts.iter().map(|text| key(&identity, text)).collect();
        let mut vectors: Vec<Option<Arc<[f32]>>> = keys.iter().map(|key| self.kept.get(key)).collect();
        let missing: Vec<usize> = (0..texts.len()).filter(|&i| vectors[i].is_none()).collect();
        if !missing.is_empty() {
            if self.rests(&identity) {
                return Err(Unasked::Resting);
            }
            let new: Vec<&str> = missing.iter().map(|&i| texts[i]).collect();
            let computed = timeout(self.patience, self.compute(model, &new))
                .await
                .unwrap_or(Err(Unasked::Late(self.patience)));
            let computed = computed.inspect_err(|_| self.note(model))?;
            for (i, vector) in missing.into_iter().zip(computed) {
                let vector: Arc<[f32]> = vector.into();
                self.kept.insert(keys[i], vector.clone());
                vectors[i] = Some(vector);
            }
        }
        Ok(vectors.into_iter().flatten().collect())
    }

    /// How well each text answers, in time. `None`: there is no model for it.
    pub(crate) async fn rank(&self, question: &str, texts: &[&str]) -> Option<Result<Vec<f32>, Unasked>> {
        const NAME: &str = "reranker";
        let reranker = self.embedders.reranker()?;
        if self.rests(NAME) {
            return Some(Err(Unasked::Resting));
        }
        let ranked = timeout(self.patience, reranker.rank(question, texts)).await;
        let ranked = match ranked {
            Ok(Ok(scores)) => Ok(scores),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Unasked::Late(self.patience)),
        };
        if ranked.is_err() {
            self.failed(NAME);
        }
        Some(ranked)
    }

    /// Whether there is a model that orders what was found anew.
    pub(crate) fn ranks(&self) -> bool {
        self.embedders.reranker().is_some()
    }

    async fn compute(&self, model: &Embedder, texts: &[&str]) -> Result<Vec<Vec<f32>>, Unasked> {
        // An endpoint has processors of its own.
        let _hand = if model.is_local() {
            self.hands.acquire().await.ok()
        } else {
            None
        };
        Ok(model.embed(texts).await?)
    }

    fn rests(&self, identity: &str) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(identity).is_some_and(|since| since.elapsed() < REST)
    }

    /// Remembers that an endpoint has failed. This machine is only busy: who comes next tries again.
    fn note(&self, model: &Embedder) {
        if !model.is_local() {
            self.failed(&model.identity());
        }
    }

    fn failed(&self, name: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(name.to_owned(), Instant::now());
    }
}

fn key(identity: &str, text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(identity);
    hash.update([0]);
    hash.update(text);
    hash.finalize().into()
}
