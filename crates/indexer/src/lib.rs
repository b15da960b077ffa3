//! Turns what owners add into passages that can be found.
//!
//! Invariants: a source's row says whether it is due; a message on the queue only saves waiting, and may be lost, doubled
//! or late. The passages of a source change in one transaction, by whoever holds its lease and for the version that was
//! read: killed at any point, the work is done again and every passage is there exactly once. A source that cannot be
//! indexed says why and holds up no other.

mod cut;
mod service;
mod work;

pub use service::{Service, Settings};
