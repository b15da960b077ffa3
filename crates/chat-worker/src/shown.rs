//! Showing an answer on its platform while it is being written: one message that is changed until it is the answer.
//!
//! Invariants:
//! - The row comes before the call ([`store::drafts`]): whatever dies, the message becomes the answer or is withdrawn.
//! - It runs beside the model and never slows it: while a call is under way newer text takes older text's place.
//! - No call is under way when [`Showing::follow`] has returned, so the answer itself always comes last.
//! - What goes wrong with it ends the showing and never the turn.

use crate::written::is_written_on;
use accounts::{Account, Accounts};
use channel::{OutboundContent, OutboundPart, Reply, SendError, Sent};
use chrono::TimeDelta;
use domain::MessageId;
use process::clock::Clock;
use std::{sync::Arc, time::Duration};
use store::{
    Db, StoreError,
    drafts::{self, Allowed, Begun, Draft},
    turns::Claim,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// A text without a whole sentence is worth showing from this many characters.
const WORTH_SHOWING: usize = 80;
/// A call that takes longer is given up: what it did is found out by the next one, or by the sender.
const CALL: Duration = Duration::from_secs(10);
/// A platform that has had enough and does not say for how long.
const PAUSE: TimeDelta = TimeDelta::seconds(5);
/// A platform that asks for more patience is taken at its word, but no longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Whom a turn's answer is shown to.
pub struct Showing<'a> {
    db: &'a Db,
    clock: &'a Clock,
    claim: &'a Claim,
    account: Arc<Account>,
    /// Without content.
    part: OutboundPart,
    reply_to: Option<MessageId>,
    pace: Duration,
}

/// Why the showing ends.
#[derive(Debug, thiserror::Error)]
enum Over {
    /// The answer is there, or may not be shown.
    #[error("it is over")]
    Done,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Platform(#[from] SendError),
    #[error("the platform did not answer in time")]
    Slow,
}

impl<'a> Showing<'a> {
    /// `None`: its platform or its owner does not show answers while they are written, or it cannot be found out now.
    /// `reply_to` is the message that the answer will be an answer to.
    pub async fn of(
        db: &'a Db,
        accounts: &Accounts,
        clock: &'a Clock,
        claim: &'a Claim,
        reply_to: Option<MessageId>,
    ) -> Option<Showing<'a>> {
        let found = Self::find(db, accounts, clock, claim, reply_to).await;
        found.unwrap_or_else(|error| {
            tracing::debug!(error, "the answer is not shown while it is written");
            None
        })
    }

