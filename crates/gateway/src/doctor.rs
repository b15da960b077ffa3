//! Finds out why webhooks cannot be verified, after they were refused, and keeps those that name their integration's own
//! account until its owner has mended the settings.
//!
//! Invariants:
//! - Nothing here is processed: a webhook is read for words, and sealed.
//! - What waits here is bounded in number and in bytes, for all and for each integration, and is looked into a few at a
//!   time: a flood of forged webhooks fills neither memory nor the database, and leaves room for the others' genuine ones.

use crate::integration_log::IntegrationLog;
use accounts::{Account, AccountError, Accounts, QuarantinedWebhook};
use channel::{Diagnosis, ReceiveError, WebhookRequest};
use domain::{IntegrationId, QuarantineId};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::{
    Db,
    quarantine::{self, NewQuarantined},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many webhooks wait at most.
const WAITING: usize = 256;
/// How many of them may be one integration's.
const WAITING_OF_ONE: usize = 16;
/// How many bytes wait at most.
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// How many are looked into at once, and how often: no more are written in a second than a database bears beside its work.
const AT_ONCE: usize = 32;
const EVERY: Duration = Duration::from_millis(500);

/// Where refused webhooks are dropped off. Cheap to clone.
#[derive(Clone)]
pub struct Doctor {
    cases: mpsc::Sender<Case>,
    waiting: Arc<Mutex<Waiting>>,
}

/// A refused webhook.
pub struct Case {
    account: Arc<Account>,
    webhook: WebhookRequest,
    path_and_query: String,
    /// What the refusal itself says, for when no more is found out.
    reason: String,
    /// Taken until it has been looked into.
    _seat: Seat,
}

#[derive(Default)]
struct Waiting {
    bytes: usize,
    of: HashMap<IntegrationId, usize>,
}

/// A place among those that wait.
struct Seat {
    integration: IntegrationId,
    bytes: usize,
    waiting: Arc<Mutex<Waiting>>,
}

impl Doctor {
    /// The doctor's door, and what [`practise`] takes from it.
    pub fn new() -> (Self, mpsc::Receiver<Case>) {
        let (cases, receiver) = mpsc::channel(WAITING);
        let doctor = Self {
            cases,
            waiting: Arc::default(),
        };
        (doctor, receiver)
    }

    /// Drops off a webhook that was refused for want of proof, for this reason. `false`: too many wait.
    pub fn see(
        &self,
        account: &Arc<Account>,
        webhook: &WebhookRequest,
        path_and_query: &str,
        reason: &str,
    ) -> bool {
        let headers = webhook.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        let bytes = headers + webhook.url.len() + path_and_query.len() + webhook.body.len();
        let taken = Seat::take(&self.waiting, account.integration, bytes).is_some_and(|seat| {
            let case = Case {
                account: account.clone(),
                webhook: webhook.clone(),
                path_and_query: path_and_query.to_owned(),
                reason: reason.to_owned(),
                _seat: seat,
            };
            self.cases.try_send(case).is_ok()
        });
        if !taken {
            metrics::counter!("botsmith_refused_webhooks_not_kept_total", "reason" => "busy").increment(1);
        }
        taken
    }
}

impl Seat {
    /// `None`: there is none.
    fn take(waiting: &Arc<Mutex<Waiting>>, integration: IntegrationId, bytes: usize) -> Option<Self> {
        let mut room = locked(waiting);
        let of_one = room.of.get(&integration).copied().unwrap_or_default();
        if of_one >= WAITING_OF_ONE || room.bytes + bytes > WAITING_BYTES {
            return None;
        }
        room.bytes += bytes;
        room.of.insert(integration, of_one + 1);
        drop(room);
        Some(Self {
            integration,
            bytes,
            waiting: waiting.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut room = locked(&self.waiting);
        room.bytes -= self.bytes;
        if let Some(of_one) = room.of.get_mut(&self.integration) {
            *of_one -= 1;
            if *of_one == 0 {
                room.of.remove(&self.integration);
            }
        }
    }
}

fn locked(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks into what was dropped off until `stop`, then into the rest.
pub async fn practise(
    db: Db,
    accounts: Accounts,
    log: IntegrationLog,
    mut cases: mpsc::Receiver<Case>,
    stop: CancellationToken,
) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                while let Ok(case) = cases.try_recv() { batch.push(case); }
                attend(&db, &accounts, &log, batch).await;
                return;
            }
            count = cases.recv_many(&mut batch, AT_ONCE) => {
                if count == 0 { return; }
            }
        }
        attend(&db, &accounts, &log, std::mem::take(&mut batch)).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// A webhook that has been looked into.
struct Seen {
    case: Case,
    diagnosis: Diagnosis,
    /// It is to be kept.
    is_ours: bool,
}

async fn attend(db: &Db, accounts: &Accounts, log: &IntegrationLog, batch: Vec<Case>) {
    if batch.is_empty() {
        return;
    }
    // Trying signatures is work for a processor, and this one answers webhooks.
    let seen = tokio::task::spawn_blocking(|| batch.into_iter().map(examine).collect::<Vec<_>>()).await;
    let Ok(seen) = seen else {
        tracing::error!("looking into refused webhooks ended badly");
        return;
    };
    let mut records = Vec::new();
    let mut lines = Vec::with_capacity(seen.len());
    for seen in seen {
        let mut line = Line::of(&seen);
        if seen.is_ours {
            match record(accounts, seen).await {
                Ok(Some(record)) => {
                    line.kept = Some(record.id);
                    records.push(record);
                }
                Ok(None) => {}
                Err(error) => not_kept(1, &error),
            }
        }
        lines.push(line);
    }
    if !records.is_empty()
        && let Err(error) = quarantine::keep(db, &records).await
    {
        not_kept(records.len(), &error);
        lines.iter_mut().for_each(|line| line.kept = None);
    }
    for line in lines {
        line.write(log);
    }
}

fn examine(case: Case) -> Seen {
    let Account {
        channel, credentials, ..
    } = &*case.account;
    let refusal = ReceiveError::BadSignature {
        reason: case.reason.clone(),
    };
    Seen {
        diagnosis: channel.diagnose(&case.webhook, &refusal, credentials),
        is_ours: channel.names_account(&case.webhook, credentials),
        case,
    }
}

/// The webhook as it is kept. `None`: it is larger than all that an integration may keep.
async fn record(accounts: &Accounts, seen: Seen) -> Result<Option<NewQuarantined>, AccountError> {
    let Seen { case, diagnosis, .. } = seen;
    let (id, workspace) = (QuarantineId::new(), case.account.workspace);
    let received_at = case.webhook.received_at;
    let webhook = QuarantinedWebhook::of(case.webhook, case.path_and_query);
    let size = webhook.size();
    if i64::try_from(size).is_ok_and(|size| size > quarantine::MOST_BYTES) {
        return Ok(None);
    }
    Ok(Some(NewQuarantined {
        id,
        workspace,
        integration: case.account.integration,
        kind: webhook.kind_name(),
        received_at,
        size,
        cause: diagnosis.cause.as_str(),
        words: diagnosis.words,
        sealed: accounts.seal_webhook(workspace, id, &webhook).await?,
    }))
}

fn not_kept(count: usize, error: &(dyn std::error::Error + 'static)) {
    metrics::counter!("botsmith_refused_webhooks_not_kept_total", "reason" => "failed")
        .increment(count as u64);
    tracing::warn!(error, "{count} refused webhooks were not kept");
}

/// What the owner reads.
struct Line {
    account: Arc<Account>,
    diagnosis: Diagnosis,
    kept: Option<QuarantineId>,
}

impl Line {
    fn of(seen: &Seen) -> Self {
        Self {
            account: seen.case.account.clone(),
            diagnosis: seen.diagnosis.clone(),
            kept: None,
        }
    }

    fn write(self, log: &IntegrationLog) {
        let Diagnosis { cause, words } = self.diagnosis;
        let kept = match self.kept {
            Some(_) => "; it is kept for 72 hours, to be checked again and replayed when that is mended",
            None => "",
        };
        log.warn(
            self.account.workspace,
            self.account.integration,
            "webhook.refused",
            format!("the request does not prove that it comes from the platform: {words}{kept}"),
            json!({ "cause": cause.as_str(), "quarantine_id": self.kept }),
        );
    }
}

#[cfg(test)]
mod tests;
