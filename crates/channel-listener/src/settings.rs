//! Settings of the listeners.

use serde::Deserialize;

/// Settings of the listeners.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Connections that one platform's listener holds at once.
    pub most_connections: usize,
}
