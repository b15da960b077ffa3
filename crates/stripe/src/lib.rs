//! Stripe, as far as subscriptions need it: a checkout, the customer's own pages, ending a subscription, and what Stripe tells.
//!
//! Written for these five calls and two kinds of events: async-stripe, which has all of Stripe, is generated from its whole
//! description and takes minutes to compile.
//!
//! Invariants:
//! - An event is read only after its signature over the raw bytes was verified.
//! - Neither key is in an error, a debug print or a log.

mod client;
mod event;
mod webhook;

pub use client::{CheckedOut, Client, NewCheckout, Stripe, StripeError};
pub use event::{Event, Invoice, InvoiceLine, Object, Status, Subscription};
pub use webhook::{HEADER, Unproven, sign, verify};
