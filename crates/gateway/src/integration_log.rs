//! Writing integrations' logs off the webhook's way.
//!
//! Lines wait in a bounded queue and are written many at once. When more come than can be written, the newest are
//! dropped and counted: a flood of forged webhooks must not become a flood of writes.

use domain::{IntegrationId, WorkspaceId};
use std::time::Duration;
use store::{
    Db,
    channel_accounts::{self, LogLine},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const WAITING: usize = 1_000;
const AT_ONCE: usize = 200;
const EVERY: Duration = Duration::from_millis(500);

/// Where lines are dropped off. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IntegrationLog(mpsc::Sender<LogLine>);

impl IntegrationLog {
    /// The log, and what [`write`] takes from it.
    pub fn new() -> (Self, mpsc::Receiver<LogLine>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Drops off a line about something refused.
    pub fn warn(
        &self,
        workspace: WorkspaceId,
        integration: IntegrationId,
        event: &'static str,
        message: String,
        details: serde_json::Value,
    ) {
        let line = LogLine {
            workspace,
            integration,
            level: "warning",
            event,
            message,
            details,
        };
        if self.0.try_send(line).is_err() {
            metrics::counter!("botsmith_integration_log_dropped_total").increment(1);
        }
    }
}

/// Writes lines until `stop`, then the rest.
pub async fn write(db: Db, mut lines: mpsc::Receiver<LogLine>, stop: CancellationToken) {
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                while let Ok(line) = lines.try_recv() { waiting.push(line); }
                flush(&db, &mut waiting).await;
                return;
            }
            count = lines.recv_many(&mut waiting, AT_ONCE) => {
                if count == 0 { return; }
            }
        }
        flush(&db, &mut waiting).await;
        tokio::time::sleep(EVERY).await;
    }
}

async fn flush(db: &Db, waiting: &mut Vec<LogLine>) {
    if waiting.is_empty() {
        return;
    }
    if let Err(error) = channel_accounts::log(db, waiting).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "{} lines of integrations' logs were not written",
            waiting.len()
        );
    }
    waiting.clear();
}
