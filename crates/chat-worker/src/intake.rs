//! Intake: from the queue into rows, many messages in one transaction.

use crate::wake;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{InboundState, Platform};
use process::clock::Clock;
use queue::{
    Delivery, Queue, QueueName,
    news::{self, News},
    workspace_news::{self, WorkspaceNews},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use store::{
    Db, StoreError,
    intake::{ConsentChange, NewInbound, NewMedia, TakenIn, take_in},
    until_done,
};
use tokio_util::sync::CancellationToken;
use wire::{ReadError, id, time};

/// Deliveries in hand: enough to fill a batch while the one before is committed.
const PREFETCH: u16 = 256;
const BATCH: usize = 128;

/// Takes messages in until `stop`.
pub async fn run(db: Db, queue: Queue, clock: Clock, stop: CancellationToken) {
    let mut consumer = queue.consume(&QueueName::Inbound, PREFETCH).await;
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
    let mut messages = Vec::with_capacity(batch.len());
    for delivery in batch {
        match read(&delivery) {
            Ok(message) => {
                messages.push(message);
                deliveries.push(delivery);
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a queued message cannot be read"
                );
                delivery.dead(&error.to_string()).await;
            }
        }
    }
    process::crash_point!("intake.before_commit");
    match until_done!(stop, "intake", take_in(db, &messages)) {
        // Unacknowledged, they come again to whoever takes over.
        None => {}
        Some(Ok(taken)) => {
            process::crash_point!("intake.after_commit");
            tell(queue, &messages, &taken);
            finish(queue, clock, deliveries, &taken).await;
        }
        Some(Err(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a batch was not taken in; trying one by one"
            );
            one_by_one(db, queue, clock, deliveries, &messages, stop).await;
        }
    }
}

/// A batch that fails has a message in it that the database refuses: it must not take its neighbours with it.
async fn one_by_one(
    db: &Db,
    queue: &Queue,
    clock: &Clock,
    deliveries: Vec<Delivery>,
    messages: &[NewInbound],
    stop: &CancellationToken,
) {
    for (delivery, message) in deliveries.into_iter().zip(messages) {
        let alone = std::slice::from_ref(message);
        match until_done!(stop, "intake", take_in(db, alone)) {
            None => return,
            Some(Ok(taken)) => {
                tell(queue, alone, &taken);
                finish(queue, clock, vec![delivery], &taken).await;
            }
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    message.id = %message.message,
                    "a message cannot be taken in"
                );
                delivery.dead(&reason(&error)).await;
            }
        }
    }
}

/// Tells whoever follows a conversation over the chat API, and the members who follow the workspace.
fn tell(queue: &Queue, messages: &[NewInbound], taken: &[TakenIn]) {
    let mut places = Vec::with_capacity(messages.len());
    for (message, taken) in messages.iter().zip(taken) {
        let TakenIn::Stored {
            workspace,
            conversation,
            ..
        } = taken
        else {
            continue;
        };
        places.push((*workspace, *conversation));
        if message.platform.is_own() {
            let topic = news::topic(message.integration, &message.conversation_key);
            news::tell(queue, &topic, &News::Changed);
        }
    }
    workspace_news::tell_all(queue, places, |conversations| WorkspaceNews::Messages {
        conversations,
    });
}

async fn finish(queue: &Queue, clock: &Clock, deliveries: Vec<Delivery>, taken: &[TakenIn]) {
    let mut done = Vec::with_capacity(deliveries.len());
    let mut due = BTreeSet::new();
    let mut waiting = 0_u64;
    for (delivery, taken) in deliveries.into_iter().zip(taken) {
        match taken {
            TakenIn::IntegrationGone => {
                delivery
                    .dead("the integration has been deleted since the message was accepted")
                    .await;
                continue;
            }
            TakenIn::Stored {
                conversation,
                state: InboundState::Waiting,
                due_at,
                ..
            } => {
                waiting += 1;
                due.insert((*conversation, due_at.unwrap_or_else(|| clock.now())));
            }
            TakenIn::Stored { .. } => {}
            TakenIn::Repeat => metrics::counter!("botsmith_repeats_total").increment(1),
        }
        done.push(delivery);
    }
    metrics::counter!("botsmith_messages_taken_in_total").increment(done.len() as u64);
    metrics::counter!("botsmith_messages_waiting_total").increment(waiting);
    Delivery::ack_all(done).await;
    process::crash_point!("intake.after_ack");
    for (_, due_at) in due {
        wake::turns(queue, due_at);
    }
    process::crash_point!("intake.after_wake");
}

fn read(delivery: &Delivery) -> Result<NewInbound, ReadError> {
    let message: wire::InboundMessage = wire::read(&delivery.payload)?;
    let accepted_at: DateTime<Utc> = time(message.accepted_at, "accepted_at")?;
    let consent = match message.consent() {
        wire::Consent::Unspecified => None,
        wire::Consent::OptOut => Some(ConsentChange::OptOut),
        wire::Consent::OptIn => Some(ConsentChange::OptIn),
        wire::Consent::Help => Some(ConsentChange::Help),
    };
    Ok(NewInbound {
        message: id(&message.message_id, "message_id")?,
        chatbot: id(&message.chatbot_id, "chatbot_id")?,
        integration: id(&message.integration_id, "integration_id")?,
        platform: Platform::try_from(message.platform.as_str()).map_err(|_| ReadError::Field("platform"))?,
        hash: hash(&message.account, &message.dedupe_key),
        dedupe_key: clean(message.dedupe_key),
        conversation_key: clean(message.conversation_key),
        contact_key: clean(message.contact_key),
        contact_name: message.contact_name.map(clean),
        text: clean(message.text),
        choice: message.choice.map(clean),
        media: message
            .media
            .into_iter()
            .map(|media| NewMedia {
                url: clean(media.url),
                content_type: clean(media.content_type),
                name: media.name.map(clean),
            })
            .collect(),
        order_key: message.order_key,
        accepted_at,
        sent_at: message
            .sent_at
            .map(|sent_at| time(sent_at, "sent_at"))
            .transpose()?,
        reply_to: message.reply_to,
        consent,
        settle: TimeDelta::milliseconds(message.settle_ms.into()),
        traceparent: delivery.traceparent.clone(),
    })
}

/// What names a message for good, whatever becomes of its integration: the account it was sent to and the platform's id.
fn hash(account: &str, dedupe_key: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update((account.len() as u64).to_be_bytes());
    hasher.update(account);
    hasher.update(dedupe_key);
    hasher.finalize().into()
}

/// PostgreSQL's text refuses U+0000; a message must not become poison by it.
fn clean(text: String) -> String {
    if text.contains('\0') {
        channel::text::without_nul(&text)
    } else {
        text
    }
}

fn reason(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_id_cannot_be_shifted_into_each_other() {
        assert_ne!(hash("AC1", "2SM"), hash("AC12", "SM"));
        assert_eq!(hash("AC1", "SM"), hash("AC1", "SM"));
    }
}
