//! Exports and erases people, deletes chatbots, and erases what is older than chatbots keep.
//!
//! Invariant: each step and what it adds to the receipt are one transaction, so that a job which is begun again, by this
//! process or another, counts nothing twice.

mod export;
#[cfg(test)]
mod tests;

use accounts::Accounts;
use chrono::TimeDelta;
use domain::{ChatbotId, ConversationId};
use process::clock::Clock;
use queue::Queue;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;
use store::{
    Db, StoreError, SystemTx,
    activity_log::NewActivity,
    data_jobs::{self, Claimed, Counts, JobKind, Subject},
    erasure::{self, Person},
};
use tokio_util::sync::CancellationToken;

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long a job may stand still before it is another's.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// How often a job is begun.
const MOST_ATTEMPTS: i32 = 10;
/// Conversations that are looked up at a time.
const PIECE: i64 = 100;
/// How often it is looked what is older than chatbots keep, and how much of each goes at a time.
const RETENTION: Duration = Duration::from_secs(60);
const ROUND: i64 = 200;

/// Why a job stands still.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// Another process has it by now.
    #[error("the job is in another's hand")]
    Lost,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the file could not be written: {0}")]
    File(String),
}

/// Works on people's data.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) db: Db,
    pub(crate) queue: Queue,
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
}

impl Keeper {
    /// Works until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        let mut retention = tokio::time::interval(RETENTION);
        for ticks in [&mut looks, &mut retention] {
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {
                    // What is begun here and stops in the middle goes on elsewhere.
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.jobs() => {}
                    }
                }
                _ = retention.tick() => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.expire() => {}
                    }
                }
            }
        }
    }

    /// Everything that is due.
    pub(crate) async fn jobs(&self) {
        loop {
            match data_jobs::claim(&self.db, self.clock.now(), LEASE).await {
                Ok(Some(job)) => self.work(&job).await,
                Ok(None) => return,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "people's data cannot be worked on now");
                    return;
                }
            }
        }
    }

    async fn expire(&self) {
        if let Err(error) = erasure::expire(&self.db, self.clock.now(), ROUND).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what is older than chatbots keep will be erased later"
            );
        }
    }

    #[tracing::instrument(skip_all, fields(job.id = %job.id, kind = job.kind.as_str()))]
    async fn work(&self, job: &Claimed) {
        let done = match (job.kind, job.subject) {
            (JobKind::Export, _) => self.export(job).await,
            (JobKind::Erase, _) => self.erase(job).await,
            (JobKind::DeleteChatbot, Subject::Chatbot(chatbot)) => self.delete(job, chatbot).await,
            (JobKind::DeleteChatbot, _) => Err(JobError::File("it names no chatbot".to_owned())),
        };
        let error = match done {
            Ok(()) | Err(JobError::Lost) => return,
            Err(error) => error,
        };
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a job on people's data stands still"
        );
        let now = self.clock.now();
        let again = (job.attempts + 1 < MOST_ATTEMPTS)
            .then(|| now + TimeDelta::seconds(5 << job.attempts.clamp(0, 10)));
        let words = "something went wrong on our side; the installation's log has more";
        if let Err(error) = data_jobs::fail(&self.db, job, words, again, now).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a job is left to whoever finds its lease run out");
        }
    }

    async fn erase(&self, job: &Claimed) -> Result<(), JobError> {
        let person = self.person(job).await?;
        for conversation in &person.conversations {
            self.erase_conversation(job, *conversation).await?;
        }
        let mut webhooks = Vec::new();
        for kept in erasure::quarantined(&self.db, &person).await? {
            // What does not open says nothing of anybody.
            if let Ok(webhook) = self
                .accounts
                .open_webhook(person.workspace, kept.id, &kept.sealed)
                .await
                && person.names.iter().any(|name| {
                    webhook.path_and_query.contains(name.as_str())
                        || webhook
                            .body
                            .windows(name.len())
                            .any(|part| part == name.as_bytes())
                })
            {
                webhooks.push(kept.id);
            }
        }
        let mut tx = self.db.system().await?;
        let mut counts = erasure::forget_mentions(&mut tx, &person).await?;
        let discarded = erasure::discard(&mut tx, &webhooks).await?;
        if discarded > 0 {
            counts.insert("quarantined_webhooks".to_owned(), discarded.cast_signed());
        }
        for (name, count) in erasure::remove(&mut tx, &person).await? {
            *counts.entry(name).or_default() += count;
        }
        self.advance(&mut tx, job, &counts).await?;
        self.finish(tx, job, None).await
    }

    /// Who it is about; noted at once as a hash, for in the end nobody is left to ask.
    async fn person(&self, job: &Claimed) -> Result<Person, JobError> {
        let person = erasure::person(&self.db, job.workspace, job.subject).await?;
        if !person.names.is_empty() {
            let hash = Sha256::digest(person.names.join("\n").as_bytes());
            data_jobs::about(&self.db, job, hash.as_slice()).await?;
        }
        Ok(person)
    }

    async fn delete(&self, job: &Claimed, chatbot: ChatbotId) -> Result<(), JobError> {
        loop {
            let next = erasure::next_conversations(&self.db, chatbot, PIECE).await?;
            if next.is_empty() {
                break;
            }
            for conversation in next {
                self.erase_conversation(job, conversation).await?;
            }
        }
        loop {
            let mut tx = self.db.system().await?;
            let counts = erasure::remove_pieces(&mut tx, chatbot, 1_000).await?;
            self.advance(&mut tx, job, &counts).await?;
            tx.commit().await.map_err(StoreError::from)?;
            if counts.is_empty() {
                break;
            }
        }
        let mut tx = self.db.system().await?;
        let until = self.clock.now() + LEASE;
        let platforms = erasure::remove_chatbot(&mut tx, job, chatbot, until).await?;
        self.finish(tx, job, None).await?;
        self.announce(&format!("chatbot.{chatbot}"));
        for platform in platforms {
            self.announce(&format!("integration.{platform}.{chatbot}"));
        }
        Ok(())
    }

    /// Tells every process to drop what it keeps.
    fn announce(&self, topic: &str) {
        if let Err(error) = self.queue.live().publish(topic, Vec::new()) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, topic, "a change was not announced; caches end by age");
        }
    }

    async fn erase_conversation(&self, job: &Claimed, id: ConversationId) -> Result<(), JobError> {
        let mut tx = self.db.system().await?;
        let counts = erasure::erase(&mut tx, id).await?;
        self.advance(&mut tx, job, &counts).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    async fn advance(&self, tx: &mut SystemTx, job: &Claimed, counts: &Counts) -> Result<(), JobError> {
        let until = self.clock.now() + LEASE;
        if data_jobs::progress(tx, job, counts, until).await? {
            Ok(())
        } else {
            Err(JobError::Lost)
        }
    }

    /// Ends a job in this transaction, with a word in the activity.
    async fn finish(
        &self,
        mut tx: SystemTx,
        job: &Claimed,
        blob: Option<domain::BlobId>,
    ) -> Result<(), JobError> {
        let now = self.clock.now();
        if !data_jobs::finish(&mut tx, job, None, blob, now).await? {
            return Err(JobError::Lost);
        }
        let action = match job.kind {
            JobKind::Export => "person.exported",
            JobKind::Erase => "person.erased",
            JobKind::DeleteChatbot => "chatbot.deleted",
        };
        let activity = NewActivity {
            action,
            target: Some(job.id.to_string()),
            details: json!({ "kind": job.kind.as_str() }),
            ..NewActivity::default()
        };
        store::activity_log::record_system(&mut tx, Some(job.workspace), &activity, now).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
