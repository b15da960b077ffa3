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
pub mod reaper;
pub mod role;
pub mod wait;

use std::{future::Future, sync::LazyLock};
use tokio::{
    runtime::Runtime,
    sync::{Mutex, MutexGuard},
};

/// Outlives every test, and with it what several of them share.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "without a runtime there is no test")]
    Runtime::new().expect("a runtime")
});

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Runs a test that needs the machine for itself: one product at a time.
pub fn alone<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(async {
        let _alone: MutexGuard<'_, ()> = ONE_AT_A_TIME.lock().await;
        test.await
    })
}
