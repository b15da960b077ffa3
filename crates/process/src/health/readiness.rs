//! What has to hold before this process can do its work.

use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::watch;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The list of checks. Cheap to clone; clones share the list.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<RwLock<BTreeMap<&'static str, Check>>>,
}

/// One check that its owner switches.
#[derive(Debug, Clone)]
pub struct Flag(Arc<watch::Sender<Result<(), String>>>);

/// The outcome of all checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all hold.
    pub ready: bool,
    /// For each check "ok", or why not.
    pub checks: BTreeMap<&'static str, String>,
}

impl Readiness {
    /// No checks: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks `check` each time somebody wants to know. The error is shown to whoever asks. A second check of the same
    /// name replaces the first.
    pub fn check<F, Fut>(&self, name: &'static str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.checks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, check);
    }

    /// A check that is not ready, for the reason given, until its owner says otherwise.
    pub fn flag(&self, name: &'static str, not_yet: impl Into<String>) -> Flag {
        let flag = Flag(Arc::new(watch::Sender::new(Err(not_yet.into()))));
        let state = flag.0.clone();
        self.check(name, move || std::future::ready(state.borrow().clone()));
        flag
    }

    /// Asks all checks at once.
    pub async fn report(&self) -> Report {
        self.report_within(PATIENCE).await
    }

    async fn report_within(&self, patience: Duration) -> Report {
        let checks: Vec<(&'static str, Check)> = {
            let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner);
            checks
                .iter()
                .map(|(name, check)| (*name, check.clone()))
                .collect()
        };
        let outcomes = join_all(checks.into_iter().map(async |(name, check)| {
            let outcome = tokio::time::timeout(patience, check()).await;
            (
                name,
                outcome.unwrap_or_else(|_| Err(format!("no answer within {patience:?}"))),
            )
        }))
        .await;
        Report {
            ready: outcomes.iter().all(|(_, outcome)| outcome.is_ok()),
            checks: outcomes
                .into_iter()
                .map(|(name, outcome)| (name, outcome.err().unwrap_or_else(|| "ok".to_owned())))
                .collect(),
        }
    }
}

impl Flag {
    /// From now on this check holds.
    pub fn set_ready(&self) {
        self.0.send_modify(|state| *state = Ok(()));
    }

    /// From now on it does not.
    pub fn set_not_ready(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.0.send_modify(|state| *state = Err(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_failing_check_is_named_and_makes_the_process_not_ready() {
        let readiness = Readiness::new();
        let schema = readiness.flag("schema", "waiting for migrations");
        readiness.check("queue", || async { Ok(()) });

        let before = readiness.report().await;
        schema.set_ready();
        let after = readiness.report().await;
        schema.set_not_ready("gone again");
        let gone = readiness.report().await;

        assert!(!before.ready);
        assert_eq!(before.checks["schema"], "waiting for migrations");
        assert_eq!(before.checks["queue"], "ok");
        assert!(after.ready);
        assert_eq!(gone.checks["schema"], "gone again");
    }

    #[tokio::test]
    async fn a_check_that_hangs_has_failed() {
        let readiness = Readiness::new();
        readiness.check("database", std::future::pending);

        let report = readiness.report_within(Duration::from_millis(5)).await;

        assert!(!report.ready);
        assert_eq!(report.checks["database"], "no answer within 5ms");
    }
}
