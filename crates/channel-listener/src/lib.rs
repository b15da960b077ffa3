//! Holds the connections over which some platforms are read, so that a bot works without a public address.
//!
//! Invariants:
//! - A connection is in one hand at a time, by a lease that is renewed while it stands and handed over on stop.
//! - The platform is told that a message is ours only after the queue has confirmed it.

mod connection;
mod inlet;
mod service;
mod settings;

pub use service::Service;
pub use settings::Settings;
