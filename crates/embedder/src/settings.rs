//! Operator settings, section `[embeddings]`.

use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;

/// Which model says what texts mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder with all-MiniLM-L6-v2, as `deploy/dev/weights.sh` fetches it. Left out: no model in this process.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// An OpenAI-compatible endpoint that takes the place of the model in this process, up to and without `/embeddings`.
    /// Any host: the operator chose it.
    #[serde(default)]
    pub base_url: String,
    /// The model's name there.
    #[serde(default)]
    pub model: String,
    /// The key for it; empty where none is needed.
    #[serde(default)]
    pub api_key: SecretString,
    /// How long one request to it may take.
    pub time_limit_seconds: u64,
    /// Whether the model there knows more languages than English.
    pub many_languages: bool,
    /// The endpoint of before: it serves until everything has vectors of the new one.
    #[serde(default)]
    pub previous_base_url: String,
    /// The model's name there.
    #[serde(default)]
    pub previous_model: String,
    /// The key for it.
    #[serde(default)]
    pub previous_api_key: SecretString,
    /// An endpoint that orders what was found anew, up to and without `/rerank`.
    #[serde(default)]
    pub rerank_base_url: String,
    /// The model's name there; empty for text-embeddings-inference, which has one only.
    #[serde(default)]
    pub rerank_model: String,
    /// The key for it.
    #[serde(default)]
    pub rerank_api_key: SecretString,
}
