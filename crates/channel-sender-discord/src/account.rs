//! Asks Discord about the application and its bot, and points its interactions at us.
//!
//! Source: <https://docs.discord.com/developers/resources/application>

use crate::{
    Discord,
    api::{self, App, Failed},
    credentials::Credentials,
};
use channel::{CheckError, Connected, Identity};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// Flags of an application whose bot is given the content of messages: the intent is on, fully or for an application
/// that Discord has not verified.
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;

#[derive(Deserialize)]
struct Application {
    id: String,
    name: Option<String>,
    verify_key: Option<String>,
    #[serde(default)]
    flags: u64,
    interactions_endpoint_url: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Me {
    pub(crate) id: String,
    username: Option<String>,
}

/// The bot.
pub(crate) async fn me(app: &App<'_>) -> Result<Me, CheckError> {
    Ok(app.get("users/@me").await?)
}

/// The application, which is the one that the credentials name, with the key that proves its webhooks.
async fn application(app: &App<'_>) -> Result<Application, CheckError> {
    let credentials = app.credentials;
    credentials.validate()?;
    let application: Application = app.get("applications/@me").await?;
    if application.id != credentials.application_id {
        return Err(CheckError::Misconfigured(format!(
            "the bot token is that of application {}, not {}: enter both from the same application",
            application.id, credentials.application_id
        )));
    }
    match &application.verify_key {
        Some(key) if !credentials.has_key(key) => Err(CheckError::Misconfigured(format!(
            "the public key is not this application's, which is {key}: enter that"
        ))),
        _ => Ok(application),
    }
}

impl Application {
    const fn gives_content(&self) -> bool {
        self.flags & MESSAGE_CONTENT != 0
    }
}

/// Whether the bot is given the content of messages that do not mention it.
pub(crate) async fn gives_content(app: &App<'_>) -> Result<bool, Failed> {
    let application: Application = app.get("applications/@me").await?;
    Ok(application.gives_content())
}

pub(crate) async fn check(discord: &Discord, credentials: &Credentials) -> Result<Identity, CheckError> {
    let app = App::new(discord, credentials);
    let application = application(&app).await?;
    let me = me(&app).await?;
    let name = me.username.unwrap_or(me.id);
    let gives_content = application.gives_content();
    let mut details: Vec<String> = application
        .name
        .into_iter()
        .filter(|other| *other != name)
        .collect();
    details.push(
        if gives_content {
            "in servers, reads messages that mention it or answer it"
        } else {
            "Message Content Intent is off: in servers the bot reads messages that mention it, and no answers to it that do \
             not. Turn it on under Bot in the Developer Portal"
        }
        .to_owned(),
    );
    if credentials.is_simulated() {
        details.push("simulated application: nothing is sent to Discord".to_owned());
    }
    Ok(Identity { name, details })
}

pub(crate) async fn connect(
    discord: &Discord,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<Connected, CheckError> {
    let app = App::new(discord, credentials);
    application(&app).await?;
    if webhook.scheme() != "https" && !credentials.is_simulated() {
        return Ok(Connected::Manual {
            instructions: format!(
                "Discord calls addresses that begin with https:// only, and {webhook} does not. Nothing more is needed where \
                 messages are read over a connection: commands and buttons come over it as well, as long as Interactions \
                 Endpoint URL (General Information in the Developer Portal) is empty. Or set this installation's public address \
                 (`public_url`) to one that Discord can call, then connect again."
            ),
        });
    }
    let endpoint = json!({"interactions_endpoint_url": webhook});
    api::perform(app.as_bot(Method::PATCH, "applications/@me")?.json(&endpoint))
        .await
        .map_err(|failed| match failed.into() {
            CheckError::Misconfigured(reason) => CheckError::Misconfigured(format!(
                "{reason}. Discord has called {webhook} to see whether it answers: it must be reachable from the internet"
            )),
            error => error,
        })?;
    // One command by its name: the application's other commands stay as they are.
    let path = format!("applications/{}/commands", credentials.application_id);
    api::perform(app.as_bot(Method::POST, &path)?.json(&command()))
        .await
        .map_err(CheckError::from)?;
    Ok(Connected::Registered {
        set_on: "the application's Interactions Endpoint URL, and its command /ask".to_owned(),
    })
}

/// `/ask question`
fn command() -> serde_json::Value {
    json!({
        "name": "ask",
        "type": 1,
        "description": "Ask a question",
        "options": [{"type": 3, "name": "question", "description": "What you would like to know", "required": true}],
    })
}

/// The token works, and interactions come to us: to `webhook`, or where no address is set, over the Gateway.
pub(crate) async fn health(
    discord: &Discord,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<(), CheckError> {
    let application = application(&App::new(discord, credentials)).await?;
    match application.interactions_endpoint_url.as_deref() {
        // The simulator calls whoever it is told to call.
        Some(url) if url != webhook.as_str() && !url.is_empty() && !credentials.is_simulated() => {
            Err(CheckError::Misconfigured(format!(
                "Discord sends this application's commands and buttons to {url}, not here: connect it again, or set Interactions \
                 Endpoint URL under General Information in the Developer Portal to {webhook}"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
