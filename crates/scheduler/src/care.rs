//! Looking after integrations: asks each platform whether it still calls us, renews credentials that run out, and fetches
//! what people wrote while we were away.
//!
//! Invariants:
//! - What an owner has changed meanwhile is not touched: everything found out is about a version.
//! - A platform that cannot be asked says nothing of an integration.
//! - What is fetched goes the same way as what is delivered, with the same ids, so nothing is answered twice.

use accounts::{Account, Accounts};
use channel::{CheckError, ConversationKey, Received, WebhookResponse};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Platform;
use futures_util::{StreamExt, stream};
use process::clock::Clock;
use queue::Queue;
use std::sync::Arc;
use store::{
    Db,
    care::{self, Patient},
    integration_logs::{self, Level, NewEntry},
};
use url::Url;

/// Integrations examined in one round, and how many of them at once.
const ROUND: i64 = 200;
const AT_ONCE: usize = 8;
/// What was asked for before is asked for again this far back: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
/// What is older is not worth an answer.
const TOO_OLD: TimeDelta = TimeDelta::hours(24);
/// Conversations that are looked into, where the platform lists by conversation.
const MOST_CONVERSATIONS: i64 = 100;

/// Looks after integrations.
#[derive(Clone)]
pub(crate) struct Carer {
    pub(crate) db: Db,
    pub(crate) queue: Queue,
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
    /// Where the outside world reaches the gateway.
    pub(crate) public_url: Url,
    /// How often each is examined.
    pub(crate) every: TimeDelta,
    /// What came within this time is still being delivered.
    pub(crate) on_its_way: TimeDelta,
}

