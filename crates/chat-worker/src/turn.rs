//! One turn: the waiting messages of one conversation in, one answer out.

use crate::{
    Settings,
    answer::{self, AnswerError, Answered, Answerer, Listener, Manner},
    bots::Bots,
    handoff,
    shown::Showing,
    stream::Followed,
    typing, wake,
    written::written,
};
use accounts::Accounts;
use channel::{Button, Reply};
use chrono::TimeDelta;
use domain::{InboundState, MessageId};
use process::clock::Clock;
use queue::{Queue, news::News};
use std::{sync::Arc, time::Duration};
use store::{
    Db, StoreError,
    chatbots::Chatbot,
    turns::{self, BotReply, Claim, Committed, Waiting},
    until_done, usage,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

const LEASE: TimeDelta = TimeDelta::seconds(30);
const RENEW: Duration = Duration::from_secs(10);
/// Until the next attempt at a renewal that failed.
const RENEW_AGAIN: Duration = Duration::from_secs(1);
/// A message that was in hand this often and never got through takes its worker down with it.
const MOST_ATTEMPTS: i32 = 5;
/// When what waits for a stopped chatbot is looked at again. It is due at once when the chatbot goes on.
const PAUSED: TimeDelta = TimeDelta::minutes(5);

/// How long a claim holds without being renewed.
pub const fn lease() -> TimeDelta {
    LEASE
}

/// What all turns of a process share.
pub struct Worker {
    pub settings: Settings,
    pub db: Db,
    pub queue: Queue,
    pub clock: Clock,
    pub accounts: Accounts,
    pub bots: Bots,
    pub answerer: Answerer,
    /// Turns under way end without a commit and give their conversation back.
    pub give_up: CancellationToken,
}

/// One turn.
pub struct Turn {
    pub worker: Arc<Worker>,
    pub claim: Claim,
}

/// Why a turn ended without a commit.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("the platform {0} is not part of this installation")]
    UnknownPlatform(domain::Platform),
    #[error("told to stop before the answer was stored")]
    Stopped,
}

