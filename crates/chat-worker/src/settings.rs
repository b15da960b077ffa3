//! Settings of the chat-worker.

use serde::Deserialize;

/// Settings of the chat-worker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Turns that this process runs at once.
    pub concurrent_turns: usize,
    /// Turns that one workspace may have running at once, over all workers.
    pub turns_per_workspace: i64,
    /// Turns that may be running at once in the installation, over all workers.
    pub turns_in_total: i64,
    /// Passages that an answer may rest on.
    pub passages: usize,
    /// Earlier messages that the model is shown.
    pub history: i64,
    /// The largest picture or file that is fetched, in bytes.
    pub max_media_bytes: usize,
    /// How long turns under way may take to end when told to stop, in seconds.
    pub stop_seconds: u64,
}