impl Carer {
    /// One round: everything whose examination is due.
    pub(crate) async fn round(&self) {
        let due = match care::examine(&self.db, self.clock.now(), self.every, ROUND).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "integrations cannot be looked after now"
                );
                return;
            }
        };
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |patient| async move {
                if let Err(error) = self.look_after(&patient).await {
                    tracing::warn!(
                        error = &*error,
                        integration.id = %patient.integration,
                        "an integration was not looked after"
                    );
                }
            })
            .await;
    }

    async fn look_after(&self, patient: &Patient) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Some(account) = self
            .accounts
            .of_integration(patient.integration, patient.version)
            .await?
        else {
            return Ok(());
        };
        if account.version != patient.version {
            return Ok(());
        }
        if self.renew(patient, &account).await? {
            // If it has another version now, its next examination begins with that.
            return Ok(());
        }
        self.ask_after_health(patient, &account).await?;
        self.fetch_missed(patient, &account).await
    }

    /// Renews credentials that run out. Whether nothing more is to be asked now: it did, or the platform refuses.
    async fn renew(
        &self,
        patient: &Patient,
        account: &Arc<Account>,
    ) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let Some(every) = account.channel.refresh_every() else {
            return Ok(false);
        };
        let now = self.clock.now();
        let due = patient
            .refreshed_at
            .is_none_or(|last| TimeDelta::from_std(every).is_ok_and(|every| now >= last + every));
        if !due {
            return Ok(false);
        }
        match account.channel.refresh(&account.credentials).await {
            None | Some(Ok(None)) => Ok(false),
            Some(Ok(Some(json))) => {
                let sealed = self.accounts.seal_credentials(account, &json).await?;
                let renewed = care::renewed(&self.db, patient, &sealed, now).await?;
                if renewed {
                    self.log(
                        patient,
                        Level::Info,
                        "credentials.renewed",
                        "the credentials were renewed",
                    )
                    .await?;
                }
                Ok(renewed)
            }
            Some(Err(error)) => {
                self.failed(patient, &error).await?;
                // Its health may look well all the same, and would take that back.
                Ok(!matches!(error, CheckError::Unreachable(_)))
            }
        }
    }

    async fn ask_after_health(
        &self,
        patient: &Patient,
        account: &Account,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Over a connection of ours its listener knows best.
        if !patient.by_webhook {
            return Ok(());
        }
        let webhook = self.webhook(&patient.platform, patient)?;
        match account.channel.health(&webhook, &account.credentials).await {
            None => {}
            Some(Ok(())) if care::recovered(&self.db, patient).await? => {
                self.log(
                    patient,
                    Level::Info,
                    "health.recovered",
                    "the platform works with this integration again",
                )
                .await?;
            }
            Some(Ok(())) => {}
            Some(Err(error)) => self.failed(patient, &error).await?,
        }
        Ok(())
    }

    async fn failed(
        &self,
        patient: &Patient,
        error: &CheckError,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match error {
            CheckError::Unreachable(_) => {
                tracing::info!(
                    error = error as &dyn std::error::Error,
                    integration.id = %patient.integration,
                    "its platform cannot be asked now"
                );
            }
            CheckError::Unauthorized(_) | CheckError::BadCredentials(_) => {
                let reason = error.to_string();
                if care::fell_ill(&self.db, patient, &reason).await? {
                    self.log(patient, Level::Error, "health.failed", &reason).await?;
                }
            }
            // That the platform does not call us, or did not reach us for a moment, keeps no answer back.
            CheckError::Misconfigured(reason) => {
                if care::complains(&self.db, patient, reason).await? {
                    self.log(patient, Level::Error, "health.failed", reason).await?;
                }
            }
        }
        Ok(())
    }

    async fn fetch_missed(
        &self,
        patient: &Patient,
        account: &Account,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if !account.channel.has_backfill() {
            return Ok(());
        }
        let until = self.clock.now() - self.on_its_way;
        let since = since(patient.backfilled_to, self.clock.now());
        if since >= until {
            return Ok(());
        }
        let known = care::conversations_since(
            &self.db,
            patient.integration,
            self.clock.now() - TOO_OLD,
            MOST_CONVERSATIONS,
        )
        .await?
        .into_iter()
        .map(ConversationKey)
        .collect::<Vec<_>>();
        let missed = account
            .channel
            .missed(since, until, &known, &account.credentials)
            .await;
        match missed {
            None => {}
            // What does not work is told by its health; what was missed is asked for again next time.
            Some(Err(error)) => tracing::info!(
                error = &error as &dyn std::error::Error,
                integration.id = %patient.integration,
                "what was missed cannot be asked for now"
            ),
            Some(Ok(messages)) => {
                metrics::counter!("botsmith_backfilled_total").increment(messages.len() as u64);
                let received = Received {
                    messages,
                    ..Received::nothing(WebhookResponse::empty())
                };
                inlet::publish(&self.queue, &self.accounts, account, &received).await?;
                care::backfilled(&self.db, patient, until).await?;
            }
        }
        Ok(())
    }

    fn webhook(&self, platform: &Platform, patient: &Patient) -> Result<Url, url::ParseError> {
        let base = self.public_url.as_str().trim_end_matches('/');
        format!("{base}/api/{platform}/webhook/{}", patient.chatbot).parse()
    }

    async fn log(
        &self,
        patient: &Patient,
        level: Level,
        event: &str,
        message: &str,
    ) -> Result<(), store::StoreError> {
        let entry = NewEntry {
            workspace: patient.workspace,
            integration: patient.integration,
            level,
            event,
            message,
            details: serde_json::json!({}),
        };
        integration_logs::insert(&self.db, &entry, self.clock.now()).await
    }
}

fn since(backfilled_to: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    (backfilled_to - OVERLAP).max(now - TOO_OLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_long_absence_only_what_is_worth_an_answer_is_fetched() {
        let now = Utc::now();

        assert_eq!(since(now - TimeDelta::days(7), now), now - TOO_OLD);
        assert_eq!(
            since(now - TimeDelta::minutes(10), now),
            now - TimeDelta::minutes(12)
        );
    }
}
