//! What all played platforms know, and the handle on it for tests in the same process.

use super::{
    Attachment, FaultRule, Lines, Operation, Outbox, Person, Play, Signed, Signing,
    bounded::Bounded,
    fault::{Effect, Faults},
    find,
};
use crate::{
    Settings,
    delivery::{self, Delivered, Retries},
    twilio::Callbacks,
};
use anyhow::Context;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rand::{SeedableRng, rngs::StdRng};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Reports under way at once.
const REPORTS_AT_ONCE: usize = 64;

/// Where a platform posts its webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The webhook's address.
    pub url: String,
    /// What they are signed with; the platform's own [`Play::secret`] when left out.
    #[serde(default)]
    pub secret: Option<SecretString>,
}

impl Hook {
    /// Signed with the platform's own secret.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: None,
        }
    }

    /// Signed with another secret.
    #[must_use]
    pub fn signed_with(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into().into());
        self
    }
}

/// A file that the platform keeps for download.
#[derive(Debug, Clone)]
pub struct Media {
    /// What it is.
    pub about: Attachment,
    /// Its bytes.
    pub bytes: Bytes,
}

/// One call of an API, as it came in.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Position among all calls, from 0.
    pub seq: u64,
    /// When it came in.
    pub at: DateTime<Utc>,
    /// The platform.
    pub platform: &'static str,
    /// What it was for.
    pub operation: Operation,
    /// The platform's name of the operation: `sendMessage`, `POST /channels/{id}/messages`.
    pub name: String,
    /// The conversation it was about.
    pub conversation: Option<String>,
    /// What came of it: the HTTP status, `cut`, `200 cut`; empty while it is under way.
    pub outcome: String,
}

/// How many, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls of the API.
    pub calls: u64,
    /// Messages accepted.
    pub sent: u64,
    /// Changes accepted.
    pub edited: u64,
    /// Messages taken back.
    pub deleted: u64,
    /// Signs of typing accepted.
    pub typing: u64,
    /// Calls that were refused, or cut before anything was done.
    pub refused: u64,
    /// Calls that were done and whose caller never heard so.
    pub unheard: u64,
    /// Reports that were answered with 2xx.
    pub reports: u64,
    /// Reports that were given up.
    pub reports_failed: u64,
}

/// A conversation, as far as the platform knows it.
#[derive(Clone)]
pub(crate) struct Known {
    /// The person who wrote last.
    pub person: Person,
    /// Where news of it goes. `None`: the bot opened it, and nobody has written yet.
    pub hook: Option<Hook>,
}

/// All platforms but Twilio. Cheap to clone; all clones are the same ones.
#[derive(Clone)]
pub struct Played {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    outbox: Outbox,
    lines: Lines,
    http: reqwest::Client,
    slots: Arc<Semaphore>,
    origin: String,
    callback_origin: Option<String>,
}

