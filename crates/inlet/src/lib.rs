//! Putting what a platform said on the queue, and knowing that it is there.
//!
//! Invariant: [`publish`] returns only after the queue has confirmed everything; until then nobody may be told that it was
//! accepted.

use accounts::{Account, AccountError, Accounts};
use channel::{Consent, InboundMessage, Received, StatusReport, Watermark};
use chrono::Utc;
use domain::MessageId;
use futures_util::future::try_join_all;
use queue::{Outgoing, PublishError, Queue, QueueName};

/// Not everything is on the queue.
#[derive(Debug, thiserror::Error)]
pub enum NotQueued {
    /// What the platform needs to be answered cannot be sealed.
    #[error("the message cannot be sealed now")]
    Account(#[from] AccountError),
    /// The queue did not confirm.
    #[error("the message cannot be queued now")]
    Publish(#[from] PublishError),
}

/// Returns the ids of the messages, in their order, once the queue has confirmed every message and every status. An error means that at least one is not there;
/// the platform sends all of them again, and those that were are recognised.
pub async fn publish(
    queue: &Queue,
    accounts: &Accounts,
    account: &Account,
    received: &Received,
) -> Result<Vec<MessageId>, NotQueued> {
    let traceparent = process::trace::current_traceparent();
    let ids: Vec<MessageId> = received.messages.iter().map(|_| MessageId::new()).collect();
    let mut messages = Vec::with_capacity(received.messages.len());
    for (id, message) in ids.iter().zip(&received.messages) {
        messages.push(to_wire(accounts, account, *id, message).await?);
    }
    // In order: the queue keeps the order in which these are first polled.
    try_join_all(messages.iter().map(|message| {
        queue.publish(
            &QueueName::Inbound,
            Outgoing {
                payload: wire::write(message),
                traceparent: traceparent.clone(),
            },
        )
    }))
    .await?;
    let statuses = received
        .statuses
        .iter()
        .map(|status| status_to_wire(account, status))
        .chain(
            received
                .watermarks
                .iter()
                .map(|watermark| watermark_to_wire(account, watermark)),
        );
    try_join_all(statuses.map(|status| {
        queue.publish(
            &QueueName::Status,
            Outgoing {
                payload: wire::write(&status),
                traceparent: traceparent.clone(),
            },
        )
    }))
    .await?;
    Ok(ids)
}

async fn to_wire(
    accounts: &Accounts,
    account: &Account,
    id: MessageId,
    message: &InboundMessage,
) -> Result<wire::InboundMessage, NotQueued> {
    let reply_to = match &message.reply_to {
        None => None,
        Some(json) => Some(
            accounts
                .seal_reply_to(account.workspace, id, json.to_string().as_bytes())
                .await?,
        ),
    };
    let consent = match message.consent {
        None => wire::Consent::Unspecified,
        Some(Consent::OptOut) => wire::Consent::OptOut,
        Some(Consent::OptIn) => wire::Consent::OptIn,
        Some(Consent::Help) => wire::Consent::Help,
    };
    let settle = account.channel.setup().limits.settle;
    Ok(wire::InboundMessage {
        schema: wire::SCHEMA,
        message_id: wire::id_bytes(id.as_uuid()),
        workspace_id: wire::id_bytes(account.workspace.as_uuid()),
        chatbot_id: wire::id_bytes(account.chatbot.as_uuid()),
        integration_id: wire::id_bytes(account.integration.as_uuid()),
        platform: account.channel.platform().to_string(),
        account: message.account.clone(),
        dedupe_key: message.dedupe_key.clone(),
        conversation_key: message.conversation.0.clone(),
        contact_key: message.contact.clone(),
        contact_name: message.contact_name.clone(),
        text: message.text.clone(),
        media: message
            .media
            .iter()
            .map(|media| wire::Media {
                url: media.url.clone(),
                content_type: media.content_type.clone(),
                name: media.name.clone(),
            })
            .collect(),
        order_key: message.order_key,
        accepted_at: wire::micros(Utc::now()),
        sent_at: message.sent_at.map(wire::micros),
        reply_to,
        consent: consent.into(),
        settle_ms: u32::try_from(settle.as_millis()).unwrap_or(u32::MAX),
        choice: message.choice.clone(),
    })
}

fn status_to_wire(account: &Account, status: &StatusReport) -> wire::StatusUpdate {
    wire::StatusUpdate {
        schema: wire::SCHEMA,
        workspace_id: wire::id_bytes(account.workspace.as_uuid()),
        integration_id: wire::id_bytes(account.integration.as_uuid()),
        part_id: status.part.map(|part| wire::id_bytes(part.as_uuid())),
        platform_message_id: status.platform_message_id.clone(),
        state: status.state.as_str().to_owned(),
        error: status.error.clone(),
        received_at: wire::micros(Utc::now()),
        platform: account.channel.platform().to_string(),
        conversation_key: None,
        up_to: None,
    }
}

fn watermark_to_wire(account: &Account, watermark: &Watermark) -> wire::StatusUpdate {
    wire::StatusUpdate {
        schema: wire::SCHEMA,
        workspace_id: wire::id_bytes(account.workspace.as_uuid()),
        integration_id: wire::id_bytes(account.integration.as_uuid()),
        state: watermark.state.as_str().to_owned(),
        received_at: wire::micros(Utc::now()),
        platform: account.channel.platform().to_string(),
        conversation_key: Some(watermark.conversation.0.clone()),
        up_to: Some(wire::micros(watermark.up_to)),
        ..Default::default()
    }
}
