//! Intake: from the queue into rows, many messages in one transaction.

use crate::wake;
use accounts::{AccountError, Accounts};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{InboundState, Platform, WorkspaceId};
use process::clock::Clock;
use queue::{
    Delivery, Queue, QueueName,
    news::{self, News},
    workspace_news::{self, WorkspaceNews},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, time::Duration};
use store::{
    Db,
    intake::{ConsentChange, NewInbound, NewMedia, TakenIn, take_in},
    until_done,
};
use tokio_util::sync::CancellationToken;
use wire::{ReadError, id, time};

/// Deliveries in hand: enough to fill a batch while the one before is committed.
const PREFETCH: u16 = 256;
const BATCH: usize = 128;
/// How long a workspace's key is waited for before it is asked for again.
const KEY_AWAY: Duration = Duration::from_secs(1);

/// What intake works with.
struct Intake {
    db: Db,
    queue: Queue,
    clock: Clock,
    accounts: Accounts,
    stop: CancellationToken,
}

/// Takes messages in until `stop`.
pub async fn run(db: Db, queue: Queue, clock: Clock, accounts: Accounts, stop: CancellationToken) {
    let mut consumer = queue.consume(&QueueName::Inbound, PREFETCH).await;
    let intake = Intake {
        db,
        queue,
        clock,
        accounts,
        stop,
    };
    loop {
        let batch = tokio::select! {
            () = intake.stop.cancelled() => return,
            batch = consumer.next_batch(BATCH) => batch,
        };
        if batch.is_empty() {
            return;
        }
        intake.process(batch).await;
    }
}

impl Intake {
    async fn process(&self, batch: Vec<Delivery>) {
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
        match until_done!(&self.stop, "intake", take_in(&self.db, &messages)) {
            // Unacknowledged, they come again to whoever takes over.
            None => {}
            Some(Ok(taken)) => {
                process::crash_point!("intake.after_commit");
                tell(&self.queue, &messages, &taken);
                let mut moved = Vec::new();
                let mut done = Vec::with_capacity(deliveries.len());
                for ((delivery, message), taken) in deliveries.into_iter().zip(messages).zip(taken) {
                    match taken {
                        TakenIn::Moved(_) => moved.push((delivery, message)),
                        taken => done.push((delivery, taken)),
                    }
                }
                finish(&self.queue, &self.clock, done).await;
                for (delivery, message) in moved {
                    self.take_in_alone(delivery, message).await;
                }
            }
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a batch was not taken in; trying one by one"
                );
                // It has a message in it that the database refuses, which must not take its neighbours with it.
                for (delivery, message) in deliveries.into_iter().zip(messages) {
                    self.take_in_alone(delivery, message).await;
                }
            }
        }
    }

    async fn take_in_alone(&self, delivery: Delivery, mut message: NewInbound) {
        loop {
            let alone = std::slice::from_ref(&message);
            let why = match until_done!(&self.stop, "intake", take_in(&self.db, alone)) {
                None => return,
                Some(Ok(taken)) => match taken.first() {
                    Some(TakenIn::Moved(home)) => match self.seal_anew(&message, *home).await {
                        None => return,
                        Some(Ok(sealed)) => {
                            message.reply_to = Some(sealed);
                            message.sealed_for = *home;
                            continue;
                        }
                        Some(Err(error)) => reason(&error),
                    },
                    _ => {
                        tell(&self.queue, alone, &taken);
                        let done = std::iter::once(delivery).zip(taken).collect();
                        return finish(&self.queue, &self.clock, done).await;
                    }
                },
                Some(Err(error)) => reason(&error),
            };
            tracing::error!(message.id = %message.message, why, "a message cannot be taken in");
            return delivery.dead(&why).await;
        }
    }

    /// What the platform gave with a message, sealed for the workspace that its bot has moved to since. `None`: told to stop.
    async fn seal_anew(
        &self,
        message: &NewInbound,
        home: WorkspaceId,
    ) -> Option<Result<Vec<u8>, AccountError>> {
        let sealed = message.reply_to.as_deref().unwrap_or_default();
        loop {
            let opened = self
                .accounts
                .open_reply_to(message.sealed_for, message.message, sealed)
                .await;
            let outcome = match opened {
                Ok(opened) => {
                    let plain = opened.expose_secret().as_bytes();
                    self.accounts.seal_reply_to(home, message.message, plain).await
                }
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if error.is_transient() => tokio::select! {
                    () = self.stop.cancelled() => return None,
                    () = tokio::time::sleep(KEY_AWAY) => {}
                },
                outcome => return Some(outcome),
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

async fn finish(queue: &Queue, clock: &Clock, taken_in: Vec<(Delivery, TakenIn)>) {
    let mut done = Vec::with_capacity(taken_in.len());
    let mut due = BTreeSet::new();
    let mut waiting = 0_u64;
    for (delivery, taken) in taken_in {
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
                due.insert((conversation, due_at.unwrap_or_else(|| clock.now())));
            }
            // Those are sealed anew first.
            TakenIn::Stored { .. } | TakenIn::Moved(_) => {}
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
        sealed_for: id(&message.workspace_id, "workspace_id")?,
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

fn reason(error: &dyn std::error::Error) -> String {
    match error.source() {
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
