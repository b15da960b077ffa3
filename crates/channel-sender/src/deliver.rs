//! One part: checked once more, delivered, settled.

mod draft;

use self::draft::Finished;
use crate::{
    media::{self, Made},
    settle::{could_not_ask, jitter, settle},
};
use accounts::{Account, Accounts};
use channel::{OutboundContent, OutboundPart, SendError, Sent};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Platform, Sender};
use process::clock::Clock;
use std::{sync::Arc, time::Duration};
use store::{
    Db,
    parts::{self, Attempt, Claim, Outcome, Settled},
    until_done,
};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uploads::Addresses;
use url::Url;

/// Sent before anybody could use it, e.g. while the database could not be asked for credentials.
const SOON: TimeDelta = TimeDelta::seconds(5);
/// All calls for a part end within this: its lease outlasts them and the settling, and nobody else has it meanwhile.
const CALLS: Duration = Duration::from_secs(25);

/// What all deliveries of a platform share.
pub struct Delivery {
    pub db: Db,
    pub accounts: Accounts,
    pub clock: Clock,
    pub platform: Platform,
    pub public_url: Url,
    /// Settling does not wait for the database any longer.
    pub give_up: CancellationToken,
}

impl Delivery {
    /// Delivers one claimed part and writes down what became of it.
    #[tracing::instrument(
        name = "send", skip_all,
        fields(part.id = %claim.id, message.id = %claim.message, integration.id = %claim.integration, platform = %self.platform)
    )]
    pub async fn deliver(&self, claim: &Claim) -> Settled {
        process::trace::set_parent(&tracing::Span::current(), claim.traceparent.as_deref());
        let started_at = self.clock.now();
        process::crash_point!("sender.after_claim");
        let (outcome_name, detail, outcome) = self.decide(claim, started_at).await;
        process::crash_point!("sender.before_settle");
        let attempt = Attempt {
            started_at,
            ended_at: self.clock.now(),
            outcome: outcome_name,
            detail,
        };
        metrics::counter!("botsmith_sends_total", "platform" => self.platform.to_string(), "outcome" => outcome_name)
            .increment(1);
        metrics::histogram!("botsmith_send_seconds", "platform" => self.platform.to_string())
            .record((attempt.ended_at - attempt.started_at).as_seconds_f64());

        let settled = until_done!(
            &self.give_up,
            "settling",
            parts::settle(&self.db, claim, &attempt, &outcome)
        );
        process::crash_point!("sender.after_settle");
        match settled {
            Some(Ok(settled)) => settled,
            Some(Err(error)) => {
                // Its lease runs out, and the platform is asked.
                tracing::error!(error = &error as &dyn std::error::Error, "a part was not settled");
                Settled::default()
            }
            None => Settled::default(),
        }
    }

    /// Name of the attempt's outcome, what the platform said, and what becomes of the part.
    async fn decide(&self, claim: &Claim, now: DateTime<Utc>) -> (&'static str, Option<String>, Outcome) {
        let deadline = Instant::now() + CALLS;
        if let Some(outcome) = taken_back(claim, now).filter(|_| !claim.uncertain) {
            return ("none", None, outcome);
        }
        let account = match self
            .accounts
            .of_integration(claim.integration, claim.integration_version)
            .await
        {
            Ok(Some(account)) => account,
            Ok(None) => {
                let reason = "the integration has been deleted".to_owned();
                return (
                    "none",
                    None,
                    Outcome::Dead {
                        code: None,
                        reason,
                        may_have_arrived: claim.uncertain,
                    },
                );
            }
            Err(error) if error.is_transient() => {
                return ("none", None, later(claim, now, &error.to_string()));
            }
            Err(error) => {
                return (
                    "none",
                    None,
                    Outcome::Park {
                        reason: error.to_string(),
                    },
                );
            }
        };
        let (part, made) = match self.part(claim, &account).await {
            Ok(ready) => ready,
            Err(Unready::Now(reason)) => return ("none", None, later(claim, now, &reason)),
            Err(Unready::ForGood(reason)) => {
                return (
                    "none",
                    None,
                    Outcome::Dead {
                        code: None,
                        reason,
                        may_have_arrived: claim.uncertain,
                    },
                );
            }
        };
        let no_more = || taken_back(claim, now).or_else(|| window_closed(claim, &account, &part, now));
        if let Some(outcome) = no_more().filter(|_| !claim.uncertain) {
            return ("none", None, outcome);
        }
        let mut uncertain = claim.uncertain;
        match self.finish_draft(claim, &account, (&part, &made), deadline).await {
            Finished::Settled(name, detail, outcome) => return (name, detail, outcome),
            Finished::NoDraft => {}
            Finished::SendAnew => uncertain = false,
        }
        let mut resent = false;
        if uncertain {
            match self.ask(claim, &account, &part, now, deadline).await {
                Asked::HasIt(sent) => return ("found", None, accepted(sent)),
                Asked::HasItNot => {
                    // It did not arrive, so it can still be taken back.
                    if let Some(outcome) = no_more() {
                        return ("none", None, outcome);
                    }
                }
                Asked::CannotSay if claim.resent => {
                    let reason = "the outcome of two calls is unknown; it may have arrived".to_owned();
                    return (
                        "none",
                        None,
                        Outcome::Dead {
                            code: None,
                            reason,
                            may_have_arrived: true,
                        },
                    );
                }
                Asked::CannotSay => {
                    if let Some(outcome) = no_more() {
                        return ("none", None, not_again(outcome));
                    }
                    resent = true;
                }
                Asked::Failed(error) => {
                    let error = made.hidden(error);
                    let (name, outcome) = could_not_ask(claim, &error, now, jitter());
                    return (name, Some(error.to_string()), outcome);
                }
            }
        }
        self.call(claim, &account, (&part, &made), resent, deadline).await
    }

    async fn call(
        &self,
        claim: &Claim,
        account: &Account,
        (part, made): (&OutboundPart, &Made),
        resent: bool,
        deadline: Instant,
    ) -> (&'static str, Option<String>, Outcome) {
        process::crash_point!("sender.before_call");
        let sending = account.channel.send(part, &account.credentials);
        let result = timeout_at(deadline, sending).await.unwrap_or_else(|_| {
            Err(SendError::Ambiguous {
                reason: "the calls took too long".to_owned(),
            })
        });
        process::crash_point!("sender.after_call");
        match result.map_err(|error| made.hidden(error)) {
            Ok(sent) => (
                "sent",
                resent.then(|| "sent once more".to_owned()),
                accepted(sent),
            ),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "not delivered");
                let (name, outcome) = settle(claim, resent, &error, self.clock.now(), jitter());
                let outcome = if resent { still_unknown(outcome) } else { outcome };
                (name, Some(error.to_string()), outcome)
            }
        }
    }

    /// Whether the platform has the part. What it has of another part with the same words does not count.
    async fn ask(
        &self,
        claim: &Claim,
        account: &Account,
        part: &OutboundPart,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Asked {
        let first = claim.first_attempt_at.unwrap_or(now - TimeDelta::hours(1));
        let asking = account.channel.candidates(part, first, &account.credentials);
        let asked = timeout_at(deadline, asking).await.unwrap_or_else(|_| {
            Some(Err(SendError::Retry {
                after: None,
                rate_limited: false,
                reason: "the platform took too long to say".to_owned(),
            }))
        });
        let candidates = match asked {
            None => return Asked::CannotSay,
            Some(Err(error)) => return Asked::Failed(error),
            Some(Ok(candidates)) => candidates,
        };
        let ids: Vec<String> = candidates
            .iter()
            .map(|sent| sent.platform_message_id.clone())
            .collect();
        match parts::not_of_others(&self.db, claim, &ids).await {
            Ok(ours) => candidates
                .into_iter()
                .find(|sent| ours.contains(&sent.platform_message_id))
                .map_or(Asked::HasItNot, Asked::HasIt),
            Err(error) => Asked::Failed(SendError::Retry {
                after: None,
                rate_limited: false,
                reason: format!("which messages are whose cannot be read now: {error}"),
            }),
        }
    }

    async fn part(&self, claim: &Claim, account: &Arc<Account>) -> Result<(OutboundPart, Made), Unready> {
        let mut content: OutboundContent = serde_json::from_value(claim.content.clone())
            .map_err(|error| Unready::ForGood(format!("its content is unreadable: {error}")))?;
        let reply_to = match &claim.reply_to {
            None => None,
            Some((message, sealed)) => Some(self.open_reply_to(account, *message, sealed).await?),
        };
        let addresses = Addresses::new(self.accounts.masters().clone(), self.public_url.clone());
        let made = media::address(
            &mut content,
            &addresses,
            account.workspace,
            self.platform.is_own(),
            claim.first_attempt_at,
            self.clock.now(),
        )
        .map_err(|error| Unready::ForGood(error.to_string()))?;
        let part = OutboundPart {
            id: claim.id,
            platform: self.platform.clone(),
            contact: claim.contact_key.clone(),
            conversation: claim.conversation_key.clone(),
            content,
            reply_to,
            status_callback: self.status_callback(claim),
        };
        Ok((part, made))
    }

    pub(crate) async fn open_reply_to(
        &self,
        account: &Account,
        message: domain::MessageId,
        sealed: &[u8],
    ) -> Result<serde_json::Value, Unready> {
        use secrecy::ExposeSecret;
        let json = self
            .accounts
            .open_reply_to(account.workspace, message, sealed)
            .await
            .map_err(|error| {
                let reason = format!("what its platform needs to be answered cannot be unsealed: {error}");
                if error.is_transient() {
                    Unready::Now(reason)
                } else {
                    Unready::ForGood(reason)
                }
            })?;
        serde_json::from_str(json.expose_secret())
            .map_err(|_| Unready::ForGood("what its platform needs to be answered is unreadable".to_owned()))
    }

    fn status_callback(&self, claim: &Claim) -> Option<Url> {
        let base = self.public_url.as_str().trim_end_matches('/');
        format!(
            "{base}/api/{}/status/{}/{}",
            self.platform, claim.chatbot, claim.id
        )
        .parse()
        .ok()
    }
}

