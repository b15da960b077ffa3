//! How to reach the queue.

use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// How to reach the queue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `amqp://user:password@host:5672/vhost`, or `amqps://…`. Empty: the queue lives in the database.
    pub url: SecretString,
    /// How long a publish may take before it is refused, in milliseconds.
    pub publish_timeout_ms: u64,
    /// Put before the name of every queue, so that several installations can share one broker.
    pub namespace: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: SecretString::default(),
            publish_timeout_ms: 2_000,
            namespace: String::new(),
        }
    }
}

impl Settings {
    pub(crate) const fn publish_timeout(&self) -> Duration {
        Duration::from_millis(self.publish_timeout_ms)
    }
}
