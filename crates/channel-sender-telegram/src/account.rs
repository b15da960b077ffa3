//! Asks Telegram about the bot and its webhook, and points the webhook at us.

use crate::{
    Telegram,
    api::{Bot, Failed},
    credentials::Credentials,
    update::ALLOWED_UPDATES,
};
use channel::{CheckError, Connected, Identity};
use chrono::{DateTime, TimeDelta, Utc};
use platform_api::tidy;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use url::Url;

/// Ports that Telegram calls (setWebhook).
const PORTS: [u16; 4] = [443, 80, 88, 8443];
/// An error that is older has been overcome, or nobody has written since.
const RECENT: TimeDelta = TimeDelta::minutes(10);
/// For a question that a webhook waits for.
const SHORTLY: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
struct Me {
    id: i64,
    first_name: Option<String>,
    username: Option<String>,
    can_read_all_group_messages: Option<bool>,
}

#[derive(Deserialize)]
struct WebhookInfo {
    #[serde(default)]
    url: String,
    #[serde(default)]
    pending_update_count: u64,
    last_error_date: Option<i64>,
    last_error_message: Option<String>,
}

impl Me {
    fn name(&self) -> String {
        match (&self.username, &self.first_name) {
            (Some(username), _) => format!("@{username}"),
            (None, Some(name)) => name.clone(),
            (None, None) => self.id.to_string(),
        }
    }
}

pub(crate) async fn check(telegram: &Telegram, credentials: &Credentials) -> Result<Identity, CheckError> {
    credentials.validate()?;
    let me = me(&Bot::new(telegram, credentials)).await?;
    let name = me.name();
    let mut details: Vec<String> = me.first_name.into_iter().filter(|first| *first != name).collect();
    details.push(
        match me.can_read_all_group_messages {
            Some(true) => "hears everything that is written in groups it is in",
            _ => "in groups, hears commands, mentions and replies only (@BotFather, /setprivacy)",
        }
        .to_owned(),
    );
    if credentials.is_simulated() {
        details.push("simulated bot: nothing is sent to Telegram".to_owned());
    }
    Ok(Identity { name, details })
}

async fn me(bot: &Bot<'_>) -> Result<Me, CheckError> {
    let me: Me = bot.call("getMe", &json!({})).await?;
    if me.id.to_string() != bot.credentials.bot_id() {
        return Err(CheckError::Misconfigured(format!(
            "the token is bot {}'s, and Telegram says that it is bot {}: check this installation's address of the Bot API",
            bot.credentials.bot_id(),
            me.id
        )));
    }
    Ok(me)
}

/// What the bot is called. `None`: it could not be asked soon enough.
pub(crate) async fn username(bot: &Bot<'_>) -> Option<String> {
    let me: Result<Me, Failed> = bot.call_within(SHORTLY, "getMe", &json!({})).await;
    me.ok()?.username
}

pub(crate) async fn connect(
    telegram: &Telegram,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<Connected, CheckError> {
    credentials.validate()?;
    if let Some(problem) = why_not_called(webhook).filter(|_| !credentials.is_simulated()) {
        return Ok(Connected::Manual {
            instructions: format!(
                "Telegram cannot call {webhook}: {problem}. Set this installation's public address (`public_url`) to one \
                 that it can, then connect again; or let messages be read over a connection, which needs no public address."
            ),
        });
    }
    let bot = Bot::new(telegram, credentials);
    let me = me(&bot).await?;
    let parameters = json!({
        "url": webhook.as_str(),
        "secret_token": credentials.webhook_secret()?,
        "allowed_updates": ALLOWED_UPDATES,
    });
    let _: bool = bot.call("setWebhook", &parameters).await?;
    let info = webhook_info(&bot).await?;
    if !is_set_to(&info, webhook) {
        return Err(CheckError::Misconfigured(format!(
            "Telegram took the address {webhook} and did not set it: another program that has the bot's token may have set \
             its own. Stop that program, or give this bot a new token with @BotFather, then connect again"
        )));
    }
    Ok(Connected::Registered {
        set_on: format!("the bot {}", me.name()),
    })
}

/// What Telegram does not call whatever is there.
fn why_not_called(webhook: &Url) -> Option<String> {
    if webhook.scheme() != "https" {
        return Some("it calls addresses that begin with https only".to_owned());
    }
    let port = webhook.port_or_known_default().unwrap_or(443);
    (!PORTS.contains(&port))
        .then(|| format!("it calls the ports 443, 80, 88 and 8443 only, and this is port {port}"))
}

async fn webhook_info(bot: &Bot<'_>) -> Result<WebhookInfo, CheckError> {
    Ok(bot.call("getWebhookInfo", &json!({})).await?)
}

fn is_set_to(info: &WebhookInfo, webhook: &Url) -> bool {
    Url::parse(&info.url).is_ok_and(|set| set == *webhook)
}

pub(crate) async fn health(
    telegram: &Telegram,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<(), CheckError> {
    let info = webhook_info(&Bot::new(telegram, credentials)).await?;
    match problem(&info, webhook, Utc::now()) {
        Some(problem) => Err(CheckError::Misconfigured(problem)),
        None => Ok(()),
    }
}

fn problem(info: &WebhookInfo, webhook: &Url, now: DateTime<Utc>) -> Option<String> {
    let waiting = match info.pending_update_count {
        0 => String::new(),
        1 => " One message waits at Telegram.".to_owned(),
        count => format!(" {count} messages wait at Telegram."),
    };
    if info.url.is_empty() {
        return Some(format!(
            "Telegram has no webhook for this bot: connect it again.{waiting}"
        ));
    }
    if !is_set_to(info, webhook) {
        // Another program's address may hold that program's secret.
        let set = Url::parse(&info.url).ok();
        let host = set.as_ref().and_then(Url::host_str).unwrap_or("another address");
        return Some(format!(
            "Telegram sends this bot's messages to another address, at {host}: connect it again, and stop what else uses \
             the bot's token.{waiting}"
        ));
    }
    let recent = DateTime::from_timestamp(info.last_error_date?, 0).is_some_and(|at| now - at <= RECENT);
    // Where nothing waits, it has been delivered since: we were away for a moment.
    let stuck = recent && info.pending_update_count > 0;
    let words = info.last_error_message.as_deref().filter(|_| stuck)?;
    Some(format!(
        "Telegram cannot deliver to {webhook}: {}.{waiting}",
        tidy(words)
    ))
}

#[cfg(test)]
mod tests;
