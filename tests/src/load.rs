//! Messages at a rate, from many people at once, each of whom waits until the last message was taken before the next.

use crate::ledger::{Balance, Ledger};
use simulator::{
    model::token,
    twilio::{Delivered, Inbound, Message, Retries, WebhookSender},
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
};

/// Who writes to whom, how much and how fast.
#[derive(Clone)]
pub struct Load {
    /// Messages in all.
    pub messages: u64,
    /// Messages a second.
    pub rate: f64,
    /// People who write, each in a conversation of their own.
    pub conversations: u64,
    /// How often each webhook is delivered, at the same time.
    pub deliveries: usize,
    /// What is asked; the token is added.
    pub question: String,
    /// The number of the first message, so that tokens of several runs differ.
    pub first: u64,
}

impl Load {
    /// This many, this fast, from this many people.
    pub fn new(messages: u64, rate: f64, conversations: u64) -> Self {
        Self {
            messages,
            rate,
            conversations,
            deliveries: 1,
            question: QUESTION.to_owned(),
            first: 1,
        }
    }
}

/// Something that the load test's knowledge answers.
pub const QUESTION: &str = "What are your opening hours?";

/// Where messages go to, and which chatbot they are for.
#[derive(Clone)]
pub struct Target {
    /// Signs and posts.
    pub sender: WebhookSender,
    /// The chatbot.
    pub chatbot: String,
    /// The chatbot's account on the platform.
    pub account_sid: String,
    /// The chatbot's number.
    pub number: String,
}

/// A run under way.
pub struct Run {
    ledger: Arc<Mutex<Ledger>>,
    tally: Arc<Mutex<Tally>>,
    writers: JoinSet<()>,
    listener: tokio::task::JoinHandle<()>,
}

/// How the webhooks fared.
#[derive(Debug, Clone, Default)]
struct Tally {
    tries: u64,
    unavailable: u64,
    unanswered: u64,
    refused: Vec<String>,
    slowest: Duration,
    last_accepted: Option<Instant>,
}

/// How it ended.
#[derive(Debug, Clone)]
pub struct Report {
    /// The ledger.
    pub balance: Balance,
    /// From the first call of the webhook to the reply at the platform, sorted.
    pub durations: Vec<Duration>,
    /// Webhook calls.
    pub tries: u64,
    /// Those answered with 503.
    pub unavailable: u64,
    /// Those not answered at all: refused connections, cut connections.
    pub unanswered: u64,
    /// Webhooks that were given up, with the last answer.
    pub refused: Vec<String>,
    /// The slowest webhook call.
    pub slowest: Duration,
    /// From the last acceptance to the last answer.
    pub drained: Duration,
    /// Some tokens that were lost.
    pub lost: Vec<String>,
    /// Some replies that answer nothing.
    pub unexpected: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.balance)?;
        write!(
            f,
            "  duplicates {:.2} %; {} webhook calls, {} answered 503, {} without an answer, slowest {:.2} s; last answer \
             {:.1} s after the last message; end to end p50 {:.0} ms, p99 {:.0} ms",
            self.balance.duplicated_share() * 100.0,
            self.tries,
            self.unavailable,
            self.unanswered,
            self.slowest.as_secs_f64(),
            self.drained.as_secs_f64(),
            self.quantile(0.5).as_secs_f64() * 1000.0,
            self.quantile(0.99).as_secs_f64() * 1000.0,
        )?;
        for refused in self.refused.iter().take(5) {
            write!(f, "\n  refused: {refused}")?;
        }
        for unexpected in self.unexpected.iter().take(5) {
            write!(f, "\n  unexpected: {unexpected}")?;
        }
        if !self.lost.is_empty() {
            write!(
                f,
                "\n  lost: {}",
                self.lost.iter().take(20).cloned().collect::<Vec<_>>().join(" ")
            )?;
        }
        Ok(())
    }
}

impl Report {
    /// The end-to-end time that this share of the messages was not slower than.
    pub fn quantile(&self, share: f64) -> Duration {
        quantile(&self.durations, share)
    }

    /// Fails unless everything accepted was answered, once (but for `duplicates` of a thousand), and in order.
    pub fn ensure_kept(&self, duplicates_per_mille: f64) -> anyhow::Result<()> {
        let balance = &self.balance;
        anyhow::ensure!(balance.accepted > 0, "nothing was accepted\n{self}");
        anyhow::ensure!(self.refused.is_empty(), "webhooks were refused\n{self}");
        anyhow::ensure!(balance.lost == 0, "messages were lost\n{self}");
        anyhow::ensure!(balance.reordered == 0, "answers came out of order\n{self}");
        anyhow::ensure!(balance.unexpected == 0, "replies that answer nothing\n{self}");
        anyhow::ensure!(balance.changed == 0, "a duplicate had another text\n{self}");
        anyhow::ensure!(
            balance.duplicated_share() * 1000.0 <= duplicates_per_mille,
            "more duplicates than {duplicates_per_mille} of a thousand\n{self}"
        );
        Ok(())
    }
}

