//! One look at everything that is due and in nobody's hand.

use domain::{ConversationId, Platform, WorkspaceId};
use process::clock::Clock;
use queue::{
    Queue, QueueName,
    workspace_news::{self, WorkspaceNews},
};
use store::{Db, StoreError, conversations, impersonations, scheduling, statuses};

/// Takes work out of hands that have gone, and wakes whoever can do it.
pub async fn sweep(db: &Db, queue: &Queue, clock: &Clock, platforms: &[Platform], wake_ups: i64) {
    let now = clock.now();
    report("lapsed turns", scheduling::lapse_turns(db, now).await);
    report("lapsed sends", scheduling::lapse_parts(db, now).await);
    report("expired parts", scheduling::expire_parts(db, now).await);
    report("parts back from parking", scheduling::unpark(db, now).await);
    report(
        "late statuses",
        statuses::apply_pending(db).await.map(|count| count as u64),
    );

    match scheduling::due_turns(db, now, wake_ups).await {
        Ok(due) => top_up(queue, &QueueName::Turns, due, clock).await,
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "due turns cannot be counted"
        ),
    }
    match scheduling::due_parts(db, now, wake_ups).await {
        Ok(due) => {
            for platform in platforms {
                let due = due
                    .iter()
                    .find(|(name, _)| name == platform)
                    .map_or(0, |(_, count)| *count);
                top_up(queue, &QueueName::Outbound(platform.clone()), due, clock).await;
            }
        }
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "due parts cannot be counted"
        ),
    }
}

/// Gives the bot what no human has written into for as long as the owner said.
pub async fn hand_back(db: &Db, queue: &Queue, clock: &Clock) {
    let back = conversations::hand_back_silent(db, clock.now()).await;
    report("conversations back from humans", told(queue, back));
}

/// Brings conversations back into their inboxes that are snoozed no longer.
pub async fn end_snoozes(db: &Db, queue: &Queue, clock: &Clock) {
    let back = conversations::end_snoozes(db, clock.now()).await;
    report("snoozed conversations back", told(queue, back));
}

/// Tells whoever follows their workspaces. How many there were.
fn told(
    queue: &Queue,
    changed: Result<Vec<(WorkspaceId, ConversationId)>, StoreError>,
) -> Result<u64, StoreError> {
    changed.map(|places| {
        let count = places.len() as u64;
        workspace_news::tell_all(queue, places, |conversations| WorkspaceNews::Conversations {
            conversations,
        });
        count
    })
}

/// Ends the times in which administrators act as somebody else, once they are over.
pub async fn end_impersonations(db: &Db, clock: &Clock) {
    let ended = impersonations::end_lapsed(db, clock.now()).await;
    report("administrators back from acting as somebody else", ended);
}

/// Adds as many wake-ups as are missing for what is due.
async fn top_up(queue: &Queue, name: &QueueName, due: i64, clock: &Clock) {
    metrics::gauge!("botsmith_due", "queue" => name.to_string()).set(due as f64);
    if due == 0 {
        return;
    }
    let waiting = queue.depth(name).await.unwrap_or(0);
    let missing = due.saturating_sub(i64::try_from(waiting).unwrap_or(i64::MAX));
    for _ in 0..missing {
        queue.wake(name, wire::wake_token(clock.now()));
    }
}

fn report(what: &'static str, result: Result<u64, StoreError>) {
    match result {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "{what}"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "{what} cannot be looked for"
        ),
    }
}
