//! Where a platform's code puts what it reads from its connection.

use accounts::{Account, Accounts};
use async_trait::async_trait;
use channel::{Inlet, InletError, Received};
use queue::Queue;
use std::sync::Arc;
use store::{
    Db,
    care::{self, Listening},
    integration_logs::{self, Level, NewEntry},
};

/// One connection's way to the queue.
pub(crate) struct ToQueue {
    pub(crate) db: Db,
    pub(crate) queue: Queue,
    pub(crate) accounts: Accounts,
    pub(crate) account: Arc<Account>,
    pub(crate) held: Listening,
}

impl ToQueue {
    /// Tells the owner.
    pub(crate) async fn log(&self, level: Level, event: &str, message: &str) {
        let entry = NewEntry {
            workspace: self.account.workspace,
            integration: self.account.integration,
            level,
            event,
            message,
            details: serde_json::json!({}),
        };
        if let Err(error) = integration_logs::insert(&self.db, &entry, chrono::Utc::now()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the integration's log was not written"
            );
        }
    }
}

#[async_trait]
impl Inlet for ToQueue {
    async fn connected(&self, words: &str) {
        tracing::info!(integration.id = %self.account.integration, "listening");
        metrics::counter!("botsmith_connections_opened_total").increment(1);
        if let Err(error) = care::is_connected(&self.db, self.account.integration, self.held.version).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "that the integration is connected was not written down"
            );
        }
        self.log(Level::Info, "listener.connected", words).await;
    }

    async fn accept(&self, received: Received) -> Result<(), InletError> {
        for part in &received.malformed {
            let message = format!("{} was skipped: {}", part.position, part.problem);
            self.log(Level::Warning, "listener.malformed_part", &message)
                .await;
        }
        inlet::publish(&self.queue, &self.accounts, &self.account, &received)
            .await
            .map(drop)
            .map_err(|error| InletError(error.to_string()))
    }

    async fn remember(&self, resume: serde_json::Value) -> Result<(), InletError> {
        match care::remember(&self.db, &self.held, &resume).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(InletError("the connection is in another's hand".to_owned())),
            Err(error) => Err(InletError(error.to_string())),
        }
    }
}
