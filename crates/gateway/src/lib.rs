//! Accepts chat platforms' webhooks and puts what they say on the queue.
//!
//! Invariants:
//! - A platform hears 200 only after the queue has confirmed every message in the webhook. Otherwise it hears an error
//!   and tries again, which is what we want.
//! - Nothing is read before it is verified, and nothing is written to the database on the way.
//! - A queue or database that is away is answered with 503 and Retry-After within two seconds: never with a false 200,
//!   a false 404, or silence.

mod body;
mod error;
mod integration_log;
mod publish;
mod service;
mod settings;
mod webhook;

pub use error::GatewayError;
pub use service::{Gateway, Service};
pub use settings::Settings;
