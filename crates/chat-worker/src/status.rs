//! Status reports: from the queue onto the parts they are about.

use crate::wake;
use domain::{ConversationId, PartState, Platform, WorkspaceId};
use process::clock::Clock;
use queue::{
    Delivery, Queue, QueueName,
    workspace_news::{self, WorkspaceNews},
};
use store::{
    Db,
    statuses::{Applied, Status, Watermark, apply, apply_watermark},
    until_done,
};
use tokio_util::sync::CancellationToken;
use wire::{ReadError, id, time};

const PREFETCH: u16 = 256;
const BATCH: usize = 128;

/// Applies reports until `stop`.
pub async fn run(db: Db, queue: Queue, clock: Clock, stop: CancellationToken) {
    let mut consumer = queue.consume(&QueueName::Status, PREFETCH).await;
    loop {
        let batch = tokio::select! {
            () = stop.cancelled() => return,
            batch = consumer.next_batch(BATCH) => batch,
        };
        if batch.is_empty() {
            return;
        }
        process(&db, &queue, &clock, batch, &stop).await;
    }
}

async fn process(db: &Db, queue: &Queue, clock: &Clock, batch: Vec<Delivery>, stop: &CancellationToken) {
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut reports = Vec::with_capacity(batch.len());
    let mut platforms = Vec::with_capacity(batch.len());
    for delivery in batch {
        match read(&delivery) {
            Ok(Report::One(report, platform)) => {
                reports.push(report);
                platforms.push(platform);
                deliveries.push(delivery);
            }
            Ok(Report::UpTo(watermark)) => match until_done!(stop, "status", apply_watermark(db, &watermark))
            {
                None => {}
                Some(Ok(moved)) => {
                    delivery.ack().await;
                    tell(queue, moved.into_iter().collect());
                }
                Some(Err(error)) => delivery.dead(&error.to_string()).await,
            },
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a queued status cannot be read"
                );
                delivery.dead(&error.to_string()).await;
            }
        }
    }
    process::crash_point!("status.before_commit");
    match until_done!(stop, "status", apply(db, &reports)) {
        None => {}
        Some(Ok(applied)) => {
            process::crash_point!("status.after_commit");
            Delivery::ack_all(deliveries).await;
            process::crash_point!("status.after_ack");
            for (applied, platform) in applied.iter().zip(&platforms) {
                if matches!(applied, Applied::Moved { settled: true, .. }) {
                    wake::senders(queue, platform, clock.now());
                }
            }
            tell(queue, moved(&applied));
        }
        Some(Err(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a batch of statuses failed; trying one by one"
            );
            for (delivery, report) in deliveries.into_iter().zip(&reports) {
                let alone = std::slice::from_ref(report);
                match until_done!(stop, "status", apply(db, alone)) {
                    None => return,
                    Some(Ok(applied)) => {
                        delivery.ack().await;
                        tell(queue, moved(&applied));
                    }
                    Some(Err(error)) => delivery.dead(&error.to_string()).await,
                }
            }
        }
    }
}

/// Where something came further.
fn moved(applied: &[Applied]) -> Vec<(WorkspaceId, ConversationId)> {
    let place = |applied: &Applied| match applied {
        Applied::Moved {
            workspace,
            conversation,
            ..
        } => Some((*workspace, *conversation)),
        Applied::Stale | Applied::Early => None,
    };
    applied.iter().filter_map(place).collect()
}

/// Members see it at once.
fn tell(queue: &Queue, places: Vec<(WorkspaceId, ConversationId)>) {
    workspace_news::tell_all(queue, places, |conversations| WorkspaceNews::Messages {
        conversations,
    });
}

/// What a platform reports.
enum Report {
    One(Status, Platform),
    UpTo(Watermark),
}

fn read(delivery: &Delivery) -> Result<Report, ReadError> {
    let update: wire::StatusUpdate = wire::read(&delivery.payload)?;
    let state: PartState = update.state.parse().map_err(|_| ReadError::Field("state"))?;
    let integration = id(&update.integration_id, "integration_id")?;
    let at = time(update.received_at, "received_at")?;
    if let Some(conversation) = update.conversation_key {
        return Ok(Report::UpTo(Watermark {
            integration,
            conversation_key: channel::text::without_nul(&conversation),
            state,
            up_to: time(update.up_to.ok_or(ReadError::Field("up_to"))?, "up_to")?,
            at,
        }));
    }
    let status = Status {
        workspace: id(&update.workspace_id, "workspace_id")?,
        integration,
        part: update
            .part_id
            .as_deref()
            .map(|part| id(part, "part_id"))
            .transpose()?,
        platform_message_id: channel::text::without_nul(&update.platform_message_id),
        state,
        error: update.error.as_deref().map(channel::text::without_nul),
        at,
    };
    let platform = Platform::try_from(update.platform).map_err(|_| ReadError::Field("platform"))?;
    Ok(Report::One(status, platform))
}
