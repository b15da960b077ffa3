//! The simulated platforms behave like the real ones, as far as their documentation tells.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod connections;
mod control;
mod discord;
mod meta;
mod slack;
mod teams;
mod telegram;
mod world;
