//! Takes accepted messages in, and turns the waiting ones into answers.
//!
//! Invariants:
//! - Intake always drains, whatever the models do: it shares no limit with the turns.
//! - A queue message is acknowledged only after what it says is committed.
//! - A wake-up is a token, not an order: the worker claims whatever is due next, fairly between workspaces.

mod actions;
mod answer;
mod asking;
mod bots;
mod chain;
mod cited;
mod follow_up;
mod handoff;
mod installation;
mod intake;
mod links;
mod looking;
mod media;
mod purse;
mod record;
mod service;
mod settings;
mod shown;
mod status;
mod stream;
mod trials;
mod turn;
mod turns;
mod typing;
mod wake;
mod words;
mod written;

pub use service::Service;
pub use settings::Settings;
