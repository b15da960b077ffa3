//! What this Twilio knows, and the handle on it for tests in the same process.

use super::{
    account::{Account, new_sid},
    callback::{self, Callbacks},
    error::ApiError,
    fault::{Effect, FaultRule, Faults},
    message::{Direction, Message},
    segments::segments,
};
use crate::Settings;
use anyhow::Context;
use chrono::{DateTime, Utc};
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc, watch};

/// Status callbacks under way at once.
const CALLBACKS_AT_ONCE: usize = 64;

/// Twilio. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Twilio {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// The newest message's `seq`.
    news: watch::Sender<u64>,
    http: reqwest::Client,
    callback_slots: Arc<Semaphore>,
    callback_origin: Option<String>,
    base: String,
    started: DateTime<Utc>,
}

pub(super) struct State {
    pub accounts: HashMap<String, Account>,
    pub messages: VecDeque<Message>,
    /// Where in `messages` (by `seq`) each sid lies.
    by_sid: HashMap<String, u64>,
    next_seq: u64,
    calls: VecDeque<Call>,
    next_call: u64,
    keep: usize,
    pub faults: Faults,
    pub callbacks: Callbacks,
    pub opted_out: HashSet<(String, String)>,
    pub media: HashMap<String, Media>,
    counts: Counts,
    listeners: Vec<mpsc::UnboundedSender<Arc<Message>>>,
}

/// A picture that a person sent.
#[derive(Clone)]
pub(super) struct Media {
    pub account: String,
    pub content_type: String,
    pub bytes: bytes::Bytes,
    /// Where the API redirects to.
    pub storage_key: String,
}

/// One call of the API, as it came in.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Position among all calls, from 0.
    pub seq: u64,
    /// When it came in.
    pub at: DateTime<Utc>,
    /// HTTP method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Whom it was about, when it made a message.
    pub to: Option<String>,
    /// What came of it: `201`, `429 20429`, `cut`, `201 cut`; empty while it is under way.
    pub outcome: String,
}

/// How many, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls of the API.
    pub calls: u64,
    /// Messages accepted from the account.
    pub accepted: u64,
    /// Calls to send that were refused or cut before anything was accepted.
    pub refused: u64,
    /// Messages accepted whose caller never heard so.
    pub unheard: u64,
    /// Status callbacks that were answered with 2xx.
    pub callbacks: u64,
    /// Status callbacks that were given up.
    pub callbacks_failed: u64,
}

/// What a new message is to be.
pub(super) struct NewMessage {
    pub account: String,
    pub from: Option<String>,
    pub to: String,
    pub body: String,
    pub media: Vec<String>,
    pub service: Option<String>,
    pub status_callback: Option<String>,
    pub direction: Direction,
    pub sid: Option<String>,
}

impl Twilio {
    pub(crate) fn new(settings: &Settings, base: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("the simulator's HTTP client")?;
        let state = State {
            accounts: HashMap::new(),
            messages: VecDeque::new(),
            by_sid: HashMap::new(),
            next_seq: 1,
            calls: VecDeque::new(),
            next_call: 0,
            keep: settings.keep.max(1),
            faults: Faults::new(StdRng::seed_from_u64(settings.seed)),
            callbacks: Callbacks::default(),
            opted_out: HashSet::new(),
            media: HashMap::new(),
            counts: Counts::default(),
            listeners: Vec::new(),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                news: watch::Sender::new(0),
                http,
                callback_slots: Arc::new(Semaphore::new(CALLBACKS_AT_ONCE)),
                callback_origin: settings.callback_origin.clone(),
                base: base.to_owned(),
                started: Utc::now(),
            }),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    pub(super) fn callback_origin(&self) -> Option<&str> {
        self.inner.callback_origin.as_deref()
    }

    pub(super) fn callback_slots(&self) -> Arc<Semaphore> {
        self.inner.callback_slots.clone()
    }

    pub(super) fn base(&self) -> &str {
        &self.inner.base
    }

    pub(super) fn started(&self) -> DateTime<Utc> {
        self.inner.started
    }

    /// Opens an account, or replaces it.
    pub fn add_account(&self, account: Account) {
        self.state().accounts.insert(account.sid.clone(), account);
    }

