//! Runs any platform as a sender: claims parts of replies, delivers them, settles them.
//!
//! Invariants:
//! - A part is marked `sending` before its platform is called, and settled after: what a crash leaves in between is asked
//!   about before it is sent again.
//! - Opt-out, takeover and the reply window are checked again at the last moment.
//! - What was shown while it was written becomes the answer in its place, or is taken back.
//! - One function decides what an error means, in `settle.rs`.

mod deliver;
mod media;
mod service;
mod settings;
mod settle;
mod withdraw;

pub use service::Service;
pub use settings::Settings;
