//! Runs any platform as a sender: claims parts of replies, delivers them, settles them.
//!
//! Invariants:
//! - A part is marked `sending` before its platform is called, and settled after: what a crash leaves in between is asked
//!   about before it is sent again.
//! - Opt-out, takeover and the reply window are checked again at the last moment.
//! - One function decides what an error means, in `settle.rs`.

mod deliver;
mod service;
mod settings;
mod settle;

pub use service::Service;
pub use settings::Settings;
