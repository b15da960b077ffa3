//! Fetching pictures and files that came with messages, with the integration's own credentials.

use accounts::Accounts;
use channel::{MediaError, MediaRef};
use chrono::TimeDelta;
use process::clock::Clock;
use std::time::Duration;
use store::{Db, attachments, attachments::Claim, chat};
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const LEASE: TimeDelta = TimeDelta::seconds(120);
const AT_ONCE: i64 = 4;
const PAUSES: [i64; 5] = [5, 30, 120, 600, 3600];

/// Fetches what is due until `stop`.
pub async fn run(db: Db, accounts: Accounts, clock: Clock, max_bytes: usize, stop: CancellationToken) {
    loop {
        let claimed = match attachments::claim(&db, clock.now(), LEASE, AT_ONCE).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "attachments cannot be looked for"
                );
                Vec::new()
            }
        };
        if claimed.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => continue,
            }
        }
        futures_util::future::join_all(
            claimed
                .iter()
                .map(|claim| fetch(&db, &accounts, &clock, max_bytes, claim)),
        )
        .await;
        if stop.is_cancelled() {
            return;
        }
    }
}

async fn fetch(db: &Db, accounts: &Accounts, clock: &Clock, max_bytes: usize, claim: &Claim) {
    if let Some(file) = claim.url.strip_prefix(chat::FILE_SCHEME) {
        attach_uploaded(db, clock, claim, file).await;
        return;
    }
    let fetched = match accounts.of_integration(claim.integration, 0).await {
        Ok(Some(account)) => {
            let media = MediaRef {
                url: claim.url.clone(),
                content_type: claim.content_type.clone(),
                name: claim.name.clone(),
            };
            account
                .channel
                .fetch_media(&media, max_bytes, &account.credentials)
                .await
                .unwrap_or_else(|| Err(MediaError::Refused("the platform has no media".to_owned())))
        }
        Ok(None) => Err(MediaError::Refused("the integration has been deleted".to_owned())),
        Err(error) => Err(MediaError::Retry(error.to_string())),
    };
    let written = match fetched {
        Ok(fetched) => attachments::store(db, claim, &fetched.content_type, &fetched.bytes).await,
        Err(error) => {
            tracing::warn!(attachment.id = %claim.id, error = &error as &dyn std::error::Error, "not fetched");
            let pause = usize::try_from(claim.attempts - 1)
                .ok()
                .and_then(|tried| PAUSES.get(tried));
            let again = match (&error, pause) {
                (MediaError::Retry(_), Some(seconds)) => Some(clock.now() + TimeDelta::seconds(*seconds)),
                _ => None,
            };
            attachments::fail(db, claim, &error.to_string(), again).await
        }
    };
    if let Err(error) = written {
        tracing::warn!(attachment.id = %claim.id, error = &error as &dyn std::error::Error, "will be fetched again");
    }
}

/// What was uploaded over the chat API is here already.
async fn attach_uploaded(db: &Db, clock: &Clock, claim: &Claim, file: &str) {
    let attached = match file.parse() {
        Ok(file) => chat::attach(db, claim, file).await,
        Err(_) => Ok(false),
    };
    let written = match attached {
        Ok(true) => Ok(()),
        Ok(false) => attachments::fail(db, claim, "the uploaded file is gone", None).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        let again = clock.now() + LEASE;
        tracing::warn!(attachment.id = %claim.id, error = &error as &dyn std::error::Error, %again, "will be attached again");
    }
}
