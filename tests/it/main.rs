//! Tests of the whole product.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod all_ten;
mod architecture;
mod bad_input;
mod care;
mod chaos;
mod chat;
mod crash_points;
mod demo;
mod faults;
mod handoff;
mod harness;
mod injection;
mod knowledge;
mod listeners;
mod media_out;
mod moving;
mod ninth_platform;
mod pausing;
mod platforms;
mod providers;
mod quarantine;
mod regression;
mod round_trip;
mod shared;
mod streaming;
mod tools;
mod trace;