/// Of sorted durations.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    if sorted.is_empty() {
        return Duration::ZERO;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among so many"
    )]
    let rank = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[rank - 1]
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of the person with this index.
pub fn contact(index: u64) -> String {
    format!("+1415{:07}", 5_000_000 + index)
}

impl Run {
    /// Begins to write; people are spread over the targets. `replies` is what the platform receives from now on.
    pub fn start(load: &Load, targets: &[Target], replies: UnboundedReceiver<Arc<Message>>) -> Self {
        let ledger: Arc<Mutex<Ledger>> = Arc::default();
        let tally: Arc<Mutex<Tally>> = Arc::default();
        let listener = tokio::spawn(listen(ledger.clone(), replies));
        let mut writers = JoinSet::new();
        let mut inboxes: Vec<UnboundedSender<u64>> = Vec::new();
        let people = 0..load.conversations.min(load.messages);
        for (index, target) in people.zip(targets.iter().cycle()) {
            let (inbox, messages) = unbounded_channel();
            inboxes.push(inbox);
            let writer = Writer {
                contact: contact(index),
                target: target.clone(),
                load: load.clone(),
                ledger: ledger.clone(),
                tally: tally.clone(),
            };
            writers.spawn(writer.run(messages));
        }
        writers.spawn(pace(load.clone(), inboxes));
        Self {
            ledger,
            tally,
            writers,
            listener,
        }
    }

    /// Accepted so far.
    pub fn accepted(&self) -> usize {
        locked(&self.ledger).balance().accepted
    }

    /// Answered so far.
    pub fn answered(&self) -> usize {
        locked(&self.ledger).balance().answered
    }

    /// Waits until every message was offered and taken.
    pub async fn written(&mut self) {
        while let Some(ended) = self.writers.join_next().await {
            if let Err(error) = ended {
                eprintln!("a writer failed: {error}");
            }
        }
    }

    /// Waits for the last answer, at most so long after the last message; and then a little for what should not come.
    pub async fn settle(mut self, patience: Duration, afterwards: Duration) -> Report {
        self.written().await;
        let began = Instant::now();
        while !locked(&self.ledger).is_settled() && began.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(afterwards).await;
        self.listener.abort();
        let ledger = locked(&self.ledger);
        let tally = locked(&self.tally).clone();
        let mut durations = ledger.durations();
        durations.sort_unstable();
        let drained = ledger.last_answer().zip(tally.last_accepted);
        Report {
            balance: ledger.balance(),
            durations,
            tries: tally.tries,
            unavailable: tally.unavailable,
            unanswered: tally.unanswered,
            refused: tally.refused,
            slowest: tally.slowest,
            drained: drained.map_or(Duration::ZERO, |(answer, accepted)| {
                answer.saturating_duration_since(accepted)
            }),
            lost: ledger.lost(),
            unexpected: ledger.unexpected().to_vec(),
        }
    }
}

/// Enters every reply.
pub async fn listen(ledger: Arc<Mutex<Ledger>>, mut replies: UnboundedReceiver<Arc<Message>>) {
    while let Some(message) = replies.recv().await {
        locked(&ledger).reply(&message);
    }
}

/// Hands out the messages in time: message `n` is due `n / rate` seconds after the start, whatever became of the others.
async fn pace(load: Load, inboxes: Vec<UnboundedSender<u64>>) {
    let began = tokio::time::Instant::now();
    let mut people = inboxes.iter().cycle();
    for number in 0..load.messages {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
        let due = began + Duration::from_secs_f64(number as f64 / load.rate);
        tokio::time::sleep_until(due).await;
        if let Some(inbox) = people.next() {
            // A writer ends only when its inbox is dropped.
            let _ = inbox.send(load.first + number);
        }
    }
}

struct Writer {
    contact: String,
    target: Target,
    load: Load,
    ledger: Arc<Mutex<Ledger>>,
    tally: Arc<Mutex<Tally>>,
}

impl Writer {
    async fn run(self, mut messages: UnboundedReceiver<u64>) {
        while let Some(number) = messages.recv().await {
            let token = token(number);
            let text = format!("{} {token}", self.load.question);
            let inbound = Inbound::sms(
                &self.target.account_sid,
                &self.contact,
                &self.target.number,
                &text,
            );
            locked(&self.ledger).offer(&token, &self.contact);
            let deliver = || {
                self.target
                    .sender
                    .deliver(&self.target.chatbot, &inbound, Retries::PATIENT)
            };
            let deliveries = (0..self.load.deliveries).map(|_| deliver());
            let outcomes: Vec<Delivered> = futures_util::future::join_all(deliveries).await;
            let mut tally = locked(&self.tally);
            for outcome in outcomes {
                tally.tries += u64::from(outcome.tries);
                tally.unavailable += u64::from(outcome.unavailable);
                tally.unanswered += u64::from(outcome.unanswered);
                tally.slowest = tally.slowest.max(outcome.slowest);
                if outcome.accepted() {
                    locked(&self.ledger).accept(&token);
                    tally.last_accepted = Some(Instant::now());
                } else {
                    tally
                        .refused
                        .push(format!("{token}: {:?} {:.200}", outcome.status, outcome.body));
                }
            }
        }
    }
}
