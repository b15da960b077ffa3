//! Tests of the whole product.

mod architecture;
mod bad_input;
mod chaos;
mod crash_points;
mod harness;
mod round_trip;
mod shared;