impl Turn {
    /// Runs it to its commit. Whatever goes wrong, the conversation is due again.
    pub async fn run(self) {
        let span = tracing::info_span!(
            "turn",
            conversation.id = %self.claim.conversation,
            chatbot.id = %self.claim.chatbot,
            workspace.id = %self.claim.workspace
        );
        let started = std::time::Instant::now();
        let outcome = async {
            tokio::select! {
                outcome = self.to_commit(&span) => Some(outcome),
                () = self.lose_lease() => None,
                () = self.worker.give_up.cancelled() => {
                    self.give_back(TimeDelta::zero()).await;
                    None
                }
            }
        }
        .instrument(span.clone())
        .await;
        metrics::histogram!("botsmith_turn_seconds").record(started.elapsed().as_secs_f64());
        if let Some(Err(error)) = outcome {
            let _entered = span.enter();
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the turn failed and will be run again"
            );
            drop(_entered);
            self.give_back(TimeDelta::seconds(2)).instrument(span).await;
        }
    }

    async fn to_commit(&self, span: &Span) -> Result<(), TurnError> {
        process::crash_point!("turn.after_claim");
        let followed = Followed::of(&self.worker.db, &self.worker.queue, &self.claim).await?;
        let outcome = self.take_rounds(span, followed.as_ref()).await;
        if let Some(followed) = followed {
            followed.tell(&News::Changed);
        }
        outcome
    }

    async fn take_rounds(&self, span: &Span, followed: Option<&Followed>) -> Result<(), TurnError> {
        // The second time round takes an older message in; a third would let a talkative contact wait for ever.
        for round in 0..2 {
            if round == 0 && self.is_paused().await? {
                return Ok(());
            }
            let waiting = turns::take_up(&self.worker.db, &self.claim).await?;
            if round == 0 {
                let traceparent = waiting.last().and_then(|message| message.traceparent.as_deref());
                process::trace::set_parent(span, traceparent);
            }
            let Some((bot, waiting)) = self.sort_out(waiting).await? else {
                return Ok(());
            };
            let waiting = self.with_choices(waiting).await?;
            let (reply, was_shown) = tokio::select! {
                reply = self.answer(&bot, &waiting, followed) => reply?,
                never = self.show_typing() => match never {},
            };
            process::crash_point!("turn.before_commit");
            let worker = &self.worker;
            // An answer that is there is kept while the database is busy: asking its model again would add to the load.
            let committed = until_done!(
                &worker.give_up,
                "an answer's commit",
                turns::commit(
                    &worker.db,
                    &self.claim,
                    &waiting,
                    &reply,
                    round > 0,
                    worker.clock.now(),
                )
            );
            let committed = committed.ok_or(TurnError::Stopped)??;
            process::crash_point!("turn.after_commit");
            match committed {
                Committed::OlderArrived => {}
                Committed::Answered { due_at, message, .. } => {
                    tracing::info!(message.id = %message, messages = waiting.len(), "answered");
                    metrics::counter!("botsmith_answers_total").increment(1);
                    wake::senders(&worker.queue, &self.claim.platform, worker.clock.now());
                    if was_shown {
                        self.wake_again();
                    }
                    if let Some(due_at) = due_at {
                        wake::turns(&worker.queue, due_at);
                    }
                    process::crash_point!("turn.after_wake");
                    return Ok(());
                }
                Committed::TakenOver => {
                    tracing::info!("a human took over: the answer was not sent");
                    return Ok(());
                }
                Committed::LeaseLost => {
                    tracing::info!("another worker has the conversation: the answer was not sent");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What was shown while it was written is changed into the answer only when the platform takes one more call for the
    /// conversation.
    fn wake_again(&self) {
        let channel = self.worker.accounts.channels().get(&self.claim.platform);
        if let Some(channel) = channel.filter(|channel| channel.edit_pace().is_some()) {
            let (worker, platform) = (self.worker.clone(), self.claim.platform.clone());
            let gap = channel.setup().limits.conversation_gap;
            tokio::spawn(async move {
                tokio::time::sleep(gap).await;
                wake::senders(&worker.queue, &platform, worker.clock.now());
            });
        }
    }

    /// Lets the conversation go, untouched, where an administrator has stopped the chatbot: what waits keeps its place and
    /// its attempts.
    async fn is_paused(&self) -> Result<bool, StoreError> {
        let worker = &self.worker;
        let bot = worker.bots.find(self.claim.chatbot).await?;
        if bot.is_none_or(|bot| bot.paused_at.is_none() || bot.archived_at.is_some()) {
            return Ok(false);
        }
        let is_paused = turns::put_off(&worker.db, &self.claim, worker.clock.now() + PAUSED).await?;
        if !is_paused {
            worker.bots.forget(self.claim.chatbot).await;
        }
        Ok(is_paused)
    }

    /// What is to be answered now. `None`: nothing, and the conversation is in our hand no more.
    async fn sort_out(
        &self,
        waiting: Vec<Waiting>,
    ) -> Result<Option<(Arc<Chatbot>, Vec<Waiting>)>, TurnError> {
        let worker = &self.worker;
        let ids = |messages: &[Waiting]| {
            messages
                .iter()
                .map(|message| message.id)
                .collect::<Vec<MessageId>>()
        };
        let bot = worker
            .bots
            .find(self.claim.chatbot)
            .await?
            .filter(|bot| bot.archived_at.is_none());
        let Some(bot) = bot else {
            self.close(
                &ids(&waiting),
                InboundState::Suppressed,
                "the chatbot is archived",
            )
            .await?;
            return Ok(None);
        };
        let (poison, waiting): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|message| message.attempts > MOST_ATTEMPTS);
        if !poison.is_empty() {
            let reason = format!("{MOST_ATTEMPTS} turns with it ended before their commit");
            if !self.set_aside(&ids(&poison), InboundState::Dead, &reason).await? {
                return Ok(None);
            }
        }
        let oldest = worker.clock.now() - max_answer_age(&bot);
        let (stale, waiting): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|message| message.accepted_at < oldest);
        if !stale.is_empty() {
            let reason = "it waited longer than an answer of this chatbot may take";
            if !self
                .set_aside(&ids(&stale), InboundState::Expired, reason)
                .await?
            {
                return Ok(None);
            }
        }
        if waiting.is_empty() {
            self.close(&[], InboundState::Suppressed, "").await?;
            return Ok(None);
        }
        Ok(Some((bot, waiting)))
    }

    /// `false`: the conversation is another worker's now.
    async fn set_aside(
        &self,
        messages: &[MessageId],
        state: InboundState,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let held = turns::set_aside(&self.worker.db, &self.claim, messages, state, reason).await?;
        if !held {
            tracing::info!("another worker has the conversation: nothing was set aside");
        }
        Ok(held)
    }

    async fn close(
        &self,
        messages: &[MessageId],
        state: InboundState,
        reason: &str,
    ) -> Result<(), StoreError> {
        let worker = &self.worker;
        let due = turns::close(
            &worker.db,
            &self.claim,
            messages,
            state,
            reason,
            worker.clock.now(),
        )
        .await?;
        if let Some(Some(due_at)) = due {
            wake::turns(&worker.queue, due_at);
        }
        Ok(())
    }

    async fn show_typing(&self) -> std::convert::Infallible {
        let worker = &self.worker;
        typing::show(
            &worker.db,
            &worker.accounts,
            self.claim.integration,
            self.claim.conversation,
        )
        .await
    }

    /// Where the last message offered answers to tap, a number alone means the one that bears it in the list.
    async fn with_choices(&self, mut waiting: Vec<Waiting>) -> Result<Vec<Waiting>, StoreError> {
        if let [only] = waiting.as_mut_slice()
            && let Some(number) = number_alone(&only.text)
            && let Some(offered) = turns::offered(&self.worker.db, self.claim.conversation).await?
            && let Ok(buttons) = serde_json::from_value::<Vec<Button>>(offered)
            && let Some(button) = buttons.into_iter().nth(number - 1)
        {
            only.text = button.title;
            only.choice = Some(button.value);
        }
        Ok(waiting)
    }

    async fn answer(
        &self,
        bot: &Chatbot,
        waiting: &[Waiting],
        followed: Option<&Followed>,
    ) -> Result<(BotReply, bool), TurnError> {
        let worker = &self.worker;
        if let Some(followed) = followed {
            followed.tell(&News::Typing);
        }
        let channel = worker
            .accounts
            .channels()
            .get(&self.claim.platform)
            .ok_or_else(|| TurnError::UnknownPlatform(self.claim.platform.clone()))?;
        let (answer, was_shown) = self.answered(bot, waiting, followed).await?;
        let buttons = (!answer.buttons.is_empty())
            .then(|| serde_json::to_value(&answer.buttons))
            .transpose()
            .map_err(StoreError::from)?;
        let contents = channel.compose(&Reply {
            text: answer.text.clone(),
            buttons: answer.buttons,
            ..Reply::default()
        });
        let contents = contents
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)?;
        let oldest = waiting
            .iter()
            .map(|message| message.accepted_at)
            .min()
            .unwrap_or_else(|| worker.clock.now());
        let reply = BotReply {
            text: answer.text,
            contents,
            expires_at: oldest + max_answer_age(bot),
            traceparent: process::trace::current_traceparent(),
            record: answer.record,
            handoff: answer.handoff,
            buttons,
            calls: answer.calls,
        };
        Ok((reply, was_shown))
    }

    /// The answer, or the words with which the bot hands the conversation over.
    async fn answered(
        &self,
        bot: &Chatbot,
        waiting: &[Waiting],
        followed: Option<&Followed>,
    ) -> Result<(Answered, bool), TurnError> {
        let worker = &self.worker;
        let conduct = worker.bots.conduct(bot.id).await?;
        let rules = &conduct.handoff;
        let kit = worker.bots.kit(bot.id).await?;
        let manner = Manner {
            conduct: &conduct,
            kit: &kit,
            now: worker.clock.now(),
        };
        if let Some(handing) = handoff::wanted(rules, &answer::question(waiting)) {
            return Ok((Answered::handing_over(waiting, handing), false));
        }
        if !usage::has_messages_left(&worker.db, self.claim.workspace, worker.clock.now()).await? {
            metrics::counter!("botsmith_plan_refusals_total").increment(1);
            return Ok((Answered::over_plan(bot, waiting), false));
        }
        let (answer, was_shown) = self.written(bot, manner, waiting, followed).await?;
        if !answer.record.unanswered || rules.after_unanswered.is_none() {
            return Ok((answer, was_shown));
        }
        let most = rules.after_unanswered.map_or(0, i64::from);
        let before = turns::unanswered_in_a_row(&worker.db, self.claim.conversation, most).await?;
        let answer = match handoff::given_up(rules, before) {
            Some(handing) => answer.instead(handing),
            None => answer,
        };
        Ok((answer, was_shown))
    }

    /// The answer, shown meanwhile to whoever follows the conversation, or to the person on the platform itself; and
    /// whether it was to be shown there.
    async fn written(
        &self,
        bot: &Chatbot,
        manner: Manner<'_>,
        waiting: &[Waiting],
        followed: Option<&Followed>,
    ) -> Result<(Answered, bool), AnswerError> {
        let worker = &self.worker;
        let conversation = self.claim.conversation;
        let (sink, written) = written();
        let answering = async move {
            let listener: Listener<'_> = &mut |text| sink.say(text);
            let answer = worker
                .answerer
                .answer(bot, manner, conversation, waiting, Some(listener))
                .await;
            // Whoever shows it hears that no more will come.
            drop(sink);
            answer
        };
        if let Some(followed) = followed {
            let (answer, ()) = tokio::join!(answering, followed.show(written));
            return Ok((answer?, false));
        }
        let reply_to = waiting.iter().rev().find(|message| message.has_reply_to);
        let showing = Showing::of(
            &worker.db,
            &worker.accounts,
            &worker.clock,
            &self.claim,
            reply_to.map(|message| message.id),
        );
        let Some(showing) = showing.await else {
            let answering = worker.answerer.answer(bot, manner, conversation, waiting, None);
            return Ok((answering.await?, false));
        };
        let (answer, ()) = tokio::join!(answering, showing.follow(written));
        Ok((answer?, true))
    }

    /// Keeps the lease for as long as the turn runs; returns when it is lost.
    async fn lose_lease(&self) {
        let mut pause = RENEW;
        loop {
            tokio::time::sleep(pause).await;
            pause = RENEW;
            match turns::renew(&self.worker.db, &self.claim, self.worker.clock.now() + LEASE).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!("the conversation went to another worker during the turn");
                    return;
                }
                // The commit will find out whether it is still ours.
                Err(error) => {
                    pause = RENEW_AGAIN;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the lease was not renewed"
                    );
                }
            }
        }
    }

    async fn give_back(&self, pause: TimeDelta) {
        let worker = &self.worker;
        let due_at = worker.clock.now() + pause;
        match turns::give_back(&worker.db, &self.claim, due_at).await {
            Ok(()) => wake::turns(&worker.queue, due_at),
            // The scheduler takes it out of our hand when the lease has run out.
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the conversation was not given back"
            ),
        }
    }
}

/// The number that somebody typed and nothing else: `2`, `2.`, `(2)`.
fn number_alone(text: &str) -> Option<usize> {
    let digits = text.trim().trim_matches(['.', ')', '(', '#', ' ']);
    let short = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    short
        .then(|| digits.parse().ok())
        .flatten()
        .filter(|&number| number > 0)
}

/// How old an answer of this chatbot may be.
fn max_answer_age(bot: &Chatbot) -> TimeDelta {
    TimeDelta::seconds(bot.max_answer_age_seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_a_choice_and_a_number_in_a_sentence_is_not() {
        for (text, expected) in [
            ("2", Some(2)),
            (" 12. ", Some(12)),
            ("(3)", Some(3)),
            ("0", None),
            ("123", None),
            ("2 please", None),
            ("", None),
        ] {
            assert_eq!(number_alone(text), expected, "{text:?}");
        }
    }
}
