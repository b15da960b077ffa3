//! Embeddings: vectors that are near each other where texts mean alike.
//!
//! Either all-MiniLM-L6-v2 in this process, whose weights are fetched at set-up (`deploy/dev/weights.sh`), or any endpoint
//! that speaks OpenAI's embeddings API. Vectors of different models say nothing about each other: [`Embedder::identity`] is
//! kept beside every stored vector.

mod embedder;
mod embedders;
mod endpoint;
mod error;
mod mini_lm;
mod patient;
mod reranker;
mod settings;
mod weights;

pub use embedder::{Embedder, Languages};
pub use embedders::{Absent, Embedders};
pub use endpoint::{Endpoint, EndpointError};
pub use error::EmbedError;
pub use mini_lm::{DIMENSIONS, MiniLm};
pub use reranker::Reranker;
pub use settings::Settings;
pub use weights::{Missing, Weights};

/// Makes a vector's length 1, so that a dot product is the cosine. One of zeros stays as it is.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}
