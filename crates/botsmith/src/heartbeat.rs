//! Says every ten seconds that this process is there, for the administrators' view of the machinery.

use chrono::Utc;
use std::{path::PathBuf, time::Duration};
use store::{
    Db,
    instances::{self, Disk, Instance},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often. Whoever is silent for three of them is taken for gone.
const EVERY: Duration = Duration::from_secs(10);

/// How long the last word may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Says so until `stop`, and then that it leaves. A database that is away is nobody's business here: it is tried again.
pub async fn beat(
    db: Db,
    role: &'static str,
    data_dir: PathBuf,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut instance = Instance {
        id: Uuid::now_v7(),
        role: role.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host(),
        disk: None,
        started_at: Utc::now(),
        seen_at: Utc::now(),
    };
    let mut beats = interval(EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(beats.tick()).await.is_some() {
        instance.seen_at = Utc::now();
        instance.disk = disk(&data_dir);
        if let Some(Err(error)) = stop.run_until_cancelled(instances::beat(&db, &instance)).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "could not say that this process is there"
            );
        }
    }
    // Whoever does not hear it sees the process fall silent.
    let _heard = tokio::time::timeout(FAREWELL, instances::leave(&db, instance.id)).await;
    Ok(())
}

/// As the machine or the container calls itself.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| std::env::var("HOSTNAME").unwrap_or_else(|_| "unknown".to_owned()))
}

fn disk(path: &std::path::Path) -> Option<Disk> {
    let existing = path.ancestors().find(|path| path.exists())?;
    let found = rustix::fs::statvfs(existing).ok()?;
    let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(found.f_frsize)).ok();
    Some(Disk {
        free: bytes(found.f_bavail)?,
        total: bytes(found.f_blocks)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_that_of_the_next_directory_up_that_exists() {
        let disk = disk(&std::env::temp_dir().join("not/there/yet")).unwrap();

        assert!(disk.free > 0 && disk.total >= disk.free);
        assert!(!host().is_empty());
    }
}
