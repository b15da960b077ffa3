//! Tests of the whole product.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod architecture;
mod bad_input;
mod chaos;
mod crash_points;
mod demo;
mod harness;
mod round_trip;
mod shared;
