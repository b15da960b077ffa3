//! What Messenger and Instagram share: entries of one account each, with events named by the key they carry, and
//! messages that go out by `…/messages`.
//!
//! See "Messenger Platform, Webhook events" and "Instagram messaging, Webhooks".

mod attachment;
mod event;
mod outbound;

pub use outbound::{MAX_BUTTONS, MAX_TITLE, Sending, compose, is_fit};

use crate::{batch, handshake};
use channel::{ConversationKey, ReceiveError, Received, WebhookRequest};

/// Reads a webhook that is proven. News of other accounts is passed over; so is what another app has the say in
/// (`standby`) and what is no conversation (`changes`).
pub fn read(request: &WebhookRequest, account: &str) -> Result<Received, ReceiveError> {
    let body = batch::parse(&request.body)?;
    let mut received = Received::nothing(handshake::received());
    let mut ownership = batch::Ownership::default();
    for (position, entry) in batch::list(&body, "entry", "", &mut received.malformed) {
        let Some(id) = entry.get("id").and_then(batch::id) else {
            batch::report(
                position,
                "it names no account: there is no id",
                &mut received.malformed,
            );
            continue;
        };
        if !ownership.is_ours(&id, account) {
            continue;
        }
        for (position, event) in batch::list(entry, "messaging", &position, &mut received.malformed) {
            event::read(event, &position, account, &mut received);
        }
    }
    ownership.judge(request.kind)?;
    Ok(received)
}

/// The accounts that a webhook speaks of. Not proven.
pub fn accounts(request: &WebhookRequest) -> Vec<String> {
    let Ok(body) = batch::parse(&request.body) else {
        return Vec::new();
    };
    let mut accounts: Vec<String> = batch::list(&body, "entry", "", &mut Vec::new())
        .into_iter()
        .filter_map(|(_, entry)| batch::id(entry.get("id")?))
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

/// There are no threads: a conversation is an account and a person, whose id is theirs with this account only.
pub fn conversation(account: &str, contact: &str) -> ConversationKey {
    ConversationKey(format!("{account}/{contact}"))
}