type Key = (&'static str, String);

struct State {
    faults: Faults,
    calls: VecDeque<Call>,
    next_call: u64,
    keep: usize,
    counts: BTreeMap<&'static str, Counts>,
    reports: BTreeMap<&'static str, Callbacks>,
    hooks: BTreeMap<&'static str, Hook>,
    known: Bounded<Key, Known>,
    heard: Bounded<(&'static str, String, String), Person>,
    media: Bounded<String, Media>,
    notes: Bounded<Key, Value>,
}

impl Played {
    pub(crate) fn new(settings: &Settings, origin: &str) -> anyhow::Result<Self> {
        let keep = settings.keep.max(1);
        let state = State {
            faults: Faults::new(StdRng::seed_from_u64(settings.seed)),
            calls: VecDeque::new(),
            next_call: 0,
            keep,
            counts: BTreeMap::new(),
            reports: BTreeMap::new(),
            hooks: BTreeMap::new(),
            known: Bounded::new(keep),
            heard: Bounded::new(keep),
            media: Bounded::new(keep.min(1000)),
            notes: Bounded::new(keep),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                outbox: Outbox::new(keep),
                lines: Lines::default(),
                http: delivery::client()?,
                slots: Arc::new(Semaphore::new(REPORTS_AT_ONCE)),
                origin: origin.to_owned(),
                callback_origin: settings.callback_origin.clone(),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was sent.
    pub fn outbox(&self) -> &Outbox {
        &self.inner.outbox
    }

    /// Where a platform is played: `http://127.0.0.1:4010/telegram`.
    pub fn base(&self, play: &dyn Play) -> String {
        format!("{}{}", self.inner.origin, play.base())
    }

    /// From now on this also goes wrong.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state().faults.add(rule);
    }

    /// Nothing goes wrong any more, on one platform or on all.
    pub fn clear_faults(&self, platform: Option<&str>) {
        self.state().faults.clear(platform);
    }

    /// What goes wrong at present.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.state().faults.rules()
    }

    /// How news of messages is reported from now on. Each platform knows only some of `sent`, `delivered` and `read`, and
    /// passes over the others.
    pub fn set_reports(&self, platform: &str, reports: Callbacks) {
        if let Some(play) = find(platform) {
            self.state().reports.insert(play.name(), reports);
        }
    }

    pub(super) fn reports(&self, play: &dyn Play) -> Callbacks {
        let set = self.state().reports.get(play.name()).cloned();
        set.unwrap_or_else(|| Callbacks::in_order(&["sent", "delivered", "read"]))
    }

    /// Where a platform posts its webhooks from now on, when nothing else is known of a conversation. The platforms' own
    /// calls that register a webhook set it too.
    pub fn connect(&self, platform: &str, hook: Hook) {
        if let Some(play) = find(platform) {
            self.state().hooks.insert(play.name(), hook);
        }
    }

    /// Where a platform posts its webhooks.
    pub fn hook(&self, platform: &str) -> Option<Hook> {
        self.state().hooks.get(platform).cloned()
    }

    pub(crate) fn disconnect(&self, play: &dyn Play) {
        self.state().hooks.remove(play.name());
    }

    /// Keeps a file that a person's message may carry.
    pub fn add_media(&self, content_type: &str, name: &str, bytes: impl Into<Bytes>) -> Attachment {
        let bytes = bytes.into();
        let about = Attachment {
            key: Uuid::new_v4().simple().to_string(),
            content_type: content_type.to_owned(),
            name: name.to_owned(),
            size: bytes.len(),
        };
        let media = Media {
            about: about.clone(),
            bytes,
        };
        self.state().media.insert(about.key.clone(), media);
        about
    }

    pub(crate) fn media(&self, key: &str) -> Option<Media> {
        self.state().media.get(&key.to_owned()).cloned()
    }

    /// A person writes: from now on the platform knows their conversation. The webhook is not posted.
    pub fn hear(&self, platform: &str, person: &Person, hook: &Hook) -> anyhow::Result<()> {
        self.know(found(platform)?, person, Some(hook.clone()));
        Ok(())
    }

    pub(super) fn know(&self, play: &dyn Play, person: &Person, hook: Option<Hook>) {
        let conversation = play.conversation(person);
        let id = play.message_id(person);
        let known = Known {
            person: person.clone(),
            hook,
        };
        let mut state = self.state();
        state.known.insert((play.name(), conversation.clone()), known);
        state
            .heard
            .insert((play.name(), conversation, id), person.clone());
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.inner.lines
    }

    /// The same, and the platform posts its webhook.
    pub async fn say(
        &self,
        platform: &str,
        person: &Person,
        hook: &Hook,
        retries: Retries,
    ) -> anyhow::Result<Delivered> {
        let play = found(platform)?;
        // Made once before anything is noted: it may be impossible.
        play.webhook(person, &self.signing(play, hook, 0))?;
        self.hear(platform, person, hook)?;
        let delivered = delivery::post(retries, |attempt| {
            let signed = play.webhook(person, &self.signing(play, hook, attempt));
            // It was possible above, and the try changes times and headers only.
            self.request(&hook.url, signed.unwrap_or_else(|_| Signed::json(Vec::new())))
        })
        .await;
        play.answered(self, person, &delivered);
        Ok(delivered)
    }

    /// Proves a webhook's address as the platform does before it uses it; what was answered. `None`: it proves nothing.
    pub async fn shake_hands(&self, platform: &str, hook: &Hook) -> anyhow::Result<Option<Delivered>> {
        let play = found(platform)?;
        let Some(signed) = play.handshake(&self.signing(play, hook, 0)) else {
            return Ok(None);
        };
        Ok(Some(self.post(&hook.url, &signed).await))
    }

    pub(crate) async fn post(&self, url: &str, signed: &Signed) -> Delivered {
        delivery::post(Retries::NONE, |_| self.request(url, signed.clone())).await
    }

    pub(crate) fn signing(&self, play: &dyn Play, hook: &Hook, attempt: u32) -> Signing {
        let secret = hook
            .secret
            .as_ref()
            .map(|secret| secret.expose_secret().to_owned());
        Signing {
            secret: secret.unwrap_or_else(|| play.secret().to_owned()),
            base: self.base(play),
            at: Utc::now(),
            attempt,
        }
    }

    fn request(&self, url: &str, signed: Signed) -> reqwest::RequestBuilder {
        let method = if signed.method == "GET" {
            reqwest::Method::GET
        } else {
            reqwest::Method::POST
        };
        let url = format!("{url}{}", signed.suffix);
        let mut request = self.inner.http.request(method, url);
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        request.body(signed.body)
    }

    /// Where a webhook that the product registered is really reached from here.
    pub(crate) fn reached(&self, url: &str) -> String {
        let moved = self.inner.callback_origin.as_deref();
        moved
            .and_then(|origin| delivery::moved(url, origin).ok())
            .unwrap_or_else(|| url.to_owned())
    }

    /// The same where it can be reached at all: on this machine, or where the settings say.
    pub(crate) fn reachable(&self, url: &str) -> Option<String> {
        let reached = self.reached(url);
        let host = url::Url::parse(&reached).ok()?;
        let here = matches!(host.host_str()?, "127.0.0.1" | "localhost" | "[::1]");
        (here || self.inner.callback_origin.is_some()).then_some(reached)
    }

    pub(crate) fn known(&self, play: &dyn Play, conversation: &str) -> Option<Known> {
        let key = (play.name(), conversation.to_owned());
        self.state().known.get(&key).cloned()
    }

    /// The bot opens a conversation with somebody.
    pub(crate) fn open(&self, play: &dyn Play, person: Person) {
        let key = (play.name(), play.conversation(&person));
        let mut state = self.state();
        if state.known.get(&key).is_none() {
            state.known.insert(key, Known { person, hook: None });
        }
    }

    /// A person's message by the platform's id.
    pub(crate) fn heard(&self, play: &dyn Play, conversation: &str, id: &str) -> Option<Person> {
        let key = (play.name(), conversation.to_owned(), id.to_owned());
        self.state().heard.get(&key).cloned()
    }

    /// What people wrote in a conversation, or on a whole platform, oldest first.
    pub(crate) fn all_heard(&self, play: &dyn Play, conversation: Option<&str>) -> Vec<Person> {
        let state = self.state();
        let of_it = state.heard.iter().filter(|((platform, within, _), _)| {
            *platform == play.name() && conversation.is_none_or(|wanted| wanted == within)
        });
        of_it.map(|(_, person)| person.clone()).collect()
    }

    /// Something that a platform remembers of its own.
    pub(crate) fn note(&self, play: &dyn Play, key: &str) -> Option<Value> {
        self.state().notes.get(&(play.name(), key.to_owned())).cloned()
    }

    pub(crate) fn set_note(&self, play: &dyn Play, key: impl Into<String>, value: Value) {
        self.state().notes.insert((play.name(), key.into()), value);
    }

    /// All calls that are still remembered, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// How many of what, on one platform.
    pub fn counts(&self, platform: &str) -> Counts {
        self.state().counts.get(platform).copied().unwrap_or_default()
    }

    /// The same for every platform that was called.
    pub fn all_counts(&self) -> BTreeMap<&'static str, Counts> {
        self.state().counts.clone()
    }

    pub(super) fn count(&self, play: &dyn Play, change: impl FnOnce(&mut Counts)) {
        change(self.state().counts.entry(play.name()).or_default());
    }

    pub(super) fn slots(&self) -> Arc<Semaphore> {
        self.inner.slots.clone()
    }

    pub(super) fn call_begins(&self, play: &dyn Play, about: &super::About) -> u64 {
        let mut state = self.state();
        let seq = state.next_call;
        state.next_call += 1;
        state.counts.entry(play.name()).or_default().calls += 1;
        if state.calls.len() == state.keep {
            state.calls.pop_front();
        }
        state.calls.push_back(Call {
            seq,
            at: Utc::now(),
            platform: play.name(),
            operation: about.operation,
            name: about.name.clone(),
            conversation: about.conversation.clone(),
            outcome: String::new(),
        });
        seq
    }

    pub(super) fn call_ends(&self, seq: u64, outcome: String) {
        let mut state = self.state();
        let first = state.calls.front().map_or(0, |call| call.seq);
        let position = seq
            .checked_sub(first)
            .and_then(|position| usize::try_from(position).ok());
        if let Some(call) = position.and_then(|position| state.calls.get_mut(position)) {
            call.outcome = outcome;
        }
    }

    pub(super) fn decide(&self, play: &dyn Play, about: &super::About) -> Effect {
        let conversation = about.conversation.as_deref();
        let mut state = self.state();
        state
            .faults
            .decide(play.name(), about.operation, conversation, Instant::now())
    }
}

fn found(platform: &str) -> anyhow::Result<&'static dyn Play> {
    find(platform).with_context(|| format!("{platform:?} is not played here"))
}
