//! One way to embed, whoever computes.

use crate::{
    endpoint::Endpoint,
    error::EmbedError,
    mini_lm::MiniLm,
    patient,
    weights::{Missing, Weights},
};
use std::{path::Path, sync::Arc, time::Instant};

/// In which languages a model can tell what texts mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Languages {
    /// In English.
    English,
    /// In most.
    Many,
}

/// Makes vectors. Cheap to clone.
#[derive(Clone)]
pub struct Embedder(Kind);

#[derive(Clone)]
enum Kind {
    Local(Arc<MiniLm>),
    Endpoint(Arc<Endpoint>),
}

/// What vectors of the model in this process are known by.
pub(crate) const LOCAL_IDENTITY: &str = "all-MiniLM-L6-v2/256";

/// How many texts go to another thread at once: between two of these the task can be stopped.
const PORTION: usize = 64;

impl Embedder {
    /// The model in this process, where its files are in the folder. Blocks for about half a second.
    pub fn local(folder: &Path) -> Result<Result<Self, Missing>, EmbedError> {
        Ok(match Weights::read(folder)? {
            Ok(weights) => Ok(Self(Kind::Local(Arc::new(MiniLm::load(weights)?)))),
            Err(missing) => Err(missing),
        })
    }

    /// A model elsewhere.
    pub fn endpoint(endpoint: Endpoint) -> Self {
        Self(Kind::Endpoint(Arc::new(endpoint)))
    }

    /// Which model this is, with all that changes its vectors: only vectors of the same identity can be compared.
    pub fn identity(&self) -> String {
        match &self.0 {
            Kind::Local(_) => LOCAL_IDENTITY.to_owned(),
            Kind::Endpoint(endpoint) => endpoint.identity(),
        }
    }

    /// Whether it computes in this process.
    pub const fn is_local(&self) -> bool {
        matches!(self.0, Kind::Local(_))
    }

    /// What it knows.
    pub fn languages(&self) -> Languages {
        match &self.0 {
            Kind::Local(_) => Languages::English,
            Kind::Endpoint(endpoint) => endpoint.languages(),
        }
    }

    /// One vector of length 1 for each text, in their order.
    pub async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.compute(texts, false).await
    }

    /// The same for work that nobody waits for: it leaves the processor to who is waited for.
    pub async fn embed_patiently(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.compute(texts, true).await
    }

    async fn compute(&self, texts: &[&str], patiently: bool) -> Result<Vec<Vec<f32>>, EmbedError> {
        let started = Instant::now();
        let vectors = match &self.0 {
            Kind::Endpoint(endpoint) => endpoint.embed(texts).await?,
            Kind::Local(model) => {
                let mut vectors = Vec::with_capacity(texts.len());
                for portion in texts.chunks(PORTION) {
                    let model = model.clone();
                    let portion: Vec<String> = portion.iter().map(|&text| text.to_owned()).collect();
                    let computed = tokio::task::spawn_blocking(move || {
                        let texts: Vec<&str> = portion.iter().map(String::as_str).collect();
                        if patiently {
                            patient::run(|| model.embed(&texts))
                        } else {
                            model.embed(&texts)
                        }
                    });
                    vectors.extend(computed.await.map_err(|_| EmbedError::Interrupted)??);
                }
                vectors
            }
        };
        let haste = if patiently { "patient" } else { "waited for" };
        metrics::histogram!("botsmith_embedding_seconds", "haste" => haste)
            .record(started.elapsed().as_secs_f64());
        metrics::counter!("botsmith_embedded_texts_total").increment(texts.len() as u64);
        Ok(vectors)
    }
}
