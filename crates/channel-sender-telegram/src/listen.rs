//! Reads updates by long polling: a call that Telegram answers once there is something to read.
//!
//! Invariant: Telegram forgets an update once it is asked for what comes after it, so it is asked so only after everything
//! before is safely queued. What is read twice carries the same update number.

use crate::{
    Telegram,
    api::{Bot, Failed, Refusal},
    credentials::Credentials,
    inbound,
    update::ALLOWED_UPDATES,
};
use channel::{Inlet, ListenError};
use http::StatusCode;
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How long Telegram may wait for something to answer with: getUpdates' `timeout`, in seconds.
const WAIT: u64 = 50;
/// How long we wait for the answer.
const PATIENCE: Duration = Duration::from_secs(70);
/// The least time from one question to the next where there was nothing to read: a server that does not wait is not
/// asked without end.
const LEAST: Duration = Duration::from_secs(1);

pub(crate) async fn listen(
    telegram: &Telegram,
    credentials: &Credentials,
    resume: Option<Value>,
    inlet: &dyn Inlet,
) -> Result<Infallible, ListenError> {
    let bot = Bot::new(telegram, credentials);
    let mut offset = resume.and_then(|resume| resume["offset"].as_i64());
    // The first question is answered at once, so that we know that there is a connection.
    let mut updates = match ask(&bot, offset, 0).await {
        Err(Failed::Refused(refusal)) if is_about_webhook(&refusal) => {
            let kept = json!({"drop_pending_updates": false});
            let _: bool = bot.call("deleteWebhook", &kept).await?;
            ask(&bot, offset, 0).await.map_err(lost)?
        }
        answer => answer.map_err(lost)?,
    };
    inlet
        .connected("Telegram answers, and messages are read from it by long polling")
        .await;
    loop {
        let asked = Instant::now();
        if updates.is_empty() {
            updates = ask(&bot, offset, WAIT).await.map_err(lost)?;
            if updates.is_empty() {
                sleep_until(asked + LEAST).await;
            }
            continue;
        }
        let read = std::mem::take(&mut updates);
        let after = read
            .iter()
            .filter_map(|update| update["update_id"].as_i64())
            .max()
            .ok_or_else(|| ListenError::Lost {
                after: None,
                reason: "Telegram's updates have no numbers".to_owned(),
            })?
            .saturating_add(1);
        accept(telegram, credentials, read, inlet).await?;
        offset = Some(after);
        inlet.remember(json!({"offset": after})).await?;
    }
}

async fn ask(bot: &Bot<'_>, offset: Option<i64>, wait: u64) -> Result<Vec<Value>, Failed> {
    let mut parameters = json!({"timeout": wait, "allowed_updates": ALLOWED_UPDATES});
    if let Some(offset) = offset {
        parameters["offset"] = json!(offset);
    }
    bot.call_within(PATIENCE, "getUpdates", &parameters).await
}

async fn accept(
    telegram: &Telegram,
    credentials: &Credentials,
    updates: Vec<Value>,
    inlet: &dyn Inlet,
) -> Result<(), ListenError> {
    let mut received = inbound::nothing();
    for (at, update) in updates.into_iter().enumerate() {
        inbound::read_one(
            telegram,
            credentials,
            update,
            &format!("result[{at}]."),
            &mut received,
        )
        .await;
    }
    Ok(inlet.accept(received).await?)
}

fn is_about_webhook(refusal: &Refusal) -> bool {
    refusal.status == StatusCode::CONFLICT && refusal.says("webhook")
}

fn lost(failed: Failed) -> ListenError {
    match &failed {
        Failed::Refused(refusal) if is_about_webhook(refusal) => ListenError::Misconfigured {
            reason: format!(
                "{refusal}: another program sets a webhook for this bot. Stop it, or give the bot a new token"
            ),
        },
        // Another of ours may just be ending.
        Failed::Refused(refusal) if refusal.status == StatusCode::CONFLICT => ListenError::Lost {
            after: refusal.retry_after,
            reason: format!("{refusal}: another program reads this bot's messages with the same token"),
        },
        _ => failed.into(),
    }
}

#[cfg(test)]
mod tests;
