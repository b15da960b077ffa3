//! Accepts chat platforms' webhooks and puts what they say on the queue; and is a platform itself, to programs and
//! visitors' browsers: the chat API.
//!
//! Invariants:
//! - A platform hears 200 only after the queue has confirmed every message in the webhook. Otherwise it hears an error
//!   and tries again, which is what we want.
//! - Nothing is read before it is verified, and nothing is written to the database on the way.
//! - A queue or database that is away is answered with 503 and Retry-After within two seconds: never with a false 200,
//!   a false 404, or silence.
//! - What cannot be verified is never processed. It is looked into after it was refused, and kept sealed for its owner
//!   where it names the integration's own account.

mod body;
mod chat;
mod doctor;
mod error;
mod integration_log;
mod service;
mod settings;
mod shared;
mod uploaded;
mod webhook;

pub use error::GatewayError;
pub use service::{Gateway, Service};
pub use settings::{ChatSettings, Settings};
