//! Twilio, as seen from outside: its REST API, its webhooks and its status callbacks.

mod account;
mod api;
mod callback;
mod error;
mod fault;
mod message;
mod segments;
mod signature;
mod state;
mod webhook;

pub use crate::delivery::{Delivered, Retries};
pub use account::{Account, Number};
pub(crate) use api::routes;
pub use callback::Callbacks;
pub use fault::{Fault, FaultRule};
pub use message::{Direction, Message};
pub use segments::segments;
pub use signature::{Params, sign};
pub use state::{Call, Counts, Twilio};
pub use webhook::{Inbound, WebhookSender};
