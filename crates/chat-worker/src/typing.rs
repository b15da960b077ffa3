//! Showing a person that an answer is being written, for as long as it is.
//!
//! Invariant: nothing depends on it. It begins only when the answer takes noticeably long, and what goes wrong with it is
//! of no consequence.

use accounts::Accounts;
use channel::Target;
use domain::{ConversationId, IntegrationId};
use std::time::Duration;
use store::{Db, turns};

/// An answer that is there sooner needs no sign.
const NOTICEABLE: Duration = Duration::from_millis(300);
/// How long before the sign would go it is shown again.
const MARGIN: Duration = Duration::from_millis(1_000);

/// Shows it until dropped; on a platform that has no such sign, does nothing.
pub async fn show(
    db: &Db,
    accounts: &Accounts,
    integration: IntegrationId,
    conversation: ConversationId,
) -> std::convert::Infallible {
    tokio::time::sleep(NOTICEABLE).await;
    if let Some(error) = show_on(db, accounts, integration, conversation).await {
        tracing::debug!(error, "that an answer is being written was not shown");
    }
    // Whoever waits for the answer drops this.
    std::future::pending().await
}

/// Returns only when something has gone wrong, or there is nothing to show.
async fn show_on(
    db: &Db,
    accounts: &Accounts,
    integration: IntegrationId,
    conversation: ConversationId,
) -> Option<String> {
    let account = match accounts.of_integration(integration, 0).await {
        Ok(account) => account?,
        Err(error) => return Some(error.to_string()),
    };
    let every = account.channel.typing_lasts()?.saturating_sub(MARGIN).max(MARGIN);
    let found = match turns::correspondent(db, conversation).await {
        Ok(found) => found?,
        Err(error) => return Some(error.to_string()),
    };
    let reply_to = match found.reply_to {
        None => None,
        Some((message, sealed)) => {
            let opened = accounts.open_reply_to(account.workspace, message, &sealed).await;
            match opened {
                Ok(json) => serde_json::from_str(secrecy::ExposeSecret::expose_secret(&json)).ok(),
                Err(error) => return Some(error.to_string()),
            }
        }
    };
    let to = Target {
        contact: found.contact_key,
        conversation: found.conversation_key,
        reply_to,
    };
    loop {
        if let Err(error) = account.channel.show_typing(&to, &account.credentials).await? {
            return Some(error.to_string());
        }
        tokio::time::sleep(every).await;
    }
}