/// Why a part cannot be handed over, in words.
pub(crate) enum Unready {
    Now(String),
    ForGood(String),
}

impl Unready {
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::Now(reason) | Self::ForGood(reason) => reason,
        }
    }
}

pub(crate) enum Asked {
    HasIt(Sent),
    HasItNot,
    CannotSay,
    Failed(SendError),
}

fn accepted(sent: Sent) -> Outcome {
    Outcome::Sent {
        platform_message_id: sent.platform_message_id,
        segments: sent.segments,
    }
}

/// What has happened since the part was queued that takes it back.
fn taken_back(claim: &Claim, now: DateTime<Utc>) -> Option<Outcome> {
    if claim.opted_out {
        return Some(Outcome::Cancelled {
            reason: "the contact has opted out".to_owned(),
        });
    }
    if claim.human && claim.sender == Sender::Bot {
        return Some(Outcome::Cancelled {
            reason: "a human took over".to_owned(),
        });
    }
    if claim.expires_at.is_some_and(|expires_at| expires_at <= now) {
        let reason = "it was not worth sending any more when it could be sent".to_owned();
        return Some(Outcome::Expired { reason });
    }
    None
}

/// What becomes of a part that may not be sent again, and of which nobody can say whether it was sent.
fn not_again(taken_back: Outcome) -> Outcome {
    let reason = match taken_back {
        Outcome::Cancelled { reason } | Outcome::Expired { reason } => reason,
        other => return other,
    };
    Outcome::Dead {
        code: None,
        reason: format!("whether it arrived is not known, and it is not sent again: {reason}"),
        may_have_arrived: true,
    }
}

