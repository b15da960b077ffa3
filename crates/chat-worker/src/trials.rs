//! Runs of questions, asked of a version of a chatbot: the same way to an answer that visitors' questions go, with what
//! the version says in the place of what is live.
//!
//! Invariants:
//! - Nothing is done beside answering: no message is sent, no tool is called, no conversation is touched.
//! - Chat is never held up: a process tries one question at a time, and rests between two.
//! - An answer that was recorded is not asked for again: a worker that dies leaves the rest of its run to another.

mod judge;
mod record;

use crate::{
    actions::Kit,
    answer::{AnswerError, Answerer, Manner},
    turn::Worker,
};
use domain::{ConversationId, FallbackReason, MessageId};
use judge::{Judged, judge};
use queue::{
    LiveEvent, LiveEvents,
    workspace_news::{self, WorkspaceNews},
};
use std::{sync::Arc, time::Duration};
use store::{
    StoreError,
    chatbots::{self, Chatbot},
    conduct::Conduct,
    retrieval::Retrieval,
    trials::{self, Asked, Claimed, Concluded, Outcome},
    turns::Waiting,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Whoever makes a run tells it under this topic.
const DUE: &str = "trials";
/// A run whose news was lost is found this late.
const POLL: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(60);
const RENEW: Duration = Duration::from_secs(15);
/// A run that failed for a reason of ours is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);
/// A run that was in hand this often and never got through takes its worker down with it.
const MOST_ATTEMPTS: i32 = 20;
/// No visitor would wait as long for an answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(300);
/// After this time others have their turn.
const TURN: Duration = Duration::from_secs(20);
/// A rest is as long as the answer took, and no longer than this.
const LONGEST_REST: Duration = Duration::from_millis(250);
/// A model that gives no answer is asked again after these times, before that counts against the version.
const ASKED_AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];

/// What is tried out.
#[derive(Debug, Clone)]
pub struct Trial {
    /// How the knowledge is searched.
    pub retrieval: Retrieval,
    /// The message that is answered again: what came after it was not known then.
    pub before: Option<MessageId>,
}

/// Asks the questions of the runs that are due, one after the other, until `stop`.
pub async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    let mut events = worker.queue.live().subscribe();
    while !stop.is_cancelled() {
        match trials::claim(&worker.db, LEASE).await {
            Ok(Some(claimed)) => {
                let span = tracing::info_span!(
                    "trial",
                    run.id = %claimed.id,
                    chatbot.id = %claimed.chatbot,
                    workspace.id = %claimed.workspace
                );
                let run = Run {
                    worker: &worker,
                    claimed,
                };
                run.until_stopped(&stop).instrument(span).await;
            }
            Ok(None) => wait(&mut events, &stop).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "no run could be claimed"
                );
                wait(&mut events, &stop).await;
            }
        }
    }
}

/// Until there may be something to do.
async fn wait(events: &mut LiveEvents, stop: &CancellationToken) {
    let poll = tokio::time::sleep(POLL);
    tokio::pin!(poll);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = &mut poll => return,
            event = events.next() => match event {
                Some(LiveEvent::Event { topic, .. }) if topic == DUE => return,
                Some(_) => {}
                // Everything was told to stop, and so will this be.
                None => return stop.cancelled().await,
            }
        }
    }
}

/// A run in our hand.
struct Run<'a> {
    worker: &'a Worker,
    claimed: Claimed,
}

