//! The whole product under test: its roles as processes, over a real broker and a real database, with both of its
//! outsides (the platform, the model) played by the simulator.
//!
//! Invariants: everything that is started here is a node, a database and a port of its own, never the machine's; and
//! everything is gone when the test process is, however it ends.

#![expect(clippy::missing_errors_doc, reason = "every error here ends a test")]

pub mod api;
pub mod binary;
pub mod broker;
pub mod chaos;
pub mod database;
pub mod ledger;
pub mod load;
pub mod ports;
pub mod product;
mod reaper;
pub mod role;
pub mod wait;
