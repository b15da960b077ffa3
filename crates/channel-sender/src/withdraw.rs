//! Takes back what was shown while it was being written and became no answer: a human took over, the chatbot was
//! archived, the answer was not worth sending any more.
//!
//! Invariant: that it has to be done stands in the rows ([`store::drafts::claim_withdrawals`]), whoever died meanwhile;
//! doing it twice changes nothing.

use crate::deliver::{Asked, Delivery};
use channel::{OutboundContent, OutboundPart, SendError, Sent};
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};
use store::drafts::{self, Withdrawal, Withdrawn};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// How often the rows are looked at: a half answer is no secret, only untidy.
const EVERY: Duration = Duration::from_secs(1);
const AT_ONCE: i64 = 32;
/// Longer than the calls for one, so that nobody else has it meanwhile.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// All calls for one end within this.
const CALLS: Duration = Duration::from_secs(25);
/// Seconds before each further attempt; after the last one it stays where it is.
const SCHEDULE: [i64; 8] = [2, 10, 30, 120, 600, 3_600, 10_800, 43_200];

/// Withdraws until `stop`, on a platform where that can be done.
pub async fn run(delivery: Arc<Delivery>, stop: CancellationToken) {
    let channel = delivery.accounts.channels().get(&delivery.platform);
    if channel.is_none_or(|channel| channel.edit_pace().is_none()) {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let now = delivery.clock.now();
        match drafts::claim_withdrawals(&delivery.db, &delivery.platform, now, LEASE, AT_ONCE).await {
            Ok(withdrawals) => {
                let all = withdrawals.iter().map(|withdrawal| delivery.withdraw(withdrawal));
                futures_util::future::join_all(all).await;
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what has to be withdrawn cannot be read"
            ),
        }
    }
}

impl Delivery {
    /// Withdraws one and writes down what became of it.
    #[tracing::instrument(name = "withdraw", skip_all, fields(draft.id = %withdrawal.draft.id, platform = %self.platform))]
    pub(crate) async fn withdraw(&self, withdrawal: &Withdrawal) {
        let withdrawn = self.try_to_withdraw(withdrawal).await;
        match &withdrawn {
            Withdrawn::Gone => tracing::info!("an answer that was not finished was taken back"),
            Withdrawn::Later { reason, .. } | Withdrawn::Lost { reason } => {
                tracing::warn!(reason, "an answer that was not finished was not taken back");
            }
        }
        let settled = drafts::settle_withdrawal(&self.db, withdrawal, &withdrawn, self.clock.now()).await;
        if let Err(error) = settled {
            // Its lease runs out, and it is done again.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a withdrawal was not noted"
            );
        }
    }

    async fn try_to_withdraw(&self, withdrawal: &Withdrawal) -> Withdrawn {
        let deadline = Instant::now() + CALLS;
        let account = match self
            .accounts
            .of_integration(withdrawal.draft.integration, 0)
            .await
        {
            Ok(Some(account)) => account,
            Ok(None) => {
                return Withdrawn::Lost {
                    reason: "the integration has been deleted".to_owned(),
                };
            }
            Err(error) => return self.again(withdrawal, None, error.to_string()),
        };
        let reply_to = match &withdrawal.reply_to {
            None => None,
            Some((message, sealed)) => match self.open_reply_to(&account, *message, sealed).await {
                Ok(reply_to) => Some(reply_to),
                Err(unready) => return self.again(withdrawal, None, unready.into_reason()),
            },
        };
        let part = OutboundPart {
            id: withdrawal.draft.id,
            platform: self.platform.clone(),
            contact: withdrawal.contact_key.clone(),
            conversation: withdrawal.conversation_key.clone(),
            content: OutboundContent::default(),
            reply_to,
            status_callback: None,
        };
        let sent = match &withdrawal.draft.platform_message_id {
            Some(id) => Sent {
                platform_message_id: id.clone(),
                segments: None,
            },
            None => match self
                .ask_for_draft(&withdrawal.draft, &account, &part, deadline)
                .await
            {
                Asked::HasIt(sent) => sent,
                Asked::HasItNot => return Withdrawn::Gone,
                Asked::CannotSay => {
                    return Withdrawn::Lost {
                        reason: "whether it was sent is not known, and the platform cannot be asked"
                            .to_owned(),
                    };
                }
                Asked::Failed(error) => return self.again_after(withdrawal, &error),
            },
        };
        let withdrawing = account.channel.withdraw(&part, &sent, &account.credentials);
        match timeout_at(deadline, withdrawing).await {
            Ok(Some(Ok(()))) => Withdrawn::Gone,
            Ok(Some(Err(SendError::Rejected { reason, .. }))) => Withdrawn::Lost { reason },
            Ok(Some(Err(error))) => self.again_after(withdrawal, &error),
            Ok(None) => Withdrawn::Lost {
                reason: "the platform takes nothing back".to_owned(),
            },
            Err(_) => self.again(withdrawal, None, "the platform did not answer in time".to_owned()),
        }
    }

    fn again_after(&self, withdrawal: &Withdrawal, error: &SendError) -> Withdrawn {
        let after = match error {
            SendError::Retry { after, .. } => *after,
            _ => None,
        };
        self.again(withdrawal, after, error.to_string())
    }

    fn again(&self, withdrawal: &Withdrawal, after: Option<Duration>, reason: String) -> Withdrawn {
        let attempt = usize::try_from(withdrawal.attempts).unwrap_or(usize::MAX);
        let Some(seconds) = SCHEDULE.get(attempt) else {
            return Withdrawn::Lost { reason };
        };
        let planned = TimeDelta::seconds(*seconds);
        let asked =
            after.and_then(|after| TimeDelta::from_std(after.min(Duration::from_secs(24 * 3_600))).ok());
        Withdrawn::Later {
            due_at: self.clock.now() + asked.map_or(planned, |asked| asked.max(planned)),
            reason,
        }
    }
}