    /// An account as its owner has set it by now: number settings, services.
    pub fn account(&self, sid: &str) -> Option<Account> {
        self.state().accounts.get(sid).cloned()
    }

    /// From now on this also goes wrong.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state().faults.add(rule);
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// What goes wrong at present.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.state().faults.rules()
    }

    /// How news of messages is reported from now on.
    pub fn set_callbacks(&self, callbacks: Callbacks) {
        self.state().callbacks = callbacks;
    }

    /// The person at `to` has told `from` to stop: sending between them fails with 21610.
    pub fn opt_out(&self, from: &str, to: &str) {
        self.state().opted_out.insert((from.to_owned(), to.to_owned()));
    }

    /// They may write again.
    pub fn opt_in(&self, from: &str, to: &str) {
        self.state().opted_out.remove(&(from.to_owned(), to.to_owned()));
    }

    /// Stores a picture that an inbound message may carry; its address, which asks for the account's credentials.
    pub fn add_media(&self, account: &str, content_type: &str, bytes: impl Into<bytes::Bytes>) -> String {
        let sid = new_sid("ME");
        let media = Media {
            account: account.to_owned(),
            content_type: content_type.to_owned(),
            bytes: bytes.into(),
            storage_key: new_sid("store"),
        };
        self.state().media.insert(sid.clone(), media);
        format!(
            "{}/2010-04-01/Accounts/{account}/Messages/{}/Media/{sid}",
            self.base(),
            new_sid("MM")
        )
    }

    /// All messages that it still remembers and the account sent, oldest first.
    pub fn sent(&self) -> Vec<Message> {
        self.sent_after(0)
    }

    /// The same, only those after `seq`.
    pub fn sent_after(&self, seq: u64) -> Vec<Message> {
        let state = self.state();
        let fresh = state
            .messages
            .iter()
            .rev()
            .take_while(|message| message.seq > seq);
        let mut sent: Vec<_> = fresh
            .filter(|m| m.direction == Direction::Outbound)
            .cloned()
            .collect();
        sent.reverse();
        sent
    }

    /// A message by its identifier, as it stands now.
    pub fn message(&self, sid: &str) -> Option<Message> {
        self.state().message(sid).cloned()
    }

    /// The newest message's position; 0 before the first.
    pub fn newest(&self) -> u64 {
        *self.inner.news.borrow()
    }

    /// The first message to a number after position `after`, as soon as there is one.
    pub async fn next_to(&self, to: &str, after: u64, patience: Duration) -> Option<Message> {
        let mut news = self.inner.news.subscribe();
        let found = async {
            loop {
                news.borrow_and_update();
                if let Some(message) = self
                    .sent_after(after)
                    .into_iter()
                    .find(|message| message.to == to)
                {
                    return Some(message);
                }
                news.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }

    /// Every message that the account sends from now on, in the order of acceptance.
    pub fn listen(&self) -> mpsc::UnboundedReceiver<Arc<Message>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().listeners.push(sender);
        receiver
    }

    /// All calls that it still remembers, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// How many of what.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Puts a person's message into the account's list, as Twilio does before it calls the webhook.
    pub fn record_inbound(&self, inbound: &super::Inbound) {
        self.state().record(NewMessage {
            account: inbound.account_sid.clone(),
            from: Some(inbound.from.clone()),
            to: inbound.to.clone(),
            body: inbound.body.clone(),
            media: inbound.media.iter().map(|(url, _)| url.clone()).collect(),
            service: inbound.messaging_service_sid.clone(),
            status_callback: None,
            direction: Direction::Inbound,
            sid: Some(inbound.message_sid.clone()),
        });
    }

    /// Reports news of a message as the policy in force says, now.
    pub async fn call_back(&self, sid: &str, status: &str, error_code: Option<u32>) -> anyhow::Result<u16> {
        let message = self
            .message(sid)
            .with_context(|| format!("there is no message {sid}"))?;
        callback::report(self, &message, status, error_code).await
    }

    pub(super) fn accept(&self, new: NewMessage, effect: &Effect) -> Message {
        let (message, callbacks) = {
            let mut state = self.state();
            let message = state.record(new);
            state.counts.accepted += 1;
            let shared = Arc::new(message.clone());
            state
                .listeners
                .retain(|listener| listener.send(shared.clone()).is_ok());
            let callbacks = match effect.undelivered {
                Some(code) => Callbacks {
                    fail_with: Some(code),
                    ..state.callbacks.clone()
                },
                None => state.callbacks.clone(),
            };
            (message, callbacks)
        };
        self.inner.news.send_replace(message.seq);
        callback::run(self.clone(), message.clone(), callbacks);
        message
    }

    pub(super) fn call_begins(&self, method: &str, path: &str) -> u64 {
        let mut state = self.state();
        let seq = state.next_call;
        state.next_call += 1;
        state.counts.calls += 1;
        if state.calls.len() == state.keep {
            state.calls.pop_front();
        }
        state.calls.push_back(Call {
            seq,
            at: Utc::now(),
            method: method.to_owned(),
            path: path.to_owned(),
            to: None,
            outcome: String::new(),
        });
        seq
    }

    pub(super) fn call_ends(&self, seq: u64, to: Option<&str>, outcome: String) {
        let mut state = self.state();
        match outcome.as_str() {
            "201 cut" => state.counts.unheard += 1,
            outcome if to.is_some() && !outcome.starts_with('2') => state.counts.refused += 1,
            _ => {}
        }
        let first = state.calls.front().map_or(0, |call| call.seq);
        let position = seq
            .checked_sub(first)
            .and_then(|position| usize::try_from(position).ok());
        if let Some(call) = position.and_then(|position| state.calls.get_mut(position)) {
            call.to = to.map(str::to_owned);
            call.outcome = outcome;
        }
    }

    pub(super) fn decide(&self, account: &str, from: &str, to: &str) -> Effect {
        self.state().faults.decide(account, from, to, Instant::now())
    }

    /// Who calls, by HTTP Basic.
    pub(super) fn sign_in(
        &self,
        sid: &str,
        user: &str,
        password: &str,
    ) -> Result<super::account::Caller, ApiError> {
        let state = self.state();
        let account = state.accounts.get(sid).ok_or_else(ApiError::authenticate)?;
        account.sign_in(user, password).ok_or_else(ApiError::authenticate)
    }

    pub(super) fn callback_counted(&self, done: bool) {
        let counts = &mut self.state().counts;
        if done {
            counts.callbacks += 1;
        } else {
            counts.callbacks_failed += 1;
        }
    }
}

