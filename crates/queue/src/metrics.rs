//! What the queue tells about itself. One function a fact, so that a name and its labels exist once.

use std::time::Duration;

/// A message was published and confirmed.
pub(crate) fn published(queue: &str, took: Duration) {
    ::metrics::counter!("botsmith_queue_published_total", "queue" => queue.to_owned()).increment(1);
    ::metrics::histogram!("botsmith_queue_publish_seconds", "queue" => queue.to_owned())
        .record(took.as_secs_f64());
}

/// A message was not published; the reason is one of a few words.
pub(crate) fn not_published(queue: &str, reason: &'static str) {
    ::metrics::counter!("botsmith_queue_publish_failures_total", "queue" => queue.to_owned(), "reason" => reason)
        .increment(1);
}

/// A consumer was handed a message.
pub(crate) fn consumed(queue: &str, redelivered: bool) {
    ::metrics::counter!("botsmith_queue_consumed_total", "queue" => queue.to_owned()).increment(1);
    if redelivered {
        ::metrics::counter!("botsmith_queue_redelivered_total", "queue" => queue.to_owned()).increment(1);
    }
}

/// A message was put among the dead.
pub(crate) fn died(queue: &str) {
    ::metrics::counter!("botsmith_queue_dead_total", "queue" => queue.to_owned()).increment(1);
}

/// A wake-up or live event was dropped because too many were waiting to be sent, or nobody could take them.
pub(crate) fn dropped(what: &'static str) {
    ::metrics::counter!("botsmith_queue_dropped_total", "what" => what).increment(1);
}

/// A connection came up.
pub(crate) fn connected(connection: &'static str) {
    ::metrics::counter!("botsmith_queue_connects_total", "connection" => connection).increment(1);
}

/// Whether publishing is possible.
pub(crate) fn ready(ready: bool) {
    ::metrics::gauge!("botsmith_queue_ready").set(if ready { 1.0 } else { 0.0 });
}
