//! Plays the other side: a platform's API and a language model, for tests, benches and trials without an account.
//!
//! Invariant: nothing here is shared with the code under test. Signatures, segments and forms are written a second time
//! from the platform's documentation, so that a mistake made on one side is not repeated on the other.
//!
//! One server plays everything: Twilio's API under `/2010-04-01` and `/v1/Services`, an OpenAI-compatible model under
//! `/v1/chat/completions`, and the strings that move them under `/_simulator`.

pub mod cli;
mod connection;
mod control;
mod delivery;
pub mod demo;
pub mod model;
pub mod played;
mod service;
mod turns;
pub mod twilio;

pub use delivery::{Delivered, Retries};
pub use service::{Service, Settings};