impl State {
    fn record(&mut self, new: NewMessage) -> Message {
        let seq = self.next_seq;
        self.next_seq += 1;
        let prefix = if new.media.is_empty() { "SM" } else { "MM" };
        let status = match (new.direction, &new.service) {
            (Direction::Inbound, _) => "received",
            (Direction::Outbound, Some(_)) => "accepted",
            (Direction::Outbound, None) => "queued",
        };
        let message = Message {
            seq,
            sid: new.sid.unwrap_or_else(|| new_sid(prefix)),
            account_sid: new.account,
            from: new.from,
            to: new.to,
            num_segments: segments(&new.body),
            body: new.body,
            media: new.media,
            direction: new.direction,
            status: status.to_owned(),
            messaging_service_sid: new.service,
            status_callback: new.status_callback,
            error_code: None,
            created_at: Utc::now(),
        };
        if self.messages.len() == self.keep
            && let Some(oldest) = self.messages.pop_front()
        {
            self.by_sid.remove(&oldest.sid);
        }
        self.by_sid.insert(message.sid.clone(), seq);
        self.messages.push_back(message.clone());
        message
    }

    fn position(&self, sid: &str) -> Option<usize> {
        let seq = *self.by_sid.get(sid)?;
        usize::try_from(seq.checked_sub(self.messages.front()?.seq)?).ok()
    }

    pub(super) fn message(&self, sid: &str) -> Option<&Message> {
        self.messages.get(self.position(sid)?)
    }

    pub(super) fn message_mut(&mut self, sid: &str) -> Option<&mut Message> {
        let position = self.position(sid)?;
        self.messages.get_mut(position)
    }
}
