//! What goes by notification: that a queue has something new, wake-ups, and live events. Nothing of it leaves a row, and
//! anything of it may be lost: consumers also look every second.
//!
//! A notification is `j <queue>`, `w <queue> <base64>` or `l <namespace> <event>`.

use crate::{
    Delivery,
    backoff::Backoff,
    consumer::Buffer,
    delivery::Hold,
    live::{Incoming, Outgoing},
    metrics,
    name::Namespace,
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use store::Db;
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Notifications are sent together, this long after the first: a commit each would queue behind one another.
const GATHERED: Duration = Duration::from_millis(3);

/// How long sending may take; what cannot be sent is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// A connection that says nothing is tried by a notification to ourselves, so that one that has silently died is found.
const SILENCE: Duration = Duration::from_secs(15);

/// A wake-up has to fit into a notification with its queue's name.
const LONGEST_TOKEN: usize = 4_096;

/// Who is to be told in this process, and what is to be told to others.
pub(super) struct Bells {
    namespace: Namespace,
    incoming: Incoming,
    listeners: Mutex<Listeners>,
    /// Queues that have got something since the last notification.
    published: Mutex<HashSet<String>>,
    some_published: Notify,
}

#[derive(Default)]
struct Listeners {
    jobs: HashMap<String, Vec<Weak<Notify>>>,
    tokens: HashMap<String, Vec<(Weak<Buffer>, usize)>>,
}

impl Bells {
    pub(super) fn new(namespace: Namespace, incoming: Incoming) -> Self {
        Self {
            namespace,
            incoming,
            listeners: Mutex::default(),
            published: Mutex::default(),
            some_published: Notify::new(),
        }
    }

    /// Rings when the queue may have something new.
    pub(super) fn for_jobs(&self, queue: &str) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        let mut listeners = self.listeners();
        let bells = listeners.jobs.entry(queue.to_owned()).or_default();
        bells.retain(|bell| bell.strong_count() > 0);
        bells.push(Arc::downgrade(&bell));
        bell
    }

    /// Puts the queue's wake-ups into the buffer, as long as somebody holds it.
    pub(super) fn deliver_tokens(&self, queue: String, buffer: &Arc<Buffer>, prefetch: u16) {
        let mut listeners = self.listeners();
        let buffers = listeners.tokens.entry(queue).or_default();
        buffers.retain(|(buffer, _)| buffer.strong_count() > 0);
        buffers.push((Arc::downgrade(buffer), prefetch.into()));
    }

    /// A queue has got something: here at once, elsewhere soon.
    pub(super) fn published(&self, queue: &str) {
        self.look(queue);
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(queue.to_owned());
        self.some_published.notify_one();
    }

    fn look(&self, queue: &str) {
        for bell in self
            .listeners()
            .jobs
            .get(queue)
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
        {
            bell.notify_one();
        }
    }

    fn look_everywhere(&self) {
        for bell in self.listeners().jobs.values().flatten().filter_map(Weak::upgrade) {
            bell.notify_one();
        }
    }

    /// Hands a wake-up to everybody who consumes the queue in this process.
    pub(super) fn token(&self, queue: &str, payload: &[u8]) {
        let listeners = self.listeners();
        let Some(buffers) = listeners.tokens.get(queue) else {
            return;
        };
        for (buffer, capacity) in buffers {
            let Some(buffer) = buffer.upgrade() else { continue };
            let delivery = Delivery {
                payload: Bytes::copy_from_slice(payload),
                traceparent: None,
                redelivered: false,
                attempts: 1,
                published_at: None,
                death: None,
                hold: Hold::Nothing,
            };
            buffer.push_unless_full(delivery, *capacity);
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, text: &str, me: &str) {
        let mut fields = text.splitn(3, ' ');
        match (fields.next(), fields.next(), fields.next()) {
            (Some("j"), Some(queue), None) => self.look(queue),
            (Some("w"), Some(queue), Some(token)) => match token.split_once(' ') {
                Some((from, token)) if from != me => match STANDARD_NO_PAD.decode(token) {
                    Ok(payload) => self.token(queue, &payload),
                    Err(_) => tracing::warn!("a wake-up cannot be read: is another version running?"),
                },
                // Our own, which has been handed over already.
                Some(_) => {}
                None => tracing::warn!("a wake-up cannot be read: is another version running?"),
            },
            (Some("l"), Some(namespace), Some(event)) => {
                if namespace == self.mark() {
                    self.incoming.receive(event);
                }
            }
            // Only to hear that we hear.
            (Some("p"), ..) => {}
            _ => tracing::warn!("a notification cannot be read: is another version running?"),
        }
    }

    /// The namespace as one word.
    fn mark(&self) -> String {
        self.namespace.of(&"live")
    }

    /// Tells our own wake-ups from others'.
    fn me(&self) -> String {
        format!("{:x}", self.incoming.origin())
    }

    fn take_published(&self) -> HashSet<String> {
        std::mem::take(&mut *self.published.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hears what other processes tell, for ever.
pub(super) async fn hear(db: Db, bells: Arc<Bells>, closed: CancellationToken) {
    let me = bells.me();
    let mut backoff = Backoff::new();
    loop {
        let opened = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            opened = timeout(CONNECTING, store::jobs::Bells::open(&db)) => opened,
        };
        if let Ok(Ok(mut notifications)) = opened {
            backoff.reset();
            metrics::connected("listen");
            // Only now nothing is missed any more.
            bells.incoming.resync();
            bells.look_everywhere();
            let mut tried = false;
            loop {
                let heard = tokio::select! {
                    biased;
                    () = closed.cancelled() => return,
                    heard = timeout(SILENCE, notifications.next()) => heard,
                };
                match heard {
                    Ok(Some(text)) => {
                        tried = false;
                        bells.heard(&text, &me);
                    }
                    Ok(None) => break,
                    Err(_) if tried => break,
                    Err(_) => {
                        tried = true;
                        // Whether it can be sent does not matter: that it is not heard does.
                        let _ = timeout(PATIENCE, store::jobs::ring(&db, &[format!("p {me}")])).await;
                    }
                }
            }
        }
        tokio::select! {
            () = closed.cancelled() => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

/// Tells other processes, for ever.
pub(super) async fn ring(
    db: Db,
    bells: Arc<Bells>,
    closed: CancellationToken,
    mut to_send: mpsc::Receiver<Outgoing>,
) {
    const MOST: usize = 1_024;
    let me = bells.me();
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled() => return,
            () = bells.some_published.notified() => {}
            taken = to_send.recv_many(&mut batch, MOST) => if taken == 0 { return },
        }
        if !batch
            .iter()
            .any(|outgoing| matches!(outgoing, Outgoing::Flush(_)))
        {
            tokio::time::sleep(GATHERED).await;
            while batch.len() < MOST
                && let Ok(more) = to_send.try_recv()
            {
                batch.push(more);
            }
        }
        let mut texts: Vec<String> = bells
            .take_published()
            .into_iter()
            .map(|queue| format!("j {queue}"))
            .collect();
        let (mut flushed, mut woken) = (Vec::new(), HashSet::new());
        for outgoing in batch.drain(..) {
            match outgoing {
                Outgoing::Event { line, .. } => texts.push(format!("l {} {line}", bells.mark())),
                Outgoing::Wake { payload, .. } if payload.len() > LONGEST_TOKEN => metrics::dropped("wake"),
                Outgoing::Wake { queue, payload } => {
                    let queue = bells.namespace.of(&queue);
                    let text = format!("w {queue} {me} {}", STANDARD_NO_PAD.encode(payload));
                    if woken.insert(text.clone()) {
                        texts.push(text);
                    }
                }
                Outgoing::Flush(done) => flushed.push(done),
            }
        }
        if !texts.is_empty() {
            match timeout(PATIENCE, store::jobs::ring(&db, &texts)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(error = &error as &dyn Error, "notifications were not sent");
                }
                Err(_) => tracing::debug!("notifications were not sent in time"),
            }
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}
