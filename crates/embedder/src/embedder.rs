//! One way to embed, whoever computes.

use crate::{
    endpoint::Endpoint,
    error::EmbedError,
    mini_lm::MiniLm,
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
            Kind::Local(_) => "all-MiniLM-L6-v2/256".to_owned(),
            Kind::Endpoint(endpoint) => endpoint.identity(),
        }
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
        let started = Instant::now();
        let vectors = match &self.0 {
            Kind::Endpoint(endpoint) => endpoint.embed(texts).await?,
            Kind::Local(model) => {
                let mut vectors = Vec::with_capacity(texts.len());
                for portion in texts.chunks(PORTION) {
                    let model = model.clone();
                    let portion: Vec<String> = portion.iter().map(|&text| text.to_owned()).collect();
                    let computed = tokio::task::spawn_blocking(move || {
                        model.embed(&portion.iter().map(String::as_str).collect::<Vec<_>>())
                    });
                    vectors.extend(computed.await.map_err(|_| EmbedError::Interrupted)??);
                }
                vectors
            }
        };
        metrics::histogram!("botsmith_embedding_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("botsmith_embedded_texts_total").increment(texts.len() as u64);
        Ok(vectors)
    }
}
