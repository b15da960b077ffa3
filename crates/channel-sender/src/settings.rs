//! Settings of the senders.

use serde::Deserialize;
use url::Url;

/// Settings of the senders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the outside world reaches the gateway: platforms report there what became of a message.
    pub public_url: Url,
    /// Calls that one platform's sender makes at once.
    pub concurrent_sends: usize,
    /// Calls that may be under way for one integration, over all senders: a slow one must not take all hands.
    pub sends_per_integration: i64,
    /// How long calls under way may take to end when told to stop, in seconds.
    pub stop_seconds: u64,
}