/// That the one re-send was refused says nothing of the call before it.
fn still_unknown(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Retry { due_at, reason, .. } => Outcome::Ask {
            due_at,
            resent: false,
            reason,
        },
        Outcome::Dead { code, reason, .. } => Outcome::Dead {
            code,
            reason,
            may_have_arrived: true,
        },
        other => other,
    }
}

/// Platforms that let us answer only for a while after somebody wrote say so late, and in riddles.
fn window_closed(
    claim: &Claim,
    account: &Account,
    part: &OutboundPart,
    now: DateTime<Utc>,
) -> Option<Outcome> {
    let window = account.channel.setup().limits.reply_window?;
    if part.content.template.is_some() {
        return None;
    }
    let open_until = claim
        .last_inbound_at
        .and_then(|last| last.checked_add_signed(TimeDelta::from_std(window).ok()?));
    if open_until.is_some_and(|until| now < until) {
        return None;
    }
    Some(Outcome::Expired {
        reason: format!(
            "the platform lets us answer only within {} hours after somebody wrote",
            window.as_secs() / 3_600
        ),
    })
}

fn later(claim: &Claim, now: DateTime<Utc>, reason: &str) -> Outcome {
    let reason = reason.to_owned();
    if claim.uncertain {
        Outcome::Ask {
            due_at: now + SOON,
            resent: false,
            reason,
        }
    } else {
        Outcome::Retry {
            due_at: now + SOON,
            pause_until: None,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
