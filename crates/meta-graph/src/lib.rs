//! What WhatsApp, Messenger and Instagram share: signed webhooks, handshakes, batches, and the Graph API.
//!
//! Invariants: a signature is proven over the raw bytes that came, never over JSON that was written again; a part of a
//! batch that cannot be read fails nothing but itself; tokens and app secrets leave only for the operator's addresses of
//! the Graph API, and a token for media only to listed hosts.

pub mod apps;
pub mod batch;
pub mod diagnosis;
pub mod fields;
mod graph;
pub mod handshake;
pub mod media;
pub mod messaging;
mod reach;
mod refusal;
pub mod signature;
mod usage;

pub use graph::{Graph, versioned};
pub use reach::{can_be_called, why_not_reached};
pub use refusal::{Known, Next, Refusal, check_refused, refused};
