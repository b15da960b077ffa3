//! A part whose message is there already: it was shown while it was written, and is changed into what was written.

use super::{Asked, CALLS, Delivery, accepted, later};
use crate::{
    media::Made,
    settle::{could_not_ask, jitter, settle},
};
use accounts::Account;
use channel::{OutboundContent, OutboundPart, SendError, Sent};
use store::{
    drafts::{self, Draft},
    parts::{Claim, Outcome},
};
use tokio::time::{Instant, timeout_at};

/// What became of a part that may take a draft's place.
pub(super) enum Finished {
    /// This.
    Settled(&'static str, Option<String>, Outcome),
    /// There is no draft: the part goes the way of every other.
    NoDraft,
    /// The draft cannot become it: it was never sent, and goes as a message of its own.
    SendAnew,
}

impl Delivery {
    /// Changes the draft into the part. That may be done as often as one likes, so an unknown outcome is simply tried
    /// again.
    pub(super) async fn finish_draft(
        &self,
        claim: &Claim,
        account: &Account,
        (part, made): (&OutboundPart, &Made),
        deadline: Instant,
    ) -> Finished {
        if account.channel.edit_pace().is_none() {
            return Finished::NoDraft;
        }
        let draft = match drafts::of_part(&self.db, claim.id).await {
            Ok(Some(draft)) => draft,
            Ok(None) => return Finished::NoDraft,
            Err(error) => return self.not_now(claim, &error),
        };
        let sent = match self.where_it_is(&draft, account, part, deadline).await {
            Asked::HasIt(sent) => sent,
            Asked::HasItNot | Asked::CannotSay => {
                return self.anew(claim, &draft, "it was not found").await;
            }
            Asked::Failed(error) => {
                let (name, outcome) = could_not_ask(claim, &error, self.clock.now(), jitter());
                return Finished::Settled(name, Some(error.to_string()), outcome);
            }
        };
        let editing = account
            .channel
            .edit(part, &sent, &part.content, &account.credentials);
        let edited = timeout_at(deadline, editing).await.unwrap_or_else(|_| {
            Some(Err(SendError::Ambiguous {
                reason: format!("the calls took longer than {} s", CALLS.as_secs()),
            }))
        });
        match edited {
            Some(Ok(())) => Finished::Settled("sent", Some("shown before".to_owned()), accepted(sent)),
            None => self.anew(claim, &draft, "the platform changes no messages").await,
            Some(Err(error)) => match made.hidden(error) {
                SendError::Rejected { reason, .. } => self.anew(claim, &draft, &reason).await,
                SendError::Ambiguous { reason } => {
                    let again = SendError::Retry {
                        after: None,
                        rate_limited: false,
                        reason,
                    };
                    self.failed(claim, &again)
                }
                error => self.failed(claim, &error),
            },
        }
    }

    fn failed(&self, claim: &Claim, error: &SendError) -> Finished {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "a message was not changed into its answer"
        );
        let (name, outcome) = settle(claim, false, error, self.clock.now(), jitter());
        Finished::Settled(name, Some(error.to_string()), outcome)
    }

    fn not_now(&self, claim: &Claim, error: &store::StoreError) -> Finished {
        let outcome = later(claim, self.clock.now(), &error.to_string());
        Finished::Settled("none", None, outcome)
    }

    /// The draft is withdrawn before long; from now on nothing is taken for it.
    async fn anew(&self, claim: &Claim, draft: &Draft, reason: &str) -> Finished {
        match drafts::give_up(&self.db, draft.id, reason, self.clock.now()).await {
            Ok(()) => Finished::SendAnew,
            Err(error) => self.not_now(claim, &error),
        }
    }

    async fn where_it_is(
        &self,
        draft: &Draft,
        account: &Account,
        part: &OutboundPart,
        deadline: Instant,
    ) -> Asked {
        match &draft.platform_message_id {
            Some(id) => Asked::HasIt(Sent {
                platform_message_id: id.clone(),
                segments: None,
            }),
            None => self.ask_for_draft(draft, account, part, deadline).await,
        }
    }

    /// Whether the platform has a draft whose sending had an unknown outcome. `like`: where it would be.
    pub(crate) async fn ask_for_draft(
        &self,
        draft: &Draft,
        account: &Account,
        like: &OutboundPart,
        deadline: Instant,
    ) -> Asked {
        let content: OutboundContent = serde_json::from_value(draft.content.clone()).unwrap_or_default();
        let shown = OutboundPart {
            id: draft.id,
            content,
            ..like.clone()
        };
        let asking = account
            .channel
            .candidates(&shown, draft.first_called_at, &account.credentials);
        let retry = |reason: String| {
            Asked::Failed(SendError::Retry {
                after: None,
                rate_limited: false,
                reason,
            })
        };
        let candidates = match timeout_at(deadline, asking).await {
            Err(_) => return retry("the platform took too long to say".to_owned()),
            Ok(None) => return Asked::CannotSay,
            Ok(Some(Err(error))) => return Asked::Failed(error),
            Ok(Some(Ok(candidates))) => candidates,
        };
        let ids: Vec<String> = candidates
            .iter()
            .map(|sent| sent.platform_message_id.clone())
            .collect();
        let ours = match drafts::not_of_others(&self.db, draft, &ids).await {
            Ok(ours) => ours,
            Err(error) => return retry(format!("which messages are whose cannot be read now: {error}")),
        };
        let found = candidates
            .into_iter()
            .find(|sent| ours.contains(&sent.platform_message_id));
        let Some(sent) = found else {
            return Asked::HasItNot;
        };
        match drafts::sent(&self.db, draft.id, &sent.platform_message_id).await {
            Ok(()) => Asked::HasIt(sent),
            Err(error) => retry(format!("where the message is cannot be noted now: {error}")),
        }
    }
}
