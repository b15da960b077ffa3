//! Why there is no vector.

use egress::Refusal;
use std::{sync::Arc, time::Duration};

/// A text was not embedded. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbedError {
    /// The files of the model are there and cannot be used.
    #[error(
        "the embedding model's files cannot be used: {0}. Remove them and run deploy/dev/weights.sh again"
    )]
    Files(String),
    /// The model in this process failed: a defect of ours.
    #[error("the embedding model failed")]
    Model(#[source] Arc<candle_core::Error>),
    /// The task that computed ended without a result: the process is shutting down.
    #[error("embedding was interrupted")]
    Interrupted,
    /// The key is wrong or may not use this model: the owner has to change it.
    #[error("the embedding endpoint does not accept the key")]
    Unauthorized,
    /// Too many requests, or the account is empty.
    #[error("the embedding endpoint takes no more requests now")]
    RateLimited {
        /// As the endpoint said.
        after: Option<Duration>,
    },
    /// No whole answer within the time limit.
    #[error("the embedding endpoint did not answer within {0:?}")]
    Timeout(Duration),
    /// Not reached, or it failed.
    #[error("the embedding endpoint is not available")]
    Unavailable,
    /// Its name leads into private networks.
    #[error("the embedding endpoint's host leads to {0}")]
    Refused(Refusal),
    /// It answered, and not what was asked for.
    #[error("the embedding endpoint answered with status {status}: {why}")]
    BadResponse {
        /// HTTP status.
        status: u16,
        /// What is wrong with it, in our words: what it said itself may repeat the texts.
        why: &'static str,
    },
}

impl EmbedError {
    /// Whether the same texts may be embedded later without anything being changed.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Interrupted | Self::RateLimited { .. } | Self::Timeout(_) | Self::Unavailable
        )
    }
}

impl From<candle_core::Error> for EmbedError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(Arc::new(error))
    }
}
