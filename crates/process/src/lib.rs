//! What every process needs and no service should write again: settings, telemetry, health, shutdown, server-sent
//! events, a clock that tests can turn, and crash points for fault tests.

pub mod clock;
pub mod crash_point;
pub mod data_dir;
pub mod health;
pub mod settings;
pub mod shutdown;
pub mod sse;
pub mod telemetry;
pub mod trace;
