//! Moves messages that nobody could process from the queue into `dead_letters`, where people see them.

use domain::IntegrationId;
use queue::{Delivery, Queue, QueueName};
use store::{Db, dead_letters, until_done};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Few at a time: nobody waits for them.
const PREFETCH: u16 = 8;

/// Moves them until `stop`.
pub async fn run(db: Db, queue: Queue, stop: CancellationToken) {
    let mut running = JoinSet::new();
    for name in [QueueName::Inbound, QueueName::Status, QueueName::Index] {
        running.spawn(bury(db.clone(), queue.clone(), name, stop.clone()));
    }
    running.join_all().await;
}

async fn bury(db: Db, queue: Queue, name: QueueName, stop: CancellationToken) {
    let mut consumer = queue.consume(&name.dead(), PREFETCH).await;
    loop {
        let delivery = tokio::select! {
            () = stop.cancelled() => return,
            delivery = consumer.next() => delivery,
        };
        let Some(delivery) = delivery else { return };
        let integration = integration(&name, &delivery);
        let reason = delivery
            .death
            .as_ref()
            .map_or("it was delivered too often", |death| death.reason.as_str());
        let kept = until_done!(
            &stop,
            "a dead letter",
            dead_letters::keep_from_queue(&db, &name.to_string(), integration, &delivery.payload, reason)
        );
        match kept {
            None => return,
            Some(Ok(())) => {
                metrics::counter!("botsmith_dead_letters_total", "queue" => name.to_string()).increment(1);
                delivery.ack().await;
            }
            Some(Err(error)) => {
                // It stays where it is, and is not lost; the next scheduler tries again.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a dead message was not moved"
                );
                return;
            }
        }
    }
}

/// Whose it is, as far as it can be read.
fn integration(name: &QueueName, delivery: &Delivery) -> Option<IntegrationId> {
    match name {
        QueueName::Inbound => {
            let message: wire::InboundMessage = wire::read(&delivery.payload).ok()?;
            wire::id(&message.integration_id, "integration_id").ok()
        }
        QueueName::Status => {
            let update: wire::StatusUpdate = wire::read(&delivery.payload).ok()?;
            wire::id(&update.integration_id, "integration_id").ok()
        }
        QueueName::Turns | QueueName::Index | QueueName::Outbound(_) | QueueName::Dead(_) => None,
    }
}
