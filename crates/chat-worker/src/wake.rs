//! Waking whoever has something to do. Losing a wake-up costs time, never a message: the scheduler looks again.

use chrono::{DateTime, Utc};
use domain::Platform;
use queue::{Queue, QueueName};

/// Wakes a chat-worker for conversations that are due at `due_at`.
pub fn turns(queue: &Queue, due_at: DateTime<Utc>) {
    queue.wake(&QueueName::Turns, wire::wake_token(due_at));
}

/// Wakes the senders of a platform.
pub fn senders(queue: &Queue, platform: &Platform, now: DateTime<Utc>) {
    queue.wake(&QueueName::Outbound(platform.clone()), wire::wake_token(now));
}