impl Run<'_> {
    async fn until_stopped(&self, stop: &CancellationToken) {
        let outcome = tokio::select! {
            outcome = self.to_its_end() => outcome,
            () = self.lose_lease() => return,
            () = stop.cancelled() => return self.give_back(Duration::ZERO).await,
        };
        match outcome {
            Ok(Some(concluded)) => self.tell(concluded),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the run failed and will go on"
                );
                self.give_back(AGAIN).await;
            }
        }
    }

    /// `None`: it has got on, and others have their turn before it goes on.
    async fn to_its_end(&self) -> Result<Option<Concluded>, AnswerError> {
        let (worker, claimed) = (self.worker, &self.claimed);
        if claimed.attempts > MOST_ATTEMPTS {
            let reason = format!("it was begun {MOST_ATTEMPTS} times and never came to its end");
            return Ok(Some(
                trials::fail(&worker.db, claimed, &reason, worker.clock.now()).await?,
            ));
        }
        let Some(live) = chatbots::load(&worker.db, claimed.chatbot).await? else {
            // It was deleted, and the run with it.
            return Ok(Some(Concluded::Lost));
        };
        let bot = claimed.candidate.in_place_of(&live);
        let conduct = worker.bots.conduct(bot.id).await?;
        let answerer = worker.answerer.trying(Trial {
            retrieval: claimed.candidate.behaviour.retrieval,
            before: claimed.again.map(|(_, message)| message),
        });
        let turn = Instant::now();
        for asked in trials::unanswered(&worker.db, claimed).await? {
            let began = Instant::now();
            if turn.elapsed() > TURN {
                trials::pause(&worker.db, claimed).await?;
                return Ok(None);
            }
            let outcome = self.outcome(&answerer, &bot, &conduct, &asked).await?;
            if !trials::record(&worker.db, claimed, asked.position, &outcome).await? {
                return Ok(Some(Concluded::Lost));
            }
            self.tell_progress();
            tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
        }
        Ok(Some(
            trials::conclude(&worker.db, claimed, worker.clock.now()).await?,
        ))
    }

    /// Asks one question. That the model gives no answer is an outcome only when it goes on.
    async fn outcome(
        &self,
        answerer: &Answerer,
        bot: &Chatbot,
        conduct: &Conduct,
        asked: &Asked,
    ) -> Result<Outcome, AnswerError> {
        let mut pauses = ASKED_AGAIN.into_iter();
        let kit = Kit::default();
        // One that does not exist has no history, and nobody's budget but the chatbot's.
        let conversation = self
            .claimed
            .again
            .map_or_else(ConversationId::new, |(conversation, _)| conversation);
        let waiting = [Waiting {
            id: MessageId::new(),
            text: asked.question.clone(),
            order_key: None,
            attempts: 1,
            accepted_at: self.worker.clock.now(),
            traceparent: None,
            has_reply_to: false,
            choice: None,
        }];
        loop {
            let manner = Manner {
                conduct,
                // Without tools: nothing may be done for a trial.
                kit: &kit,
                now: self.worker.clock.now(),
            };
            let answering = answerer.answer(bot, manner, conversation, &waiting, None);
            let Ok(answered) = tokio::time::timeout(LONGEST_ANSWER, answering).await else {
                return Ok(judge::too_slow(LONGEST_ANSWER, self.k()));
            };
            let answered = answered?;
            if record::fallback(&answered.record) == Some(FallbackReason::ModelUnavailable)
                && let Some(pause) = pauses.next()
            {
                tokio::time::sleep(pause).await;
                continue;
            }
            let sources = self.sources(asked, &answered.record.passages).await?;
            let judged = Judged {
                expected: &asked.expected,
                answered: &answered,
                fallback_text: &bot.fallback_text,
                sources: &sources,
                k: self.k(),
            };
            return Ok(judge(&judged));
        }
    }

    /// The titles of the sources of what was found, where one of them is expected.
    async fn sources(
        &self,
        asked: &Asked,
        passages: &serde_json::Value,
    ) -> Result<judge::Sources, StoreError> {
        if asked.expected.source.is_none() {
            return Ok(judge::Sources::default());
        }
        let documents = judge::documents(passages);
        let titles = trials::source_titles(&self.worker.db, self.claimed.workspace, &documents).await?;
        Ok(titles.into_iter().collect())
    }

    /// How many passages an answer may rest on.
    fn k(&self) -> i32 {
        let usual = self.worker.settings.passages;
        let set = self.claimed.candidate.behaviour.retrieval.top_k;
        set.unwrap_or_else(|| i32::try_from(usual).unwrap_or(i32::MAX))
    }

    /// Tells the members who follow the workspace.
    fn tell_progress(&self) {
        let news = WorkspaceNews::Trial {
            chatbot: self.claimed.chatbot,
            run: self.claimed.id,
        };
        workspace_news::tell(&self.worker.queue, self.claimed.workspace, &news);
    }

    fn tell(&self, concluded: Concluded) {
        self.tell_progress();
        let outcome = match concluded {
            Concluded::Measured => "measured",
            Concluded::Live(_) => "live",
            Concluded::Refused(_) => "refused",
            Concluded::Lost => "lost",
        };
        metrics::counter!("botsmith_trial_runs_total", "outcome" => outcome).increment(1);
        match concluded {
            Concluded::Live(version) => {
                tracing::info!(version, "the version is live");
                // Every process drops what it keeps of the chatbot.
                let topic = format!("chatbot.{}", self.claimed.chatbot);
                if let Err(error) = self.worker.queue.live().publish(&topic, Vec::new()) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a change was not announced; caches end by age"
                    );
                }
            }
            Concluded::Refused(version) => tracing::info!(version, "the version is refused"),
            Concluded::Measured => {}
            Concluded::Lost => tracing::info!("another worker has the run, or nobody wants it any more"),
        }
    }

    /// Keeps the lease for as long as the run lasts; returns when it is lost.
    async fn lose_lease(&self) {
        loop {
            tokio::time::sleep(RENEW).await;
            match trials::extend(&self.worker.db, &self.claimed, LEASE).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!("the run went to another worker, or nobody wants it any more");
                    return;
                }
                // What is recorded next will find out whether it is still ours.
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lease of a run was not renewed"
                ),
            }
        }
    }

    async fn give_back(&self, pause: Duration) {
        if let Err(error) = trials::release(&self.worker.db, &self.claimed, pause).await {
            // It is due again when the lease has run out.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a run was not given back"
            );
        }
    }
}
