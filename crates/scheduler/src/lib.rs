//! Wakes what is due and keeps house.
//!
//! Invariants:
//! - One scheduler is active; a standby takes over as soon as the active one is gone, however it went.
//! - It tops wake-up queues up and never floods them: it adds no more tokens than are missing.
//! - It never decides anything a claim does not check again: running twice, or late, costs time only.

mod billing;
mod care;
mod counting;
mod dead;
mod housekeeping;
mod service;
mod sweep;

pub use service::{Service, Settings};