    async fn find(
        db: &'a Db,
        accounts: &Accounts,
        clock: &'a Clock,
        claim: &'a Claim,
        reply_to: Option<MessageId>,
    ) -> Result<Option<Showing<'a>>, String> {
        let channel = accounts.channels().get(&claim.platform);
        let Some(pace) = channel.and_then(channel::ChannelHandle::edit_pace) else {
            return Ok(None);
        };
        let wants = drafts::wanted(db, claim.integration).await;
        if !wants.map_err(|error| error.to_string())? {
            return Ok(None);
        }
        let account = accounts.of_integration(claim.integration, 0).await;
        let Some(account) = account.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let correspondent = drafts::correspondent(db, claim.conversation, reply_to).await;
        let Some(found) = correspondent.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let opened = match found.reply_to {
            None => None,
            Some((message, sealed)) => {
                let json = accounts.open_reply_to(account.workspace, message, &sealed).await;
                let json = json.map_err(|error| error.to_string())?;
                serde_json::from_str(secrecy::ExposeSecret::expose_secret(&json)).ok()
            }
        };
        let part = OutboundPart {
            id: domain::PartId::new(),
            platform: claim.platform.clone(),
            contact: found.contact_key,
            conversation: found.conversation_key,
            content: OutboundContent::default(),
            reply_to: opened,
            status_callback: None,
        };
        Ok(Some(Self {
            db,
            clock,
            claim,
            account,
            part,
            reply_to,
            pace,
        }))
    }

    /// Shows what is written until no more will be.
    pub async fn follow(&self, mut written: watch::Receiver<String>) {
        let Err(over) = self.show(&mut written).await else {
            return;
        };
        if let Over::Platform(SendError::Retry {
            after,
            rate_limited: true,
            ..
        }) = &over
        {
            let after = after.and_then(|after| TimeDelta::from_std(after.min(LONGEST_PAUSE)).ok());
            let until = self.clock.now() + after.unwrap_or(PAUSE);
            if let Err(error) = drafts::pause(self.db, self.claim.integration, until).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a pause was not noted");
            }
        }
        if !matches!(over, Over::Done) {
            tracing::warn!(
                error = &over as &dyn std::error::Error,
                "the answer is shown no further before it is finished"
            );
            metrics::counter!("botsmith_drafts_stopped_total").increment(1);
        }
    }

    /// Returns only when there is no more to show.
    async fn show(&self, written: &mut watch::Receiver<String>) -> Result<(), Over> {
        let ended = |_| Over::Done;
        written
            .wait_for(|text| is_worth_showing(text))
            .await
            .map_err(ended)?;
        let (draft, mut sent, mut shown) = self.begin(written).await?;
        let mut called_at = Instant::now();
        loop {
            self.rest(written, called_at).await?;
            let content = self.content(&written.borrow_and_update());
            if let Some(content) = content.filter(|content| *content != shown) {
                match drafts::next_version(self.db, self.claim, draft.id, &json(&content)?, self.clock.now())
                    .await?
                {
                    Allowed::Yes => {
                        self.change(&draft, &mut sent, &content).await?;
                        shown = content;
                    }
                    Allowed::NotNow => {}
                    Allowed::Never => return Err(Over::Done),
                }
                called_at = Instant::now();
            }
            written.changed().await.map_err(ended)?;
        }
    }

    /// The message, with what it shows now.
    async fn begin(
        &self,
        written: &mut watch::Receiver<String>,
    ) -> Result<(Draft, Sent, OutboundContent), Over> {
        loop {
            let content = self.content(&written.borrow_and_update()).ok_or(Over::Done)?;
            let first = json(&content)?;
            let begun = drafts::begin(self.db, self.claim, &first, self.reply_to, self.clock.now());
            match begun.await? {
                Begun::New(draft) => {
                    let sent = self.send(&draft, &content).await?;
                    return Ok((draft, sent, content));
                }
                Begun::Before(draft) => {
                    let shown: OutboundContent =
                        serde_json::from_value(draft.content.clone()).unwrap_or_default();
                    if let Some(sent) = self.where_it_is(&draft, &shown).await? {
                        return Ok((draft, sent, shown));
                    }
                    let sent = self.send(&draft, &shown).await?;
                    return Ok((draft, sent, shown));
                }
                Begun::NotNow => {
                    self.rest(written, Instant::now()).await?;
                    written.changed().await.map_err(|_| Over::Done)?;
                }
                Begun::Never => return Err(Over::Done),
            }
        }
    }

    async fn rest(&self, written: &watch::Receiver<String>, called_at: Instant) -> Result<(), Over> {
        let more = is_written_on(written, called_at + self.pace).await;
        more.then_some(()).ok_or(Over::Done)
    }

    /// What of a text stands in the first message of a reply.
    fn content(&self, text: &str) -> Option<OutboundContent> {
        let reply = Reply {
            text: whole_words(text).to_owned(),
            ..Reply::default()
        };
        self.account.channel.compose(&reply).into_iter().next()
    }

    fn part(&self, draft: &Draft, content: &OutboundContent) -> OutboundPart {
        OutboundPart {
            id: draft.id,
            content: content.clone(),
            ..self.part.clone()
        }
    }

    async fn send(&self, draft: &Draft, content: &OutboundContent) -> Result<Sent, Over> {
        let part = self.part(draft, content);
        let sending = self.account.channel.send(&part, &self.account.credentials);
        // Given up, its outcome is unknown: the row stays, and the platform is asked before anything else is done.
        let sent = match timeout(CALL, sending).await.map_err(|_| Over::Slow)? {
            Ok(sent) => sent,
            Err(error @ SendError::Ambiguous { .. }) => return Err(error.into()),
            Err(error) => {
                drafts::forget(self.db, draft.id).await?;
                return Err(error.into());
            }
        };
        drafts::sent(self.db, draft.id, &sent.platform_message_id).await?;
        Ok(sent)
    }

    async fn change(&self, draft: &Draft, sent: &mut Sent, content: &OutboundContent) -> Result<(), Over> {
        let part = self.part(draft, content);
        let account = &self.account;
        let editing = account.channel.edit(&part, sent, content, &account.credentials);
        let edited = timeout(CALL, editing).await.map_err(|_| Over::Slow)?;
        match edited.ok_or(Over::Done)? {
            Ok(()) => Ok(()),
            Err(error) => {
                if let SendError::Rejected { reason, .. } = &error {
                    drafts::give_up(self.db, draft.id, reason, self.clock.now()).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Where the message is that a turn before this one sent. `None`: nowhere.
    async fn where_it_is(&self, draft: &Draft, shown: &OutboundContent) -> Result<Option<Sent>, Over> {
        if let Some(id) = &draft.platform_message_id {
            return Ok(Some(Sent {
                platform_message_id: id.clone(),
                segments: None,
            }));
        }
        let part = self.part(draft, shown);
        let asking = self
            .account
            .channel
            .candidates(&part, draft.first_called_at, &self.account.credentials);
        let asked = timeout(CALL, asking).await.map_err(|_| Over::Slow)?;
        // Nobody can say: it is not sent once more for being shown, and the answer will be a message of its own.
        let candidates = asked.ok_or(Over::Done)??;
        let ids: Vec<String> = candidates
            .iter()
            .map(|sent| sent.platform_message_id.clone())
            .collect();
        let ours = drafts::not_of_others(self.db, draft, &ids).await?;
        let found = candidates
            .into_iter()
            .find(|sent| ours.contains(&sent.platform_message_id));
        if let Some(sent) = &found {
            drafts::sent(self.db, draft.id, &sent.platform_message_id).await?;
        }
        Ok(found)
    }
}

fn json(content: &OutboundContent) -> Result<serde_json::Value, StoreError> {
    Ok(serde_json::to_value(content)?)
}

/// A whole sentence, or enough to begin to read.
fn is_worth_showing(text: &str) -> bool {
    let text = text.trim();
    let sentence = text
        .match_indices(['.', '!', '?', '…', '。', '！', '？', '\n'])
        .any(|(at, end)| at >= 12 && (end != "." || text[at + 1..].starts_with(char::is_whitespace)));
    sentence || text.chars().count() >= WORTH_SHOWING
}

/// Without a last word that may not be all there; a text without spaces is shown as it is.
fn whole_words(text: &str) -> &str {
    match text.rfind(char::is_whitespace) {
        Some(end) if text.len() - end < WORTH_SHOWING => &text[..end],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_or_eighty_characters_are_worth_showing_and_a_few_words_are_not() {
        for (text, expected) in [
            ("", false),
            ("We are open", false),
            ("No. 5", false),
            ("The price is 12.50", false),
            ("We are open from nine. ", false),
            ("We are open from nine. On", true),
            ("いつも午前九時に開きます。", true),
        ] {
            assert_eq!(is_worth_showing(text), expected, "{text:?}");
        }
        assert!(!is_worth_showing(&"a".repeat(WORTH_SHOWING - 1)));
        assert!(is_worth_showing(&"a".repeat(WORTH_SHOWING)));
    }

    #[test]
    fn half_a_word_is_not_shown() {
        assert_eq!(whole_words("We are op"), "We are");
        assert_eq!(whole_words("We are "), "We are");
        assert_eq!(whole_words("開きます"), "開きます");
    }
}
